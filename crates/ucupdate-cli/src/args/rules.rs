//! A rule, or a pattern of rules.

use std::str::FromStr;
use ucupdate::book::{RuleKey, RulePattern};

/// One rule, or the rules that match a pattern.
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
