//! Tests of bans and aliases.

use crate::fixtures::*;

const VVX: &str = "UCPhone/Polycom/VVX500/A/ENU/CPE";

fn ban(scope: &str) -> BookCommand {
    BookCommand::Ban(Ban::new(scope.parse().unwrap(), "it bricks phones"))
}

/// Returns a book with 5.4.0.1 approved and 5.5.0.1 pending.
fn book() -> RuleBook {
    let mut book = RuleBook::default();
    ingest(&mut book, &package(1, &[(VVX, "5.4.0.1", 1)]));
    make(&mut book, approve(VVX));
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
    make(&mut book, approve(VVX));
    make(&mut book, ban("UCPhone/Polycom 5.4.0.1"));
    let version = ReportedVersion::new("5.4.0.1");
    let audience = Audience::Device(test_device("x").id);
    let rollout = rollout("wave");
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
    make(&mut book, BookCommand::Remove(key(VVX)));
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
    make(&mut book, approve(PHONE));
    let notes = make(&mut book, ban("UCPhone/LG-Nortel 1.0.522.103"));
    assert!(notes[1].contains("the image of the stepping stone ocs-interim is banned"), "{notes:?}");
    assert_eq!(
        answer(&book, PHONE, "1.0.522.34"),
        "nothing: devices below 1.0.522.98 must install 1.0.522.103 first, but that image is banned by \
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
    assert_eq!(answer(&book, &reported, "5.0.0.1"), "nothing: no rule matches the device");
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
        "nothing: no rule matches the device",
        "the pattern is matched with the words that the device reports"
    );
    assert!(answer(&book, "UCPhone/Polycom Inc/VVX500/A/ENU/CPE", "5.0").starts_with("offer"));
}

#[test]
fn a_rule_of_its_own_comes_before_an_alias() {
    let mut book = book();
    let own = VVX.replace("VVX500", "VVX 500");
    make(&mut book, BookCommand::PutAlias(alias("model", "VVX 500", "VVX500")));
    let notes = ingest(&mut book, &package(5, &[(&own, "6.0.0.0", 5)]));
    assert_eq!(
        notes[1],
        format!(
            "{own}: devices that report the model VVX 500 have a rule of their own, so they do not use the alias for VVX500"
        )
    );
    make(&mut book, approve(&own));
    assert!(answer(&book, &own, "5.0").starts_with("offer 6.0.0.0"));
}

#[test]
fn an_alias_that_would_never_be_used_is_refused_with_what_was_found() {
    let mut book = book();
    let own = VVX.replace("VVX500", "VVX 600");
    ingest(&mut book, &package(5, &[(&own, "6.0.0.0", 5)]));
    make(&mut book, BookCommand::PutAlias(alias("model", "VVX 500", "VVX500")));
    let within = |alias: Alias, pattern: &str| alias.within(pattern.parse().unwrap());
    for (alias, expected) in [
        (
            alias("model", "vvx 600", "VVX500"),
            format!(
                "model vvx 600 stands for VVX500: the rule {own} is for devices that report vvx 600, so the alias would never \
                 be used; expected a word without a rule; remove that rule first, or limit the alias to other devices with \
                 `--within`"
            ),
        ),
        (
            within(alias("model", "VVX 510", "VVX500"), "UCPhone/Polycom/CX*"),
            "model VVX 510 stands for VVX500 in UCPhone/Polycom/CX*/*/*/*: the pattern does not match devices that report VVX \
             510, so the alias would never be used; expected `*` or VVX 510 as the model of the pattern"
                .to_owned(),
        ),
        (
            alias("model", "VVX-500", "vvx 500"),
            "model VVX-500 stands for vvx 500, but model VVX 500 stands for VVX500: a word is replaced once, so the second \
             alias would not be used after the first one; expected a model that rules have: let VVX-500 stand for VVX500, or \
             remove the other alias first"
                .to_owned(),
        ),
        (
            within(alias("model", "VVX501", "VVX 500"), "UCPhone/Polycom"),
            "model VVX501 stands for VVX 500 in UCPhone/Polycom/*/*/*/*, but model VVX 500 stands for VVX500: a word is \
             replaced once, so the second alias would not be used after the first one; expected a model that rules have: let \
             VVX501 stand for VVX500, or remove the other alias first"
                .to_owned(),
        ),
    ] {
        assert_eq!(refused(&book, BookCommand::PutAlias(alias)), expected);
    }
}

#[test]
fn two_aliases_do_not_stand_for_each_other_unless_they_are_for_different_devices() {
    let mut book = RuleBook::default();
    let polycom = |alias: Alias| alias.within("UCPhone/Polycom".parse().unwrap());
    let notes = make(&mut book, BookCommand::PutAlias(polycom(alias("hardware-revision", "B", "A"))));
    assert!(notes[1].starts_with("no rule for these devices has the hardware revision A yet"), "{notes:?}");
    let swapped = alias("hardware-revision", "a", "b");
    assert_eq!(
        refused(&book, BookCommand::PutAlias(swapped.clone())),
        "hardware revision a stands for b, but hardware revision B stands for A in UCPhone/Polycom/*/*/*/*: a word is \
         replaced once, so the second alias would not be used after the first one; expected only one of the two words to stand \
         for the other; remove the other alias first"
    );
    assert!(
        refused(&book, BookCommand::PutAlias(swapped.clone().within("*/Poly*".parse().unwrap())))
            .contains("once")
    );
    make(&mut book, BookCommand::PutAlias(swapped.within("*/Snom".parse().unwrap())));
    make(&mut book, BookCommand::PutAlias(alias("model", "B", "A")));
}

#[test]
fn an_alias_is_used_where_only_some_rules_have_its_word_and_the_others_are_named() {
    let mut book = book();
    let german = VVX.replace("ENU", "DEU");
    let own = german.replace("VVX500", "VVX 500");
    ingest(&mut book, &package(5, &[(&german, "6.0", 5), (&own, "6.0", 5)]));
    let notes = make(&mut book, BookCommand::PutAlias(alias("model", "VVX 500", "VVX500")));
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[1].starts_with(&german), "{notes:?}");
    assert_eq!(answer(&book, &VVX.replace("VVX500", "VVX 500"), "5.0"), OFFERED);
}

#[test]
fn of_two_aliases_of_one_word_the_one_with_the_more_exact_pattern_is_used() {
    let mut book = book();
    let other = VVX.replace("VVX500", "VVX501");
    ingest(&mut book, &package(5, &[(&other, "6.0.0.0", 5)]));
    make(&mut book, approve(&other));
    make(&mut book, BookCommand::PutAlias(alias("model", "VVX", "VVX501")));
    let polycom = alias("model", "VVX", "VVX500").within("UCPhone/Polycom".parse().unwrap());
    make(&mut book, BookCommand::PutAlias(polycom));
    assert_eq!(answer(&book, &VVX.replace("VVX500", "vvx"), "5.0"), OFFERED);
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

const OFFERED: &str = "offer 5.4.0.1, because it is approved for all devices of this rule";

/// A group of the devices whose kind matches a pattern.
fn group(kind: &str) -> BookCommand {
    let mut predicate = Predicate::default();
    predicate.kind = kind.parse().unwrap();
    BookCommand::PutGroup(Group { name: "room".parse().unwrap(), predicate: Some(predicate) })
}

fn of_group() -> Audience {
    Audience::Group("room".parse().unwrap())
}

fn hold_of_group() -> BookCommand {
    let (name, on) = ("fair".parse().unwrap(), HeldDevices::Group("room".parse().unwrap()));
    BookCommand::AddHold(Hold { name, on, until: None, reason: "trade fair".into() })
}

#[test]
fn a_device_that_is_known_by_an_alias_is_in_the_group_of_its_rule_and_in_that_of_its_own_words() {
    let reported = "ucphone/POLYCOM Inc/vvx 500/B/ENU/CPE";
    let aliases = [
        alias("model", "VVX 500", "VVX500"),
        alias("vendor", "Polycom Inc", "Polycom"),
        alias("hardware-revision", "B", "A").within("UCPhone/*/VVX*".parse().unwrap()),
    ];
    for (kind, is_in) in [
        ("UCPhone/Polycom/VVX500/A/ENU", true),
        ("*/*/vvx500/*/*", true),
        ("*/*/Vvx 500/*/*", true),
        ("*/Polycom/VVX 500/*/*", true),
        ("*/*/CX600|VVX500/B/*", true),
        ("*/*/VVX501/*/*", false),
        ("*/Snom/VVX500/*/*", false),
        ("*/*/*/C/*", false),
    ] {
        let mut book = book();
        aliases.iter().for_each(|alias| drop(make(&mut book, BookCommand::PutAlias(alias.clone()))));
        make(&mut book, group(kind));
        let in_index = {
            let index = EligibilityIndex::compile(&book, 1);
            let predicate = book.groups().next().unwrap().predicate.as_ref().unwrap();
            index.is_in(predicate, &Question::new(&device(reported), &module("5.0")))
        };
        assert_eq!(in_index, is_in, "{kind}");
        let mut held = book.clone();
        make(&mut held, hold_of_group());
        let answer_of_held = answer(&held, reported, "5.0");
        assert_eq!(answer_of_held.contains("held back, by the hold fair"), is_in, "{kind}: {answer_of_held}");
        let version = ReportedVersion::new("5.5.0.1");
        let mut pinned = book.clone();
        make(
            &mut pinned,
            BookCommand::Pin { rule: key(VVX), audience: of_group(), version: version.clone() },
        );
        assert_eq!(answer(&pinned, reported, "5.0").starts_with("offer 5.5.0.1"), is_in, "{kind}");
        let rollout = rollout("wave");
        let start = BookCommand::StartRollout { rule: key(VVX), audience: of_group(), version, rollout };
        make(&mut book, start);
        assert_eq!(answer(&book, reported, "5.0").starts_with("offer 5.5.0.1"), is_in, "{kind}");
    }
}

#[test]
fn a_group_by_an_alias_word_does_not_hold_the_devices_that_report_the_word_of_the_rule() {
    let mut book = book();
    make(&mut book, BookCommand::PutAlias(alias("hardware-revision", "B", "A")));
    make(&mut book, group("*/*/*/B/*"));
    make(&mut book, hold_of_group());
    assert!(answer(&book, &VVX.replace("/A/", "/B/"), "5.0").contains("held back"));
    assert_eq!(answer(&book, VVX, "5.0"), OFFERED);
}

#[test]
fn a_ban_covers_a_rule_by_its_own_words_and_by_the_words_that_stand_for_them() {
    let reported = "UCPhone/Polycom Inc/VVX 500/A/ENU/CPE";
    for (rules, is_banned) in [
        ("UCPhone/Polycom/VVX500", true),
        ("UCPhone/*/vvx 500", true),
        ("UCPhone/polycom inc", true),
        ("UCPhone/Polycom Inc/VVX 500/A/ENU/CPE", true),
        ("UCPhone/Polycom/VVX 500", true),
        ("*/*/VVX 5*", true),
        ("UCPhone/Snom/VVX 500", false),
        ("UCPhone/*/VVX 600", false),
    ] {
        let mut book = book();
        make(&mut book, BookCommand::PutAlias(alias("vendor", "Polycom Inc", "Polycom")));
        let model = alias("model", "VVX 500", "VVX500").within("UCPhone/Polycom*".parse().unwrap());
        make(&mut book, BookCommand::PutAlias(model));
        let notes = make(&mut book, ban(&format!("{rules} 5.4.0.1")));
        assert_eq!(notes.len(), 1 + usize::from(is_banned), "{rules}: {notes:?}");
        for device in [VVX, reported] {
            assert_eq!(answer(&book, device, "5.0").contains("is banned"), is_banned, "{rules} {device}");
        }
        make(&mut book, BookCommand::Reject(key(VVX)));
        make(&mut book, BookCommand::RollBackToNothing(key(VVX)));
        let version = ReportedVersion::new("5.4.0.1");
        let approve = book.command(&BookCommand::ApproveVersion { rule: key(VVX), version }, "ann");
        assert_eq!(approve.is_err(), is_banned, "{rules}");
    }
}

#[test]
fn a_ban_of_a_word_that_has_a_rule_of_its_own_is_for_that_rule_only() {
    let mut book = book();
    make(&mut book, BookCommand::PutAlias(alias("model", "VVX 500", "VVX500")));
    let own = VVX.replace("VVX500", "VVX 500");
    ingest(&mut book, &package(5, &[(&own, "5.4.0.1", 5)]));
    make(&mut book, approve(&own));
    make(&mut book, ban("UCPhone/*/VVX 500 5.4.0.1"));
    assert!(answer(&book, &own, "5.0").contains("is banned"));
    assert_eq!(answer(&book, VVX, "5.0"), OFFERED);
}

proptest::proptest! {
    /// The pattern is compared with what each device reports, word by word, and with the words of the rule.
    #[test]
    fn a_banned_version_is_offered_to_no_device_whose_reported_words_match_the_ban(
        words in "[ab]/[ab]/[ab]/[ab]", pattern in "[ab*]/[ab*]/[ab*]/[ab*]", within in "[ab*]/[ab*]",
    ) {
        let rule = "UCPhone/a/a/a/a/CPE";
        let mut book = RuleBook::default();
        ingest(&mut book, &package(1, &[(rule, "2.0", 1)]));
        make(&mut book, approve(rule));
        for field in ["vendor", "model", "hardware-revision", "locale"] {
            let alias = alias(field, "B", "A").within(format!("UCPhone/{within}").parse().unwrap());
            // A pattern that leaves out the word of the alias is refused.
            if let Ok(change) = book.command(&BookCommand::PutAlias(alias), "ann") {
                book.apply(&change.delta);
            }
        }
        make(&mut book, ban(&format!("UCPhone/{pattern} 2.0")));
        let matches = |words: &str| pattern.split('/').zip(words.split('/')).all(|(wanted, word)| wanted == "*" || wanted == word);
        let answer = answer(&book, &format!("UCPhone/{words}/CPE"), "1.0");
        if matches(&words) || matches("a/a/a/a") {
            proptest::prop_assert!(!answer.starts_with("offer"), "{}: {}", words, answer);
        }
    }

    #[test]
    fn no_alias_lets_a_device_out_of_a_group_that_holds_the_kind_of_its_rule(
        words in "[ab]/[ab]/[ab]/[ab]", narrow in "[ab*]/[ab*]/[ab*]/[ab*]",
    ) {
        let rule = "UCPhone/a/a/a/a/CPE";
        let mut book = RuleBook::default();
        ingest(&mut book, &package(1, &[(rule, "2.0", 1)]));
        make(&mut book, approve(rule));
        for field in ["vendor", "model", "hardware-revision", "locale"] {
            make(&mut book, BookCommand::PutAlias(alias(field, "B", "A")));
        }
        let is_own = |pattern: &str| pattern.split('/').all(|word| matches!(word, "a" | "*"));
        make(&mut book, group(&format!("UCPhone/{narrow}")));
        make(&mut book, hold_of_group());
        let answer = answer(&book, &format!("ucphone/{words}/CPE"), "1.0");
        let mut near = words.split('/').zip(narrow.split('/'));
        let is_in = is_own(&narrow) || near.all(|(word, wanted)| wanted == "*" || wanted == "a" || wanted == word);
        proptest::prop_assert_eq!(answer.contains("held back"), is_in, "{} {} {}", words, narrow, answer);
    }
}

#[test]
fn a_ban_of_a_version_that_is_empty_or_has_blanks_is_refused() {
    let rules: RulePattern = "UCPhone/Polycom".parse().unwrap();
    for version in ["", " ", "3.5 beta"] {
        let scope = BanScope::Version { rules: rules.clone(), version: ReportedVersion::new(version) };
        let refused = refused(&book(), BookCommand::Ban(Ban::new(scope, "it bricks phones")));
        assert!(refused.contains("expected a version without blanks"), "{version:?}: {refused}");
    }
}
