//! Packages, devices and books made by code.

use ucupdate_core::book::BookCommand;
use ucupdate_core::{Device, RuleBook};
use ucupdate_testkit::field;

pub use ucupdate_testkit::field::RULE as PHONE;
pub use ucupdate_testkit::field::module;
pub use ucupdate_testkit::packages::{ingest, key, package, with_interim};

/// Approves the pending interim image of a locale.
pub fn approve_interim(locale: &str) -> BookCommand {
    let (locale, update_type) = (locale.parse().unwrap(), "CPE".parse().unwrap());
    BookCommand::ApproveInterim { locale, update_type, version: None }
}

#[track_caller]
pub fn make(book: &mut RuleBook, command: BookCommand) -> Vec<String> {
    let outcome = book.command(&command, "ann").unwrap();
    book.apply(&outcome.delta);
    outcome.notes.iter().map(ToString::to_string).collect()
}

/// Returns the phone in `vectors/`, or one with another rule.
pub fn device(rule: &str) -> Device {
    field::phone(&key(rule))
}
