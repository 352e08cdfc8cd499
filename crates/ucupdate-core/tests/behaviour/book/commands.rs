use crate::fixtures::*;

const CAMERA: &str = "RoundTable/Microsoft/RT100/1/ENU/RT";

fn id(byte: u8) -> PackageId {
    PackageId::of(&Sha256Digest::new([byte; 32]))
}

#[test]
fn ingesting_makes_versions_pending_and_approving_gives_them_to_everybody() {
    let mut book = RuleBook::default();
    assert_eq!(
        ingest(&mut book, &package(1, &[(PHONE, "3.5.6907.0", 1)])),
        [
            format!("{PHONE}: 3.5.6907.0 is pending"),
            format!(
                "{PHONE}: devices below 1.0.522.98 must install 1.0.522.103 first, but its image is missing, so they get nothing; \
                 ingest a package with it, or else type `ucupdate stone remove ocs-interim` if no device needs it"
            ),
        ]
    );
    assert_eq!(state(&book, PHONE), "3.5.6907.0 - -");
    make(&mut book, BookCommand::Approve(vec![key(PHONE)]));
    assert_eq!(state(&book, PHONE), "- 3.5.6907.0 -");
}

#[test]
fn ingesting_the_same_package_twice_changes_nothing_and_says_so() {
    let mut book = RuleBook::default();
    let package = package(1, &[(PHONE, "3.5.6907.0", 1)]);
    ingest(&mut book, &package);
    let again = book.ingest(&package).unwrap();
    assert!(again.delta.is_empty());
    assert_eq!(
        again.notes[0].to_string(),
        format!("{PHONE}: 3.5.6907.0 is pending already, nothing changes")
    );
}

#[test]
fn the_same_version_with_other_bytes_is_refused_wherever_it_stands() {
    let mut book = RuleBook::default();
    ingest(&mut book, &package(1, &[(PHONE, "1.0", 1)]));
    let other = package(2, &[(PHONE, "1.0.0.0", 2)]);
    for state in ["pending", "approved", "kept for roll back"] {
        let refusal = book.ingest(&other).unwrap_err().to_string();
        assert_eq!(
            refusal,
            format!("{PHONE}: 1.0.0.0 is {state} already, with other bytes (from package 010101010101)")
        );
        if state == "approved" {
            ingest(&mut book, &package(3, &[(PHONE, "2.0", 3)]));
        }
        make_if_pending(&mut book);
    }
}

fn make_if_pending(book: &mut RuleBook) {
    if book.rule(&key(PHONE)).unwrap().pending().is_some() {
        make(book, BookCommand::Approve(vec![key(PHONE)]));
    }
}

#[test]
fn another_package_with_the_same_bytes_changes_no_rule() {
    let mut book = RuleBook::default();
    ingest(&mut book, &package(1, &[(PHONE, "1.0", 1)]));
    let outcome = book.ingest(&package(2, &[(PHONE, "1.0", 1)])).unwrap();
    assert!(outcome.delta.rules.is_empty());
    assert_eq!(outcome.delta.packages.len(), 1, "but it is kept that it came");
}

#[test]
fn a_version_that_replaces_a_pending_one_names_it() {
    let mut book = RuleBook::default();
    ingest(&mut book, &package(1, &[(PHONE, "1.0", 1)]));
    let notes = ingest(&mut book, &package(2, &[(PHONE, "2.0", 2)]));
    assert_eq!(notes[0], format!("{PHONE}: 2.0 replaces 1.0, which was pending"));
}

#[test]
fn the_first_spelling_of_a_rule_stays() {
    let mut book = RuleBook::default();
    ingest(&mut book, &package(1, &[(PHONE, "1.0", 1)]));
    ingest(&mut book, &package(2, &[(&PHONE.to_lowercase(), "2.0", 2)]));
    assert_eq!(book.rules().len(), 1);
    assert_eq!(book.rules().next().unwrap().key().to_string(), PHONE);
}

#[test]
fn moves_in_a_wrong_state_are_refused_each_with_its_own_reason() {
    let mut book = RuleBook::default();
    assert_eq!(refused(&book, BookCommand::Approve(vec![key(PHONE)])), format!("no rule {PHONE}"));
    assert_eq!(refused(&book, BookCommand::Approve(Vec::new())), "no rule is named");
    assert_eq!(refused(&book, BookCommand::Remove(key(PHONE))), format!("no rule {PHONE}"));
    ingest(&mut book, &package(1, &[(PHONE, "1.0", 1)]));
    make(&mut book, BookCommand::Approve(vec![key(PHONE)]));
    assert_eq!(
        refused(&book, BookCommand::Approve(vec![key(PHONE)])),
        format!("{PHONE}: no version is pending")
    );
    assert_eq!(refused(&book, BookCommand::Reject(key(PHONE))), format!("{PHONE}: no version is pending"));
    assert_eq!(
        refused(&book, BookCommand::RollBack(key(PHONE))),
        format!(
            "{PHONE}: no version earlier than 1.0 is kept, so nothing would be offered; if that is \
             intended, roll back to nothing"
        )
    );
    make(&mut book, BookCommand::RollBackToNothing(key(PHONE)));
    assert_eq!(
        refused(&book, BookCommand::RollBack(key(PHONE))),
        format!(
            "{PHONE}: no version is approved and no earlier version is kept, so there is nothing to roll back"
        )
    );
}

#[test]
fn approving_several_rules_is_all_or_none() {
    let cx700 = "UCPhone/Polycom/CX700/A/ENU/CPE";
    let mut book = RuleBook::default();
    ingest(&mut book, &package(1, &[(PHONE, "1.0", 1)]));
    assert_eq!(
        refused(&book, BookCommand::Approve(vec![key(PHONE), key(cx700)])),
        format!("no rule {cx700}")
    );
    assert_eq!(state(&book, PHONE), "1.0 - -");
}

#[test]
fn approving_all_of_a_package_skips_what_is_not_pending_from_it() {
    let cx700 = "UCPhone/Polycom/CX700/A/ENU/CPE";
    let mut book = RuleBook::default();
    ingest(&mut book, &package(1, &[(PHONE, "1.0", 1), (cx700, "1.0", 1)]));
    ingest(&mut book, &package(2, &[(cx700, "2.0", 2)]));
    let notes = make(&mut book, BookCommand::ApproveAllOf(id(1)));
    assert_eq!(
        notes,
        [format!("{PHONE}: 1.0 is approved"), format!("{cx700}: skipped, no version is pending")]
    );
    assert_eq!(state(&book, cx700), "2.0 - -");
    assert_eq!(
        refused(&book, BookCommand::ApproveAllOf(id(1))),
        "no version of package 010101010101 is pending"
    );
    assert_eq!(refused(&book, BookCommand::ApproveAllOf(id(9))), "no package 090909090909");
}

#[test]
fn approving_something_older_is_done_and_warned_of() {
    let mut book = RuleBook::default();
    for (id, version) in [(1, "2.0"), (2, "1.0")] {
        ingest(&mut book, &package(id, &[(PHONE, version, id)]));
        if id == 1 {
            make(&mut book, BookCommand::Approve(vec![key(PHONE)]));
        }
    }
    assert_eq!(
        make(&mut book, BookCommand::Approve(vec![key(PHONE)])),
        [
            format!("{PHONE}: 1.0 is older than 2.0, which was approved before"),
            format!("{PHONE}: 1.0 is approved, in place of 2.0"),
        ]
    );
}

#[test]
fn round_table_is_deployed_as_soon_as_it_is_ingested_unless_that_is_switched_off() {
    let mut book = RuleBook::default();
    ingest(&mut book, &package(1, &[(CAMERA, "1.0", 1)]));
    assert_eq!(state(&book, CAMERA), "- 1.0 -");
    make(&mut book, BookCommand::DeployAtIngest("roundtable".parse().unwrap(), false));
    ingest(&mut book, &package(2, &[(CAMERA, "2.0", 2)]));
    assert_eq!(state(&book, CAMERA), "2.0 1.0 -");
}

#[test]
fn an_interim_image_of_another_version_than_its_stone_names_is_refused_with_what_to_type() {
    let book = RuleBook::default();
    let low = with_interim(package(1, &[]), "ENU", "1.0.522.97");
    assert_eq!(
        book.ingest(&low).unwrap_err().to_string(),
        "interim image 1.0.522.97 for ENU has another version than its stepping stones expect: ocs-interim names 1.0.522.103; \
         if the package is right, type `ucupdate stone set ocs-interim --below 1.0.522.97 --by 1.0.522.97` (devices of \
         ocs-interim with 1.0.522.97 or later no longer need a step), and ingest the package again"
    );
}

#[test]
fn a_name_a_mac_address_and_a_serial_number_belong_to_one_test_device() {
    let mut book = RuleBook::default();
    make(&mut book, BookCommand::AddTestDevice(test_device("desk")));
    let serial = TestDevice { name: "Desk".parse().unwrap(), id: DeviceId::Serial("C1".parse().unwrap()) };
    assert_eq!(
        refused(&book, BookCommand::AddTestDevice(serial)),
        "desk is a test device already, known by its MAC address 0021630F207B"
    );
    assert_eq!(
        refused(&book, BookCommand::AddTestDevice(test_device("lab"))),
        "MAC address 0021630F207B belongs to the test device desk already"
    );
    make(&mut book, BookCommand::RemoveTestDevice("DESK".parse().unwrap()));
    assert_eq!(refused(&book, BookCommand::RemoveTestDevice("desk".parse().unwrap())), "no test device desk");
}

#[test]
fn another_cabinet_whose_digest_begins_alike_is_refused_and_replaces_nothing() {
    let mut book = RuleBook::default();
    ingest(&mut book, &package(1, &[(PHONE, "1.0", 1)]));
    make(&mut book, BookCommand::Approve(vec![key(PHONE)]));
    let mut alike = package(1, &[(PHONE, "1.0", 66)]);
    let mut sha256 = [1; 32];
    sha256[31] = 99;
    alike.sha256 = Sha256Digest::new(sha256);
    assert_eq!(
        book.ingest(&alike).unwrap_err().to_string(),
        "another package has the id 010101010101 already, because both SHA-256 digests begin with the same digits; expected a \
         package with an id of its own, so build the package again"
    );
}

#[test]
fn an_interim_image_is_never_swapped_in_silence() {
    let mut book = RuleBook::default();
    ingest(&mut book, &with_interim(package(1, &[]), "ENU", "1.0.522.103"));
    let same = ingest(&mut book, &with_interim(package(2, &[]), "ENU", "1.0.522.103"));
    assert!(same.is_empty(), "the same bytes change nothing: {same:?}");
    let mut other = with_interim(package(3, &[]), "ENU", "1.0.522.103");
    other.interim[0].files = files(9);
    assert_eq!(
        book.ingest(&other).unwrap_err().to_string(),
        "interim image 1.0.522.103 for ENU is kept already, with other bytes (from package 010101010101)"
    );
    other.interim[0].version = ucupdate_core::ReportedVersion::new("1.0.522.104");
    let refused = book.ingest(&other).unwrap_err().to_string();
    assert!(refused.contains("ocs-interim names 1.0.522.103"), "{refused}");
}

#[test]
fn the_bytes_of_a_version_never_change_while_a_package_that_brought_it_is_kept() {
    let mut book = RuleBook::default();
    ingest(&mut book, &package(1, &[(PHONE, "1.0", 1)]));
    ingest(&mut book, &package(2, &[(PHONE, "2.0", 2)]));
    let other_bytes = package(3, &[(PHONE, "1.0", 3)]);
    let refused = book.ingest(&other_bytes).unwrap_err().to_string();
    assert!(
        refused.contains("1.0 is kept already, with other bytes (from package 010101010101)"),
        "{refused}"
    );
    make(&mut book, BookCommand::Retire(vec![package(1, &[]).id()]));
    ingest(&mut book, &other_bytes);
    assert_eq!(state(&book, PHONE), "1.0 - -");
}

#[test]
fn a_rejected_version_is_not_pending_again_at_the_next_ingest() {
    let mut book = RuleBook::default();
    let bad = package(1, &[(PHONE, "1.0", 1)]);
    ingest(&mut book, &bad);
    make(&mut book, BookCommand::Reject(key(PHONE)));
    let again = package(2, &[(PHONE, "1.0.0", 1)]);
    let notes = ingest(&mut book, &again);
    assert_eq!(state(&book, PHONE), "- - -");
    assert!(notes[0].contains("1.0.0 was rejected before, so it is not pending"), "{notes:?}");
    let version = ReportedVersion::new("1.0");
    let notes = make(&mut book, BookCommand::Unreject { rule: key(PHONE), version: version.clone() });
    assert_eq!(
        notes,
        [format!("{PHONE}: the rejection of 1.0 is withdrawn"), format!("{PHONE}: 1.0.0 is pending")]
    );
    let twice = refused(&book, BookCommand::Unreject { rule: key(PHONE), version });
    assert_eq!(twice, format!("{PHONE}: 1.0 is not rejected"));
}

#[test]
fn a_version_is_approved_by_its_name_whatever_is_pending() {
    let mut book = RuleBook::default();
    ingest(&mut book, &package(1, &[(PHONE, "1.0", 1)]));
    make(&mut book, BookCommand::Reject(key(PHONE)));
    ingest(&mut book, &package(2, &[(PHONE, "2.0", 2)]));
    let approve = |version: &str| approve_version(PHONE, version);
    make(&mut book, approve("1.0"));
    assert_eq!(state(&book, PHONE), "2.0 1.0 -", "what was rejected may be approved, and 2.0 still waits");
    assert!(!book.rule(&key(PHONE)).unwrap().is_rejected(&ReportedVersion::new("1.0")));
    make(&mut book, approve("2.0"));
    assert_eq!(state(&book, PHONE), "- 2.0 1.0");
    assert_eq!(refused(&book, approve("3.0")), format!("{PHONE}: no package contains 3.0"));
}

#[test]
fn approving_a_version_ends_rollouts_of_older_releases_and_names_those_that_go_on() {
    let mut book = RuleBook::default();
    for (id, version) in [(1, "1.0"), (2, "2.0"), (3, "3.0")] {
        ingest(&mut book, &package(id, &[(PHONE, version, id)]));
    }
    let start = |version: &str, name: &str| {
        let mut rollout = rollout(name);
        rollout.share = Share::Percent("20%".parse().unwrap());
        let (audience, version) = (Audience::Everybody, ReportedVersion::new(version));
        BookCommand::StartRollout { rule: key(PHONE), audience, version, rollout }
    };
    make(&mut book, start("1.0", "old"));
    let notes = make(&mut book, start("3.0", "new"));
    assert!(notes[0].contains("the rollout old of 1.0 also exists"), "{notes:?}");
    let notes = make(&mut book, approve_version(PHONE, "2.0"));
    assert_eq!(
        notes[1..3],
        [
            format!("{PHONE}: rollout old of 1.0 is ended"),
            format!("{PHONE}: 3.0 is still offered to 20% of all devices of this rule, by the rollout new"),
        ]
    );
    let notes = make(&mut book, start("1.0", "down"));
    assert!(notes[0].contains("1.0 is older than 2.0, which is approved"), "{notes:?}");
    let notes = make(&mut book, start("2.0", "again"));
    assert!(notes[0].contains("2.0 is approved, so devices outside the rollout"), "{notes:?}");
}

#[test]
fn a_refusal_has_a_name_for_programs() {
    let refusal = RuleBook::default().command(&BookCommand::Approve(vec![key(PHONE)]), "ann").unwrap_err();
    assert_eq!(refusal.kind(), "no-rule");
    let refusal = RuleBook::default().command(&BookCommand::Approve(Vec::new()), "ann").unwrap_err();
    assert_eq!(refusal.kind(), "none-named");
}

#[test]
fn approving_the_approved_version_again_changes_nothing_that_a_roll_back_needs() {
    let mut book = RuleBook::of_new_store();
    for (id, version) in [(1, "1.0.600"), (2, "2.0")] {
        ingest(&mut book, &package(id, &[(PHONE, version, id)]));
        make(&mut book, BookCommand::Approve(vec![key(PHONE)]));
    }
    let again = approve_version(PHONE, "2.0");
    assert_eq!(make(&mut book, again), [format!("{PHONE}: 2.0 is approved already, nothing changes")]);
    assert_eq!(state(&book, PHONE), "- 2.0 1.0.600");
}

#[test]
fn a_rejection_outlives_the_removal_of_its_rule_and_a_roll_back_to_an_earlier_revision() {
    let mut book = RuleBook::default();
    ingest(&mut book, &package(1, &[(PHONE, "1.0", 1)]));
    make(&mut book, BookCommand::Approve(vec![key(PHONE)]));
    ingest(&mut book, &package(2, &[(PHONE, "2.0", 2)]));
    let (earlier, mut removed) = (book.clone(), book.clone());
    make(&mut book, BookCommand::Reject(key(PHONE)));
    let restored = book.restore(&earlier, 3).unwrap();
    let notes: Vec<String> = restored.notes.iter().map(ToString::to_string).collect();
    let stays =
        format!("{PHONE}: 2.0 stays rejected; `unreject` takes a rejection back, a roll back does not");
    assert_eq!((notes, restored.delta.is_empty()), (vec![stays.clone()], true));
    make(&mut removed, BookCommand::Reject(key(PHONE)));
    ingest(&mut removed, &package(3, &[(PHONE, "3.0", 3)]));
    let restored = removed.restore(&earlier, 3).unwrap();
    let notes: Vec<String> = restored.notes.iter().map(ToString::to_string).collect();
    assert_eq!(notes.last(), Some(&stays), "{notes:?}");
    let mut back = removed.clone();
    back.apply(&restored.delta);
    assert_eq!(state(&back, PHONE), "- 1.0 -");
    let notes = make(&mut removed, BookCommand::Remove(key(PHONE)));
    let banned = format!("{PHONE} 2.0 is banned (reason: it was rejected before its rule was removed)");
    assert_eq!(notes.last(), Some(&banned), "{notes:?}");
    ingest(&mut removed, &package(2, &[(PHONE, "2.0", 2)]));
    assert_eq!(state(&removed, PHONE), "no rule");
    // The rule is not in the earlier book, so its rejection becomes a ban too.
    let change = back.restore(&RuleBook::default(), 1).unwrap();
    assert!(change.notes.iter().any(|note| note.to_string() == banned), "{:?}", change.notes);
    back.apply(&change.delta);
    ingest(&mut back, &package(2, &[(PHONE, "2.0", 2)]));
    assert_eq!(state(&back, PHONE), "no rule");
}

#[test]
fn a_rejected_version_is_given_by_no_rollout_until_the_rejection_is_taken_back() {
    let mut book = RuleBook::default();
    ingest(&mut book, &package(1, &[(PHONE, "1.0", 1)]));
    make(&mut book, BookCommand::Approve(vec![key(PHONE)]));
    ingest(&mut book, &package(2, &[(PHONE, "2.0", 2)]));
    let version = ReportedVersion::new("2.0");
    let start = |name: &str| BookCommand::StartRollout {
        rule: key(PHONE),
        audience: Audience::Everybody,
        version: version.clone(),
        rollout: rollout(name),
    };
    make(&mut book, start("wave"));
    let notes = make(&mut book, BookCommand::Reject(key(PHONE)));
    assert_eq!(notes.len(), 2, "the running rollout is named: {notes:?}");
    let expected = format!(
        "{PHONE}: 2.0 was rejected, expected a version that is not; type `ucupdate unreject {PHONE} 2.0` first if it is good after \
         all"
    );
    assert_eq!(refused(&book, start("next")), expected);
    assert_eq!(refused(&book, BookCommand::FinishRollout(key(PHONE), "wave".parse().unwrap())), expected);
    make(&mut book, BookCommand::PauseRollout(key(PHONE), "wave".parse().unwrap(), "calls drop".into()));
    assert_eq!(refused(&book, BookCommand::ResumeRollout(key(PHONE), "wave".parse().unwrap())), expected);
    make(&mut book, BookCommand::Unreject { rule: key(PHONE), version });
    make(&mut book, BookCommand::ResumeRollout(key(PHONE), "wave".parse().unwrap()));
}
