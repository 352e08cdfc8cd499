//! Makes changes of a rule book, and asks for its decisions.

use crate::field::{module, phone};
use crate::packages::key;
use ucupdate_core::book::{Audience, BookCommand, Rollout, RuleBook, TestDevice};
use ucupdate_core::decide::{EligibilityIndex, decide};
use ucupdate_core::device::{Device, DeviceId};
use ucupdate_core::request::Question;
use ucupdate_core::value::UnixTime;
use ucupdate_core::version::ReportedVersion;

/// The time 2009-03-06 17:10:39 UTC, the time of the second row of the audit log in `vectors/`.
pub const NOW: UnixTime = UnixTime::from_seconds(1_236_359_439);

/// Makes a change of a rule book with the author `ann`. Returns the notes for the author, such as
/// warnings, as text. Panics if the rule book refuses the change.
#[track_caller]
pub fn make(book: &mut RuleBook, command: BookCommand) -> Vec<String> {
    make_as(book, "ann", command)
}

/// Makes a change of a rule book with this author. Returns the notes for the author as text. Panics
/// if the rule book refuses the change.
#[track_caller]
pub fn make_as(book: &mut RuleBook, author: &str, command: BookCommand) -> Vec<String> {
    let change = book.command(&command, author).unwrap_or_else(|refusal| panic!("{refusal}"));
    book.apply(&change.delta);
    change.notes.iter().map(ToString::to_string).collect()
}

/// Returns the text of the refusal of a command with the author `ann`. Panics if the command is
/// allowed.
#[track_caller]
pub fn refused(book: &RuleBook, command: BookCommand) -> String {
    refused_to(book, "ann", command)
}

/// Returns the text of the refusal of a command with this author. Panics if the command is allowed.
#[track_caller]
pub fn refused_to(book: &RuleBook, author: &str, command: BookCommand) -> String {
    match book.command(&command, author) {
        Ok(_) => panic!("{command:?} is allowed"),
        Err(refusal) => refusal.to_string(),
    }
}

/// Returns the versions of a rule as text: the pending, the approved and the rollback version. A
/// `-` stands for a missing one. Example: `2.0 1.0 -`.
pub fn state(book: &RuleBook, rule: &str) -> String {
    let Some(rule) = book.rule(&key(rule)) else { return "no rule".into() };
    let fields = [rule.pending(), rule.approved(), rule.rollback()];
    fields.map(|candidate| candidate.map_or("-", |candidate| candidate.version.as_str())).join(" ")
}

/// Returns the phone of the audit log in `vectors/`, but with the device kind of this rule.
pub fn device(rule: &str) -> Device {
    phone(&key(rule))
}

/// Returns the decision for a device on which this version is installed, as text.
pub fn decided(book: &RuleBook, device: &Device, installed: &str) -> String {
    let index = EligibilityIndex::compile(book, 1);
    decide(&index, &Question::new(device, &module(installed)), NOW).to_string()
}

/// Returns the decision for a device of this rule on which a version is installed, as text.
pub fn answer(book: &RuleBook, rule: &str, installed: &str) -> String {
    decided(book, &device(rule), installed)
}

/// Returns the command that approves the pending version of a rule.
pub fn approve(rule: &str) -> BookCommand {
    BookCommand::Approve(vec![key(rule)])
}

/// Returns the command that approves one version of a rule.
pub fn approve_version(rule: &str, version: &str) -> BookCommand {
    BookCommand::ApproveVersion { rule: key(rule), version: ReportedVersion::new(version) }
}

/// Returns the command that approves the pending interim image of a locale.
pub fn approve_interim(locale: &str) -> BookCommand {
    let (locale, update_type) = (locale.parse().expect("a locale"), "CPE".parse().expect("an update type"));
    BookCommand::ApproveInterim { locale, update_type, version: None }
}

/// Returns the command that pins an audience, such as a device or a group, to a version.
pub fn pin(rule: &str, audience: Audience, version: &str) -> BookCommand {
    BookCommand::Pin { rule: key(rule), audience, version: ReportedVersion::new(version) }
}

/// Returns a rollout with this name to all devices of its audience.
pub fn rollout(name: &str) -> Rollout {
    Rollout::new(name.parse().expect("a name"))
}

/// Returns the command that starts a rollout of a version.
pub fn start_rollout(rule: &str, audience: Audience, version: &str, rollout: Rollout) -> BookCommand {
    BookCommand::StartRollout { rule: key(rule), audience, version: ReportedVersion::new(version), rollout }
}

/// Returns the phone of the audit log in `vectors/` as a test device with this name.
pub fn test_device(name: &str) -> TestDevice {
    let mac = "00-21-63-0f-20-7b".parse().expect("a MAC address");
    TestDevice { name: name.parse().expect("a name"), id: DeviceId::Mac(mac) }
}
