//! [`AccessText`]: a text in a field of the access log.

use crate::audit::escape::{is_never_plain, push_escaped, unescape_where};
use std::borrow::Cow;
use std::fmt;

/// A text in the encoding of a field of a W3C extended log. It is never empty, and has no blanks
/// and control characters.
///
/// A blank is written as `+`, and an empty text as `-`. The characters `+` and `%`, a text that is only `-`, control
/// characters, a first quote and everything outside ASCII are written as `%XX`, for each byte of their UTF-8 form.
///
/// ```
/// use ucupdate_audit::AccessText;
/// let agent = AccessText::new("Microsoft UCPhone Device");
/// assert_eq!(agent.as_logged(), "Microsoft+UCPhone+Device");
/// assert_eq!(agent.decoded(), "Microsoft UCPhone Device");
/// assert_eq!(AccessText::new("").as_logged(), "-");
/// assert_eq!(AccessText::new("-").as_logged(), "%2D");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AccessText(Cow<'static, str>);

impl AccessText {
    /// Encodes any text as a field of the log.
    pub fn new(said: &str) -> Self {
        match said {
            "" => return Self::default(),
            "-" => return Self("%2D".into()),
            // The HTTP methods that devices use need no allocation.
            "POST" => return Self("POST".into()),
            "GET" => return Self("GET".into()),
            "HEAD" => return Self("HEAD".into()),
            _ => {}
        }
        let plain_bytes = |text: &str| {
            text.bytes().take_while(|byte| byte.is_ascii_graphic() && *byte != b'%' && *byte != b'+').count()
        };
        // Readers take a field that begins with a quote as a quoted field, so a first quote is escaped.
        let mut plain = if said.starts_with('"') { 0 } else { plain_bytes(said) };
        if plain == said.len() {
            return Self(said.to_owned().into());
        }
        let (mut logged, mut rest) = (String::with_capacity(said.len()), said);
        loop {
            logged.push_str(&rest[..plain]);
            rest = &rest[plain..];
            let Some(c) = rest.chars().next() else { break };
            if c == ' ' {
                logged.push('+')
            } else {
                push_escaped(c, &mut logged)
            }
            rest = &rest[c.len_utf8()..];
            plain = plain_bytes(rest);
        }
        Self(logged.into())
    }

    /// Converts a field that was read from a log and is already encoded. Only blanks, control and
    /// invisible characters and a first quote are escaped, because an `AccessText` never contains
    /// them.
    pub fn from_logged(field: &str) -> Self {
        if field.is_empty() {
            return Self::default();
        }
        let unfit = |c: char| c != '%' && (c == ' ' || is_never_plain(c));
        let is_fit = field.bytes().all(|byte| byte.is_ascii_graphic()) || !field.contains(unfit);
        if is_fit && !field.starts_with('"') {
            return Self(field.to_owned().into());
        }
        let mut logged = String::with_capacity(field.len());
        for c in field.chars() {
            let begins_quoted = c == '"' && logged.is_empty();
            if begins_quoted || unfit(c) { push_escaped(c, &mut logged) } else { logged.push(c) }
        }
        Self(logged.into())
    }

    /// Returns the encoded text, as it is in the log.
    pub fn as_logged(&self) -> &str {
        &self.0
    }

    /// Returns the decoded text. `+` becomes a blank, `%XX` becomes a byte of UTF-8, and `-`
    /// becomes an empty text. A `%` that does not begin a valid escape is kept.
    pub fn decoded(&self) -> String {
        if self.is_empty() {
            return String::new();
        }
        unescape_where(&self.0.replace('+', " "), |_| true)
    }

    /// Returns `true` if the field is `-`, which means that the text is empty or not known.
    pub fn is_empty(&self) -> bool {
        self.0 == "-"
    }
}

impl Default for AccessText {
    /// Returns the encoded empty text, `-`.
    fn default() -> Self {
        Self("-".into())
    }
}

impl From<&str> for AccessText {
    fn from(said: &str) -> Self {
        Self::new(said)
    }
}

impl fmt::Display for AccessText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for AccessText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessText({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ucupdate_testkit::texts::pattern;

    #[test]
    fn other_servers_spelling_is_kept() {
        for logged in ["Mozilla/4.0+(compatible;+MSIE+6.0)", "/a%20b", "/Ger\u{e4}t", "DEMO\\OCPhone", "-"] {
            assert_eq!(AccessText::from_logged(logged).as_logged(), logged);
        }
        assert_eq!(AccessText::from_logged("/a%20b%2Fc%").decoded(), "/a b/c%");
        assert_eq!(AccessText::new("\"a\" b").as_logged(), "%22a\"+b");
        assert_eq!(AccessText::from_logged("a\u{85}b c").as_logged(), "a%C2%85b%20c");
    }

    proptest! {
        #[test]
        fn any_text_reads_back_and_is_one_field(said in pattern("\\PC*")) {
            let text = AccessText::new(&said);
            prop_assert!(text.as_logged().bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert!(!text.as_logged().is_empty());
            prop_assert_eq!(text.decoded(), said);
            prop_assert_eq!(AccessText::from_logged(text.as_logged()), text);
        }

        #[test]
        fn any_field_is_one_field(field in pattern("\\PC*")) {
            let text = AccessText::from_logged(&field);
            prop_assert!(!text.as_logged().contains(|c: char| c == ' ' || c.is_control()));
            prop_assert_eq!(AccessText::from_logged(text.as_logged()), text);
        }
    }
}
