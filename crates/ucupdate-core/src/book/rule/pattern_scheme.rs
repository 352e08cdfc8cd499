//! Version schemes of rules that match a pattern.

use crate::book::rule::rule_key::RuleKey;
use crate::book::rule::rule_pattern::RulePattern;
use crate::version::VersionScheme;

/// The version scheme of the rules that match a pattern.
///
/// A rule gets the scheme of the most exact pattern that it matches, when the rule is made and when the patterns
/// change. The most exact pattern is the one with the most words without `*`. If several have the same number, the one
/// with the most characters other than `*` is used, and then the first in alphabetical order. A rule whose own policy
/// sets another scheme keeps that scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct PatternScheme {
    /// The rules that use the scheme. If several patterns match a rule, the most exact one applies.
    pub rules: RulePattern,
    /// The scheme in which these rules read versions.
    pub scheme: VersionScheme,
}

impl PatternScheme {
    /// Creates the scheme of the rules that match a pattern.
    pub fn new(rules: RulePattern, scheme: VersionScheme) -> Self {
        Self { rules, scheme }
    }

    /// Sorts schemes so that the first one that matches a rule is the most exact one.
    pub(crate) fn sort(schemes: &mut [Self]) {
        schemes.sort_by_cached_key(|entry| {
            (std::cmp::Reverse(entry.rules.exactness()), entry.rules.to_string().to_ascii_lowercase())
        });
    }

    /// Returns the first of the sorted schemes whose pattern the rule matches, which is the most exact one.
    pub(crate) fn find<'a>(schemes: &'a [Self], rule: &RuleKey) -> Option<&'a Self> {
        schemes.iter().find(|entry| entry.rules.holds(rule))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_exact_pattern_comes_first() {
        let mut schemes: Vec<PatternScheme> = [
            "*",
            "UCPhone/*/VVX*",
            "UCPhone/*/VVX500",
            "UCPhone/Polycom",
            "UCPhone/*/VVX5*",
            "ucphone/polycom/*/b",
        ]
        .map(|rules| PatternScheme::new(rules.parse().unwrap(), VersionScheme::Numeric))
        .into();
        PatternScheme::sort(&mut schemes);
        let order: Vec<String> = schemes.iter().map(|entry| entry.rules.to_string()).collect();
        let expected = [
            "ucphone/polycom/*/b/*/*",
            "UCPhone/Polycom/*/*/*/*",
            "UCPhone/*/VVX500/*/*/*",
            "UCPhone/*/VVX5*/*/*/*",
            "UCPhone/*/VVX*/*/*/*",
            "*/*/*/*/*/*",
        ];
        assert_eq!(order, expected);
        let rule: RuleKey = "UCPhone/Polycom/VVX500/A/ENU/CPE".parse().unwrap();
        let found = PatternScheme::find(&schemes, &rule).unwrap();
        assert_eq!(found.rules.to_string(), "UCPhone/Polycom/*/*/*/*");
    }
}
