//! The kind of a device: the words that determine its rules.

use crate::device::kind_words::KindWord;
use crate::device::words::{self, for_kind_words};
use crate::value::ParseError;
use crate::value::parse_error::Expected;
use std::fmt;
use std::str::FromStr;

macro_rules! define {
    ($($word:ident: $type:ident, $name:literal, $list:literal;)*) => {
        /// The kind of a device: devices of one kind get the same images.
        ///
        /// The text form has the words with slashes between them. Two kinds are equal if their words differ in ASCII
        /// case only. Each word keeps its spelling.
        ///
        /// ```
        /// use ucupdate_core::DeviceKind;
        /// let kind: DeviceKind = "UCPhone/Polycom/CX700/A/ENU".parse()?;
        /// assert_eq!(kind.model.as_str(), "CX700");
        /// assert_eq!(kind, "ucphone/polycom/cx700/a/enu".parse()?);
        /// assert_eq!(kind.to_string(), "UCPhone/Polycom/CX700/A/ENU");
        /// # Ok::<(), ucupdate_core::value::ParseError>(())
        /// ```
        ///
        /// A device may report a word that contains a slash. Such a kind has no text form that can be read back, and
        /// cannot be part of a [`RuleKey`](crate::RuleKey).
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[allow(missing_docs, reason = "the type of each field documents it")]
        pub struct DeviceKind {
            $(pub $word: words::$type,)*
        }

        impl DeviceKind {
            /// Returns the words in the order of the text form: device type, vendor, model, hardware
            /// revision and locale.
            #[inline]
            pub fn words(&self) -> [&str; KindWord::COUNT] {
                [$(self.$word.as_str()),*]
            }

            /// Returns one of the words.
            ///
            /// ```
            /// use ucupdate_core::DeviceKind;
            /// use ucupdate_core::device::KindWord;
            /// let kind: DeviceKind = "UCPhone/Polycom/CX700/A/ENU".parse()?;
            /// assert_eq!(kind.word(KindWord::HardwareRevision), "A");
            /// # Ok::<(), ucupdate_core::value::ParseError>(())
            /// ```
            #[inline]
            pub fn word(&self, word: KindWord) -> &str {
                match word {
                    $(KindWord::$type => self.$word.as_str(),)*
                }
            }

            /// Creates a kind from its words, in the order of the text form: device type, vendor, model,
            /// hardware revision and locale.
            ///
            /// # Errors
            /// Returns an error if a word is not a valid [label](crate::value::check_label). The error
            /// names the first such word.
            pub fn from_words<S: AsRef<str>>(words: [S; KindWord::COUNT]) -> Result<Self, ParseError> {
                let [$($word),*] = &words;
                Ok(Self {
                    $($word: $word.as_ref().parse().map_err(|error: ParseError| error.of("device kind"))?,)*
                })
            }
        }
    };
}

for_kind_words!(define);

impl FromStr for DeviceKind {
    type Err = ParseError;

    /// Reads five words with slashes between them, such as `UCPhone/Polycom/CX700/A/ENU`.
    ///
    /// # Errors
    /// Returns an error if the number of words is wrong, or if a word is not a valid
    /// [label](crate::value::check_label).
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let words = split(text).map_err(|found| wrong_count("device kind", found))?;
        Self::from_words(words)
    }
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.words().join("/"))
    }
}

impl fmt::Debug for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceKind({self})")
    }
}

/// Returns the error of a text with a wrong number of words. `subject` names the value, and `found` is the
/// number of words.
pub(crate) fn wrong_count(subject: &'static str, found: usize) -> ParseError {
    ParseError::count(subject, found, "part", Expected::Words(&KindWord::NAMES))
}

/// Splits a text at its slashes into `N` parts. The error is the number of parts that were found.
pub(crate) fn split<const N: usize>(text: &str) -> Result<[&str; N], usize> {
    let mut parts = text.split('/');
    let found = [(); N].map(|()| parts.next());
    match found {
        found if parts.next().is_none() && found.iter().all(Option::is_some) => {
            Ok(found.map(Option::unwrap_or_default))
        }
        _ => Err(text.split('/').count()),
    }
}

/// Serializes a [`DeviceKind`] as the list of its words, for `#[serde(with = ...)]`.
#[cfg(feature = "serde")]
pub(crate) mod as_list {
    use super::{DeviceKind, KindWord};
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(kind: &DeviceKind, serializer: S) -> Result<S::Ok, S::Error> {
        kind.words().serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DeviceKind, D::Error> {
        let words = <[String; KindWord::COUNT]>::deserialize(deserializer)?;
        DeviceKind::from_words(words).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeSet, HashSet};

    const PHONE: &str = "UCPhone/Polycom/CX700/A/ENU";

    #[test]
    fn kinds_that_differ_in_case_only_are_equal_in_every_collection() {
        let kinds = [PHONE, "ucphone/POLYCOM/cx700/a/enu"].map(|text| text.parse::<DeviceKind>().unwrap());
        assert_eq!(BTreeSet::from(kinds.clone()).len(), 1);
        assert_eq!(HashSet::from(kinds).len(), 1);
    }

    #[test]
    fn a_text_that_is_not_a_kind_is_refused_with_the_word_that_is_wrong() {
        let refused = |text: &str| text.parse::<DeviceKind>().unwrap_err().to_string();
        assert_eq!(
            refused("UCPhone/Polycom"),
            "device kind has 2 parts, expected 5: device type, vendor, model, hardware revision, locale"
        );
        assert!(
            refused("UCPhone/Polycom/CX700/A/ENU/CPE").starts_with("device kind has 6 parts, expected 5")
        );
        assert_eq!(refused("UCPhone//CX700/A/ENU"), "vendor of the device kind is blank");
    }

    #[test]
    fn a_kind_is_padded_like_any_text() {
        let kind: DeviceKind = PHONE.parse().unwrap();
        assert_eq!(format!("{kind:30}|"), format!("{PHONE:30}|"));
        assert_eq!(format!("{kind:?}"), format!("DeviceKind({PHONE})"));
    }

    #[cfg(feature = "serde")]
    #[test]
    fn a_kind_is_stored_as_one_field_for_each_word() {
        let kind: DeviceKind = PHONE.parse().unwrap();
        let stored = r#"{"device_type":"UCPhone","vendor":"Polycom","model":"CX700","hardware_revision":"A","locale":"ENU"}"#;
        assert_eq!(serde_json::to_string(&kind).unwrap(), stored);
        assert_eq!(serde_json::from_str::<DeviceKind>(stored).unwrap(), kind);
    }
}
