//! Tests of holds, windows, floors and the kill switch, and of offers that they do not prevent.

use crate::fixtures::*;

fn book() -> RuleBook {
    let mut book = RuleBook::default();
    ingest(&mut book, &package(1, &[(PHONE, "2.0", 1)]));
    make(&mut book, BookCommand::Approve(vec![key(PHONE)]));
    book
}

#[track_caller]
fn decided_at(book: &RuleBook, has: &str, now: UnixTime) -> String {
    let index = EligibilityIndex::compile(book, 1);
    decide(&index, &Question::new(&device(PHONE), &module(has)), now).to_string()
}

fn decided(book: &RuleBook, has: &str) -> String {
    decided_at(book, has, NOW)
}

fn hold(name: &str, on: HeldDevices) -> BookCommand {
    BookCommand::AddHold(Hold {
        name: name.parse().unwrap(),
        on,
        until: None,
        reason: "board meeting".into(),
    })
}

fn policy(change: impl FnOnce(&mut OfferPolicy)) -> BookCommand {
    let mut policy = OfferPolicy::default();
    change(&mut policy);
    BookCommand::SetPolicy(key(PHONE), policy)
}

const OFFERED: &str = "offer 2.0, because it is approved for all devices of this rule";

#[test]
fn a_device_a_group_or_a_rule_can_be_held() {
    let serial = DeviceId::Serial("c185h001209".parse().unwrap());
    let mut inside = Predicate::default();
    inside.kind.model.push("ip8540".parse().unwrap());
    for on in [
        HeldDevices::Device(serial),
        HeldDevices::Group("phones".parse().unwrap()),
        HeldDevices::Rule(key(PHONE)),
    ] {
        let mut book = book();
        let group = Group { name: "phones".parse().unwrap(), predicate: Some(inside.clone()) };
        make(&mut book, BookCommand::PutGroup(group));
        make(&mut book, hold("quiet", on.clone()));
        assert_eq!(
            decided(&book, "1.9"),
            "nothing: 2.0 is held back, by the hold quiet: board meeting",
            "{on}"
        );
        assert_eq!(decided(&book, "2.0"), "nothing: the device has 2.0", "{on}");
        make(&mut book, BookCommand::RemoveHold("QUIET".parse().unwrap()));
        assert_eq!(decided(&book, "1.9"), OFFERED, "{on}");
    }
}

#[test]
fn a_hold_that_is_over_holds_nobody_and_hides_no_other() {
    let mut book = book();
    let until = |name: &str, seconds: i64| {
        BookCommand::AddHold(Hold {
            name: name.parse().unwrap(),
            on: HeldDevices::Rule(key(PHONE)),
            until: Some(UnixTime::from_seconds(seconds)),
            reason: "".into(),
        })
    };
    make(&mut book, until("a", NOW.as_seconds()));
    assert_eq!(decided(&book, "1.9"), OFFERED);
    make(&mut book, until("b", NOW.as_seconds() + 1));
    assert_eq!(decided(&book, "1.9"), "nothing: 2.0 is held back, by the hold b");
}

#[test]
fn names_of_holds_are_taken_once_and_what_they_hold_must_be_there() {
    let mut book = book();
    make(&mut book, hold("a", HeldDevices::Rule(key(PHONE))));
    assert_eq!(
        refused(&book, hold("A", HeldDevices::Rule(key(PHONE)))),
        format!("a hold a exists already, on the rule {PHONE}")
    );
    assert_eq!(refused(&book, hold("b", HeldDevices::Group("x".parse().unwrap()))), "no group x");
    assert_eq!(refused(&book, BookCommand::RemoveHold("b".parse().unwrap())), "no hold b");
}

#[test]
fn a_closed_window_keeps_everybody_waiting_but_test_devices_and_those_below_the_minimum() {
    let mut book = book();
    make(&mut book, policy(|policy| policy.window = Some("Sat,Sun 01:00-05:00".parse().unwrap())));
    let closed = "nothing: 2.0 is held back, outside the window Sat,Sun 01:00-05:00 UTC";
    assert_eq!(decided(&book, "1.9"), closed);
    let night = UnixTime::from_seconds(NOW.as_seconds() + 9 * 3600);
    assert_eq!(decided_at(&book, "1.9", night), OFFERED);
    make(
        &mut book,
        policy(|policy| {
            policy.window = Some("Sat,Sun 01:00-05:00".parse().unwrap());
            policy.minimum = Some("1.8".parse().unwrap());
        }),
    );
    assert_eq!(decided(&book, "1.9"), closed);
    assert_eq!(decided(&book, "1.7"), OFFERED);
    ingest(&mut book, &package(2, &[(PHONE, "3.0", 2)]));
    make(&mut book, BookCommand::AddTestDevice(test_device("lab")));
    assert_eq!(decided(&book, "1.9"), "offer 3.0, because it is a test device");
}

#[test]
fn a_window_in_an_unknown_zone_is_refused_and_is_never_open_where_a_book_has_one() {
    let mut book = book();
    let somewhere = || Some("daily 00:00-24:00 Mars/Olympus".parse().unwrap());
    assert_eq!(
        refused(&book, policy(|policy| policy.window = somewhere())),
        "no time zone `Mars/Olympus`, expected an IANA name such as `Europe/Lisbon` or `UTC`"
    );
    // A book with a zone that the database does not know can still be read.
    let mut delta =
        book.command(&policy(|policy| policy.floor = Some("1.0".parse().unwrap())), "ann").unwrap().delta;
    let mut policy = OfferPolicy::default();
    policy.window = somewhere();
    delta.rules[0].now.as_mut().unwrap().set_policy(policy);
    book.apply(&delta);
    assert!(decided(&book, "1.9").ends_with("outside the window daily 00:00-24:00 Mars/Olympus"));
}

#[test]
fn nobody_is_taken_down_below_the_floor() {
    let mut book = book();
    make(&mut book, policy(|policy| policy.floor = Some("3.0".parse().unwrap())));
    assert_eq!(
        decided(&book, "4.0"),
        "nothing: 2.0 is older than what the device has, and below the floor 3.0"
    );
    assert_eq!(decided(&book, "1.9"), OFFERED, "up is always allowed");
    make(&mut book, policy(|policy| policy.floor = Some("2.0".parse().unwrap())));
    assert_eq!(decided(&book, "4.0"), OFFERED, "the floor itself is not below it");
}

#[test]
fn one_call_stops_everything_and_two_people_start_it_again() {
    let mut book = book();
    let kill = |scope: StopScope| BookCommand::Kill { scope, reason: "phones burn".into() };
    let ask = BookCommand::AskRestart { scope: StopScope::All };
    let approve = || BookCommand::ApproveRestart { scope: StopScope::All };
    assert_eq!(refused(&book, ask.clone()), "nothing is stopped, so there is nothing to restart");
    make(&mut book, kill(StopScope::All));
    assert_eq!(decided(&book, "1.9"), "nothing: 2.0 is held back, everything is stopped by ann: phones burn");
    assert_eq!(decided(&book, "2.0"), "nothing: the device has 2.0");
    assert_eq!(refused(&book, kill(StopScope::All)), "all offers are stopped already, by ann");
    assert_eq!(
        refused_to(&book, "bob", approve()),
        "no restart of all offers was requested; one person must request it, and another person must approve it"
    );
    make(&mut book, ask);
    assert_eq!(
        refused_to(&book, "Ann ", approve()),
        "ann requested the restart of all offers, so another person must approve it"
    );
    assert!(decided(&book, "1.9").starts_with("nothing"), "asking alone starts nothing");
    make_as(&mut book, "bob", approve());
    assert_eq!(decided(&book, "1.9"), OFFERED);
    make(&mut book, kill(StopScope::Rule(key(&PHONE.to_lowercase()))));
    assert_eq!(decided(&book, "1.9"), "nothing: 2.0 is held back, the rule is stopped by ann: phones burn");
}

#[test]
fn killing_again_after_somebody_asked_for_a_restart_withdraws_what_was_asked() {
    let mut book = book();
    let kill = BookCommand::Kill { scope: StopScope::All, reason: "still".into() };
    make_as(&mut book, "cid", kill.clone());
    make(&mut book, BookCommand::AskRestart { scope: StopScope::All });
    make_as(&mut book, "cid", kill);
    let approve = BookCommand::ApproveRestart { scope: StopScope::All };
    assert!(refused_to(&book, "bob", approve).starts_with("no restart of all offers was requested"));
}

#[test]
fn every_no_has_one_first_cause_with_the_near_miss() {
    let mut book = book();
    let mut other = Predicate::default();
    other.networks.push("10.9.0.0/16".parse().unwrap());
    make(&mut book, BookCommand::PutGroup(Group { name: "site".parse().unwrap(), predicate: Some(other) }));
    make(&mut book, BookCommand::RollBackToNothing(key(PHONE)));
    let index = |book: &RuleBook| EligibilityIndex::compile(book, 1);
    let cause = |book: &RuleBook, rule: &str| {
        let (index, device, module) = (index(book), device(rule), module("1.9"));
        Trace::of(&index, &Question::new(&device, &module), NOW).first_cause().unwrap()
    };
    assert_eq!(cause(&book, PHONE), "nothing: no version is approved");
    let near = format!(
        "no rule matches the device; the nearest is {PHONE}, for hardware revision A, where the device says B"
    );
    assert_eq!(cause(&book, "UCPhone/LG-Nortel/IP8540/B/ENU/CPE"), near);
    make(&mut book, start_rollout(PHONE, Audience::Group("site".parse().unwrap()), "2.0", rollout("wave")));
    assert_eq!(
        cause(&book, PHONE),
        "rollout wave of 2.0: for the group site: the network of the device differs"
    );
}

#[test]
fn minimum_and_floor_are_releases_however_many_numbers_are_said() {
    let mut book = book();
    make(&mut book, policy(|policy| policy.minimum = Some("1.8.0.0".parse().unwrap())));
    make(&mut book, hold("quiet", HeldDevices::Rule(key(PHONE))));
    let held = "nothing: 2.0 is held back, by the hold quiet: board meeting";
    assert_eq!(decided(&book, "1.8"), held, "1.8 is the minimum, not below it");
    assert_eq!(decided(&book, "1.7"), OFFERED);
    make(&mut book, BookCommand::RemoveHold("quiet".parse().unwrap()));
    make(&mut book, policy(|policy| policy.floor = Some("2.0.0.0".parse().unwrap())));
    assert_eq!(decided(&book, "4.0"), OFFERED, "2.0 is the floor, not below it");
}

#[test]
fn one_person_is_one_person_however_the_name_is_spelled() {
    let mut book = book();
    let scope = || StopScope::All;
    make(&mut book, BookCommand::Kill { scope: scope(), reason: "".into() });
    make_as(&mut book, "Éva Nagy", BookCommand::AskRestart { scope: scope() });
    for by in
        ["éva nagy", "Éva\u{a0}Nagy", "Éva  Nagy", "É\u{200b}va Nagy", "\u{feff}ÉVA NAGY", "Éva\u{ad} Nagy"]
    {
        let refusal = refused_to(&book, by, BookCommand::ApproveRestart { scope: scope() });
        assert!(refusal.starts_with("Éva Nagy requested the restart"), "{by:?}: {refusal}");
    }
    make_as(&mut book, "eva nagy", BookCommand::ApproveRestart { scope: scope() });
}

#[test]
fn a_switch_outlives_its_rule_and_can_be_undone_without_it() {
    let mut book = book();
    let scope = || StopScope::Rule(key(PHONE));
    make(&mut book, BookCommand::Kill { scope: scope(), reason: "phones burn".into() });
    make(&mut book, BookCommand::Remove(key(PHONE)));
    ingest(&mut book, &package(1, &[(PHONE, "2.0", 1)]));
    make(&mut book, BookCommand::Approve(vec![key(PHONE)]));
    assert!(
        decided(&book, "1.9").contains("the rule is stopped by ann"),
        "it holds for the rule that came again"
    );
    make(&mut book, BookCommand::Remove(key(PHONE)));
    make(&mut book, BookCommand::AskRestart { scope: scope() });
    make_as(&mut book, "bob", BookCommand::ApproveRestart { scope: scope() });
    assert_eq!(book.stops().len(), 0);
    let kill = BookCommand::Kill { scope: scope(), reason: "".into() };
    assert_eq!(refused(&book, kill), format!("no rule {PHONE}"));
}

#[test]
fn the_first_cause_is_the_assignment_that_came_nearest() {
    let mut book = book();
    make(&mut book, BookCommand::RollBackToNothing(key(PHONE)));
    let list = |name: &str| Group { name: name.parse().unwrap(), predicate: None };
    make(&mut book, BookCommand::PutGroup(list("lab")));
    let start = |name: &str, audience, share: Share| {
        start_rollout(PHONE, audience, "2.0", rollout(name).to_share(share))
    };
    make(&mut book, start("wave", Audience::Everybody, Share::Percent(Percent::NONE)));
    make(&mut book, start("labs", Audience::Group("lab".parse().unwrap()), Share::All));
    let index = EligibilityIndex::compile(&book, 1);
    let (device, module) = (device(PHONE), module("1.9"));
    let cause = Trace::of(&index, &Question::new(&device, &module), NOW).first_cause().unwrap();
    assert!(
        cause.starts_with(
            "rollout wave of 2.0: for 0% of all devices of this rule: the device is included from"
        ),
        "{cause}"
    );
}
