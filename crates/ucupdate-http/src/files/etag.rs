//! Entity tags (RFC 9110, section 8.8.3) of files and in requests.

use http::HeaderValue;
use std::fmt;
use ucupdate::value::Sha256Digest;

/// The entity tag of a file: the quoted SHA-256 of its bytes. It is always strong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ETag(String);

impl ETag {
    pub(crate) fn of(sha256: &Sha256Digest) -> Self {
        Self(format!("\"{sha256}\""))
    }

    /// Returns the tag as a field value.
    pub(crate) fn header_value(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("quotes and hexadecimal digits are visible ASCII")
    }

    /// Returns whether a field value is `*` or a list that has this tag, by the weak comparison of
    /// `If-None-Match`.
    pub(crate) fn is_among_weakly(&self, list: &HeaderValue) -> bool {
        is_star(list) || Tags::new(list).any(|tag| tag.opaque == self.0.as_bytes())
    }

    /// Returns whether a field value is `*` or a list that has this tag, by the strong comparison
    /// of `If-Match`.
    pub(crate) fn is_among_strongly(&self, list: &HeaderValue) -> bool {
        is_star(list) || Tags::new(list).any(|tag| tag.is_strong_and(self))
    }

    /// Returns whether a field value consists only of this tag, by the strong comparison of
    /// `If-Range`. A date never matches.
    pub(crate) fn is_exactly(&self, value: &HeaderValue) -> bool {
        let mut tags = Tags::new(value);
        let first = tags.next().is_some_and(|tag| tag.is_strong_and(self));
        first && tags.rest.is_empty()
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

fn is_star(list: &HeaderValue) -> bool {
    list.as_bytes().trim_ascii() == b"*"
}

/// A tag in a request: whether it has `W/`, and its quoted text with the quotes.
struct NamedTag<'a> {
    weak: bool,
    opaque: &'a [u8],
}

impl NamedTag<'_> {
    /// Returns whether both tags are strong and equal: the strong comparison (section 8.8.3.2).
    fn is_strong_and(&self, ours: &ETag) -> bool {
        !self.weak && self.opaque == ours.0.as_bytes()
    }
}

/// The tags of a list. The list ends at the first text that is not a tag; the tags before it count.
struct Tags<'a> {
    rest: &'a [u8],
}

impl<'a> Tags<'a> {
    fn new(list: &'a HeaderValue) -> Self {
        Self { rest: list.as_bytes().trim_ascii() }
    }
}

impl<'a> Iterator for Tags<'a> {
    type Item = NamedTag<'a>;

    fn next(&mut self) -> Option<NamedTag<'a>> {
        // Empty elements of a list are skipped (section 5.6.1.2).
        while let [b',' | b' ' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
        let (weak, quoted) = match self.rest.strip_prefix(b"W/") {
            Some(quoted) => (true, quoted),
            None => (false, self.rest),
        };
        let is_etagc = |byte: u8| byte == 0x21 || (0x23..=0x7e).contains(&byte) || byte >= 0x80;
        let inside = quoted.strip_prefix(b"\"")?;
        let length = inside.iter().take_while(|byte| is_etagc(**byte)).count();
        let (opaque, rest) = quoted.split_at_checked(length + 2)?;
        let rest = rest.trim_ascii_start();
        let ends = opaque.ends_with(b"\"") && matches!(rest.first(), None | Some(b','));
        self.rest = if ends { rest } else { b"" };
        ends.then_some(NamedTag { weak, opaque })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Returns the tag whose SHA-256 is all zeros.
    pub(crate) fn zeros() -> ETag {
        ETag::of(&Sha256Digest::new([0; 32]))
    }

    #[track_caller]
    fn compares(list: &str, weakly: bool, strongly: bool, exactly: bool) {
        let list = list.replace("OURS", &zeros().to_string());
        let value = HeaderValue::from_bytes(list.as_bytes()).unwrap();
        let ours = zeros();
        let found = (ours.is_among_weakly(&value), ours.is_among_strongly(&value), ours.is_exactly(&value));
        assert_eq!(found, (weakly, strongly, exactly), "weakly, strongly, exactly in {list}");
    }

    #[test]
    fn tags_are_quoted_and_strong_and_compared_as_rfc_9110_says() {
        assert_eq!(zeros().to_string(), format!("\"{}\"", "0".repeat(64)));
        compares("OURS", true, true, true);
        compares("  OURS\t", true, true, true);
        compares("W/OURS", true, false, false);
        compares("*", true, true, false);
        compares("\"a\", OURS", true, true, false);
        compares("OURS, \"a\"", true, true, false);
        compares("\"a,b\" ,\tOURS", true, true, false);
        compares(",, \"\",W/\"x\",OURS,", true, true, false);
        compares("\"a\" , W/OURS", true, false, false);
    }

    #[test]
    fn what_is_no_list_of_tags_names_nothing_from_there_on() {
        compares("", false, false, false);
        compares(&"0".repeat(64), false, false, false);
        compares("w/OURS", false, false, false);
        compares("abc, OURS", false, false, false);
        compares("\"a\" OURS", false, false, false);
        compares("\"a, OURS", false, false, false);
        compares("OURS x", false, false, false);
        compares("*, OURS", false, false, false);
        compares("OURS, x", true, true, false);
        compares("\"OURS\"", false, false, false);
        compares("\"", false, false, false);
        compares("W/", false, false, false);
        compares("Sat, 29 Oct 1994 19:43:31 GMT", false, false, false);
    }
}
