//! Rules as people name them: whole names, short names and patterns.

use crate::failure::Failure;
use crate::suggest::{matching, near_rule_name, no_match, no_rule, pattern_meant};
use std::fmt;
use std::str::FromStr;
use ucupdate::book::{Rule, RuleBook, RuleKey, RulePattern};

#[derive(Clone, Debug)]
pub(crate) enum RulesArg {
    /// One rule: all words are given, and none has `*`.
    Rule(RuleKey),
    /// A pattern: a word has `*`, or words at the end are left out.
    Pattern(RulePattern),
}

impl FromStr for RulesArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains('*') || text.split('/').count() < RuleKey::WORD_COUNT {
            return text.parse().map(Self::Pattern).map_err(|error| format!("{error}"));
        }
        text.parse().map(Self::Rule).map_err(|error| format!("{error}"))
    }
}

impl RulesArg {
    /// Returns the rule or the pattern that a person means. A short name, such as `CX700`, is
    /// replaced by its rule, or by the pattern of its rules. Fails when the short name stands for
    /// several patterns.
    pub(crate) fn in_book(self, book: &RuleBook) -> Result<Self, Failure> {
        let Self::Pattern(pattern) = self else { return Ok(self) };
        if !book.rules().any(|rule| book.covers(&pattern, rule.key()))
            && let [rule] = &matching(pattern.to_string().trim_end_matches("/*"), book)[..]
        {
            return Ok(Self::Rule(rule.clone()));
        }
        pattern_meant(pattern, book).map(Self::Pattern)
    }
}

/// The largest number of rules that an error names.
const NAMED: usize = 5;

/// A name of rules: all words of one rule, some of its words, or a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RuleName {
    /// All six words of a rule, such as `UCPhone/Polycom/CX700/A/ENU/CPE`.
    Whole(RuleKey),
    /// Some words of a rule in their order, such as `CX700` or `Polycom/CX700`. Only one rule may
    /// have them.
    Short(String),
    /// A pattern with `*`, such as `UCPhone/Polycom/*`.
    Pattern(RulePattern),
}

impl FromStr for RuleName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains('*') {
            return text.parse().map(Self::Pattern).map_err(|error| format!("{error}"));
        }
        if text.split('/').count() >= RuleKey::WORD_COUNT {
            return text.parse().map(Self::Whole).map_err(|error| format!("{error}"));
        }
        match text.split('/').any(|word| word.trim().is_empty() || word.chars().any(char::is_control)) {
            true => Err(format!(
                "rule is {text:?}, expected all six words, as UCPhone/Polycom/CX700/A/ENU/CPE, some of them, as CX700, or \
                 a pattern, as 'UCPhone/Polycom/*'"
            )),
            false => Ok(Self::Short(text.to_owned())),
        }
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(rule) => rule.fmt(f),
            Self::Short(text) => f.write_str(text),
            Self::Pattern(pattern) => pattern.fmt(f),
        }
    }
}

impl RuleName {
    /// Returns the only rule with this name. A whole name is returned even if the rule does not
    /// exist. Fails when the name stands for no rule or for several rules.
    pub(crate) fn one(&self, book: &RuleBook) -> Result<RuleKey, Failure> {
        match &self.all(book, |_| true)?[..] {
            [rule] => Ok(rule.clone()),
            rules => Err(ambiguous(self, rules)),
        }
    }

    /// Returns the rules with this name. For a pattern, returns only the matching rules that
    /// `is_meant` accepts, which may be none. Fails when no rule has the name, or when several
    /// rules have a short name.
    pub(crate) fn all(
        &self,
        book: &RuleBook,
        is_meant: impl Fn(&Rule) -> bool,
    ) -> Result<Vec<RuleKey>, Failure> {
        match self {
            Self::Whole(rule) => Ok(vec![rule.clone()]),
            Self::Short(text) => match &matching(text, book)[..] {
                [] => Err(near_rule_name(text, book)),
                [rule] => Ok(vec![rule.clone()]),
                rules => Err(ambiguous(self, rules)),
            },
            Self::Pattern(pattern) => {
                let matching: Vec<&Rule> = book.rules().filter(|rule| pattern.holds(rule.key())).collect();
                if matching.is_empty() {
                    return Err(no_match(pattern, "`ucupdate rules` lists the rules", book));
                }
                let meant = matching.iter().filter(|rule| is_meant(rule));
                Ok(meant.map(|rule| rule.key().clone()).collect())
            }
        }
    }
}

/// Returns the rules of all names, in order and without repetition. `what` is the end of the error
/// message `no rule that matches ... has {what}`, such as `a pending version`.
///
/// Fails as [`RuleName::all`] does, and when `is_meant` accepts no rule.
pub(crate) fn all_of(
    names: &[RuleName],
    book: &RuleBook,
    what: &str,
    is_meant: impl Fn(&Rule) -> bool,
) -> Result<Vec<RuleKey>, Failure> {
    let mut rules: Vec<RuleKey> = Vec::new();
    for name in names {
        for rule in name.all(book, &is_meant)? {
            if !rules.contains(&rule) {
                rules.push(rule);
            }
        }
    }
    match rules.is_empty() {
        true => {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            Err(Failure::new(format_args!("no rule that matches {} has {what}", names.join(" "))))
        }
        false => Ok(rules),
    }
}

fn ambiguous(name: &RuleName, rules: &[RuleKey]) -> Failure {
    let shown: Vec<String> = rules.iter().take(NAMED).map(ToString::to_string).collect();
    let more = match rules.len().checked_sub(NAMED) {
        Some(more) if more > 0 => format!(" and {more} more"),
        _ => String::new(),
    };
    Failure::new(format_args!(
        "{name} is the name of {} rules, expected one: {}{more}",
        rules.len(),
        shown.join(", ")
    ))
}

/// Returns the rule with this key. Fails when it does not exist. The failure suggests the most
/// similar rule.
pub(crate) fn found<'a>(book: &'a RuleBook, key: &RuleKey) -> Result<&'a Rule, Failure> {
    book.rule(key).ok_or_else(|| no_rule(key, book))
}
