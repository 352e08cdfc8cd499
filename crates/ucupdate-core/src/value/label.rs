//! Labels: short texts that name something, such as a vendor, a group or a serial number.
//!
//! Two labels are equal if they differ in ASCII case only. A label keeps its spelling. Not every label can
//! be a part of a path. [`RuleKey`](crate::book::RuleKey) checks this.

use crate::value::parse_error::{Expected, ParseError};

/// The largest size of a label in bytes.
pub const MAX_LABEL_BYTES: usize = 128;

/// Returns the text without blanks around it if it is a label.
///
/// # Errors
/// Returns an error if the text is blank, longer than [`MAX_LABEL_BYTES`], or holds a control character.
pub fn check_label(said: &str) -> Result<&str, ParseError> {
    check("label", said)
}

/// Returns the text without blanks around it if it is a label. `subject` is the name of the label in error
/// messages.
pub(crate) fn check<'a>(subject: &'static str, said: &'a str) -> Result<&'a str, ParseError> {
    // Nearly all labels pass this fast check, and then need no other check.
    if (1..=MAX_LABEL_BYTES).contains(&said.len()) && said.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(said);
    }
    let begin = said.trim_start_matches(BLANKS);
    let text = begin.trim_end_matches(BLANKS);
    if text.is_empty() {
        return Err(ParseError::blank(subject, Expected::Nothing));
    }
    if text.len() > MAX_LABEL_BYTES {
        return Err(ParseError::too_long(subject, text.len(), MAX_LABEL_BYTES));
    }
    match text.char_indices().find(|(_, found)| found.is_control()) {
        Some((at, found)) => {
            let at = said.len() - begin.len() + at;
            Err(ParseError::character(subject, found, "no control characters").at_byte(at))
        }
        None => Ok(text),
    }
}

const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// Defines a type of label. `$subject` is its name in error messages, and `$example` is a label for its doc
/// test.
macro_rules! label {
    ($(#[$doc:meta])* $module:ident::$name:ident, $subject:literal, $example:literal) => {
        $(#[$doc])*
        ///
        /// The text is not blank, has at most [`MAX_LABEL_BYTES`](crate::value::MAX_LABEL_BYTES) bytes and no control
        /// characters. Blanks around the text are removed. Two values are equal if they differ in ASCII case only. A value
        /// keeps its spelling.
        ///
        /// ```
        #[doc = concat!("use ucupdate_core::", stringify!($module), "::", stringify!($name), ";")]
        #[doc = concat!("let said: ", stringify!($name), " = \"", $example, "\".parse().unwrap();")]
        #[doc = concat!("assert_eq!(said.as_str(), \"", $example, "\");")]
        #[doc = concat!("assert_eq!(said, \"", $example, "\".to_lowercase().parse().unwrap());")]
        #[doc = concat!("assert!(\"  \".parse::<", stringify!($name), ">().is_err());")]
        /// ```
        #[derive(Clone)]
        pub struct $name(smol_str::SmolStr);

        impl $name {
            /// Creates a label from a literal in the code. The literal may have only graphic ASCII
            /// characters, and so no blanks.
            ///
            /// # Panics
            /// Panics if the text is empty, is too long, or has another character. In a `const` this is a
            /// compile error.
            pub const fn from_static(text: &'static str) -> Self {
                let bytes = text.as_bytes();
                assert!(!bytes.is_empty() && bytes.len() <= $crate::value::label::MAX_LABEL_BYTES);
                let mut at = 0;
                while at < bytes.len() {
                    assert!(bytes[at].is_ascii_graphic(), "a label in code is graphic ASCII");
                    at += 1;
                }
                Self(smol_str::SmolStr::new_static(text))
            }

            /// Returns the text as it was reported, without blanks around it.
            #[inline]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::value::ParseError;

            /// Reads a label. Blanks around it are removed.
            ///
            /// # Errors
            /// Returns an error if the text is blank, is too long, or has a control character.
            fn from_str(said: &str) -> Result<Self, $crate::value::ParseError> {
                $crate::value::label::check($subject, said).map(|text| Self(smol_str::SmolStr::new(text)))
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.as_str().eq_ignore_ascii_case(other.as_str())
            }
        }

        impl Eq for $name {}

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                $crate::value::label::compare(self.as_str(), other.as_str())
            }
        }

        impl std::hash::Hash for $name {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                $crate::value::label::hash(self.as_str(), state);
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        $crate::value::stored_text::stored_as_text!($name);
    };
}

pub(crate) use label;

/// Returns the bytes of a text, with ASCII letters in lower case.
#[inline]
pub(crate) fn folded(text: &str) -> impl Iterator<Item = u8> + '_ {
    text.bytes().map(|byte| byte.to_ascii_lowercase())
}

/// Compares two texts without regard to ASCII case. Most texts that are equal also have the same spelling, so
/// this is checked first.
pub(crate) fn compare(one: &str, other: &str) -> std::cmp::Ordering {
    if one == other { std::cmp::Ordering::Equal } else { folded(one).cmp(folded(other)) }
}

/// Hashes a text without ASCII case. The text is hashed in pieces, because a hasher is slow with single
/// bytes.
pub(crate) fn hash(text: &str, state: &mut impl std::hash::Hasher) {
    let mut buffer = [0; 32];
    for piece in text.as_bytes().chunks(buffer.len()) {
        let lower = &mut buffer[..piece.len()];
        lower.copy_from_slice(piece);
        lower.make_ascii_lowercase();
        state.write(lower);
    }
    state.write_u8(0xff);
}

/// Hashes several texts without ASCII case. A hasher is faster with one long piece than with many short ones.
pub(crate) fn hash_all<const N: usize>(texts: [&str; N], state: &mut impl std::hash::Hasher) {
    let (mut buffer, mut end) = ([0xff; 128], 0);
    for text in texts {
        let next = end + text.len();
        match buffer.get_mut(end..next) {
            Some(lower) => {
                lower.copy_from_slice(text.as_bytes());
                lower.make_ascii_lowercase();
                // A byte that occurs in no text stays between two texts.
                end = next + 1;
            }
            None => hash(text, state),
        }
    }
    state.write(&buffer[..end.min(buffer.len())]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Model, Vendor};
    use std::collections::HashSet;

    #[test]
    fn labels_match_without_ascii_case_and_keep_their_spelling() {
        let said: Vendor = " LG-Nortel\n".parse().unwrap();
        let other: Vendor = "lg-nortel".parse().unwrap();
        assert_eq!(said, other);
        assert_eq!(said.to_string(), "LG-Nortel");
        let set: HashSet<Vendor> = [said, other].into();
        assert_eq!(set.len(), 1);
    }

    #[test]
    fn other_letters_are_not_folded() {
        let upper: Vendor = "\u{c4}".parse().unwrap();
        let lower: Vendor = "\u{e4}".parse().unwrap();
        assert_ne!(upper, lower);
    }

    #[test]
    fn what_is_no_label_says_why() {
        let refused = |text: &str| text.parse::<Model>().unwrap_err().to_string();
        assert_eq!(refused(" \t"), "model is blank");
        assert_eq!(refused("a\u{7}b"), "model contains '\\u{7}' at byte 1, expected no control characters");
        assert_eq!(refused(&"x".repeat(MAX_LABEL_BYTES + 1)), "model has 129 bytes, expected at most 128");
        assert!("x".repeat(MAX_LABEL_BYTES).parse::<Model>().is_ok());
    }
}
