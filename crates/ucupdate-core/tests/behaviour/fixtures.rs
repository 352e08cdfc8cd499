//! Packages, devices and books made by code.

pub use ucupdate_core::{book::*, decide::*, device::*, request::*, value::*, version::*};
pub use ucupdate_testkit::field::RULE as PHONE;
pub use ucupdate_testkit::field::{module, phone};
pub use ucupdate_testkit::packages::{files, ingest, key, package, with_interim};

/// The time 17:10:39 UTC on a Friday.
pub const NOW: UnixTime = UnixTime::from_seconds(1_236_359_439);

/// Returns the decision for a device with a version, as text.
#[track_caller]
pub fn decided(book: &RuleBook, device: &Device, installed: &str) -> String {
    let index = EligibilityIndex::compile(book, 1);
    decide(&index, &Question::new(device, &module(installed)), NOW).to_string()
}

/// Returns the decision for the device of a rule.
#[track_caller]
pub fn answer(book: &RuleBook, rule: &str, installed: &str) -> String {
    decided(book, &device(rule), installed)
}

pub fn approve(rule: &str) -> BookCommand {
    BookCommand::Approve(vec![key(rule)])
}

pub fn approve_version(rule: &str, version: &str) -> BookCommand {
    BookCommand::ApproveVersion { rule: key(rule), version: ReportedVersion::new(version) }
}

pub fn pin(rule: &str, audience: Audience, version: &str) -> BookCommand {
    BookCommand::Pin { rule: key(rule), audience, version: ReportedVersion::new(version) }
}

pub fn rollout(name: &str) -> Rollout {
    Rollout::new(name.parse().unwrap())
}

pub fn start_rollout(rule: &str, audience: Audience, version: &str, rollout: Rollout) -> BookCommand {
    BookCommand::StartRollout { rule: key(rule), audience, version: ReportedVersion::new(version), rollout }
}

/// Approves the pending interim image of a locale.
pub fn approve_interim(locale: &str) -> BookCommand {
    let (locale, update_type) = (locale.parse().unwrap(), "CPE".parse().unwrap());
    BookCommand::ApproveInterim { locale, update_type, version: None }
}

#[track_caller]
pub fn make(book: &mut RuleBook, command: BookCommand) -> Vec<String> {
    make_as(book, "ann", command)
}

#[track_caller]
pub fn make_as(book: &mut RuleBook, author: &str, command: BookCommand) -> Vec<String> {
    let outcome = book.command(&command, author).unwrap();
    book.apply(&outcome.delta);
    outcome.notes.iter().map(ToString::to_string).collect()
}

#[track_caller]
pub fn refused(book: &RuleBook, command: BookCommand) -> String {
    refused_to(book, "ann", command)
}

#[track_caller]
pub fn refused_to(book: &RuleBook, author: &str, command: BookCommand) -> String {
    book.command(&command, author).unwrap_err().to_string()
}

/// Returns the pending, approved and rollback version as text. `-` means that there is none.
pub fn state(book: &RuleBook, rule: &str) -> String {
    let Some(rule) = book.rule(&key(rule)) else { return "no rule".into() };
    let fields = [rule.pending(), rule.approved(), rule.rollback()];
    fields.map(|candidate| candidate.map_or("-", |candidate| candidate.version.as_str())).join(" ")
}

/// Returns the phone in `vectors/`, or one with another rule.
pub fn device(rule: &str) -> Device {
    phone(&key(rule))
}

pub fn test_device(name: &str) -> TestDevice {
    TestDevice {
        name: name.parse().unwrap(),
        id: ucupdate_core::device::DeviceId::Mac("00-21-63-0f-20-7b".parse().unwrap()),
    }
}
