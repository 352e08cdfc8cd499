//! Texts without tokens. A client may send its token in the wrong place, and an answer or an event repeats what was sent.

use crate::access::token::PREFIX;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// The number of times that a text is decoded in search of a token.
const MAX_ENCODINGS: usize = 3;

/// The text that replaces a token, or a whole text that has a percent-encoded token.
const HIDDEN: &str = "(token)";

/// Replaces each token in a text by `(token)`. Tokens in upper case are found too. If a token is percent-encoded, the
/// whole text is replaced.
pub(crate) fn redacted(text: &str) -> Cow<'_, str> {
    let lower = text.to_ascii_lowercase();
    if has_encoded(&lower) {
        return Cow::Borrowed(HIDDEN);
    }
    if !lower.contains(PREFIX) {
        return Cow::Borrowed(text);
    }
    let (mut shown, mut from) = (String::new(), 0);
    while let Some(at) = lower[from..].find(PREFIX).map(|at| from + at) {
        let after = at + PREFIX.len();
        let length = text[after..].find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len() - after);
        shown.push_str(&text[from..at]);
        shown.push_str(HIDDEN);
        from = after + length;
    }
    shown.push_str(&text[from..]);
    Cow::Owned(shown)
}

/// Returns whether a text in lower case has a token only after percent-decoding.
fn has_encoded(text: &str) -> bool {
    let (found, mut decoded) = (text.matches(PREFIX).count(), Cow::Borrowed(text));
    for _ in 0..MAX_ENCODINGS {
        if !decoded.contains('%') {
            return false;
        }
        let next = percent_decode_str(&decoded).decode_utf8_lossy().to_ascii_lowercase();
        if next.matches(PREFIX).count() > found {
            return true;
        }
        decoded = Cow::Owned(next);
    }
    false
}

/// Returns at most `most` bytes of a text without its tokens.
pub(crate) fn short(text: &str, most: usize) -> String {
    // A token that was cut could not be recognised any more.
    let text = redacted(text);
    match text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= most).last() {
        Some(end) if end < text.len() => format!("{}...", &text[..end]),
        _ => text.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::token::Token;
    use proptest::prelude::*;

    #[test]
    fn texts_without_a_token_stay_as_they_are() {
        for text in ["", "no group pilots", "/api/v1/rules", "UCUPDATE", "ucu"] {
            assert_eq!(redacted(text), text);
        }
        assert_eq!(redacted("no group ucu_12ab, expected one"), "no group (token), expected one");
        assert_eq!(redacted("UCU_1 ucu_2/\u{e9}ucu_"), "(token) (token)/\u{e9}(token)");
        assert_eq!(redacted("/api/%2575cu%255f12ab"), "(token)");
        assert_eq!(short("GGGG", 2), "GG...");
        assert_eq!(short("\u{e9}\u{e9}", 3), "\u{e9}...");
    }

    proptest! {
        #[test]
        fn a_token_is_in_no_text(before in ".{0,20}", after in ".{0,20}", most in 0_usize..200) {
            let token = Token::random().unwrap();
            let text = format!("{before}{}{after}", token.reveal());
            prop_assert!(!redacted(&text).contains(&token.reveal()[4..]));
            prop_assert!(!short(&text, most).contains(&token.reveal()[4..30]));
        }
    }
}
