//! Tests of the version schemes of rules: order, same release, floor, minimum, stones, groups and plans use them.

use crate::fixtures::*;

const AUDIOCODES: &str = "UCPhone/AudioCodes/440HD/A/ENU/CPE";

fn policy(scheme: &str) -> OfferPolicy {
    let mut policy = OfferPolicy::default();
    policy.scheme = scheme.parse().unwrap();
    policy
}

fn read(scheme: &str, version: &str) -> FirmwareVersion {
    scheme.parse::<VersionScheme>().unwrap().read(version).unwrap()
}

/// Returns a book with this policy, in which `earlier` is known and `version` is approved.
fn book(earlier: &str, version: &str, policy: OfferPolicy) -> RuleBook {
    let mut book = RuleBook::default();
    ingest(&mut book, &package(1, &[(AUDIOCODES, earlier, 1)]));
    ingest(&mut book, &package(2, &[(AUDIOCODES, version, 2)]));
    make(&mut book, BookCommand::SetPolicy(key(AUDIOCODES), policy));
    make(&mut book, approve(AUDIOCODES));
    book
}

fn answer(book: &RuleBook, installed: &str) -> String {
    let index = EligibilityIndex::compile(book, 1);
    decide(&index, &Question::new(&device(AUDIOCODES), &module(installed)), NOW).to_string()
}

#[test]
fn newer_is_newer_in_the_scheme_of_the_rule() {
    let mut newer = policy("numeric");
    newer.offer = OfferRule::Newer;
    let book = book("3.0.0.1.1", "3.0.0.459.1", newer);
    assert_eq!(
        answer(&book, "3.0.0.500.9"),
        "nothing: 3.0.0.459.1 is not newer than what the device has",
        "a device is not taken down"
    );
    assert!(answer(&book, "3.0.0.458.99").starts_with("offer 3.0.0.459.1"));
    assert!(answer(&book, "3.0.0").starts_with("offer 3.0.0.459.1"), "a missing part is zero");
}

#[test]
fn leading_zeros_do_not_make_another_release() {
    let book = book("1.0", "2.0.1.44.9", policy("numeric"));
    assert_eq!(answer(&book, "2.0.1.44.09"), "nothing: the device has 2.0.1.44.9");
    assert_eq!(answer(&book, "02.0.1.44.9.0"), "nothing: the device has 2.0.1.44.9");
}

#[test]
fn a_prefix_is_dropped_and_compared_only_where_that_is_asked_for() {
    let free = book("1.0", "UC440HD_3.1.3.144.18", policy("prefixed:UC*HD_"));
    assert_eq!(answer(&free, "UC430HD_3.1.3.144.18"), "nothing: the device has UC440HD_3.1.3.144.18");
    assert_eq!(answer(&free, "3.1.3.144.18"), "nothing: the device has UC440HD_3.1.3.144.18");
    assert!(answer(&free, "UC440HD_3.1.2.89").starts_with("offer UC440HD_3.1.3.144.18"));
    let same = book("1.0", "UC440HD_3.1.3.144.18", policy("prefixed-same:UC*HD_"));
    assert_eq!(
        answer(&same, "UC430HD_3.1.3.144.18"),
        "nothing: the installed version cannot be read, so UC440HD_3.1.3.144.18 is not offered"
    );
}

#[test]
fn what_the_scheme_cannot_read_keeps_its_own_outcome_and_says_which_scheme() {
    let book = book("1.0", "5.4.0.1.2", policy("numeric"));
    assert!(answer(&book, "5.4.0A").starts_with("nothing: the installed version cannot be read"));
    let index = EligibilityIndex::compile(&book, 1);
    let trace = Trace::of(&index, &Question::new(&device(AUDIOCODES), &module("5.4.0A")), NOW).to_string();
    assert!(trace.contains("the version scheme `numeric` cannot read \"5.4.0A\""), "{trace}");
}

#[test]
fn floor_and_minimum_are_read_by_the_scheme() {
    let mut floored = policy("numeric");
    floored.floor = Some(read("numeric", "3.0.0.459.2"));
    let book_with_floor = book("1.0", "3.0.0.459.1", floored);
    assert_eq!(
        answer(&book_with_floor, "3.0.0.500.9"),
        "nothing: 3.0.0.459.1 is older than what the device has, and below the floor 3.0.0.459.2"
    );
    let mut least = policy("numeric");
    least.minimum = Some(read("numeric", "3.0.0.400.5"));
    least.window = Some("daily 01:00-01:01".parse().unwrap());
    let book_with_minimum = book("1.0", "3.0.0.459.1", least);
    assert!(answer(&book_with_minimum, "3.0.0.400.4").starts_with("offer"), "too old to wait for the window");
    assert!(answer(&book_with_minimum, "3.0.0.400.5").contains("outside the window"));
}

#[test]
fn a_stone_of_five_parts_is_stepped_on_and_planned() {
    let mut book = book("2.0.1.44.9", "3.0.0.459.1", policy("numeric"));
    let stone = SteppingStone::new(
        "audiocodes-2".parse().unwrap(),
        "UCPhone/*/*/*/*".parse().unwrap(),
        read("numeric", "2.0.1.44.9"),
        read("numeric", "2.0.1.44.09"),
    );
    make(&mut book, BookCommand::AddStone(stone));
    let index = EligibilityIndex::compile(&book, 1);
    let way = |installed: &str| {
        plan(&index, &Question::new(&device(AUDIOCODES), &module(installed)), NOW).to_string()
    };
    assert_eq!(way("2.0.1.44.8"), "2.0.1.44.8 -> 2.0.1.44.9 (stepping stone) -> 3.0.0.459.1");
    assert_eq!(way("2.0.1.44.09"), "2.0.1.44.09 -> 3.0.0.459.1");
}

#[test]
fn a_group_by_installed_version_reads_it_by_the_scheme_of_the_rule() {
    let mut book = book("1.0", "2.0.1.44.9", policy("numeric"));
    ingest(&mut book, &package(3, &[(AUDIOCODES, "3.0.0.459.1", 3)]));
    let mut predicate = Predicate::default();
    predicate.installed = Some("<2.0.1.44.9".parse().unwrap());
    make(
        &mut book,
        BookCommand::PutGroup(Group { name: "old".parse().unwrap(), predicate: Some(predicate) }),
    );
    let audience = Audience::Group("old".parse().unwrap());
    let version = ReportedVersion::new("3.0.0.459.1");
    make(&mut book, BookCommand::Pin { rule: key(AUDIOCODES), audience, version });
    assert!(answer(&book, "2.0.1.44.8").starts_with("offer 3.0.0.459.1"));
    assert!(answer(&book, "2.0.1.44.09").starts_with("nothing: the device has 2.0.1.44.9"));
    assert_eq!(answer(&book, "3.0.0.459.01"), "nothing: the device has 3.0.0.459.1", "it stays in the group");
}

#[test]
fn the_same_release_with_other_bytes_is_refused_however_it_is_spelt() {
    let book = book("1.0", "2.0.1.44.9", policy("numeric"));
    let refused = book.ingest(&package(3, &[(AUDIOCODES, "2.0.1.44.09", 3)])).unwrap_err().to_string();
    assert!(refused.contains("2.0.1.44.09 is approved already, with other bytes"), "{refused}");
}

#[test]
fn approving_what_is_older_in_the_scheme_says_so() {
    let mut book = book("1.0", "3.0.0.500.9", policy("numeric"));
    ingest(&mut book, &package(3, &[(AUDIOCODES, "3.0.0.459.1", 3)]));
    let notes = make(&mut book, approve(AUDIOCODES));
    assert!(notes[0].contains("older than 3.0.0.500.9"), "{notes:?}");
}

#[test]
fn each_rule_has_its_own_scheme_however_many_schemes_there_are() {
    let rules: Vec<String> = (0..300).map(|n| format!("UCPhone/Contoso/M{n}/A/ENU/CPE")).collect();
    let versions: Vec<String> = (0..300).map(|n| format!("M{n}-2.0")).collect();
    let releases: Vec<_> =
        rules.iter().zip(&versions).map(|(rule, version)| (&**rule, &**version, 1)).collect();
    let mut book = RuleBook::default();
    ingest(&mut book, &package(1, &releases));
    for (number, rule) in rules.iter().enumerate() {
        make(&mut book, BookCommand::SetPolicy(key(rule), policy(&format!("prefixed:M{number}-"))));
        make(&mut book, approve(rule));
    }
    let index = EligibilityIndex::compile(&book, 1);
    for (number, rule) in rules.iter().enumerate() {
        let installed = module(&format!("M{number}-1.9"));
        let decision = decide(&index, &Question::new(&device(rule), &installed), NOW).to_string();
        assert!(decision.starts_with(&format!("offer M{number}-2.0")), "{rule}: {decision}");
        let installed = module(&format!("M{number}-2.0.0.0.0"));
        let decision = decide(&index, &Question::new(&device(rule), &installed), NOW).to_string();
        assert_eq!(decision, format!("nothing: the device has M{number}-2.0"));
    }
}
