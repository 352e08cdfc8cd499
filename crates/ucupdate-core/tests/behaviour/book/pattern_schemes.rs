//! Tests of the version schemes of patterns: the rules that get them, and the notes about them.

use crate::fixtures::*;

const P420: &str = "UCPhone/AudioCodes/420HD/A/ENU/CPE";
const P440: &str = "UCPhone/AudioCodes/440HD/A/ENU/CPE";

fn put(rules: &str, scheme: &str) -> BookCommand {
    BookCommand::PutScheme(PatternScheme::new(rules.parse().unwrap(), scheme.parse().unwrap()))
}

fn remove(rules: &str) -> BookCommand {
    BookCommand::RemoveScheme(rules.parse().unwrap())
}

fn own(rule: &str, scheme: &str) -> BookCommand {
    let mut policy = OfferPolicy::default();
    policy.scheme = scheme.parse().unwrap();
    BookCommand::SetPolicy(key(rule), policy)
}

fn scheme(book: &RuleBook, rule: &str) -> String {
    book.rule(&key(rule)).unwrap().policy().scheme.to_string()
}

fn book() -> RuleBook {
    let mut book = RuleBook::of_new_store();
    ingest(&mut book, &package(1, &[(P420, "2.0.1.44.9", 1), (P440, "3.0.0.459.1", 2)]));
    make(&mut book, BookCommand::Approve(vec![key(P420), key(P440)]));
    book
}

#[test]
fn a_pattern_gives_its_scheme_to_the_rules_that_are_there_and_says_which() {
    let mut book = book();
    let notes = make(&mut book, put("UCPhone/AudioCodes/*", "numeric"));
    assert_eq!(
        notes,
        [
            "version scheme of UCPhone/AudioCodes/*/*/*/*: numeric".to_owned(),
            format!("{P420}: policy scheme changed from dotnet to numeric"),
            format!("{P440}: policy scheme changed from dotnet to numeric"),
        ]
    );
    assert_eq!(make(&mut book, put("ucphone/audiocodes", "numeric")), [""; 0], "nothing changes");
    let notes = make(&mut book, put("ucphone/audiocodes", "prefixed:UC*HD_"));
    assert_eq!(notes[0], "version scheme of ucphone/audiocodes/*/*/*/*: prefixed:UC*HD_; before: numeric");
    assert_eq!(book.settings().schemes.len(), 1, "case does not make another pattern");
    let notes = make(&mut book, remove("UCPhone/AudioCodes"));
    assert_eq!(
        notes[..2],
        [
            "the version scheme of UCPhone/AudioCodes/*/*/*/* is removed; it was prefixed:UC*HD_".to_owned(),
            format!("{P420}: policy scheme changed from prefixed:UC*HD_ to dotnet"),
        ]
    );
    assert!(book.settings().schemes.is_empty());
    assert_eq!(refused(&book, remove("UCPhone")), "no version scheme is set for UCPhone/*/*/*/*/*");
}

#[test]
fn a_rule_that_is_made_later_reads_its_first_version_in_the_scheme_of_its_pattern() {
    let mut book = RuleBook::of_new_store();
    make(&mut book, put("UCPhone/AudioCodes/*", "numeric"));
    let notes = ingest(&mut book, &package(1, &[(P420, "2.0.1.44.9", 1)]));
    let taken = format!("{P420}: versions are read as numeric, the scheme of UCPhone/AudioCodes/*/*/*/*");
    assert!(notes.contains(&taken), "{notes:?}");
    let refused = book.ingest(&package(2, &[(P420, "2.0.1.44.09", 2)])).unwrap_err().to_string();
    assert!(refused.contains("2.0.1.44.09 is pending already, with other bytes"), "{refused}");
    let rebuilt = book.rebuild(&[package(3, &[(P440, "3.0.0.459.1", 3)])]);
    assert!(rebuilt.delta.rules[0].now.as_ref().unwrap().policy().scheme == VersionScheme::Numeric);
}

#[test]
fn the_most_exact_pattern_gives_the_scheme_and_a_rule_of_its_own_keeps_its_own() {
    let mut book = book();
    make(&mut book, put("UCPhone/AudioCodes/420HD", "prefixed:UC*HD_"));
    let notes = make(&mut book, put("UCPhone/AudioCodes/*", "numeric"));
    assert_eq!((scheme(&book, P420), scheme(&book, P440)), ("prefixed:UC*HD_".into(), "numeric".into()));
    assert!(!notes.iter().any(|note| note.contains("420HD")), "{notes:?}");
    make(&mut book, remove("UCPhone/AudioCodes/420HD"));
    assert_eq!(scheme(&book, P420), "numeric", "the next pattern takes over");

    make(&mut book, own(P440, "dotnet"));
    let notes = make(&mut book, put("UCPhone/AudioCodes", "prefixed:x."));
    let kept = format!(
        "{P440}: keeps its own version scheme dotnet; `ucupdate policy set {P440} --scheme SCHEME` changes it"
    );
    assert!(notes.contains(&kept), "{notes:?}");
    assert_eq!((scheme(&book, P420), scheme(&book, P440)), ("prefixed:x.".into(), "dotnet".into()));
}

#[test]
fn a_version_that_the_new_scheme_cannot_read_is_named_with_its_role() {
    let mut book = RuleBook::of_new_store();
    ingest(&mut book, &package(1, &[(P440, "UC440HD_2.0.3.21", 1)]));
    make(&mut book, approve(P440));
    ingest(&mut book, &package(2, &[(P440, "3.0.0.459.1", 2)]));
    let unreadable = format!(
        "{P440}: the version scheme `numeric` cannot read UC440HD_2.0.3.21, which is approved; it has no order, and equals \
         only the same text; `ucupdate policy set {P440} --scheme prefixed:UC440HD_` reads it"
    );
    assert!(make(&mut book.clone(), put("*", "numeric")).contains(&unreadable));
    assert!(make(&mut book.clone(), own(P440, "numeric")).contains(&unreadable));
    make(&mut book, own(P440, "numeric"));
    let back = make(&mut book, own(P440, "dotnet"));
    assert!(
        back.iter().any(|note| note.contains("`dotnet` cannot read 3.0.0.459.1, which is pending")),
        "{back:?}"
    );
}

#[test]
fn a_scheme_that_makes_one_release_of_two_images_of_a_rule_is_refused_with_both_named() {
    let mut book = RuleBook::of_new_store();
    ingest(&mut book, &package(1, &[(P420, "2.0.1.44.9", 1)]));
    ingest(&mut book, &package(2, &[(P420, "2.0.1.44.09", 2)]));
    let expected = format!(
        "{P420}: 2.0.1.44.9 and 2.0.1.44.09 have different bytes, but would be one release in the version scheme `numeric`, so a \
         device with one of them would never be offered the other; first let no rule use the wrong one, and remove its package \
         with `ucupdate gc`"
    );
    assert_eq!(refused(&book, put("*", "numeric")), expected);
    assert_eq!(refused(&book, own(P420, "numeric")), expected);
}

#[test]
fn two_unused_versions_that_become_one_release_with_other_bytes_are_named() {
    let mut book = RuleBook::of_new_store();
    ingest(&mut book, &package(1, &[(P420, "2.0.1.44.9", 1)]));
    ingest(&mut book, &package(2, &[(P420, "2.0.1.44.09", 2)]));
    make(&mut book, BookCommand::Reject(key(P420)));
    let notes = make(&mut book, put("*", "numeric"));
    assert!(
        notes
            .iter()
            .any(|note| note.contains("2.0.1.44.9 and 2.0.1.44.09 have different bytes but are one release")),
        "{notes:?}"
    );
}

#[test]
fn a_floor_or_minimum_that_the_new_scheme_cannot_read_refuses_it() {
    let mut book = book();
    let mut policy = OfferPolicy::default();
    policy.scheme = VersionScheme::Numeric;
    policy.floor = Some(VersionScheme::Numeric.read("3.0.0.459.1").unwrap());
    make(&mut book, BookCommand::SetPolicy(key(P440), policy.clone()));
    policy.scheme = VersionScheme::Dotnet;
    assert_eq!(
        refused(&book, BookCommand::SetPolicy(key(P440), policy)),
        format!(
            "{P440}: the version scheme `dotnet` cannot read the floor 3.0.0.459.1; set another floor, or `none`, together \
             with the scheme"
        )
    );
}

#[test]
fn restoring_a_revision_lists_the_schemes_that_come_and_go() {
    let before = book();
    let mut book = before.clone();
    make(&mut book, put("UCPhone/AudioCodes", "numeric"));
    let kinds = |outcome: BookChange| outcome.notes.iter().map(Note::kind).collect::<Vec<_>>();
    let back = book.restore(&before, 1).unwrap();
    assert_eq!(kinds(back), ["restored", "scheme-removed", "policy-changed", "policy-changed"]);
    let forth = before.restore(&book, 2).unwrap();
    assert_eq!(kinds(forth), ["restored", "scheme-set", "policy-changed", "policy-changed"]);
}

#[test]
fn the_package_of_a_stone_is_kept_by_the_scheme_of_its_rule() {
    let mut book = RuleBook::of_new_store();
    make(&mut book, put("*", "numeric"));
    ingest(&mut book, &package(1, &[(P420, "2.0.1.44.09", 1)]));
    make(&mut book, approve(P420));
    for (id, version) in [(2, "3.0"), (3, "4.0")] {
        ingest(&mut book, &package(id, &[(P420, version, id)]));
        make(&mut book, approve(P420));
    }
    let by = VersionScheme::Numeric.read("2.0.1.44.9").unwrap();
    let kind = "UCPhone/*/*/*/*".parse().unwrap();
    make(&mut book, BookCommand::AddStone(SteppingStone::new("two".parse().unwrap(), kind, by.clone(), by)));
    let id = package(1, &[]).id();
    assert_eq!(
        refused(&book, BookCommand::Retire(vec![id])),
        format!("package {id} is in use by a rule, an interim image or a stepping stone, so it is kept")
    );
}

/// Checks the 64 versions that known devices and images report, each with the schemes that can read it.
#[test]
#[cfg_attr(miri, ignore = "reads 64 versions with 6 schemes, too many for Miri")]
fn every_version_of_the_field_is_read_by_a_scheme_or_stays_unreadable() {
    let schemes = ["dotnet", "numeric", "prefixed:*_", "prefixed:x.", "prefixed:1449/", "prefixed:CD-*Y."];
    let all = |numbers: &'static str| [Some(numbers); 6];
    let dotted = [
        "1.0.199.123",
        "1.0.522.73",
        "1.0.522.101",
        "3.5.6907.187",
        "4.0.7423.1",
        "4.0.7577.4066",
        "4.0.7577.4363",
        "4.0.7577.4366",
        "4.0.7577.4372",
        "4.0.7577.4387",
        "4.0.7577.4444",
        "4.0.7577.4463",
        "4.1.0.84959",
        "4.1.4.7430",
        "4.1.2.25646",
        "5.3.0.12074",
        "5.4.0.5841",
        "5.5.1.11526",
        "5.5.2.11338",
        "5.8.0.12848",
        "5.9.0.9373",
        "5.9.3.6155",
        "5.9.12.1122",
        "3.1.2.89",
        "3.0.4.120",
        "1.8.293",
        "7.7.0.26",
        "35.7.0.26",
        "28.8.1.52",
        "35.8.1.52",
        "66.9.0.23",
        "73.8.0.27",
        "58.15.0.20",
        "58.15.0.36",
        "58.15.0.45",
        "122.15.0.33",
        "2.73.0.50",
        "51.80.0.75",
        "55.66.91.11",
        "1.0.0.80",
        "1.0.4.57",
        "8.7.2.13",
        "3.6.0.350035",
    ];
    let plain = dotted.map(|version| (version, all(version)));
    let zeros = [
        ("1.0.0.0200", all("1.0.0.200")),
        ("1.003.0082", all("1.3.82")),
        ("4.6.0.0008", all("4.6.0.8")),
        ("06.02.00.01", all("6.2.0.1")),
    ];
    let numeric = |numbers: &'static str| {
        let mut read = all(numbers);
        read[0] = None;
        read
    };
    let not_dotnet = [
        ("3.0.0.459.1", numeric("3.0.0.459.1")),
        ("1.2.0.21102.03", numeric("1.2.0.21102.3")),
        ("1.2.2.21182.10", numeric("1.2.2.21182.10")),
        ("2.12.15.1.23", numeric("2.12.15.1.23")),
        ("2.12.23.0.1", numeric("2.12.23.0.1")),
        ("268768615", numeric("268768615")),
        ("6168", numeric("6168")),
    ];
    let only = |at: usize, numbers: &'static str| {
        let mut read = [None; 6];
        read[at] = Some(numbers);
        read
    };
    let prefixed = [
        ("UC420HD_2.0.1.44.9", only(2, "2.0.1.44.9")),
        ("UC440HD_2.0.3.21", only(2, "2.0.3.21")),
        ("UC430HD_2.0.3.19", only(2, "2.0.3.19")),
        ("UC440HD_3.1.3.144.18", only(2, "3.1.3.144.18")),
        ("UCC450HD_3.2.0.1003.61", only(2, "3.2.0.1003.61")),
        ("C450HD_TEAMS_1.14.500", only(2, "1.14.500")),
        ("x.8.1.62", only(3, "8.1.62")),
        ("X.8.1.52", only(3, "8.1.52")),
        ("1449/1.0.94.2022011305", only(4, "1.0.94.2022011305")),
        ("CD-18781Y.200410.067", only(5, "200410.67")),
    ];
    let unreadable = [
        ".0.522",
        "4.1.0. 84792",
        "5.4.0A",
        "PCS13Eb",
        "1.0.0.202103160138.product (256)",
        "8.5.0-minimal",
        "24.10.0-rc6",
    ];
    let unreadable = unreadable.map(|version| (version, [None; 6]));
    for (version, expected) in
        plain.into_iter().chain(zeros).chain(not_dotnet).chain(prefixed).chain(unreadable)
    {
        for (scheme, expected) in schemes.into_iter().zip(expected) {
            let read: VersionScheme = scheme.parse().unwrap();
            let numbers = read.read(version).ok().map(|read| {
                let parts: Vec<String> = read.parts().map(|part| part.to_string()).collect();
                parts.join(".")
            });
            assert_eq!(numbers.as_deref(), expected, "{version} in {scheme}");
            let mut book = RuleBook::of_new_store();
            make(&mut book, put("*", scheme));
            ingest(&mut book, &package(1, &[(P420, version, 1)]));
            make(&mut book, approve(P420));
            let index = EligibilityIndex::compile(&book, 1);
            let answer = |installed: &str| {
                decide(&index, &Question::new(&device(P420), &module(installed)), NOW).to_string()
            };
            assert_eq!(answer(version), format!("nothing: the device has {version}"), "{scheme}");
            let is_offered = answer("0.0.0.0").starts_with("offer");
            assert!(
                is_offered,
                "a version is offered to a device without one, also where it has no order: {version}"
            );
        }
    }
}

#[test]
fn an_older_version_of_five_parts_is_not_offered_as_newer_and_leading_zeros_end_in_no_circle() {
    let mut book = book();
    make(&mut book, put("UCPhone/AudioCodes/*", "numeric"));
    let mut newer = book.rule(&key(P440)).unwrap().policy().clone();
    newer.offer = OfferRule::Newer;
    make(&mut book, BookCommand::SetPolicy(key(P440), newer));
    let index = EligibilityIndex::compile(&book, 1);
    let answer = |rule: &str, installed: &str| {
        decide(&index, &Question::new(&device(rule), &module(installed)), NOW).to_string()
    };
    assert_eq!(answer(P440, "3.0.0.500.9"), "nothing: 3.0.0.459.1 is not newer than what the device has");
    assert_eq!(answer(P420, "2.0.1.44.09"), "nothing: the device has 2.0.1.44.9");
}
