//! Suggestions for mistyped names.

use crate::failure::Failure;
use std::fmt::Display;
use ucupdate::ChangeError;
use ucupdate::book::{GroupName, Refusal, RuleBook, RuleError, RuleKey, RulePattern};

/// Returns the failure of a refused change, with the name that may have been meant.
pub(crate) fn refused(error: ChangeError, book: &RuleBook) -> Failure {
    let meant = match &error {
        ChangeError::Refused(refusal) => meant(refusal, book),
        _ => None,
    };
    with_meant(error.into(), meant)
}

/// Returns the failure for a rule that is not there.
pub(crate) fn no_rule(rule: &RuleKey, book: &RuleBook) -> Failure {
    with_meant(Failure::not_found(format_args!("no rule {rule}")), nearest_rule(rule, book))
}

/// Returns the failure for a group that is not there.
pub(crate) fn no_group(group: &GroupName, book: &RuleBook) -> Failure {
    let meant = nearest(group.as_str(), book.groups().map(|group| group.name.to_string()));
    with_meant(Failure::not_found(format_args!("no group {group}")), meant)
}

/// Returns the failure for a pattern that has no version scheme.
pub(crate) fn no_scheme(rules: &RulePattern, book: &RuleBook) -> Failure {
    let refusal = Refusal::NoScheme { rules: Box::new(rules.clone()) };
    let meant = meant(&refusal, book);
    with_meant(Failure::not_found(refusal), meant)
}

fn with_meant(failure: Failure, meant: Option<String>) -> Failure {
    match (failure, meant) {
        (Failure::Told(kind, reason), Some(meant)) => {
            Failure::Told(kind, format!("{reason}; did you mean {meant}?"))
        }
        (failure, _) => failure,
    }
}

fn meant(refusal: &Refusal, book: &RuleBook) -> Option<String> {
    match refusal {
        Refusal::NoRule { rule } => nearest_rule(rule, book),
        Refusal::NoGroup { name } => nearest(name.as_str(), book.groups().map(|group| &group.name)),
        Refusal::NoHold { name } => nearest(name.as_str(), book.holds().map(|hold| &hold.name)),
        Refusal::NoTestDevice { name } => {
            nearest(name.as_str(), book.test_devices().map(|device| &device.name))
        }
        Refusal::NoStone { name } => {
            nearest(name.as_str(), book.settings().stones.iter().map(|stone| &stone.name))
        }
        Refusal::NoPackage { package } => {
            nearest(&package.to_string(), book.packages().map(|package| package.id()))
        }
        Refusal::NoScheme { rules } => {
            nearest(&rules.to_string(), book.settings().schemes.iter().map(|entry| &entry.rules))
        }
        Refusal::NotBanned { scope } => nearest(&scope.to_string(), book.bans().map(|ban| &ban.scope)),
        Refusal::NoAlias { alias } => {
            let aliases = book.aliases().map(|known| known.reported.to_string());
            nearest(&alias.to_string(), aliases)
        }
        Refusal::WrongState { rule, cause: RuleError::NoRollout { name } } => {
            let rollouts = book.rule(rule).into_iter().flat_map(|rule| rule.rollouts());
            nearest(name.as_str(), rollouts.map(|(_, rollout)| &rollout.name))
        }
        Refusal::NoSuchVersion { rule, version } => {
            let releases = book.packages().flat_map(|package| &package.releases);
            let of_rule = releases.filter(|release| release.rule == *rule);
            nearest(version.as_str(), of_rule.map(|release| &release.version))
        }
        _ => None,
    }
}

/// The most letters that may be wrong in several words of a rule.
const MAX_RULE_DISTANCE: usize = 4;

/// Returns the rule with the fewest differing words, where one word differs or few letters.
fn nearest_rule(rule: &RuleKey, book: &RuleBook) -> Option<String> {
    let words = rule.words();
    let rules = book.rules().map(|rule| (rule.key().difference_from(words), rule.key()));
    let (_, nearest) =
        rules.min().filter(|((words, distance), _)| *words <= 1 || *distance <= MAX_RULE_DISTANCE)?;
    Some(nearest.to_string())
}

/// Returns the name that is at most a third of its letters away.
fn nearest<T: Display>(wanted: &str, names: impl Iterator<Item = T>) -> Option<String> {
    let wanted = wanted.to_lowercase();
    let names = names.map(|name| {
        let name = name.to_string();
        (strsim::damerau_levenshtein(&wanted, &name.to_lowercase()), name)
    });
    let most = (wanted.chars().count() / 3).max(1);
    names.min().filter(|(distance, _)| *distance <= most).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_near_is_meant_and_one_that_is_far_is_not() {
        let names = ["Lisbon", "Porto", "wave-1"];
        for (wanted, meant) in [
            ("Lisbn", Some("Lisbon")),
            ("lisobn", Some("Lisbon")),
            ("wave-2", Some("wave-1")),
            ("Faro", None),
            ("x", None),
        ] {
            assert_eq!(nearest(wanted, names.into_iter()).as_deref(), meant, "{wanted}");
        }
    }
}
