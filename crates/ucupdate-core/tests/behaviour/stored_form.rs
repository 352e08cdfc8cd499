//! What lies in a store must read the same for ever: the form is asserted, not only that it comes back.

use crate::fixtures::*;
use ucupdate_core::*;

#[test]
fn a_delta_has_this_form_in_a_store() {
    let book = RuleBook::default();
    let outcome = book.ingest(&package(1, &[(PHONE, "3.5.6907.0", 1)])).unwrap();
    let stored = serde_json::to_value(&outcome.delta).unwrap();
    assert_eq!(
        stored["rules"][0],
        serde_json::json!({
            "key": PHONE,
            "now": {
                "key": PHONE,
                "assignments": [{
                    "audience": "test-devices",
                    "candidate": { "version": "3.5.6907.0", "package": "010101010101" },
                }],
                "policy": { "offer": "different", "unreadable": false },
            },
        })
    );
    assert_eq!(serde_json::from_value::<Delta>(stored).unwrap(), outcome.delta);
}

#[test]
fn every_command_comes_back_from_a_store() {
    let rule = key(PHONE);
    let id = PackageId::of(&Sha256Digest::new([1; 32]));
    let mut policy = OfferPolicy::offering(OfferRule::Newer);
    policy.unreadable = true;
    for command in [
        Command::Ingest(id),
        Command::Approve(vec![rule.clone()]),
        Command::ApproveAllOf(id),
        Command::Reject(rule.clone()),
        Command::RollBack(rule.clone()),
        Command::Remove(rule.clone()),
        Command::AddTestDevice(test_device("lab")),
        Command::RemoveTestDevice("lab".parse().unwrap()),
        Command::SetPolicy(rule, policy),
        Command::DeployAtIngest("RoundTable".parse().unwrap(), true),
        Command::Retire(vec![id]),
        Command::RollBackTo(7),
        Command::Rebuild(vec![id]),
    ] {
        let stored = serde_json::to_string(&command).unwrap();
        assert_eq!(serde_json::from_str::<Command>(&stored).unwrap(), command, "{stored}");
    }
}

#[test]
fn a_whole_book_comes_back_from_a_store() {
    let mut book = RuleBook::default();
    ingest(&mut book, &with_interim(package(1, &[(PHONE, "3.5.6907.0", 1)]), "ENU", "1.0.522.103"));
    make(&mut book, Command::AddTestDevice(test_device("lab")));
    let stored = serde_json::to_string(&book.to_delta()).unwrap();
    let mut again = RuleBook::default();
    again.apply(&serde_json::from_str(&stored).unwrap());
    assert_eq!(again, book);
}

#[test]
fn what_the_first_version_stored_is_read_and_what_is_not_known_in_a_predicate_is_refused() {
    let before = r#"{"settings":{"stones":[{"device_type":"UCPhone","below":"1.0.522.98","by":"1.0.522.103"}],"deploy_at_ingest":["RoundTable"]}}"#;
    let delta: Delta = serde_json::from_str(before).unwrap();
    assert_eq!(delta.settings.unwrap(), *RuleBook::default().settings());
    let unknown = r#"{"groups":[{"key":"lab","now":{"name":"lab","predicate":{"floor_of_house":[3]}}}]}"#;
    assert!(
        serde_json::from_str::<Delta>(unknown).is_err(),
        "a group would hold more devices than was meant"
    );
}
