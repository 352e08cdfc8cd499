//! Keys of objects. A key is the place of a package's file in a store.

use super::file_name::check_part;
use super::parse_error::{ParseError, ParseErrorKind};
use std::fmt;
use std::str::FromStr;

/// The largest size of an [`ObjectKey`] in bytes.
pub const MAX_OBJECT_KEY_BYTES: usize = 768;

/// The largest size of one part of an [`ObjectKey`] in bytes.
const MAX_PART_BYTES: usize = 255;

/// The key of an object in a store: names divided by `/`, such as `images/7f3a/0-CPE.nbt`.
///
/// Every part can be a file name on any system, no part begins with a full stop, and a key has at most
/// [`MAX_OBJECT_KEY_BYTES`]. Every store accepts at least these keys, so an `ObjectKey` is a valid key in every store.
///
/// ```
/// use ucupdate_core::value::ObjectKey;
/// let key: ObjectKey = "images/7f3a/0-CPE.nbt".parse().unwrap();
/// assert_eq!(key.as_str(), "images/7f3a/0-CPE.nbt");
/// assert!("images/../secret".parse::<ObjectKey>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(Box<str>);

impl ObjectKey {
    /// Returns the key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ObjectKey {
    type Err = ParseError;

    /// Reads a key such as `images/7f3a/0-CPE.nbt`.
    ///
    /// # Errors
    /// Returns an error if the text is longer than [`MAX_OBJECT_KEY_BYTES`], or if one of its parts begins
    /// with a full stop or cannot be a file name on every system.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let is_part = |part: &str| {
            check_part(part, MAX_PART_BYTES).is_ok()
                && !part.starts_with('.')
                && !part.contains(['\u{fffe}', '\u{ffff}'])
        };
        if text.len() > MAX_OBJECT_KEY_BYTES {
            return Err(ParseError::too_long("object key", text.len(), MAX_OBJECT_KEY_BYTES));
        }
        if !text.split('/').all(is_part) {
            let expected = "file names with `/` between them";
            return Err(ParseError::quoting("object key", ParseErrorKind::Malformed, text, expected));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectKey({})", self.0)
    }
}

crate::value::stored_text::stored_as_text!(ObjectKey);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_neither_climbs_nor_begins_or_ends_with_a_divider() {
        for text in ["a", "images/0f/12-CPE.nbt", "images/0f/3-Ger\u{e4}t 1.nbt"] {
            assert_eq!(text.parse::<ObjectKey>().unwrap().as_str(), text);
        }
        for text in ["", "/a", "a/", "a//b", "a/..", "a/.b", "a\\b", "a:b", "a\"b", "a/nul", "a/\u{ffff}b"] {
            assert!(text.parse::<ObjectKey>().is_err(), "{text:?}");
        }
        assert!("x/".repeat(383).trim_end_matches('/').parse::<ObjectKey>().is_ok());
        assert!("x/".repeat(390).trim_end_matches('/').parse::<ObjectKey>().is_err());
    }

    #[test]
    fn the_error_shows_the_text_and_what_was_expected() {
        assert_eq!(
            "a".repeat(769).parse::<ObjectKey>().unwrap_err().to_string(),
            "object key has 769 bytes, expected at most 768"
        );
        assert_eq!(
            "a/../b".parse::<ObjectKey>().unwrap_err().to_string(),
            "object key is \"a/../b\", expected file names with `/` between them"
        );
    }
}
