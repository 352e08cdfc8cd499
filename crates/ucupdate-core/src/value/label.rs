//! The words that name a kind of device: type, vendor, model, hardware revision, locale, update type.
//!
//! They match exactly but for ASCII case, and are kept as they were said. Whether one can stand in a path is a further
//! question, asked when a rule is made: see [`RuleKey`](crate::book::RuleKey).

/// The most bytes a label may have.
pub const MAX_LABEL_BYTES: usize = 128;

/// Why a text is not a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelError {
    /// Empty, or nothing but blanks.
    #[error("is blank")]
    Blank,
    /// Longer than [`MAX_LABEL_BYTES`].
    #[error("has {found} bytes, expected at most {MAX_LABEL_BYTES}")]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// A control character inside.
    #[error("holds the control character {found:?} at byte {at}")]
    Control {
        /// Where it stands, in bytes from the start.
        at: usize,
        /// Which it is.
        found: char,
    },
}

/// Returns the text without blanks around it if it is a label.
///
/// # Errors
/// Returns an error if the text is blank, longer than [`MAX_LABEL_BYTES`], or holds a control character.
pub fn check_label(said: &str) -> Result<&str, LabelError> {
    // As good as all of them: what is checked below cannot be wrong.
    if (1..=MAX_LABEL_BYTES).contains(&said.len()) && said.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(said);
    }
    let text = said.trim_matches([' ', '\t', '\r', '\n']);
    if text.is_empty() {
        return Err(LabelError::Blank);
    }
    if text.len() > MAX_LABEL_BYTES {
        return Err(LabelError::TooLong { found: text.len() });
    }
    match text.char_indices().find(|(_, found)| found.is_control()) {
        Some((at, found)) => Err(LabelError::Control { at, found }),
        None => Ok(text),
    }
}

/// Makes a type of label.
macro_rules! label {
    ($(#[$doc:meta])* $module:ident::$name:ident, $example:literal) => {
        $(#[$doc])*
        ///
        /// Never blank, at most [`MAX_LABEL_BYTES`](crate::value::label::MAX_LABEL_BYTES) long, no control characters; blanks around it are dropped. Equal
        /// without regard to ASCII case; the spelling is kept.
        ///
        /// ```
        #[doc = concat!("use ucupdate_core::", stringify!($module), "::", stringify!($name), ";")]
        #[doc = concat!("let said: ", stringify!($name), " = \"", $example, "\".parse().unwrap();")]
        #[doc = concat!("assert_eq!(said.as_str(), \"", $example, "\");")]
        #[doc = concat!("assert_eq!(said, \"", $example, "\".to_lowercase().parse().unwrap());")]
        #[doc = concat!("assert!(\"  \".parse::<", stringify!($name), ">().is_err());")]
        /// ```
        #[derive(Clone)]
        pub struct $name(std::borrow::Cow<'static, str>);

        impl $name {
            /// One that the program itself names.
            ///
            /// # Panics
            /// When the text is not a label; in a `const` that is an error of the build.
            pub const fn from_static(text: &'static str) -> Self {
                let bytes = text.as_bytes();
                assert!(!bytes.is_empty() && bytes.len() <= $crate::value::label::MAX_LABEL_BYTES);
                let mut at = 0;
                while at < bytes.len() {
                    assert!(bytes[at].is_ascii_graphic(), "a label in code is graphic ASCII");
                    at += 1;
                }
                Self(std::borrow::Cow::Borrowed(text))
            }

            /// The text as it was said, without blanks around it.
            #[inline]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::value::label::LabelError;

            /// Reads a label.
            ///
            /// # Errors
            /// When it is blank, too long, or holds a control character.
            fn from_str(said: &str) -> Result<Self, $crate::value::label::LabelError> {
                $crate::value::label::check_label(said).map(|text| Self(std::borrow::Cow::Owned(text.to_owned())))
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.eq_ignore_ascii_case(&other.0)
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
                $crate::value::label::folded(&self.0).cmp($crate::value::label::folded(&other.0))
            }
        }

        impl std::hash::Hash for $name {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                for byte in $crate::value::label::folded(&self.0) {
                    state.write_u8(byte);
                }
                state.write_u8(0xff);
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        #[cfg(feature = "serde")]
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::value::stored_text::read(deserializer, |text| {
                    text.parse().map_err(|error: $crate::value::label::LabelError| format!("{text:?} {error}"))
                })
            }
        }
    };
}

pub(crate) use label;

/// Stores a type as the text it displays as, and reads it back by its `FromStr`.
#[cfg(feature = "serde")]
macro_rules! stored_as_text {
    ($name:ty) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::value::stored_text::read(deserializer, |text| {
                    text.parse().map_err(|error| format!("{text:?}: {error}"))
                })
            }
        }
    };
}

#[cfg(feature = "serde")]
pub(crate) use stored_as_text;

/// The bytes of a text, ASCII letters in lower case.
#[inline]
pub(crate) fn folded(text: &str) -> impl Iterator<Item = u8> + '_ {
    text.bytes().map(|byte| byte.to_ascii_lowercase())
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
        assert_eq!(refused(" \t"), "is blank");
        assert_eq!(refused("a\u{7}b"), "holds the control character '\\u{7}' at byte 1");
        assert_eq!(refused(&"x".repeat(MAX_LABEL_BYTES + 1)), "has 129 bytes, expected at most 128");
        assert!("x".repeat(MAX_LABEL_BYTES).parse::<Model>().is_ok());
    }
}
