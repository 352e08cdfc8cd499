//! Aliases. An alias gives a word that devices report the meaning of another word in the rules.

use crate::book::rule::{Rule, RuleKey, RulePattern};
use crate::book::rule_book::RuleBook;
use crate::device::{DeviceKind, KindWord, KindWords};
use crate::value::label::label;
use crate::value::{ParseError, ParseErrorKind};
use std::fmt;
use std::str::FromStr;

label!(
    /// The reported word that an alias replaces, or the word that replaces it.
    book::AliasWord, "alias word", "VVX500"
);

/// A word that devices report, and the word of a rule that is used in its place.
///
/// Aliases are used only if no rule matches the words that a device reports. Each word is replaced at most
/// once, so aliases make no chains.
///
/// In groups, a word of a device matches as the device reports it. If the rule of the device was found by
/// aliases, the word also matches as the alias replaces it. For example, a group of the model `VVX500` also
/// contains devices that report `VVX 500`. A group of the model `VVX 500` contains only devices that report
/// `VVX 500`.
///
/// ```
/// use ucupdate_core::book::{Alias, AliasField};
///
/// let alias = Alias::new(AliasField::Model, "VVX 500".parse()?, "VVX500".parse()?)
///     .within("UCPhone/Polycom".parse().unwrap());
/// assert_eq!(alias.to_string(), "model VVX 500 stands for VVX500 in UCPhone/Polycom/*/*/*/*");
/// # Ok::<(), ucupdate_core::value::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Alias {
    /// The word that devices report, and the devices to which the alias applies.
    pub reported: AliasKey,
    /// The word that is used in place of the reported word to find a rule.
    pub stands_for: AliasWord,
}

/// The reported word that an alias replaces, and the devices to which the alias applies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct AliasKey {
    /// Says which word of the device kind is replaced, such as the model.
    pub field: AliasField,
    /// The reported word. ASCII case is ignored.
    pub word: AliasWord,
    /// The pattern of the devices to which the alias applies. Its update type is ignored.
    pub within: RulePattern,
}

/// A word of a device kind that can have an alias.
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
    /// All words that can have an alias.
    const ALL: [Self; 4] = [Self::Vendor, Self::Model, Self::HardwareRevision, Self::Locale];

    /// Returns the same word as a [`KindWord`], which also has the words that cannot have an alias.
    ///
    /// ```
    /// use ucupdate_core::{book::AliasField, device::KindWord};
    /// assert_eq!(AliasField::Model.word(), KindWord::Model);
    /// ```
    pub const fn word(self) -> KindWord {
        match self {
            Self::Vendor => KindWord::Vendor,
            Self::Model => KindWord::Model,
            Self::HardwareRevision => KindWord::HardwareRevision,
            Self::Locale => KindWord::Locale,
        }
    }
}

impl fmt::Display for AliasField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word().name())
    }
}

impl FromStr for AliasField {
    type Err = ParseError;

    /// Reads `vendor`, `model`, `hardware-revision` or `locale`, in any case. `revision` is read as
    /// `hardware-revision`.
    ///
    /// # Errors
    /// Returns an error if the text is another word.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let field = text.to_ascii_lowercase().replace([' ', '-'], "_");
        let is_it = |alias: &Self| {
            alias.word().field() == field || *alias == Self::HardwareRevision && field == "revision"
        };
        let unknown = || {
            let expected = "`vendor`, `model`, `hardware-revision` or `locale`";
            ParseError::quoting("alias field", ParseErrorKind::Unknown, text, expected)
        };
        Self::ALL.into_iter().find(is_it).ok_or_else(unknown)
    }
}

impl Alias {
    /// Creates an alias for all devices: `stands_for` is used in place of the reported `word`.
    pub fn new(field: AliasField, word: AliasWord, stands_for: AliasWord) -> Self {
        Self { reported: AliasKey { field, word, within: RulePattern::everything() }, stands_for }
    }

    /// Sets the pattern of the devices to which the alias applies. By default it applies to all devices.
    #[must_use]
    pub fn within(mut self, within: RulePattern) -> Self {
        self.reported.within = within;
        self
    }
}

impl RuleBook {
    /// Returns whether a pattern covers a rule, so that it applies to devices of this rule. This is so in two
    /// cases. The pattern matches the words of the rule. Or it matches words that devices report, and that aliases
    /// replace by the words of the rule.
    ///
    /// An alias is ignored here if the reported word has a rule of its own, with otherwise the same words as
    /// `rule`. Devices that report this word use that other rule.
    ///
    /// The result may be `true` because of a combination of reported words that no device has. The pattern of an
    /// alias is compared with each word alone, not with the combination.
    pub fn covers(&self, pattern: &RulePattern, rule: &RuleKey) -> bool {
        if pattern.holds(rule) {
            return true;
        }
        let stands_for_it = |alias: &Alias| {
            let own = rule.kind().word(alias.reported.field.word());
            alias.stands_for.as_str().eq_ignore_ascii_case(own)
                && self.rule_with(rule, &alias.reported).is_none()
        };
        let aliases: Vec<Alias> = self.aliases().filter(stands_for_it).collect();
        if aliases.is_empty() {
            return false;
        }
        let mut words = KindWords::from_fn(|word| vec![rule.kind().word(word)]);
        let mut reported = words.clone();
        for Alias { reported: key, .. } in &aliases {
            words[key.field.word()].push(key.word.as_str());
        }
        for Alias { reported: key, .. } in &aliases {
            let mut others = words.clone();
            others[key.field.word()] = vec![key.word.as_str()];
            if key.within.holds_any_device(&others) {
                reported[key.field.word()].push(key.word.as_str());
            }
        }
        pattern.holds_any(&reported, rule.update_type().as_str())
    }

    /// Returns the rule that devices find by aliases if they report the words of `rule`. `None` if a rule with
    /// exactly these words exists, or if no alias leads to a rule.
    ///
    /// ```
    /// use ucupdate_core::RuleBook;
    /// let rule = "UCPhone/Polycom/VVX 500/A/ENU/CPE".parse()?;
    /// assert!(RuleBook::default().rule_meant(&rule).is_none());
    /// # Ok::<(), ucupdate_core::value::ParseError>(())
    /// ```
    pub fn rule_meant(&self, rule: &RuleKey) -> Option<&Rule> {
        if self.aliases.is_empty() || self.rule(rule).is_some() {
            return None;
        }
        let words = KindWords::from(rule.kind().words());
        let mut meant: KindWords<Option<AliasWord>> = KindWords::default();
        for alias in self.aliases() {
            if let Some(word) = alias.reported.replaced_in(&words)
                && meant[word].is_none()
            {
                meant[word] = Some(alias.stands_for);
            }
        }
        let meant = meant.into_array();
        let words = words.into_array().into_iter().zip(&meant);
        let words: Vec<&str> =
            words.map(|(word, meant)| meant.as_ref().map_or(word, AliasWord::as_str)).collect();
        let kind = DeviceKind::from_words(<[&str; KindWord::COUNT]>::try_from(words).ok()?).ok()?;
        self.rule(&RuleKey::new(kind, rule.update_type().clone()).ok()?)
    }

    /// Returns the rule that has the same words as `rule`, except that one word is the reported word of `alias`.
    /// `None` if there is no such rule.
    pub(crate) fn rule_with(&self, rule: &RuleKey, alias: &AliasKey) -> Option<&Rule> {
        let mut words = KindWords::from(rule.kind().words());
        words[alias.field.word()] = alias.word.as_str();
        let kind = DeviceKind::from_words(words.into_array()).ok()?;
        self.rule(&RuleKey::new(kind, rule.update_type().clone()).ok()?)
    }
}

impl AliasKey {
    /// Returns the word of the device kind that this alias replaces, such as the model, for a device that reports
    /// `words`. `None` if the alias does not apply to this device.
    pub(crate) fn replaced_in(&self, words: &KindWords<&str>) -> Option<KindWord> {
        let word = self.field.word();
        let is_it = words[word].eq_ignore_ascii_case(self.word.as_str());
        (is_it && self.within.holds_device(words.into_array())).then_some(word)
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
