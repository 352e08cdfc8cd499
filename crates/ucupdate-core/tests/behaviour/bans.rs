//! Tests of bans and aliases.

use crate::fixtures::*;
use ucupdate_core::book::*;
use ucupdate_core::decide::*;
use ucupdate_core::request::*;
use ucupdate_core::value::*;
use ucupdate_core::version::*;

const NOW: UnixTime = UnixTime::from_seconds(1_236_359_439);
const VVX: &str = "UCPhone/Polycom/VVX500/A/ENU/CPE";

fn ban(scope: &str) -> BookCommand {
    BookCommand::Ban(Ban::new(scope.parse().unwrap(), "it bricks phones"))
}

fn answer(book: &RuleBook, rule: &str, installed: &str) -> String {
    let index = EligibilityIndex::compile(book, 1);
    decide(&index, &Question::new(&device(rule), &module(installed)), NOW).to_string()
}

/// Returns a book with 5.4.0.1 approved and 5.5.0.1 pending.
fn book() -> RuleBook {
    let mut book = RuleBook::default();
    ingest(&mut book, &package(1, &[(VVX, "5.4.0.1", 1)]));
    make(&mut book, BookCommand::Approve(vec![key(VVX)]));
    ingest(&mut book, &package(2, &[(VVX, "5.5.0.1", 2)]));
    book
}

#[test]
fn a_banned_version_is_offered_to_nobody_not_even_to_test_devices() {
    let mut book = book();
    make(&mut book, BookCommand::AddTestDevice(test_device("lab")));
    assert!(answer(&book, VVX, "5.0.0.1").starts_with("offer 5.5.0.1"));
    let notes = make(&mut book, ban("UCPhone/Polycom/VVX* 5.5.0.1"));
    assert!(notes[1].contains("5.5.0.1 for the test devices is banned"), "{notes:?}");
    assert_eq!(
        answer(&book, VVX, "5.0.0.1"),
        "nothing: 5.5.0.1 is banned by UCPhone/Polycom/VVX*/*/*/* 5.5.0.1: it bricks phones"
    );
    make(&mut book, BookCommand::LiftBan("UCPhone/Polycom/VVX* 5.5.0.1".parse().unwrap()));
    assert!(answer(&book, VVX, "5.0.0.1").starts_with("offer 5.5.0.1"));
}

#[test]
fn a_banned_image_is_not_offered_under_another_version_or_rule() {
    let mut book = book();
    make(&mut book, ban(&format!("sha256:{}", "01".repeat(32))));
    assert!(answer(&book, VVX, "5.0.0.1").contains("5.4.0.1 is banned"));
    let other = VVX.replace("VVX500", "VVX600");
    let notes = ingest(&mut book, &package(3, &[(&other, "9.9.9.9", 1)]));
    assert!(notes[0].contains("9.9.9.9 is banned by sha256:0101"), "{notes:?}");
    assert_eq!(state(&book, &other), "no rule");
}

#[test]
fn every_way_to_give_a_banned_version_is_refused() {
    let mut book = book();
    make(&mut book, BookCommand::Approve(vec![key(VVX)]));
    make(&mut book, ban("UCPhone/Polycom 5.4.0.1"));
    let version = ReportedVersion::new("5.4.0.1");
    let audience = Audience::Device(test_device("x").id);
    let rollout = Rollout::new("wave".parse().unwrap());
    for command in [
        BookCommand::RollBack(key(VVX)),
        BookCommand::ApproveVersion { rule: key(VVX), version: version.clone() },
        BookCommand::Pin { rule: key(VVX), audience, version: version.clone() },
        BookCommand::StartRollout { rule: key(VVX), audience: Audience::Everybody, version, rollout },
        ban("UCPhone/Polycom 5.4.0.1"),
    ] {
        let refused = refused(&book, command.clone());
        assert!(refused.contains("is banned"), "{command:?}: {refused}");
    }
    assert_eq!(state(&book, VVX), "- 5.5.0.1 5.4.0.1");
}

#[test]
fn a_ban_outlives_the_next_ingest_and_a_roll_back_to_an_earlier_revision() {
    let mut book = book();
    let earlier = book.clone();
    make(&mut book, ban("* 5.5.0.1"));
    make(&mut book, BookCommand::Reject(key(VVX)));
    let notes = ingest(&mut book, &package(4, &[(VVX, "5.5.0.1", 2)]));
    assert!(notes[0].contains("5.5.0.1 is banned"), "{notes:?}");
    let restored = book.restore(&earlier, 1).unwrap();
    book.apply(&restored.delta);
    assert_eq!(state(&book, VVX), "5.5.0.1 5.4.0.1 -");
    make(&mut book, BookCommand::AddTestDevice(test_device("lab")));
    assert!(answer(&book, VVX, "5.0.0.1").contains("5.5.0.1 is banned"));
}

#[test]
fn a_banned_stepping_stone_says_so() {
    let mut book = RuleBook::default();
    ingest(&mut book, &with_interim(package(1, &[(PHONE, "3.5.6907.0", 1)]), "ENU", "1.0.522.103"));
    make(&mut book, BookCommand::Approve(vec![key(PHONE)]));
    let notes = make(&mut book, ban("UCPhone/LG-Nortel 1.0.522.103"));
    assert!(notes[1].contains("the image of the stepping stone ocs-interim is banned"), "{notes:?}");
    assert_eq!(
        answer(&book, PHONE, "1.0.522.34"),
        "nothing: devices below 1.0.522.98 go by 1.0.522.103 first, and that image is banned by \
         UCPhone/LG-Nortel/*/*/*/* 1.0.522.103: it bricks phones"
    );
    assert!(answer(&book, PHONE, "1.0.522.103").starts_with("offer 3.5.6907.0"));
}

fn alias(field: &str, word: &str, stands_for: &str) -> Alias {
    Alias::new(field.parse().unwrap(), word.parse().unwrap(), stands_for.parse().unwrap())
}

#[test]
fn a_device_is_known_by_an_alias_of_its_model_and_the_explanation_names_it() {
    let mut book = book();
    let reported = VVX.replace("VVX500", "VVX 500");
    assert_eq!(answer(&book, &reported, "5.0.0.1"), "nothing: no rule is for such a device");
    make(&mut book, BookCommand::PutAlias(alias("model", "vvx 500", "VVX500")));
    assert!(answer(&book, &reported, "5.0.0.1").starts_with("offer 5.4.0.1"));
    let index = EligibilityIndex::compile(&book, 1);
    let trace = Trace::of(&index, &Question::new(&device(&reported), &module("5.0")), NOW).to_string();
    assert!(trace.contains("alias: model vvx 500 stands for VVX500"), "{trace}");
}

#[test]
fn several_aliases_hold_at_once_and_only_within_their_pattern() {
    let mut book = book();
    let revision = alias("hardware-revision", "B", "A").within("UCPhone/Polycom".parse().unwrap());
    make(&mut book, BookCommand::PutAlias(revision));
    make(&mut book, BookCommand::PutAlias(alias("vendor", "POLYCOM INC", "Polycom")));
    assert!(answer(&book, &VVX.replace("/A/", "/B/"), "5.0").starts_with("offer"));
    let both = "UCPhone/Polycom Inc/VVX500/B/ENU/CPE";
    assert_eq!(
        answer(&book, both, "5.0"),
        "nothing: no rule is for such a device",
        "the pattern is matched with the words that the device reports"
    );
    assert!(answer(&book, "UCPhone/Polycom Inc/VVX500/A/ENU/CPE", "5.0").starts_with("offer"));
}

#[test]
fn a_rule_of_its_own_comes_before_an_alias() {
    let mut book = book();
    let own = VVX.replace("VVX500", "VVX 500");
    ingest(&mut book, &package(5, &[(&own, "6.0.0.0", 5)]));
    make(&mut book, BookCommand::Approve(vec![key(&own)]));
    make(&mut book, BookCommand::PutAlias(alias("model", "VVX 500", "VVX500")));
    assert!(answer(&book, &own, "5.0").starts_with("offer 6.0.0.0"));
}

#[test]
fn bans_and_aliases_come_back_from_a_delta() {
    let mut book = book();
    make(&mut book, ban("UCPhone/Polycom 5.4.0.1"));
    make(&mut book, BookCommand::PutAlias(alias("model", "VVX 500", "VVX500")));
    assert_eq!(RuleBook::of(book.to_delta()), book);
    let key = book.aliases().next().unwrap().reported;
    make(&mut book, BookCommand::RemoveAlias(key.clone()));
    assert_eq!(refused(&book, BookCommand::RemoveAlias(key)), "there is no alias for model VVX 500");
    assert_eq!(
        refused(&book, BookCommand::PutAlias(alias("locale", "ENG", "eng"))),
        "locale ENG stands for eng: a word does not stand for itself"
    );
}
