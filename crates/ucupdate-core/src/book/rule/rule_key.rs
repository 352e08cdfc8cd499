//! The key of a rule: a kind of device and an update type.

use crate::device::{DeviceKind, KindWord, split_kind};
use crate::value::check_path_part;
use crate::value::label::{hash_all, label};
use crate::value::parse_error::{Expected, ParseError};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

label!(
    /// The part of a device that an image replaces. `CPE` is the only known update type.
    book::UpdateType, "update type", "CPE"
);

/// The name of a rule: a kind of device and an update type. Keys are equal if they differ in ASCII case only.
///
/// The text form has the words with slashes between them, as in URLs of OCS. Each word is valid in a path.
/// Clones share the words, so cloning is cheap.
///
/// ```
/// use ucupdate_core::RuleKey;
/// let key: RuleKey = "UCPhone/LG-Nortel/IP8540/A/ENU/CPE".parse().unwrap();
/// assert_eq!(key.kind().vendor.as_str(), "LG-Nortel");
/// assert_eq!(key, "ucphone/lg-nortel/ip8540/a/enu/cpe".parse().unwrap());
/// assert!("UCPhone/LG-Nortel/../A/ENU/CPE".parse::<RuleKey>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleKey(Arc<RuleKeyWords>);

#[derive(Debug, Eq, PartialOrd, Ord)]
pub(in crate::book) struct RuleKeyWords {
    kind: DeviceKind,
    update_type: UpdateType,
}

impl PartialEq for RuleKeyWords {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other) || self.kind == other.kind && self.update_type == other.update_type
    }
}

impl Hash for RuleKeyWords {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_all(with_last(self.kind.words(), self.update_type.as_str()), state);
    }
}

impl RuleKey {
    /// The number of words that name a rule.
    pub const WORD_COUNT: usize = KindWord::COUNT + 1;

    /// The name that messages use for the last word of a key. [`KindWord::name`] has the names of the other words.
    const UPDATE_TYPE: &'static str = "update type";

    /// The names that messages use for the words of a key, in the order of the text form.
    pub const WORD_NAMES: [&'static str; Self::WORD_COUNT] = with_last(KindWord::NAMES, Self::UPDATE_TYPE);

    /// Creates a key from the kind of the devices and the update type.
    ///
    /// # Errors
    /// Returns an error if a word is not valid in a path, such as a model with a `/` or the vendor `..`.
    pub fn new(kind: DeviceKind, update_type: UpdateType) -> Result<Self, ParseError> {
        let key = Self(Arc::new(RuleKeyWords { kind, update_type }));
        for (name, word) in Self::WORD_NAMES.into_iter().zip(key.words()) {
            check_path_part(word).map_err(|error| error.named(name).of("rule"))?;
        }
        Ok(key)
    }

    /// Creates a key from its words, in the order of the text form: the words of the device kind, and then the
    /// update type.
    ///
    /// ```
    /// use ucupdate_core::RuleKey;
    /// let key = RuleKey::from_words(["UCPhone", "LG-Nortel", "IP8540", "A", "ENU", "CPE"])?;
    /// assert_eq!(key.to_string(), "UCPhone/LG-Nortel/IP8540/A/ENU/CPE");
    /// # Ok::<(), ucupdate_core::value::ParseError>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if a word is not a valid [label](crate::value::check_label) or not valid in a path. The
    /// error names the first such word.
    pub fn from_words<S: AsRef<str>>(words: [S; Self::WORD_COUNT]) -> Result<Self, ParseError> {
        let [kind @ .., update_type] = words.each_ref().map(AsRef::as_ref);
        let of_rule = |error: ParseError| error.of("rule");
        let kind = DeviceKind::from_words(kind).map_err(of_rule)?;
        Self::new(kind, update_type.parse().map_err(of_rule)?)
    }

    /// Returns the kind of the devices that the rule is for: all words except the update type.
    #[inline]
    pub fn kind(&self) -> &DeviceKind {
        &self.0.kind
    }

    /// Returns the part of the device that the rule updates, such as `CPE`.
    #[inline]
    pub fn update_type(&self) -> &UpdateType {
        &self.0.update_type
    }

    /// Returns the words in the order of the text form: the words of the device kind, and then the update
    /// type.
    #[inline]
    pub fn words(&self) -> [&str; Self::WORD_COUNT] {
        with_last(self.0.kind.words(), self.0.update_type.as_str())
    }

    /// Returns the words that clones of this key share. A map can use them as its key.
    pub(in crate::book) fn shared(&self) -> &RuleKeyWords {
        &self.0
    }

    /// Returns the number of words that differ from `words`, and the sum of their edit distances. ASCII case is
    /// ignored. Among several keys, the one with the smallest result is most likely the intended one.
    pub fn difference_from(&self, words: [&str; Self::WORD_COUNT]) -> (usize, usize) {
        let pairs = self.words().into_iter().zip(words);
        let differing = pairs.filter(|(one, other)| !one.eq_ignore_ascii_case(other));
        let distances = differing.map(|(one, other)| {
            strsim::damerau_levenshtein(&one.to_ascii_lowercase(), &other.to_ascii_lowercase())
        });
        distances.fold((0, 0), |(count, sum), distance| (count + 1, sum + distance))
    }
}

/// Appends the last word of a rule to the words of a device kind.
#[inline]
pub(crate) const fn with_last<'a>(
    kind: [&'a str; KindWord::COUNT],
    last: &'a str,
) -> [&'a str; RuleKey::WORD_COUNT] {
    let mut words = [last; RuleKey::WORD_COUNT];
    let (kind_words, _) = words.split_at_mut(KindWord::COUNT);
    kind_words.copy_from_slice(&kind);
    words
}

impl FromStr for RuleKey {
    type Err = ParseError;

    /// Reads six words with slashes between them, such as `UCPhone/LG-Nortel/IP8540/A/ENU/CPE`.
    ///
    /// # Errors
    /// Returns an error if the number of words is wrong, or if a word is not a valid
    /// [label](crate::value::check_label) or not valid in a path.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong_count =
            |found| ParseError::count("rule", found, "part", Expected::Words(&Self::WORD_NAMES));
        Self::from_words(split_kind(text).map_err(wrong_count)?)
    }
}

impl fmt::Display for RuleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, rest @ ..] = self.words();
        f.write_str(first)?;
        rest.iter().try_for_each(|word| write!(f, "/{word}"))
    }
}

impl fmt::Debug for RuleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RuleKey({self})")
    }
}

crate::value::stored_text::stored_as_text!(RuleKey);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_written_as_six_words_with_slashes() {
        let text = "UCPhone/Polycom/CX700/A/ENU/CPE";
        assert_eq!(text.parse::<RuleKey>().unwrap().to_string(), text);
    }

    #[test]
    fn what_is_no_rule_says_which_word_is_wrong() {
        let refused = |text: &str| text.parse::<RuleKey>().unwrap_err().to_string();
        assert_eq!(
            refused("UCPhone/Polycom"),
            "rule has 2 parts, expected 6: device type, vendor, model, hardware revision, locale, update type"
        );
        assert_eq!(refused("UCPhone/ /CX700/A/ENU/CPE"), "vendor of the rule is blank");
        assert_eq!(
            refused("UCPhone/Polycom/../A/ENU/CPE"),
            "model of the rule contains '.' at byte 1, expected no blank at either end and no full stop at the end"
        );
        assert_eq!(
            refused("UCPhone/Polycom/CX700/A\\B/ENU/CPE"),
            "hardware revision of the rule contains '\\\\' at byte 1, expected characters that a file name may have on every system"
        );
    }
}
