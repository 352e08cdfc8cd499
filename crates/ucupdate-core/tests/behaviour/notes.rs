//! Tests the notes of changes, with the values before and after.

use crate::fixtures::*;
use ucupdate_core::RuleBook;
use ucupdate_core::book::{
    Audience, BookCommand, Group, HeldDevices, Hold, Note, OfferPolicy, OfferRule, Predicate, Rollout,
    StopScope,
};
use ucupdate_core::request::Side;
use ucupdate_core::value::UnixTime;

fn book() -> RuleBook {
    let mut book = RuleBook::default();
    for (id, version) in [(1, "1.0"), (2, "2.0")] {
        ingest(&mut book, &package(id, &[(PHONE, version, id)]));
        make(&mut book, BookCommand::Approve(vec![key(PHONE)]));
    }
    book
}

fn notes(book: &RuleBook, command: &BookCommand) -> Vec<Note> {
    book.command(command, "ann").unwrap().notes
}

#[test]
fn an_ingest_names_its_file() {
    let outcome = RuleBook::default().ingest(&package(1, &[(PHONE, "1.0", 1)])).unwrap();
    assert_eq!(outcome.notes[0].to_string(), "package 010101010101 was ingested from UCUpdates.cab");
}

#[test]
fn a_policy_that_changes_names_each_field_with_its_old_and_new_value() {
    let mut policy = OfferPolicy::offering(OfferRule::Newer);
    policy.floor = Some("4.0.7577.0".parse().unwrap());
    let notes = notes(&book(), &BookCommand::SetPolicy(key(PHONE), policy));
    let texts: Vec<String> = notes.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            format!("{PHONE}: policy offer changed from different to newer"),
            format!("{PHONE}: policy floor changed from none to 4.0.7577.0"),
        ]
    );
    let parts = (notes[1].kind(), notes[1].rule(), notes[1].name(), notes[1].before(), notes[1].after());
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(parts, ("policy-changed", Some(&key(PHONE)), text("floor"), text("none"), text("4.0.7577.0")));
}

#[test]
fn a_kill_a_pause_and_a_hold_keep_their_reason() {
    let mut book = book();
    let kill = |reason: &str| BookCommand::Kill { scope: StopScope::All, reason: reason.into() };
    assert_eq!(notes(&book, &kill("phones restart"))[0].to_string(), "stopped: all (reason: phones restart)");
    assert_eq!(notes(&book, &kill(""))[0].to_string(), "stopped: all");
    let hold = Hold {
        name: "fair".parse().unwrap(),
        on: HeldDevices::Rule(key(PHONE)),
        until: Some(UnixTime::from_seconds(1_236_359_439)),
        reason: "trade fair".into(),
    };
    assert_eq!(
        notes(&book, &BookCommand::AddHold(hold))[0].to_string(),
        format!(
            "the rule {PHONE} is offered nothing, by the hold fair until 2009-03-06T17:10:39Z (reason: trade fair)"
        )
    );
    let rollout = Rollout::new("wave".parse().unwrap());
    let (rule, version) = (key(PHONE), ucupdate_core::ReportedVersion::new("1.0"));
    make(&mut book, BookCommand::StartRollout { rule, audience: Audience::Everybody, version, rollout });
    let pause = BookCommand::PauseRollout(key(PHONE), "wave".parse().unwrap(), "7 of 40 failed".into());
    assert_eq!(
        notes(&book, &pause)[0].to_string(),
        format!("{PHONE}: rollout wave is paused (reason: 7 of 40 failed)")
    );
}

#[test]
fn a_roll_back_under_a_policy_of_newer_versions_says_that_no_device_goes_back() {
    let mut book = book();
    make(&mut book, BookCommand::SetPolicy(key(PHONE), OfferPolicy::offering(OfferRule::Newer)));
    let kinds: Vec<&str> =
        notes(&book, &BookCommand::RollBack(key(PHONE))).iter().map(|note| note.kind()).collect();
    assert_eq!(kinds, ["rolled-back", "stays-newer"]);
}

#[test]
fn restoring_a_revision_lists_groups_stones_policies_pins_and_pending_versions_that_go() {
    let mut book = book();
    let earlier = book.clone();
    let mut predicate = Predicate::default();
    predicate.side = Some(Side::Internal);
    make(
        &mut book,
        BookCommand::PutGroup(Group { name: "inside".parse().unwrap(), predicate: Some(predicate) }),
    );
    make(&mut book, BookCommand::RemoveStone("ocs-interim".parse().unwrap()));
    make(&mut book, BookCommand::SetPolicy(key(PHONE), OfferPolicy::offering(OfferRule::Newer)));
    let (rule, audience) = (key(PHONE), Audience::Group("inside".parse().unwrap()));
    let version = ucupdate_core::ReportedVersion::new("1.0");
    make(&mut book, BookCommand::Pin { rule, audience, version });
    ingest(&mut book, &package(3, &[(PHONE, "3.0", 3)]));
    let restored = book.restore(&earlier, 4).unwrap();
    let kinds: Vec<&str> = restored.notes.iter().map(Note::kind).collect();
    let expected =
        ["restored", "group-removed", "stone-added", "policy-changed", "unpinned", "nothing-pending"];
    assert_eq!(kinds, expected);
}

#[cfg(feature = "serde")]
#[test]
fn a_note_is_an_object_of_kind_rule_name_from_and_to() {
    let notes = notes(&book(), &BookCommand::RollBack(key(PHONE)));
    assert_eq!(
        serde_json::to_value(&notes[0]).unwrap(),
        serde_json::json!({ "kind": "rolled-back", "rule": PHONE, "name": null, "from": "2.0", "to": "1.0" })
    );
}
