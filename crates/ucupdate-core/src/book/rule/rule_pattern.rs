//! Patterns of rules. Bans, aliases and version schemes apply to the rules that match a pattern.

use crate::book::rule::rule_key::RuleKey;
use crate::device::KindWord;
use crate::value::parse_error::{Expected, ParseError};
use crate::value::{glob, label};
use std::fmt;
use std::str::FromStr;

/// A pattern of rules, with a pattern for each word.
///
/// The text form has slashes between the words, in the order of a rule. `*` matches any characters within a word. Words
/// that are left out at the end match everything. ASCII case is ignored.
///
/// ```
/// use ucupdate_core::RuleKey;
/// use ucupdate_core::book::RulePattern;
///
/// let rule: RuleKey = "UCPhone/Polycom/VVX500/A/ENU/CPE".parse().unwrap();
/// assert!("UCPhone/Polycom/VVX*".parse::<RulePattern>().unwrap().holds(&rule));
/// assert!("*/*/*/A".parse::<RulePattern>().unwrap().holds(&rule));
/// assert!(!"UCPhone/Polycom/CX*".parse::<RulePattern>().unwrap().holds(&rule));
/// assert_eq!("UCPhone/Polycom".parse::<RulePattern>().unwrap().to_string(), "UCPhone/Polycom/*/*/*/*");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RulePattern {
    words: [Box<str>; RuleKey::WORD_COUNT],
}

impl RulePattern {
    /// Returns the pattern that matches only this rule.
    pub fn of(rule: &RuleKey) -> Self {
        Self { words: rule.words().map(Into::into) }
    }

    /// Returns the pattern that every rule matches.
    pub fn everything() -> Self {
        Self { words: std::array::from_fn(|_| "*".into()) }
    }

    /// Returns whether the pattern matches a rule.
    pub fn holds(&self, rule: &RuleKey) -> bool {
        self.words.iter().zip(rule.words()).all(|(pattern, word)| glob::is_match(pattern, word))
    }

    /// Returns whether the pattern matches the words of a device kind. The update type is ignored.
    pub(crate) fn holds_device(&self, words: [&str; KindWord::COUNT]) -> bool {
        self.words.iter().zip(words).all(|(pattern, word)| glob::is_match(pattern, word))
    }

    /// Returns whether the pattern of each word matches at least one of the words that are given for its
    /// place.
    pub(crate) fn holds_any(&self, words: &[Vec<&str>; RuleKey::WORD_COUNT]) -> bool {
        let mut places = self.words.iter().zip(words);
        places.all(|(pattern, words)| words.iter().any(|word| glob::is_match(pattern, word)))
    }

    /// Returns whether the pattern of each word of a device kind matches at least one of the words that are
    /// given for its place. The update type is ignored.
    pub(crate) fn holds_any_device(&self, words: &[Vec<&str>; RuleKey::WORD_COUNT]) -> bool {
        let mut places = self.words.iter().zip(words).take(KindWord::COUNT);
        places.all(|(pattern, words)| words.iter().any(|word| glob::is_match(pattern, word)))
    }

    /// Returns whether the pattern of the word with the index `place` matches a word.
    pub(crate) fn holds_word(&self, place: usize, word: &str) -> bool {
        self.words.get(place).is_some_and(|pattern| glob::is_match(pattern, word))
    }

    /// Returns a pattern that matches a rule: words of this pattern that do not match are replaced by the
    /// words of the rule. Also returns the words that were replaced.
    pub(crate) fn with_words_of(&self, rule: &RuleKey) -> (Self, Vec<&str>) {
        let (mut meant, mut replaced) = (self.clone(), Vec::new());
        for ((own, meant), word) in self.words.iter().zip(&mut meant.words).zip(rule.words()) {
            if !glob::is_match(own, word) {
                *meant = word.into();
                replaced.push(&**own);
            }
        }
        (meant, replaced)
    }

    /// Returns this pattern with `*` in place of the word with the index `place`.
    pub(crate) fn with_any(&self, place: usize) -> Self {
        let mut pattern = self.clone();
        if let Some(word) = pattern.words.get_mut(place) {
            *word = "*".into();
        }
        pattern
    }

    /// Returns whether a device could match both patterns. The word with the index `without` is not
    /// compared. Two words that both have a `*` are assumed to match a common word.
    pub(crate) fn may_meet(&self, other: &Self, without: usize) -> bool {
        let mut places = self.words.iter().zip(&other.words).take(KindWord::COUNT).enumerate();
        places.all(|(place, (one, other))| {
            place == without
                || one.contains('*') && other.contains('*')
                || glob::is_match(one, other)
                || glob::is_match(other, one)
        })
    }

    /// Returns whether both patterns match the same rules, because they differ only in ASCII case.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.words.iter().zip(&other.words).all(|(one, other)| one.eq_ignore_ascii_case(other))
    }

    /// Returns the exactness of the pattern: the number of words without `*`, and the number of characters other than
    /// `*`.
    pub(crate) fn exactness(&self) -> (usize, usize) {
        let exact_words = self.words.iter().filter(|word| !word.contains('*')).count();
        let characters =
            self.words.iter().flat_map(|word| word.chars()).filter(|found| *found != '*').count();
        (exact_words, characters)
    }

    /// Returns whether the pattern matches every rule.
    pub fn is_everything(&self) -> bool {
        self.words.iter().all(|word| word.bytes().all(|byte| byte == b'*'))
    }
}

impl FromStr for RulePattern {
    type Err = ParseError;

    /// Reads a pattern for each word, with slashes between them. Words at the end may be left out.
    ///
    /// # Errors
    /// Returns an error if the text has more words than a rule, or if a word is blank, too long, or has a control
    /// character.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let found = text.split('/').count();
        if found > RuleKey::WORD_COUNT {
            let expected = Expected::AtMostWords(&RuleKey::WORD_NAMES);
            return Err(ParseError::count("rule pattern", found, "word", expected));
        }
        let mut words = Self::everything().words;
        for (number, (slot, word)) in (1..).zip(words.iter_mut().zip(text.split('/'))) {
            let word = label::check("rule pattern", word);
            *slot = word.map_err(|error| error.in_part("word", number))?.into();
        }
        Ok(Self { words })
    }
}

impl fmt::Display for RulePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.words.join("/"))
    }
}

crate::value::stored_text::stored_as_text!(RulePattern);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_pattern_of_rules_says_why() {
        let refused = |text: &str| text.parse::<RulePattern>().unwrap_err().to_string();
        assert_eq!(
            refused("a/b/c/d/e/f/g"),
            "rule pattern has 7 words, expected at most 6: device type, vendor, model, hardware revision, locale, update type"
        );
        assert_eq!(refused("UCPhone//CX700"), "word 2 of the rule pattern is blank");
        assert_eq!(refused(""), "word 1 of the rule pattern is blank");
    }

    #[test]
    fn the_pattern_of_a_rule_holds_that_rule_only() {
        let rule: RuleKey = "UCPhone/Polycom/CX700/A/ENU/CPE".parse().unwrap();
        let pattern = RulePattern::of(&rule);
        assert!(pattern.holds(&rule) && pattern.holds(&"ucphone/polycom/cx700/a/enu/cpe".parse().unwrap()));
        assert!(!pattern.holds(&"UCPhone/Polycom/CX700/B/ENU/CPE".parse().unwrap()));
        assert!(!pattern.is_everything() && "*".parse::<RulePattern>().unwrap().is_everything());
    }
}
