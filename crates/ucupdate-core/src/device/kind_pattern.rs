//! Patterns that match one or several kinds of device.

use crate::device::kind::{DeviceKind, split, wrong_count};
use crate::device::kind_words::{KindWord, KindWords};
use crate::device::words::{self, DeviceType, for_kind_words};
use crate::value::ParseError;
use std::fmt;
use std::str::FromStr;

macro_rules! define {
    ($($word:ident: $type:ident, $name:literal, $list:literal;)*) => {
        /// A pattern of device kinds: for each word a list of alternatives. An empty list matches every word.
        ///
        /// The text form is that of a [`DeviceKind`]. A `*` stands for every word, and `|` separates alternatives.
        ///
        /// ```
        /// use ucupdate_core::DeviceKind;
        /// use ucupdate_core::device::KindPattern;
        /// let kind: DeviceKind = "UCPhone/Polycom/CX700/A/ENU".parse()?;
        /// let pattern: KindPattern = "UCPhone/polycom|LG-Nortel/*/*/*".parse()?;
        /// assert!(pattern.matches(&kind));
        /// assert!(!"UCPhone/*/CX600/*/*".parse::<KindPattern>()?.matches(&kind));
        /// # Ok::<(), ucupdate_core::value::ParseError>(())
        /// ```
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
        #[allow(missing_docs, reason = "the type of each field documents it")]
        pub struct KindPattern {
            $(
                #[cfg_attr(feature = "serde", serde(rename = $list, skip_serializing_if = "Vec::is_empty"))]
                pub $word: Vec<words::$type>,
            )*
        }

        impl KindPattern {
            /// Returns the first word of `kind` that does not match this pattern. `None` if all words
            /// match.
            pub fn first_mismatch(&self, kind: &DeviceKind) -> Option<KindWord> {
                self.first_mismatch_of(kind, None)
            }

            /// Returns the first word of `kind` that does not match this pattern. A word may match as the
            /// device reported it, or as the word that an alias puts in its place. `meant` has the words
            /// after the aliases. It is `None` if no alias applies.
            pub(crate) fn first_mismatch_of(
                &self,
                kind: &DeviceKind,
                meant: Option<&KindWords<&str>>,
            ) -> Option<KindWord> {
                $(
                    let is_meant = |wanted: &words::$type| {
                        meant.is_some_and(|meant| wanted.as_str().eq_ignore_ascii_case(meant.$word))
                    };
                    let wanted = &self.$word;
                    if !wanted.is_empty() && !wanted.contains(&kind.$word) && !wanted.iter().any(is_meant) {
                        return Some(KindWord::$type);
                    }
                )*
                None
            }

            /// Returns whether this pattern matches every kind that `other` matches.
            pub fn covers(&self, other: &Self) -> bool {
                true $(&& covers(&self.$word, &other.$word))*
            }

            /// Returns the alternatives for each word as texts. An empty list matches every word.
            pub fn texts(&self) -> KindWords<Vec<&str>> {
                KindWords { $($word: self.$word.iter().map(words::$type::as_str).collect(),)* }
            }

            /// Creates a pattern from the alternatives for each word. An empty list matches every word.
            ///
            /// # Errors
            /// Returns an error if an alternative is not a valid [label](crate::value::check_label). The
            /// error names the first such word.
            pub fn from_texts<S: AsRef<str>>(texts: &KindWords<Vec<S>>) -> Result<Self, ParseError> {
                Ok(Self {
                    $($word: {
                        let words = texts.$word.iter().map(|text| text.as_ref().parse());
                        let words: Result<Vec<words::$type>, _> = words.collect();
                        words.map_err(|error: ParseError| error.of("device kind"))?
                    },)*
                })
            }
        }

        impl From<&DeviceKind> for KindPattern {
            /// Returns the pattern that matches this kind only.
            fn from(kind: &DeviceKind) -> Self {
                Self { $($word: vec![kind.$word.clone()],)* }
            }
        }
    };
}

for_kind_words!(define);

fn covers<T: PartialEq>(wide: &[T], narrow: &[T]) -> bool {
    wide.is_empty() || !narrow.is_empty() && narrow.iter().all(|word| wide.contains(word))
}

impl KindPattern {
    /// Returns whether this pattern matches a kind. Each word of the kind must be one of the alternatives for it. If
    /// there are no alternatives for a word, every word matches.
    pub fn matches(&self, kind: &DeviceKind) -> bool {
        self.first_mismatch(kind).is_none()
    }

    /// Returns whether this pattern matches every kind.
    pub fn is_any(&self) -> bool {
        self.narrowed_words() == 0
    }

    /// Returns the number of words whose list of alternatives is not empty.
    pub fn narrowed_words(&self) -> usize {
        self.texts().each_ref().iter().filter(|words| !words.is_empty()).count()
    }
}

impl From<DeviceType> for KindPattern {
    /// Returns the pattern that matches every kind of this device type.
    fn from(device_type: DeviceType) -> Self {
        Self { device_type: vec![device_type], ..Self::default() }
    }
}

impl FromStr for KindPattern {
    type Err = ParseError;

    /// Reads a pattern such as `UCPhone/*/CX600|CX700/*/*`.
    ///
    /// # Errors
    /// Returns an error if the number of words is wrong, or if an alternative is not a valid
    /// [label](crate::value::check_label).
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let words: [&str; KindWord::COUNT] =
            split(text).map_err(|found| wrong_count("device kind", found))?;
        let alternatives = |word: &'_ str| match word {
            "*" => Vec::new(),
            word => word.split('|').map(str::to_owned).collect(),
        };
        Self::from_texts(&words.map(alternatives).into())
    }
}

impl fmt::Display for KindPattern {
    /// Writes the pattern in its text form, such as `UCPhone/*/CX600|CX700/*/*`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.texts().into_array();
        let words = words.map(|word| if word.is_empty() { "*".to_owned() } else { word.join("|") });
        f.pad(&words.join("/"))
    }
}

/// Serializes a pattern with one field for each word that has alternatives, for `#[serde(with = ...)]`. A
/// field is a text, or a list if there are several alternatives.
#[cfg(feature = "serde")]
pub(crate) mod by_word {
    use super::{KindPattern, KindWord, KindWords};
    use serde::de::Error as _;
    use serde::ser::SerializeMap as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(pattern: &KindPattern, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (word, texts) in KindWord::ALL.into_iter().zip(pattern.texts().into_array()) {
            match &texts[..] {
                [] => {}
                [one] => map.serialize_entry(word.field(), one)?,
                several => map.serialize_entry(word.field(), several)?,
            }
        }
        map.end()
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<KindPattern, D::Error> {
        let words = KindWords::<OneOrSeveral>::deserialize(deserializer)?;
        let texts = words.into_array().map(|word| match word {
            OneOrSeveral::One(text) => vec![text],
            OneOrSeveral::Several(texts) => texts,
        });
        KindPattern::from_texts(&texts.into()).map_err(D::Error::custom)
    }

    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a text or a list of texts")]
    enum OneOrSeveral {
        One(String),
        Several(Vec<String>),
    }

    impl Default for OneOrSeveral {
        fn default() -> Self {
            Self::Several(Vec::new())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pattern(text: &str) -> KindPattern {
        text.parse().unwrap()
    }

    #[test]
    fn a_pattern_covers_those_that_match_no_more_than_it_does() {
        let wide = pattern("UCPhone/Polycom|LG-Nortel/*/*/*");
        assert!(wide.covers(&pattern("ucphone/Polycom/CX700/*/*")));
        assert!(wide.covers(&wide));
        assert!(!wide.covers(&pattern("UCPhone/*/CX700/*/*")));
        assert!(!wide.covers(&pattern("UCPhone/Polycom|Aastra/CX700/*/*")));
        assert!(pattern("*/*/*/*/*").covers(&wide));
        assert_eq!((wide.narrowed_words(), wide.is_any()), (2, false));
    }

    #[test]
    fn a_text_that_is_not_a_pattern_is_refused_with_the_word_that_is_wrong() {
        let refused = |text: &str| text.parse::<KindPattern>().unwrap_err().to_string();
        assert!(refused("UCPhone/*").starts_with("device kind has 2 parts, expected 5"));
        assert_eq!(refused("UCPhone/Polycom|/*/*/*"), "vendor of the device kind is blank");
    }

    proptest! {
        #[test]
        fn a_pattern_is_read_back_as_it_was_written(words in "(\\*|[a-c]{1,3}(\\|[a-c]{1,3}){0,2})(/(\\*|[a-c]{1,3})){4}") {
            prop_assert_eq!(pattern(&words).to_string(), words);
        }

        #[test]
        fn a_kind_matches_its_own_pattern_and_all_that_cover_it(words in "[a-c](/[a-c]){4}", other in "(\\*|[a-c])(/(\\*|[a-c])){4}") {
            let kind: DeviceKind = words.parse().unwrap();
            let (own, other) = (KindPattern::from(&kind), pattern(&other));
            prop_assert!(own.matches(&kind));
            prop_assert_eq!(other.covers(&own), other.matches(&kind));
        }
    }
}
