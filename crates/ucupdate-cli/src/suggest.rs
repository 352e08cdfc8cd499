//! Suggestions for mistyped names.

use crate::failure::Failure;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::Path;
use ucupdate::ChangeError;
use ucupdate::book::{
    Alias, Audience, BookCommand, GroupName, Refusal, RolloutName, Rule, RuleBook, RuleError, RuleKey,
    RulePattern, StopScope,
};
use ucupdate::device::DeviceType;

/// Returns the failure for a refused change. If a name was mistyped, the failure suggests the right
/// one.
pub(crate) fn refused(error: ChangeError, book: &RuleBook) -> Failure {
    let meant = match &error {
        ChangeError::Refused(Refusal::WrongState {
            rule,
            cause: RuleError::NoEarlierVersion { approved },
        }) => {
            return Failure::new(format_args!(
                "{rule}: no version earlier than {approved} is kept, so nothing would be offered; --to-nothing does that, \
                 and approve RULE VERSION approves another version"
            ));
        }
        ChangeError::Refused(refusal) => {
            let meant = meant(refusal, book);
            if let Refusal::NoInterimPending { locale, update_type } = refusal
                && book.interim_rule(locale, update_type).is_none()
            {
                return with_meant(Failure::not_found(refusal), meant);
            }
            meant
        }
        _ => None,
    };
    with_meant(error.into(), meant)
}

/// Returns the failure for a rule that does not exist. The failure suggests similar rules.
pub(crate) fn no_rule(rule: &RuleKey, book: &RuleBook) -> Failure {
    with_meant(Failure::not_found(format_args!("no rule {rule}")), nearest_rule(rule, book))
}

/// Returns the failure for a short name of a rule, such as `CX700/CPE`, if no rule has these words
/// in this order. The failure suggests a correction of the last word.
pub(crate) fn near_rule_name(text: &str, book: &RuleBook) -> Failure {
    let last = text.rsplit('/').next().unwrap_or(text);
    let near = near_word(last, book).map(|near| match text.rsplit_once('/') {
        Some((before, _)) => format!("{before}/{near}"),
        None => near,
    });
    with_meant(Failure::not_found(format_args!("no rule has the words {text}")), near)
}

/// Returns the word of any rule that is most similar to `word`. `None` if no word is similar.
fn near_word(word: &str, book: &RuleBook) -> Option<String> {
    let words: BTreeSet<&str> = book.rules().flat_map(|rule| rule.key().words()).collect();
    nearest(word, words.into_iter())
}

/// Returns the similar word of any rule, if the pattern is one mistyped word, such as `CX70`.
/// `None` if the pattern has several words, or no word is similar.
fn near_short_name(rules: &RulePattern, book: &RuleBook) -> Option<String> {
    let written = rules.to_string();
    let word = written.trim_end_matches("/*");
    near_word(word, book).filter(|near| !word.contains('/') && !near.eq_ignore_ascii_case(word))
}

/// Returns the rules that have the words of `text` in this order. The words have `/` between them,
/// and other words of the rule may be missing. The case does not matter. Example: `Polycom/CPE`.
pub(crate) fn matching(text: &str, book: &RuleBook) -> Vec<RuleKey> {
    let has_words = |rule: &&Rule| {
        let words = rule.key().words();
        let mut words = words.iter();
        text.split('/').all(|wanted| words.any(|word| word.eq_ignore_ascii_case(wanted)))
    };
    book.rules().filter(has_words).map(|rule| rule.key().clone()).collect()
}

/// Returns the failure for a group that does not exist. The failure suggests similar names.
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

/// Returns a warning about a pattern that matches no rule. `None` if a rule matches. The pattern
/// may still be right, because a later package may add a rule that it matches.
pub(crate) fn without_rule(rules: &RulePattern, book: &RuleBook) -> Option<String> {
    if book.rules().any(|rule| book.covers(rules, rule.key())) {
        return None;
    }
    let meant = near_pattern(rules, book).or_else(|| near_short_name(rules, book));
    let hint = meant.map(|meant| format!("; did you mean {meant}?"));
    Some(format!("no rule matches {rules} yet{}", hint.unwrap_or_default()))
}

/// Returns the failure for a pattern that matches no rule. `advice` says what to do, and the
/// failure also suggests a similar pattern.
pub(crate) fn no_match(rules: &RulePattern, advice: &str, book: &RuleBook) -> Failure {
    let meant = shifted_pattern(rules, book).or_else(|| near_pattern(rules, book));
    with_meant(Failure::not_found(format_args!("no rule matches {rules}; {advice}")), meant)
}

/// Corrects the mistyped words of a pattern that matches no rule. A word is mistyped if no rule has
/// it at this position. `None` if there is no single correction, or if the corrected pattern
/// matches no rule.
fn near_pattern(rules: &RulePattern, book: &RuleBook) -> Option<String> {
    let mut meant = Vec::new();
    for (place, word) in rules.words().into_iter().enumerate() {
        let in_place: BTreeSet<&str> =
            book.rules().filter_map(|rule| rule.key().words().get(place).copied()).collect();
        let is_right = word.contains('*') || in_place.iter().any(|known| known.eq_ignore_ascii_case(word));
        let mut near =
            if is_right { [word.to_owned()].into() } else { nearest_names(word, in_place.into_iter()) };
        meant.push(near.pop_first().filter(|_| near.is_empty())?);
    }
    let meant = RulePattern::from_words(&meant).ok()?;
    book.rules().any(|rule| book.covers(&meant, rule.key())).then(|| short(&meant))
}

/// Returns the pattern that a person means by `rules`. If `rules` matches no rule, it may be a
/// short name, such as `CX700`. Then the pattern of the rules with this name is returned, such as
/// `UCPhone/Polycom/CX700/*`. If no rule has the name, `rules` is returned unchanged.
///
/// Fails when the short name stands for several patterns. The failure names them.
pub(crate) fn pattern_meant(rules: RulePattern, book: &RuleBook) -> Result<RulePattern, Failure> {
    let written = rules.to_string();
    let name = written.trim_end_matches("/*");
    if book.rules().any(|rule| book.covers(&rules, rule.key())) {
        return Ok(rules);
    }
    let mut meant: BTreeSet<RulePattern> = matching(name, book)
        .iter()
        .map(|rule| rule.words())
        .filter_map(|words| {
            let last = name.rsplit('/').next().unwrap_or(name);
            let at = words.iter().rposition(|word| word.eq_ignore_ascii_case(last))?;
            RulePattern::from_words(words.get(..=at)?).ok()
        })
        .take(MAX_MEANT)
        .collect();
    if meant.len() <= 1 {
        return Ok(meant.pop_first().unwrap_or(rules));
    }
    let first = name.split('/').next().unwrap_or(name);
    let failure = Failure::not_found(format_args!(
        "no rule matches {rules}, because a pattern begins with the device type, and {first} is not a device type"
    ));
    Err(with_meant(failure, Some(meant.iter().map(short).collect::<Vec<_>>().join(" or "))))
}

/// Returns the text of a pattern with one `*` in place of all `*` at its end.
fn short(pattern: &RulePattern) -> String {
    let written = pattern.to_string();
    match written.trim_end_matches("/*") {
        all if all.len() == written.len() => written,
        begin => format!("{begin}/*"),
    }
}

/// Returns `rules` with `*` inserted, so that each word is at the position that it has in the rules
/// of the book. Example: `*/*/CX*` for `CX*`. `None` if there is no such pattern, or several.
fn shifted_pattern(rules: &RulePattern, book: &RuleBook) -> Option<String> {
    let wanted: Vec<&str> = rules.words().into_iter().filter(|word| *word != "*").collect();
    if wanted.is_empty() {
        return None;
    }
    let meant = |rule: &Rule| {
        let mut pattern = Vec::new();
        let mut wanted = wanted.iter();
        let mut next = wanted.next();
        for word in rule.key().words() {
            let Some(word_wanted) = next else { break };
            if is_like(word, word_wanted) {
                pattern.push(*word_wanted);
                next = wanted.next();
            } else {
                pattern.push("*");
            }
        }
        let rest = if pattern.len() < RuleKey::WORD_COUNT { "/*" } else { "" };
        next.is_none().then(|| format!("'{}{rest}'", pattern.join("/")))
    };
    let found: BTreeSet<String> = book.rules().filter_map(meant).take(MAX_MEANT + 1).collect();
    (found.len() == 1).then(|| found.into_iter().next()).flatten()
}

/// Returns whether a word is like a pattern in which `*` stands for any characters. The case does not matter.
fn is_like(word: &str, pattern: &str) -> bool {
    let (word, pattern) = (word.to_ascii_lowercase(), pattern.to_ascii_lowercase());
    let Some((first, rest)) = pattern.split_once('*') else { return word == pattern };
    let Some(mut left) = word.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        let Some((_, after)) = left.split_once(part) else { return false };
        left = after;
    }
    left.ends_with(last)
}

/// Returns a warning about a device type that no rule has. `None` if a rule has it, or if the
/// program knows the type.
pub(crate) fn without_type(device_type: &DeviceType, book: &RuleBook) -> Option<String> {
    let rules = book.rules().map(|rule| rule.key().kind().device_type.to_string());
    let known: Vec<String> = rules.chain(["UCPhone".to_owned(), "RoundTable".to_owned()]).collect();
    if known.iter().any(|known| known.eq_ignore_ascii_case(device_type.as_str())) {
        return None;
    }
    let meant =
        nearest(device_type.as_str(), known.into_iter()).map(|meant| format!("; did you mean {meant}?"));
    Some(format!("no rule is for the device type {device_type} yet{}", meant.unwrap_or_default()))
}

/// Returns a warning if no rule has the word for which the alias stands, but a rule has a similar
/// word. The warning suggests that word. Otherwise returns `None`.
pub(crate) fn without_word(alias: &Alias, book: &RuleBook) -> Option<String> {
    let (field, wanted) = (alias.reported.field.word(), alias.stands_for.as_str());
    let words: BTreeSet<&str> = book.rules().map(|rule| rule.key().kind().word(field)).collect();
    if words.iter().any(|word| word.eq_ignore_ascii_case(wanted)) {
        return None;
    }
    let meant = nearest(wanted, words.into_iter())?;
    Some(format!("no rule has the {} {wanted} yet; did you mean {meant}?", alias.reported.field))
}

pub(crate) fn with_meant(failure: Failure, meant: Option<String>) -> Failure {
    match (failure, meant) {
        (Failure::Explained(kind, reason), Some(meant)) => {
            Failure::Explained(kind, format!("{reason}; did you mean {meant}?"))
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
        Refusal::NoInterimPending { locale, update_type }
            if book.interim_rule(locale, update_type).is_none() =>
        {
            let wanted = format!("{locale} {update_type}");
            let known =
                book.interim_rules().map(|(locale, update_type, _)| format!("{locale} {update_type}"));
            nearest(&wanted, known).map(|meant| match meant.strip_suffix(" CPE") {
                Some(locale) => locale.to_owned(),
                None => meant.replacen(' ', " --update-type ", 1),
            })
        }
        Refusal::NoSuchInterim { locale, version } => {
            let images = || book.packages().flat_map(|package| &package.interim);
            let of_locale = images().filter(|image| image.locale == *locale);
            nearest(version.as_str(), of_locale.map(|image| &image.version))
                .or_else(|| nearest(locale.as_str(), images().map(|image| &image.locale)))
        }
        Refusal::NoScheme { rules } => {
            let near = nearest(&rules.to_string(), book.settings().schemes.iter().map(|entry| &entry.rules));
            near.or_else(|| near_short_name(rules, book))
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
        Refusal::WrongState { rule, cause: RuleError::NoPin { audience } } => {
            let pins = book.rule(rule).into_iter().flat_map(|rule| rule.pins());
            nearest(&audience.to_string(), pins.map(|pin| &pin.audience))
        }
        Refusal::WrongState { rule, cause: RuleError::NotRejected { version } } => {
            let rejected = book.rule(rule).into_iter().flat_map(|rule| rule.rejected());
            nearest(version.as_str(), rejected)
        }
        Refusal::NoSuchVersion { rule, version } => {
            let releases = book.packages().flat_map(|package| &package.releases);
            let of_rule = releases.filter(|release| release.rule == *rule);
            nearest(version.as_str(), of_rule.map(|release| &release.version))
        }
        _ => None,
    }
}

/// The largest number of folder entries that are compared with a name.
const MAX_ENTRIES: usize = 1000;

/// Returns the path in the same folder with the most similar name, among the paths that
/// `could_be_meant` accepts. A few equally similar paths are joined by `or`. `None` if there is no
/// similar path, or too many.
pub(crate) fn near_path(path: &Path, could_be_meant: impl Fn(&Path) -> bool) -> Option<String> {
    let wanted = path.file_name()?.to_str()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(folder).ok()?.take(MAX_ENTRIES).filter_map(Result::ok);
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let names = names.filter(|name| name != wanted && could_be_meant(&path.with_file_name(name)));
    let paths = nearest_names(wanted, names).into_iter().map(|name| path.with_file_name(name));
    let paths: Vec<String> = paths.map(|path| path.display().to_string()).collect();
    (1..=MAX_MEANT).contains(&paths.len()).then(|| paths.join(" or "))
}

/// Fails if a command names a rule, a group, a version or a rollout that the book does not have.
/// `started` contains the rollouts that will exist when the command is run. The failure suggests
/// similar names.
pub(crate) fn check_names(
    command: &BookCommand,
    book: &RuleBook,
    started: &[(RuleKey, RolloutName)],
) -> Result<(), Failure> {
    let mut rules = Vec::new();
    let mut named = None;
    match command {
        BookCommand::Approve(all) => rules.extend(all),
        BookCommand::Reject(rule)
        | BookCommand::RollBack(rule)
        | BookCommand::RollBackToNothing(rule)
        | BookCommand::StartRollout { rule, .. }
        | BookCommand::Kill { scope: StopScope::Rule(rule), .. } => rules.push(rule),
        BookCommand::SetShare(rule, name, _)
        | BookCommand::PauseRollout(rule, name, _)
        | BookCommand::ResumeRollout(rule, name)
        | BookCommand::FinishRollout(rule, name)
        | BookCommand::EndRollout(rule, name) => {
            rules.push(rule);
            named = Some((rule, name));
        }
        _ => {}
    }
    let not_found = |refusal: Refusal| with_meant(Failure::not_found(&refusal), meant(&refusal, book));
    if let Some(rule) = rules.iter().find(|rule| book.rule(rule).is_none()) {
        return Err(no_rule(rule, book));
    }
    if let BookCommand::StartRollout { rule, version, audience, .. } = command {
        if let Audience::Group(group) = audience
            && book.group(group).is_none()
        {
            return Err(no_group(group, book));
        }
        if book.newest_release(rule, version).is_none() {
            let (rule, version) = ((*rule).clone(), version.clone());
            return Err(not_found(Refusal::NoSuchVersion { rule, version }));
        }
    }
    match named {
        Some((rule, name))
            if book.rule(rule).is_some_and(|rule| rule.rollout(name).is_none())
                && !started.iter().any(|(of, started)| of == rule && started == name) =>
        {
            let of_rule = started.iter().filter(|(of, _)| of == rule);
            let near = nearest(name.as_str(), of_rule.map(|(_, started)| started));
            let cause = RuleError::NoRollout { name: name.clone() };
            let failure = not_found(Refusal::WrongState { rule: rule.clone(), cause });
            Err(with_meant(failure, near))
        }
        _ => Ok(()),
    }
}

/// Returns the existing rules that are most similar to `rule`. `None` if `rule` exists, or if no
/// rule is similar.
pub(crate) fn near_rule(rule: &RuleKey, book: &RuleBook) -> Option<String> {
    if book.rule(rule).is_some() { None } else { nearest_rule(rule, book) }
}

/// The largest number of wrong letters with which a rule is still suggested.
const MAX_RULE_DISTANCE: usize = 4;

/// Returns the rules that differ least from `rule`: at most [`MAX_RULE_DISTANCE`] letters differ,
/// or one word was cut short. If aliases turn `rule` into a rule that exists, returns that rule.
fn nearest_rule(rule: &RuleKey, book: &RuleBook) -> Option<String> {
    if let Some(meant) = book.rule_meant(rule) {
        return Some(format!("{}, for which these words stand by an alias", meant.key()));
    }
    let words = rule.words();
    let is_cut = |other: &RuleKey| {
        let mut pairs =
            words.iter().zip(other.words()).filter(|(one, other)| !one.eq_ignore_ascii_case(other));
        let is_start = |one: &str, other: &str| other.to_lowercase().starts_with(&one.to_lowercase());
        pairs.next().is_some_and(|(one, other)| is_start(one, other) || is_start(other, one))
            && pairs.next().is_none()
    };
    let least = book.rules().map(|rule| rule.key().difference_from(words)).min()?;
    let nearest = book.rules().map(|rule| rule.key()).filter(|key| key.difference_from(words) == least);
    let nearest: Vec<&RuleKey> =
        nearest.filter(|key| least.1 <= MAX_RULE_DISTANCE || is_cut(key)).take(MAX_MEANT + 1).collect();
    let names = nearest.iter().map(ToString::to_string).collect::<Vec<_>>();
    (1..=MAX_MEANT).contains(&names.len()).then(|| names.join(" or "))
}

/// The largest number of equally similar names that are suggested.
const MAX_MEANT: usize = 3;

/// Returns the name that is most similar to `wanted`, if at most a third of the letters of `wanted`
/// differ. Up to [`MAX_MEANT`] equally similar names are joined. `None` if there are more, or if no
/// name is similar.
pub(crate) fn nearest<T: Display>(wanted: &str, names: impl Iterator<Item = T>) -> Option<String> {
    let found: Vec<String> = nearest_names(wanted, names).into_iter().collect();
    let (last, others) = found.split_last()?;
    match others {
        [] => Some(last.clone()),
        others if others.len() < MAX_MEANT => Some(format!("{} or {last}", others.join(", "))),
        _ => None,
    }
}

/// Returns the names that differ from `wanted` in the fewest letters. At most a third of the
/// letters may differ, and never all.
fn nearest_names<T: Display>(wanted: &str, names: impl Iterator<Item = T>) -> BTreeSet<String> {
    let wanted = wanted.to_lowercase();
    let length = wanted.chars().count();
    let mut least = length.div_ceil(3).min(length.saturating_sub(1));
    let mut nearest = BTreeSet::new();
    for name in names.map(|name| name.to_string()) {
        let distance = strsim::damerau_levenshtein(&wanted, &name.to_lowercase());
        if distance > least {
            continue;
        }
        if distance < least {
            nearest.clear();
        }
        least = distance;
        nearest.insert(name);
    }
    nearest
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
            ("", None),
        ] {
            assert_eq!(nearest(wanted, names.into_iter()).as_deref(), meant, "{wanted}");
        }
        let waves = |count: u32| (1..=count).map(|number| format!("wave-{number}"));
        assert_eq!(nearest("wave-9", waves(2)).as_deref(), Some("wave-1 or wave-2"));
        assert_eq!(nearest("wave-9", waves(4)), None, "none of many is more likely than another");
        assert_eq!(nearest("a", ["b"].into_iter()), None, "no letter is the same");
    }
}
