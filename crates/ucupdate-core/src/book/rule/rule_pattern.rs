//! Patterns of rules. Bans, aliases and version schemes apply to the rules that match a pattern.

use crate::book::rule::rule_key::{RuleKey, with_last};
use crate::device::{KindWord, KindWords};
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
    kind: KindWords<Box<str>>,
    update_type: Box<str>,
}

impl RulePattern {
    /// Returns the pattern that matches only this rule.
    pub fn of(rule: &RuleKey) -> Self {
        Self::with_words(rule.words())
    }

    /// Returns the pattern that every rule matches.
    pub fn everything() -> Self {
        Self::with_words(["*"; RuleKey::WORD_COUNT])
    }

    /// Creates a pattern from a pattern for each word, in the order of a rule. Words that are left out at the end
    /// match everything.
    ///
    /// ```
    /// use ucupdate_core::book::RulePattern;
    /// assert_eq!(RulePattern::from_words(&["UCPhone", "Polycom"])?, "UCPhone/Polycom/*".parse()?);
    /// # Ok::<(), ucupdate_core::value::ParseError>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if there are more words than in a rule, or if a word is blank, too long, or has a slash or a
    /// control character.
    pub fn from_words<S: AsRef<str>>(words: &[S]) -> Result<Self, ParseError> {
        if words.len() > RuleKey::WORD_COUNT {
            return Err(too_many(words.len()));
        }
        let mut all = ["*"; RuleKey::WORD_COUNT];
        for (number, (slot, word)) in (1..).zip(all.iter_mut().zip(words)) {
            let word = label::check("rule pattern", word.as_ref()).and_then(|word| match word.find('/') {
                Some(at) => Err(ParseError::character("rule pattern", '/', "no slash").at_byte(at)),
                None => Ok(word),
            });
            *slot = word.map_err(|error| error.in_part("word", number))?;
        }
        Ok(Self::with_words(all))
    }

    fn with_words(words: [&str; RuleKey::WORD_COUNT]) -> Self {
        let [kind @ .., update_type] = words;
        Self { kind: kind.map(Box::from).into(), update_type: update_type.into() }
    }

    /// Returns the pattern of each word, in the order of a rule. `*` stands for a word that was left out.
    ///
    /// ```
    /// use ucupdate_core::book::RulePattern;
    /// let pattern: RulePattern = "UCPhone/Polycom".parse()?;
    /// assert_eq!(pattern.words(), ["UCPhone", "Polycom", "*", "*", "*", "*"]);
    /// # Ok::<(), ucupdate_core::value::ParseError>(())
    /// ```
    pub fn words(&self) -> [&str; RuleKey::WORD_COUNT] {
        with_last(self.kind.each_ref().map(|word| &**word), &self.update_type)
    }

    /// Returns whether the pattern matches a rule.
    pub fn holds(&self, rule: &RuleKey) -> bool {
        self.holds_device(rule.kind().words())
            && glob::is_match(&self.update_type, rule.update_type().as_str())
    }

    /// Returns whether the pattern matches the words of a device kind. The update type is ignored.
    pub(crate) fn holds_device(&self, words: [&str; KindWord::COUNT]) -> bool {
        self.kind.each_ref().into_iter().zip(words).all(|(pattern, word)| glob::is_match(pattern, word))
    }

    /// Returns whether the pattern matches an update type, and the pattern of each word of a device kind matches
    /// at least one of the texts that are given for this word.
    pub(crate) fn holds_any(&self, kind: &KindWords<Vec<&str>>, update_type: &str) -> bool {
        self.holds_any_device(kind) && glob::is_match(&self.update_type, update_type)
    }

    /// Returns whether the pattern of each word of a device kind matches at least one of the texts that are
    /// given for this word. The update type is ignored.
    pub(crate) fn holds_any_device(&self, kind: &KindWords<Vec<&str>>) -> bool {
        let mut words = self.kind.each_ref().into_iter().zip(kind.each_ref());
        words.all(|(pattern, texts)| texts.iter().any(|text| glob::is_match(pattern, text)))
    }

    /// Returns whether the pattern of a word matches a text.
    pub(crate) fn holds_word(&self, word: KindWord, text: &str) -> bool {
        glob::is_match(&self.kind[word], text)
    }

    /// Returns a pattern that matches a rule: words of this pattern that do not match are replaced by the
    /// words of the rule. Also returns the words that were replaced.
    pub(crate) fn with_words_of(&self, rule: &RuleKey) -> (Self, Vec<&str>) {
        let (mut meant, mut replaced) = (self.words(), Vec::new());
        for ((own, meant), word) in self.words().into_iter().zip(&mut meant).zip(rule.words()) {
            if !glob::is_match(own, word) {
                *meant = word;
                replaced.push(own);
            }
        }
        (Self::with_words(meant), replaced)
    }

    /// Returns this pattern with `*` in place of a word.
    pub(crate) fn with_any(&self, word: KindWord) -> Self {
        let mut pattern = self.clone();
        pattern.kind[word] = "*".into();
        pattern
    }

    /// Returns whether a device could match both patterns. The word `without` is not compared. Two words that both
    /// have a `*` are assumed to match a common word.
    pub(crate) fn may_meet(&self, other: &Self, without: KindWord) -> bool {
        KindWord::ALL.into_iter().filter(|word| *word != without).all(|word| {
            let (one, other) = (&self.kind[word], &other.kind[word]);
            one.contains('*') && other.contains('*')
                || glob::is_match(one, other)
                || glob::is_match(other, one)
        })
    }

    /// Returns whether both patterns match the same rules, because they differ only in ASCII case.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.words().into_iter().zip(other.words()).all(|(one, other)| one.eq_ignore_ascii_case(other))
    }

    /// Returns the exactness of the pattern: the number of words without `*`, and the number of characters other than
    /// `*`.
    pub(crate) fn exactness(&self) -> (usize, usize) {
        let words = self.words();
        let exact_words = words.iter().filter(|word| !word.contains('*')).count();
        let characters = words.iter().flat_map(|word| word.chars()).filter(|found| *found != '*').count();
        (exact_words, characters)
    }

    /// Returns whether the pattern matches every rule.
    pub fn is_everything(&self) -> bool {
        self.words().iter().all(|word| word.bytes().all(|byte| byte == b'*'))
    }
}

/// Returns the error of a pattern with `found` words, which are more than a rule has.
fn too_many(found: usize) -> ParseError {
    ParseError::count("rule pattern", found, "word", Expected::AtMostWords(&RuleKey::WORD_NAMES))
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
            return Err(too_many(found));
        }
        Self::from_words(&text.split('/').collect::<Vec<_>>())
    }
}

impl fmt::Display for RulePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.words().join("/"))
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
        assert_eq!(
            RulePattern::from_words(&["UCPhone", "a/b"]).unwrap_err().to_string(),
            "word 2 of the rule pattern contains '/' at byte 1, expected no slash"
        );
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
