//! Aliases: a word that devices report under another name than their rule has.

use crate::book::rule_pattern::RulePattern;
use crate::device::KindWord;
use crate::value::label::label;
use std::fmt;
use std::str::FromStr;

label!(
    /// A word of a device that an alias replaces, or puts in its place.
    book::AliasWord, "VVX500"
);

/// "Where devices report this word, they mean that one."
///
/// Aliases are looked at only where no rule is for the words that a device reports. Each word is replaced once at most, so
/// aliases make no chains.
///
/// ```
/// use ucupdate_core::book::{Alias, AliasField};
///
/// let alias = Alias::new(AliasField::Model, "VVX 500".parse()?, "VVX500".parse()?)
///     .within("UCPhone/Polycom".parse().unwrap());
/// assert_eq!(alias.to_string(), "model VVX 500 stands for VVX500 in UCPhone/Polycom/*/*/*/*");
/// # Ok::<(), ucupdate_core::value::LabelError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Alias {
    /// The word that devices report, and which devices.
    pub reported: AliasKey,
    /// The word of their rule.
    pub stands_for: AliasWord,
}

/// The reported word that an alias replaces, and the rules in which it does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct AliasKey {
    /// Which word it is.
    pub field: AliasField,
    /// The word, compared without regard to ASCII case.
    pub word: AliasWord,
    /// The devices that report it, by the words they report. The update type does not count.
    pub within: RulePattern,
}

/// A word that may have an alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[allow(clippy::exhaustive_enums, reason = "a device type is never known by another name")]
#[allow(missing_docs, reason = "the words of a device are documented at `Device`")]
pub enum AliasField {
    Vendor,
    Model,
    HardwareRevision,
    Locale,
}

impl AliasField {
    /// Its place among the five words of a device.
    fn place(self) -> usize {
        match self {
            Self::Vendor => 1,
            Self::Model => 2,
            Self::HardwareRevision => 3,
            Self::Locale => 4,
        }
    }
}

impl fmt::Display for AliasField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Vendor => "vendor",
            Self::Model => "model",
            Self::HardwareRevision => "hardware revision",
            Self::Locale => "locale",
        })
    }
}

impl FromStr for AliasField {
    type Err = AliasFieldError;

    /// Reads `vendor`, `model`, `hardware-revision` or `locale`.
    ///
    /// # Errors
    /// When it is none of them.
    fn from_str(text: &str) -> Result<Self, AliasFieldError> {
        match text.to_ascii_lowercase().replace(' ', "-").as_str() {
            "vendor" => Ok(Self::Vendor),
            "model" => Ok(Self::Model),
            "hardware-revision" | "revision" => Ok(Self::HardwareRevision),
            "locale" => Ok(Self::Locale),
            _ => Err(AliasFieldError { found: text.chars().take(40).collect() }),
        }
    }
}

impl Alias {
    /// Makes an alias for all devices.
    pub fn new(field: AliasField, word: AliasWord, stands_for: AliasWord) -> Self {
        Self { reported: AliasKey { field, word, within: RulePattern::everything() }, stands_for }
    }

    /// Limits the alias to devices whose words match a pattern.
    #[must_use]
    pub fn within(mut self, within: RulePattern) -> Self {
        self.reported.within = within;
        self
    }
}

impl AliasKey {
    /// The place of the word that a device with these five words has an alias for, if it has.
    pub(crate) fn place_in(&self, words: [&str; KindWord::COUNT]) -> Option<usize> {
        let place = self.field.place();
        let is_it = words[place].eq_ignore_ascii_case(self.word.as_str()) && self.within.holds_device(words);
        is_it.then_some(place)
    }
}

impl fmt::Display for AliasKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.word)?;
        if self.within.is_everything() { Ok(()) } else { write!(f, " in {}", self.within) }
    }
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} stands for {}", self.reported.field, self.reported.word, self.stands_for)?;
        let within = &self.reported.within;
        if within.is_everything() { Ok(()) } else { write!(f, " in {within}") }
    }
}

/// Why a text names no word that may have an alias.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} has no aliases, expected `vendor`, `model`, `hardware-revision` or `locale`")]
pub struct AliasFieldError {
    found: String,
}
