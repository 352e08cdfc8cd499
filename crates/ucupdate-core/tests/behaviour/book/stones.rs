//! Tests of chains of stepping stones, and of stones that are refused.

use crate::fixtures::*;

const GERMAN: &str = "UCPhone/LG-Nortel/IP8540/A/DEU/CPE";

fn version(text: &str) -> FirmwareVersion {
    text.parse().unwrap()
}

fn stone(name: &str, below: &str, by: &str) -> SteppingStone {
    SteppingStone::new(name.parse().unwrap(), "UCPhone/*/*/*/*".parse().unwrap(), version(below), version(by))
}

/// Returns a book with 4.0.7577.0 approved, with a package of 3.5.6907.0, and with the interim image.
fn book() -> RuleBook {
    let mut book = RuleBook::default();
    ingest(&mut book, &with_interim(package(1, &[(PHONE, "3.5.6907.0", 1)]), "ENU", "1.0.522.103"));
    make(&mut book, approve_interim("ENU"));
    ingest(&mut book, &package(2, &[(PHONE, "4.0.7577.0", 2)]));
    make(&mut book, approve(PHONE));
    book
}

#[track_caller]
fn planned(book: &RuleBook, rule: &str, has: &str) -> String {
    let index = EligibilityIndex::compile(book, 1);
    plan(&index, &Question::new(&device(rule), &module(has)), NOW).to_string()
}

#[test]
fn a_chain_of_stones_is_climbed_one_by_one() {
    let mut book = book();
    make(&mut book, BookCommand::AddStone(stone("lync", "3.5.6907.0", "3.5.6907.0")));
    let whole = "1.0.522.34 -> 1.0.522.103 (stepping stone) -> 3.5.6907.0 (stepping stone) -> 4.0.7577.0";
    assert_eq!(planned(&book, PHONE, "1.0.522.34"), whole);
    assert_eq!(planned(&book, PHONE, "3.5.6907.0"), "3.5.6907.0 -> 4.0.7577.0");
    assert_eq!(planned(&book, PHONE, "4.0.7577.0"), "4.0.7577.0, then nothing: the device has 4.0.7577.0");
    assert_eq!(planned(&book, PHONE, "5.0"), "5.0 -> 4.0.7577.0", "nobody steps on his way down");
}

#[test]
fn a_stone_may_be_for_one_model_or_hardware_revision() {
    let mut book = book();
    let mut other = stone("lync", "3.5.6907.0", "3.5.6907.0");
    other.kind.hardware_revision = vec!["B".parse().unwrap()];
    let nowhere = refused(&book, BookCommand::AddStone(other.clone()));
    assert!(
        nowhere.starts_with("no package contains 3.5.6907.0 for any rule of lync: UCPhone/*/*/B/*"),
        "{nowhere}"
    );
    other.kind.hardware_revision = vec!["a".parse().unwrap()];
    make(&mut book, BookCommand::AddStone(other));
    assert!(planned(&book, PHONE, "1.0.522.103").contains("3.5.6907.0 (stepping stone)"));
}

#[test]
fn a_stone_that_leads_in_a_circle_or_that_nobody_comes_to_is_refused() {
    let book = book();
    assert_eq!(
        refused(&book, BookCommand::AddStone(stone("x", "3.5.6907.0", "3.5.6906.9"))),
        "3.5.6906.9 is below 3.5.6907.0, so devices would be offered it again and again; expected 3.5.6907.0 or a later version"
    );
    assert_eq!(
        refused(&book, BookCommand::AddStone(stone("x", "1.0.522.98", "3.5.6907.0"))),
        "the stepping stone would never be used, because ocs-interim: UCPhone/*/*/*/* below 1.0.522.98 goes by 1.0.522.103 is for the same devices; change or remove that one first"
    );
    assert_eq!(
        refused(&book, BookCommand::AddStone(stone("OCS-Interim", "2.0", "3.5.6907.0"))),
        "a stepping stone exists already: ocs-interim: UCPhone/*/*/*/* below 1.0.522.98 goes by 1.0.522.103"
    );
    assert_eq!(refused(&book, BookCommand::RemoveStone("x".parse().unwrap())), "no stepping stone x");
}

#[test]
fn a_stone_whose_image_is_missing_where_a_rule_leads_over_it_is_refused() {
    let mut book = book();
    ingest(&mut book, &package(3, &[(GERMAN, "4.0.7577.0", 3)]));
    assert_eq!(
        refused(&book, BookCommand::AddStone(stone("lync", "3.5.6907.0", "3.5.6907.0"))),
        format!(
            "{GERMAN}: devices below 3.5.6907.0 must install 3.5.6907.0 first, but its image is missing, so they get nothing"
        )
    );
    let mut interim = stone("late", "2.0", "2.0");
    interim.image = StoneImage::Interim;
    interim.kind.vendor = vec!["LG-Nortel".parse().unwrap()];
    interim.kind.model = vec!["IP8540".parse().unwrap()];
    assert_eq!(
        refused(&book, BookCommand::AddStone(interim)),
        "interim image 1.0.522.103 for ENU is below 2.0, so devices would be offered it again and again; expected 2.0 or a later version"
    );
}

#[test]
fn a_rule_written_over_a_missing_stone_says_so_at_once_and_its_devices_never_jump() {
    let mut book = book();
    let notes = ingest(&mut book, &package(3, &[(GERMAN, "4.0.7577.0", 3)]));
    assert_eq!(
        notes[1],
        format!(
            "{GERMAN}: devices below 1.0.522.98 must install 1.0.522.103 first, but its image is missing, so they get nothing; \
             ingest a package with it, or else type `ucupdate stone remove ocs-interim` if no device needs it"
        )
    );
    make(&mut book, approve(GERMAN));
    assert!(planned(&book, GERMAN, "1.0.452.0").contains("no such image exists"));
    assert_eq!(planned(&book, GERMAN, "1.0.522.98"), "1.0.522.98 -> 4.0.7577.0");
}

#[test]
fn stones_of_one_threshold_are_taken_the_narrowest_first() {
    let mut book = book();
    ingest(&mut book, &package(4, &[(PHONE, "3.5.7000.0", 4)]));
    make(&mut book, BookCommand::AddStone(stone("wide", "3.5.6907.0", "3.5.6907.0")));
    let mut narrow = stone("narrow", "3.5.6907.0", "3.5.7000.0");
    narrow.kind.model = vec!["IP8540".parse().unwrap()];
    make(&mut book, BookCommand::AddStone(narrow));
    assert!(planned(&book, PHONE, "1.0.522.103").starts_with("1.0.522.103 -> 3.5.7000.0 (stepping stone)"));
}

#[test]
fn a_device_that_shortens_the_version_of_its_stone_is_past_it() {
    let mut book = RuleBook::default();
    ingest(&mut book, &package(1, &[(PHONE, "3.5.0.0", 1)]));
    ingest(&mut book, &package(2, &[(PHONE, "4.0.7577.0", 2)]));
    make(&mut book, approve(PHONE));
    make(&mut book, BookCommand::AddStone(stone("lync", "3.5.0.0", "3.5.0.0")));
    assert_eq!(planned(&book, PHONE, "3.5"), "3.5 -> 4.0.7577.0");
    assert_eq!(planned(&book, PHONE, "3.5.0"), "3.5.0 -> 4.0.7577.0");
    assert_eq!(planned(&book, PHONE, "1.0.522.98"), "1.0.522.98 -> 3.5.0.0 (stepping stone) -> 4.0.7577.0");
}

#[test]
fn a_target_that_leaves_a_number_out_is_reached_over_the_stones_of_its_release() {
    let mut book = RuleBook::default();
    ingest(&mut book, &package(1, &[(PHONE, "4.0.0.5", 1)]));
    ingest(&mut book, &package(2, &[(PHONE, "4.0", 2)]));
    make(&mut book, approve(PHONE));
    make(&mut book, BookCommand::AddStone(stone("lync", "4.0.0.0", "4.0.0.5")));
    assert_eq!(planned(&book, PHONE, "1.0.522.98"), "1.0.522.98 -> 4.0.0.5 (stepping stone) -> 4.0");
    assert_eq!(
        refused(&book, BookCommand::AddStone(stone("x", "4.0", "4.0.0.5"))),
        "the stepping stone would never be used, because lync: UCPhone/*/*/*/* below 4.0.0.0 goes by 4.0.0.5 is for the same devices; change or remove that one first"
    );
}

#[test]
fn other_bytes_of_a_stone_s_version_are_refused_since_everybody_would_get_them_unapproved() {
    let mut book = book();
    make(&mut book, BookCommand::AddStone(stone("lync", "3.5.6907.0", "3.5.6907.0")));
    assert_eq!(state(&book, PHONE), "- 4.0.7577.0 -", "no assignment is of the stone's version");
    let other = package(7, &[(PHONE, "3.5.6907", 7)]);
    assert_eq!(
        book.ingest(&other).unwrap_err().to_string(),
        format!("{PHONE}: 3.5.6907 is kept already, with other bytes (from package 010101010101)")
    );
    // An image with the same bytes in another package is the same image.
    ingest(&mut book, &package(8, &[(PHONE, "3.5.6907.0", 1)]));
    make(&mut book, BookCommand::RemoveStone("lync".parse().unwrap()));
    assert!(book.ingest(&other).is_err(), "its package is kept all the same");
}

#[test]
fn a_plan_goes_on_from_a_stone_to_a_target_that_only_an_exact_rule_tells_apart() {
    let mut book = RuleBook::default();
    ingest(&mut book, &package(1, &[(PHONE, "3.5.6907", 1)]));
    make(&mut book, BookCommand::Reject(key(PHONE)));
    make(&mut book, BookCommand::AddStone(stone("lync", "3.5.6907.0", "3.5.6907.0")));
    let mut policy = OfferPolicy::default();
    policy.same_release = SameRelease::Exact;
    make(&mut book, BookCommand::SetPolicy(key(PHONE), policy));
    ingest(&mut book, &package(0, &[(PHONE, "3.5.6907.0", 1)]));
    make(&mut book, approve(PHONE));
    assert_eq!(planned(&book, PHONE, "2.0"), "2.0 -> 3.5.6907 (stepping stone) -> 3.5.6907.0");
}

#[test]
fn in_a_new_store_only_the_kinds_of_the_original_package_step_by_the_interim_image() {
    let mut book = RuleBook::of_new_store();
    let kinds = [
        ("UCPhone/LG-Nortel/IP8540/A/ENU/CPE", true),
        ("UCPhone/Polycom/CX700/A/ENU/CPE", true),
        ("UCPhone/Microsoft/CPE/A/ENU/CPE", true),
        ("UCPhone/Polycom/CX600/A/ENU/CPE", false),
        ("UCPhone/Polycom/VVX500/A/ENU/CPE", false),
        ("UCPhone/Crestron/UC-P10-T/A/ENU/CPE", false),
        ("UCPhone/Poly/CCX400/A/ENU/CPE", false),
    ];
    let releases: Vec<_> = kinds.iter().map(|(rule, _)| (*rule, "4.0.7577.0", 2)).collect();
    ingest(&mut book, &with_interim(package(1, &releases), "ENU", "1.0.522.103"));
    make(&mut book, BookCommand::Approve(kinds.iter().map(|(rule, _)| key(rule)).collect()));
    for (rule, steps) in kinds {
        for installed in ["0.0.0.0", "1.0.0.80", "1.0.0.0200"] {
            let way = planned(&book, rule, installed);
            assert_eq!(way.contains("1.0.522.103 (stepping stone)"), steps, "{rule} {installed}: {way}");
            assert!(way.ends_with("4.0.7577.0"), "{rule} {installed}: {way}");
        }
    }
}

#[test]
fn a_stone_whose_image_is_banned_already_says_so_when_it_is_added_or_changed() {
    let mut book = book();
    let scope = "UCPhone/LG-Nortel 3.5.6907.0".parse().unwrap();
    make(&mut book, BookCommand::Ban(ucupdate_core::book::Ban::new(scope, "it bricks phones")));
    let by_banned = stone("late", "3.0", "3.5.6907.0");
    let notes = make(&mut book, BookCommand::AddStone(by_banned.clone()));
    let banned = "the image of the stepping stone late is banned";
    assert!(notes[1].contains(banned), "{notes:?}");
    let mut changed = by_banned;
    changed.below = version("2.0");
    let change = BookCommand::ReplaceStone { name: "late".parse().unwrap(), stones: vec![changed] };
    let notes = make(&mut book, change);
    assert!(notes[1].contains(banned), "{notes:?}");
}
