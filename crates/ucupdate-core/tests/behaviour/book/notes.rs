//! Tests the notes of changes, with the values before and after.

use crate::fixtures::*;

fn book() -> RuleBook {
    let mut book = RuleBook::default();
    for (id, version) in [(1, "1.0"), (2, "2.0")] {
        ingest(&mut book, &package(id, &[(PHONE, version, id)]));
        make(&mut book, approve(PHONE));
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
            format!(
                "{PHONE}: devices with a newer version than 2.0 keep it, since 2.0 is below the floor 4.0.7577.0; `ucupdate \
                 policy set {PHONE} --floor none` lets them go back"
            ),
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
    let rollout = rollout("wave");
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
fn every_way_down_that_the_policy_closes_to_devices_says_so() {
    let (rule, older) = (|| key(PHONE), || ucupdate_core::ReportedVersion::new("1.0"));
    let kinds = |book: &RuleBook, command: &BookCommand| -> Vec<&str> {
        notes(book, command).iter().map(Note::kind).collect()
    };
    let start = || BookCommand::StartRollout {
        rule: rule(),
        audience: Audience::Everybody,
        version: older(),
        rollout: rollout("wave"),
    };
    let mut floor = OfferPolicy::default();
    floor.floor = Some("2.0".parse().unwrap());
    for (policy, kept_back) in
        [(OfferPolicy::offering(OfferRule::Newer), "stays-newer"), (floor.clone(), "below-floor")]
    {
        let mut book = book();
        let earlier = book.clone();
        make(&mut book, BookCommand::SetPolicy(rule(), policy));
        let approve = BookCommand::ApproveVersion { rule: rule(), version: older() };
        assert_eq!(kinds(&book, &approve), ["older", "approved", kept_back]);
        assert_eq!(kinds(&book, &BookCommand::RollBack(rule())), ["rolled-back", kept_back]);
        assert_eq!(kinds(&book, &start()), [kept_back, "rollout-started"], "no device goes down");
        let serial = ucupdate_core::device::DeviceId::Serial("C1".parse().unwrap());
        let pin = BookCommand::Pin { rule: rule(), audience: Audience::Device(serial), version: older() };
        assert_eq!(kinds(&book, &pin), ["pinned", kept_back]);
        make(&mut book, start());
        let finish = BookCommand::FinishRollout(rule(), "wave".parse().unwrap());
        assert_eq!(kinds(&book, &finish), ["rollout-over", "older", "approved", kept_back]);
        let mut older_book = earlier.clone();
        make(&mut older_book, BookCommand::SetPolicy(rule(), book.rule(&rule()).unwrap().policy().clone()));
        make(&mut older_book, approve);
        let restored = earlier_with(&older_book, &book);
        assert!(restored.contains(&kept_back.to_owned()), "{restored:?}");
    }
    let mut book = book();
    make(&mut book, BookCommand::RollBack(rule()));
    assert_eq!(kinds(&book, &BookCommand::SetPolicy(rule(), floor)), ["policy-changed", "below-floor"]);
    let text = Note::BelowFloor { rule: rule(), version: older(), floor: "2.0".parse().unwrap() }.to_string();
    assert_eq!(
        text,
        format!(
            "{PHONE}: devices with a newer version than 1.0 keep it, since 1.0 is below the floor 2.0; `ucupdate policy \
             set {PHONE} --floor none` lets them go back"
        )
    );
}

/// Returns the kinds of the notes when `now` goes back to `earlier`.
fn earlier_with(earlier: &RuleBook, now: &RuleBook) -> Vec<String> {
    let restored = now.restore(earlier, 4).unwrap();
    restored.notes.iter().map(|note| note.kind().to_owned()).collect()
}

#[test]
fn removing_a_rule_lists_the_policy_that_goes_with_it() {
    let mut book = book();
    make(&mut book, BookCommand::SetPolicy(key(PHONE), OfferPolicy::offering(OfferRule::Newer)));
    let notes = notes(&book, &BookCommand::Remove(key(PHONE)));
    assert_eq!(notes[1].to_string(), format!("{PHONE}: policy offer changed from newer to different"));
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
