//! Findings about the rules: what a person may have forgotten or misspelt.

use super::Checked;
use super::finding::{Finding, FindingSeverity};
use super::near_equal::{NearEqual, near_equal};
use crate::state::recorded_command::RecordedCommand;
use crate::state::rule_history::Revision;
use std::collections::BTreeMap;
use ucupdate_core::RuleBook;
use ucupdate_core::book::{
    Assignment, BookCommand, InterimImage, Rollout, RolloutName, Rule, RuleKey, Share, Stop, StopScope,
};
use ucupdate_core::value::{PackageId, UnixTime, shell_word};

/// A rollout that stands still for this time is a finding.
const FORGOTTEN_AFTER_MILLIS: i64 = 14 * 24 * 60 * 60 * 1000;

/// The time at which each rollout was last started, paused or resumed, or got another share.
#[derive(Debug, Default)]
pub(super) struct LastChanges(BTreeMap<(RuleKey, RolloutName), UnixTime>);

impl LastChanges {
    /// Reads the times from revisions, which are in order of their numbers.
    pub(super) fn of(revisions: &[Revision]) -> Self {
        let mut touched = BTreeMap::new();
        for revision in revisions {
            let RecordedCommand::Book(command) = &revision.command else { continue };
            let (rule, name) = match command {
                BookCommand::StartRollout { rule, rollout, .. } => (rule, &rollout.name),
                BookCommand::SetShare(rule, name, _)
                | BookCommand::PauseRollout(rule, name, _)
                | BookCommand::ResumeRollout(rule, name) => (rule, name),
                _ => continue,
            };
            touched.insert((rule.clone(), name.clone()), revision.at);
        }
        Self(touched)
    }
}

pub(super) fn checks(book: &RuleBook, touched: &LastChanges, now: UnixTime) -> Vec<Checked> {
    vec![
        Checked::new("kill switch", book.stops().map(|(scope, stop)| stopped(scope, stop)).collect()),
        Checked::new("rules and their images", images(book)),
        Checked::new("spelling of rules", near_equal(book).iter().map(spelling).collect()),
        Checked::new("interim images", interim(book)),
        Checked::new("rollouts", rollouts(book, touched, now)),
        Checked::new("sign-in of old phones", sign_in(book).into_iter().collect()),
    ]
}

/// Returns a note if the book has rules for phones. The sign-in server may refuse old phones by its
/// client version filter. The store does not show the filter, so the note asks the administrator to
/// check it.
fn sign_in(book: &RuleBook) -> Option<Finding> {
    let is_phone = |rule: &Rule| rule.key().kind().device_type.as_str().eq_ignore_ascii_case("UCPhone");
    book.rules().any(is_phone).then(|| {
        Finding::new(
            "client-version-filter",
            FindingSeverity::Note,
            "the sign-in server",
            "the sign-in server may refuse old phones by its client version filter, before they are updated; this \
             cannot be seen from here"
                .to_owned(),
            "a filter that lets OCPhone 1.0.199 and later in".to_owned(),
            "type `ucupdate client-filter check OCPhone/1.0.452.0 --allow RULE` with the rules of that filter"
                .to_owned(),
        )
    })
}

fn stopped(scope: &StopScope, stop: &Stop) -> Finding {
    let reason = if stop.reason.is_empty() { String::new() } else { format!(": {}", stop.reason) };
    let (severity, found, verb) = match scope {
        StopScope::All => (
            FindingSeverity::Problem,
            format!("{} stopped everything{reason}; no device is offered anything", stop.by),
            "ucupdate rollout restart".to_owned(),
        ),
        rule => (
            FindingSeverity::Warning,
            format!("{} stopped {rule}{reason}; its devices are offered nothing", stop.by),
            format!("ucupdate rollout restart --rule {}", shell_word(&rule.to_string())),
        ),
    };
    let remedy = match &stop.restart_asked_by {
        Some(by) => format!("{by} asked for a restart: another person types `{verb} --approve`"),
        None => format!("when the cause is gone, type `{verb}`; another person adds --approve"),
    };
    Finding::new(
        "stopped",
        severity,
        scope.to_string(),
        found,
        "offers that are not stopped".to_owned(),
        remedy,
    )
}

fn images(book: &RuleBook) -> Vec<Finding> {
    if book.rules().len() == 0 {
        return vec![Finding::new(
            "no-rules",
            FindingSeverity::Warning,
            "store",
            "the store has no rules, so every device is answered that there is nothing to do".to_owned(),
            "at least one rule".to_owned(),
            "ingest a package: `ucupdate ingest UCUpdates.cab`".to_owned(),
        )];
    }
    let mut findings = Vec::new();
    for rule in book.rules() {
        let key = rule.key();
        let missing =
            rule.assignments().iter().filter(|assignment| book.release(key, &assignment.candidate).is_none());
        findings.extend(missing.map(|assignment| {
            let version = &assignment.candidate.version;
            Finding::new(
                "rule-without-image",
                FindingSeverity::Problem,
                key.to_string(),
                format!("{version} is given to {}, but no package of the store has it", assignment.audience),
                "a package with each version that a rule gives".to_owned(),
                format!("ingest the package with {version} again, or roll the rule back"),
            )
        }));
        if rule.assignments().is_empty() {
            findings.push(offers_nothing(rule));
        }
    }
    findings
}

fn offers_nothing(rule: &Rule) -> Finding {
    let name = shell_word(&rule.key().to_string());
    let remedy = match rule.rollback() {
        Some(before) => {
            format!("type `ucupdate approve {name} {}`, or `ucupdate remove {name}`", before.version)
        }
        None => format!("ingest a package for it, approve a version, or type `ucupdate remove {name}`"),
    };
    Finding::new(
        "rule-offers-nothing",
        FindingSeverity::Warning,
        rule.key().to_string(),
        "nothing is approved, pending, rolled out or pinned, so its devices are offered nothing".to_owned(),
        "a version for each rule".to_owned(),
        remedy,
    )
}

fn spelling(near: &NearEqual) -> Finding {
    let NearEqual { field, words: (one, other), differs_in_punctuation, rules, pairs } = near;
    let (severity, how) = match differs_in_punctuation {
        true => (FindingSeverity::Warning, "only in blanks or punctuation"),
        false => (FindingSeverity::Note, "by one character"),
    };
    let more = match pairs {
        1 => String::new(),
        pairs => format!(" (and {} more pairs of rules)", pairs - 1),
    };
    let remedy = match field.as_str() {
        "device-type" | "update-type" => {
            format!(
                "remove the rule that was misspelt: `ucupdate remove {}`",
                shell_word(&rules.1.to_string())
            )
        }
        field => format!(
            "if both are one {field}, remove the rule of one word, and let its devices use the other rule: type \
             `ucupdate remove {}` and `ucupdate alias set {field} {} --stands-for {}`",
            shell_word(&rules.1.to_string()),
            shell_word(other),
            shell_word(one)
        ),
    };
    Finding::new(
        "near-equal-rules",
        severity,
        rules.0.to_string(),
        format!("{field} {one:?} and {other:?} differ {how}: {} and {}{more}", rules.0, rules.1),
        "one spelling for one device".to_owned(),
        remedy,
    )
}

fn interim(book: &RuleBook) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (image, package) in book.pending_interim_images() {
        let approved = book.interim_rule(&image.locale, &image.update_type).and_then(|rule| rule.approved);
        let too_old = "devices that are not test devices and too old";
        let (severity, effect) = match (approved, approved_release_behind(book, image, package)) {
            (Some(_), _) => {
                (FindingSeverity::Note, "devices that are not test devices get the approved one".to_owned())
            }
            (None, Some(rule)) => (
                FindingSeverity::Problem,
                format!("{too_old} for the approved version of {} get nothing", rule.key()),
            ),
            (None, None) => (FindingSeverity::Warning, format!("{too_old} for a release get nothing")),
        };
        let command = match image.update_type.as_str() {
            "CPE" => format!("ucupdate interim approve {}", shell_word(image.locale.as_str())),
            other => format!(
                "ucupdate interim approve {} --update-type {}",
                shell_word(image.locale.as_str()),
                shell_word(other)
            ),
        };
        findings.push(Finding::new(
            "interim-unapproved",
            severity,
            format!("interim image {} for {}", image.version, image.locale),
            format!("the interim image {} of package {package} is pending: {effect}", image.version),
            "an approved interim image for each locale".to_owned(),
            format!("test it, then type `{command}`; approving a release of its package approves it too"),
        ));
    }
    findings
}

/// Returns a rule with an approved version that old devices can reach only through this interim
/// image.
fn approved_release_behind<'a>(
    book: &'a RuleBook,
    image: &InterimImage,
    package: PackageId,
) -> Option<&'a Rule> {
    let package = book.package(package)?;
    let stones: Vec<_> = book.stones_of_interim(package, &image.locale, &image.update_type).collect();
    book.rules().find(|rule| {
        let scheme = &rule.policy().scheme;
        rule.approved().is_some_and(|approved| {
            let mut stones = stones.iter().filter(|stone| stone.is_for(rule.key()));
            stones.any(|stone| stone.is_below_in(scheme, &approved.version))
        })
    })
}

fn rollouts(book: &RuleBook, touched: &LastChanges, now: UnixTime) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in book.rules() {
        for (assignment, rollout) in rule.rollouts() {
            findings.extend(forgotten(rule.key(), assignment, rollout, touched, now));
        }
    }
    findings
}

/// Returns a finding for a rollout that has stood still for long: it is paused, or its share does not grow any more.
fn forgotten(
    rule: &RuleKey,
    assignment: &Assignment,
    rollout: &Rollout,
    touched: &LastChanges,
    now: UnixTime,
) -> Option<Finding> {
    let Rollout { name, share, paused, .. } = rollout;
    let last = touched.0.get(&(rule.clone(), name.clone())).copied();
    let still_since = match share {
        // The share of a ramp grows by itself until its last stage.
        Share::Ramp(ramp) if paused.is_none() => {
            let (later, before) = (
                UnixTime::from_millis(i64::MAX),
                UnixTime::from_millis(now.as_millis().saturating_sub(FORGOTTEN_AFTER_MILLIS)),
            );
            if ramp.at(before) != ramp.at(later) {
                return None;
            }
            Some(before)
        }
        _ => last,
    };
    let days = |since: UnixTime| now.as_millis().saturating_sub(since.as_millis()) / (24 * 60 * 60 * 1000);
    if still_since
        .is_some_and(|since| now.as_millis().saturating_sub(since.as_millis()) < FORGOTTEN_AFTER_MILLIS)
    {
        return None;
    }
    let since = match still_since {
        Some(since) => format!("for {} days or more", days(since)),
        None => format!("for more than {} revisions", super::REVISIONS_LOOKED_AT),
    };
    let version = &assignment.candidate.version;
    let found = match paused {
        Some(reason) => format!("rollout {name} of {version} is paused {since}: {reason}"),
        None => format!(
            "rollout {name} of {version} stands at {} of {} {since}",
            share.at(now),
            assignment.audience
        ),
    };
    let (rule_word, name_word) = (shell_word(&rule.to_string()), shell_word(name.as_str()));
    let go_on = if paused.is_some() { "resume" } else { "finish" };
    Some(Finding::new(
        "rollout-stands-still",
        FindingSeverity::Warning,
        rule.to_string(),
        found,
        "a rollout that goes on, or is ended".to_owned(),
        format!(
            "type `ucupdate rollout {go_on} {rule_word} {name_word}` or `ucupdate rollout stop {rule_word} {name_word}`"
        ),
    ))
}
