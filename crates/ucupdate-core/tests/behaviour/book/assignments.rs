//! Tests of groups, pins, rollouts, and the order in which they are tried.

use crate::fixtures::*;
use proptest::prelude::*;

/// Returns a book with 1.0 approved, and with packages of 2.0 and 3.0. All versions are above the first stepping stone.
fn book() -> RuleBook {
    let mut book = RuleBook::default();
    for (id, version) in [(1, "3.0"), (2, "2.0"), (3, "1.9")] {
        ingest(&mut book, &package(id, &[(PHONE, version, id)]));
    }
    make(&mut book, approve(PHONE));
    book
}

fn phone(number: u32) -> Device {
    let mut device = device(PHONE);
    device.mac_address = Reported::new(&format!("0021630{number:05X}"));
    device
}

fn start(audience: Audience, version: &str, rollout: Rollout) -> BookCommand {
    start_rollout(PHONE, audience, version, rollout)
}

fn percent(text: &str) -> Share {
    Share::Percent(text.parse().unwrap())
}

fn list(book: &mut RuleBook, name: &str, devices: &[&Device]) {
    make(book, BookCommand::PutGroup(Group { name: name.parse().unwrap(), predicate: None }));
    let add = devices.iter().map(|device| DeviceId::of(&device.mac_address, &device.serial_number).unwrap());
    make(
        book,
        BookCommand::ChangeMembers { group: name.parse().unwrap(), add: add.collect(), remove: vec![] },
    );
}

#[test]
fn several_versions_are_out_at_once_and_the_first_assignment_that_holds_decides() {
    let mut book = book();
    let (ann, bob, cid) = (phone(1), phone(2), phone(3));
    list(&mut book, "lab", &[&ann, &bob]);
    let device = Audience::Device(DeviceId::of(&ann.mac_address, &ann.serial_number).unwrap());
    make(&mut book, start(Audience::Group("LAB".parse().unwrap()), "2.0", rollout("labs")));
    make(
        &mut book,
        BookCommand::Pin { rule: key(PHONE), audience: device, version: ReportedVersion::new("3.0") },
    );
    assert_eq!(
        decided(&book, &ann, "1.9"),
        "offer 3.0, because the device with MAC address 002163000001 is pinned to it"
    );
    assert_eq!(decided(&book, &bob, "1.9"), "offer 2.0, because the device is in rollout labs");
    assert_eq!(
        decided(&book, &cid, "1.0.600"),
        "offer 1.9, because it is approved for all devices of this rule"
    );
    assert_eq!(state(&book, PHONE), "- 1.9 -", "the original's three versions are still a view");
}

#[test]
fn a_version_nobody_brought_is_refused_when_it_is_written() {
    let mut book = book();
    let pin = |version: &str| BookCommand::Pin {
        rule: key(PHONE),
        audience: Audience::Group("lab".parse().unwrap()),
        version: ReportedVersion::new(version),
    };
    assert_eq!(refused(&book, pin("2.0")), "no group lab");
    list(&mut book, "lab", &[]);
    assert_eq!(refused(&book, pin("9.9")), format!("{PHONE}: no package contains 9.9"));
    let nobody = start(Audience::Everybody, "9.9", rollout("x"));
    assert_eq!(refused(&book, nobody), format!("{PHONE}: no package contains 9.9"));
    make(&mut book, pin("2.0.0.0"));
}

#[test]
fn what_is_no_pin_and_no_rollout_is_refused_with_its_reason() {
    let mut book = book();
    let pin =
        |audience| BookCommand::Pin { rule: key(PHONE), audience, version: ReportedVersion::new("2.0") };
    let no_pin = "a pin is for a device or a group, not for the test devices or all devices of this rule";
    assert_eq!(refused(&book, pin(Audience::Everybody)), format!("{PHONE}: {no_pin}"));
    let one = Audience::Device(DeviceId::Mac("000000000001".parse().unwrap()));
    let no_rollout =
        "a rollout is for a group or for all devices of this rule, not for one device or the test devices";
    assert_eq!(refused(&book, start(one.clone(), "2.0", rollout("x"))), format!("{PHONE}: {no_rollout}"));
    make(&mut book, start(Audience::Everybody, "2.0", rollout("x")));
    let again = start(Audience::Everybody, "3.0", rollout("X"));
    assert_eq!(refused(&book, again), format!("{PHONE}: a rollout X exists already"));
    let resume = BookCommand::ResumeRollout(key(PHONE), "x".parse().unwrap());
    assert_eq!(refused(&book, resume), format!("{PHONE}: rollout x is not paused"));
    let stop = BookCommand::EndRollout(key(PHONE), "y".parse().unwrap());
    assert_eq!(refused(&book, stop), format!("{PHONE}: no rollout y"));
    let unpin = BookCommand::Unpin { rule: key(PHONE), audience: one };
    assert_eq!(
        refused(&book, unpin),
        format!("{PHONE}: nothing is pinned for the device with MAC address 000000000001")
    );
}

#[test]
fn a_pause_offers_to_nobody_and_takes_from_nobody() {
    let mut book = book();
    make(&mut book, start(Audience::Everybody, "2.0", rollout("wave")));
    let phone = phone(1);
    assert!(decided(&book, &phone, "1.9").starts_with("offer 2.0"));
    make(&mut book, BookCommand::PauseRollout(key(PHONE), "wave".parse().unwrap(), "phones hang".into()));
    assert_eq!(decided(&book, &phone, "1.9"), "nothing: the device has 1.9");
    assert_eq!(decided(&book, &phone, "2.0"), "nothing: the device has 2.0");
    assert_eq!(
        decided(&book, &phone, "1.0.600"),
        "offer 1.9, because it is approved for all devices of this rule"
    );
    make(&mut book, BookCommand::RollBackToNothing(key(PHONE)));
    assert_eq!(
        decided(&book, &phone, "1.0.600"),
        "nothing: 2.0 is held back, by a pause of the rollout wave: phones hang"
    );
    make(&mut book, BookCommand::ResumeRollout(key(PHONE), "wave".parse().unwrap()));
    assert!(decided(&book, &phone, "1.9").starts_with("offer 2.0"));
    make(&mut book, BookCommand::EndRollout(key(PHONE), "wave".parse().unwrap()));
    assert_eq!(decided(&book, &phone, "2.0"), "nothing: no version is approved");
}

#[test]
fn finishing_a_rollout_approves_its_version_and_rolling_back_undoes_it() {
    let mut book = book();
    ingest(&mut book, &package(4, &[(PHONE, "4.0", 4)]));
    make(&mut book, start(Audience::Everybody, "2.0", rollout("wave").to_share(percent("10"))));
    let notes = make(&mut book, BookCommand::FinishRollout(key(PHONE), "wave".parse().unwrap()));
    assert_eq!(notes[0], format!("{PHONE}: rollout wave of 2.0 is ended"));
    assert_eq!(state(&book, PHONE), "4.0 2.0 1.9", "what is pending stays so");
    make(&mut book, BookCommand::RollBack(key(PHONE)));
    assert_eq!(state(&book, PHONE), "4.0 1.9 -");
    make(&mut book, start(Audience::Everybody, "4.0", rollout("wave")));
    let notes = make(&mut book, approve(PHONE));
    assert!(notes.contains(&format!("{PHONE}: rollout wave of 4.0 is ended")), "{notes:?}");
    assert_eq!(book.rule(&key(PHONE)).unwrap().rollouts().count(), 0);
}

#[test]
#[cfg_attr(miri, ignore = "counts the answers to 4000 questions, too many for Miri")]
fn a_ramp_widens_with_time_and_a_clock_that_goes_back_never_widens_it() {
    let mut book = book();
    let ramp = Share::Ramp(Ramp::new(NOW, "10%@0d,50%@3d,100%@7d".parse().unwrap()));
    make(&mut book, start(Audience::Everybody, "2.0", rollout("ramp").to_share(ramp)));
    let index = EligibilityIndex::compile(&book, 1);
    let has = module("1.9");
    let offered = |days: i64| {
        let now = UnixTime::from_seconds(NOW.as_seconds() + days * 86_400);
        let phones = (0..1000).map(phone);
        phones.filter(|phone| decide(&index, &Question::new(phone, &has), now).offer().is_some()).count()
    };
    let counts = [-1, 0, 3, 7].map(offered);
    assert_eq!((counts[0], counts[3]), (0, 1000));
    assert!((70..130).contains(&counts[1]) && (450..550).contains(&counts[2]), "{counts:?}");
}

#[test]
fn a_device_without_an_identity_comes_last() {
    let mut book = book();
    make(&mut book, start(Audience::Everybody, "2.0", rollout("wave").to_share(percent("99.99"))));
    let mut nobody = device(PHONE);
    nobody.mac_address = Reported::new("");
    nobody.serial_number = Reported::new("");
    assert_eq!(decided(&book, &nobody, "1.9"), "nothing: the device has 1.9");
    make(&mut book, BookCommand::SetShare(key(PHONE), "wave".parse().unwrap(), percent("100")));
    assert!(decided(&book, &nobody, "1.9").starts_with("offer 2.0"));
}

#[test]
#[cfg_attr(miri, ignore = "counts the answers to 4000 questions, too many for Miri")]
fn the_same_devices_are_not_the_first_of_every_release() {
    let mut book = book();
    make(&mut book, start(Audience::Everybody, "2.0", rollout("two").to_share(percent("10"))));
    let first_of = |book: &RuleBook| -> Vec<u32> {
        let (index, has) = (EligibilityIndex::compile(book, 1), module("1.9"));
        let offered =
            |number: &u32| decide(&index, &Question::new(&phone(*number), &has), NOW).offer().is_some();
        (0..2000).filter(offered).collect()
    };
    let of_two = first_of(&book);
    make(&mut book, BookCommand::EndRollout(key(PHONE), "two".parse().unwrap()));
    make(&mut book, start(Audience::Everybody, "3.0", rollout("three").to_share(percent("10"))));
    let of_three = first_of(&book);
    let both = of_two.iter().filter(|number| of_three.contains(number)).count();
    assert!(of_two.len() > 150 && of_three.len() > 150 && both < 45, "{both} of {}", of_two.len());
}

#[test]
fn a_group_by_predicate_holds_who_fits_all_its_parts() {
    let holds = |predicate: &Predicate, user: &str, side, address: &str| {
        let (device, module) = (device(PHONE), module("1.0.522.34"));
        let from = AskedFrom { side, address: address.parse().ok() };
        predicate.holds(&Question::new(&device, &module).by_user(user).from(from))
    };
    let mut all = Predicate::default();
    assert!(all.is_empty());
    all.kind.device_type.push("ucphone".parse().unwrap());
    all.kind.vendor.extend(["Polycom".parse().unwrap(), "LG-Nortel".parse().unwrap()]);
    all.kind.model.push("IP8540".parse().unwrap());
    all.kind.hardware_revision.push("a".parse().unwrap());
    all.kind.locale.push("ENU".parse().unwrap());
    all.mac_prefixes.push("002163".parse().unwrap());
    all.serials.push("C185H001000..C185H001999".parse().unwrap());
    all.user_domains.push("demo.local".parse().unwrap());
    all.networks.push("10.1.0.0/16".parse().unwrap());
    all.side = Some(Side::Internal);
    all.installed = Some(">=1.0.0, <1.0.522.98".parse().unwrap());
    let (user, inside) = ("rui@demo.local", Some(Side::Internal));
    assert!(holds(&all, user, inside, "10.1.1.123"));
    assert!(!holds(&all, "rui@other.local", inside, "10.1.1.123"));
    assert!(!holds(&all, user, Some(Side::External), "10.1.1.123"));
    assert!(!holds(&all, user, None, "10.1.1.123"), "a side that is not known is no side");
    assert!(!holds(&all, user, inside, "10.2.1.123"));
    assert!(!holds(&all, user, inside, ""), "an address that is not known is in no network");
    assert_eq!(
        all.to_string(),
        "device type ucphone; vendor Polycom or LG-Nortel; model IP8540; hardware revision a; locale ENU; \
         MAC address 002163; serial number C185H001000..C185H001999; user domain demo.local; \
         network 10.1.0.0/16; side internal; installed version >=1.0.0, <1.0.522.98"
    );
}

#[test]
fn a_device_does_not_fall_out_of_a_group_by_taking_what_the_group_is_given() {
    let mut book = book();
    let mut old = Predicate::default();
    old.installed = Some("<2.0".parse().unwrap());
    make(&mut book, BookCommand::PutGroup(Group { name: "old".parse().unwrap(), predicate: Some(old) }));
    make(&mut book, start(Audience::Group("old".parse().unwrap()), "3.0", rollout("lift")));
    let phone = phone(1);
    assert!(decided(&book, &phone, "1.9").starts_with("offer 3.0"));
    assert_eq!(decided(&book, &phone, "3.0"), "nothing: the device has 3.0");
    assert!(decided(&book, &phone, "2.5").starts_with("offer 1.9"), "that one never was in the group");
}

#[test]
fn a_device_does_not_fall_out_of_a_group_that_is_given_what_cannot_be_read() {
    let mut book = book();
    ingest(&mut book, &package(9, &[(PHONE, "4.1b", 9)]));
    let mut policy = OfferPolicy::default();
    policy.unreadable = true;
    make(&mut book, BookCommand::SetPolicy(key(PHONE), policy));
    let mut old = Predicate::default();
    old.installed = Some("<2.0".parse().unwrap());
    make(&mut book, BookCommand::PutGroup(Group { name: "old".parse().unwrap(), predicate: Some(old) }));
    make(&mut book, start(Audience::Group("old".parse().unwrap()), "4.1b", rollout("odd")));
    let phone = phone(1);
    assert!(decided(&book, &phone, "1.8").starts_with("offer 4.1b"));
    assert_eq!(decided(&book, &phone, "4.1b"), "nothing: the device has 4.1b");
}

#[test]
fn a_group_is_a_list_or_a_predicate_and_stays_as_long_as_it_is_used() {
    let mut book = book();
    let phone = phone(1);
    list(&mut book, "lab", &[&phone]);
    let name: GroupName = "lab".parse().unwrap();
    let with = |predicate| BookCommand::PutGroup(Group { name: "lab".parse().unwrap(), predicate });
    assert_eq!(
        refused(&book, with(Some(Predicate::default()))),
        "the predicate of group lab is empty and would match every device; expected at least one condition, such as a model"
    );
    let mut inside = Predicate::default();
    inside.side = Some(Side::Internal);
    assert_eq!(
        refused(&book, with(Some(inside))),
        "group lab is a list of 1 device, expected an empty list to set a predicate; remove the devices first, or use another group"
    );
    make(&mut book, start(Audience::Group(name.clone()), "2.0", rollout("wave")));
    assert_eq!(
        refused(&book, BookCommand::RemoveGroup(name.clone())),
        format!("group lab is in use by the rule {PHONE}")
    );
    make(&mut book, BookCommand::EndRollout(key(PHONE), "wave".parse().unwrap()));
    make(&mut book, BookCommand::RemoveGroup(name.clone()));
    assert_eq!((book.groups().len(), book.members(&name).len()), (0, 0));
}

proptest! {
    #[test]
    fn raising_a_percentage_never_withdraws_an_offer(
        number in 0_u32..100_000, a in 0_u16..=10_000, b in 0_u16..=10_000,
    ) {
        let offered = |hundredths: u16| {
            let mut book = book();
            let share = Share::Percent(Percent::from_hundredths(hundredths).unwrap());
            make(&mut book, start(Audience::Everybody, "2.0", rollout("wave").to_share(share)));
            decided(&book, &phone(number), "1.9").starts_with("offer 2.0")
        };
        prop_assert!(!offered(a.min(b)) || offered(a.max(b)));
    }

    #[test]
    fn the_order_in_which_rules_and_pins_were_written_does_not_matter(
        order in Just(vec![0_usize, 1, 2, 3]).prop_shuffle(), number in 0_u32..4,
    ) {
        let write = |order: &[usize]| {
            let mut book = book();
            let phones: Vec<Device> = (0..3).map(phone).collect();
            list(&mut book, "a", &[&phones[0], &phones[1]]);
            list(&mut book, "b", &[&phones[1], &phones[2]]);
            let steps = [
                BookCommand::Pin {
                    rule: key(PHONE),
                    audience: Audience::Group("a".parse().unwrap()),
                    version: ReportedVersion::new("2.0"),
                },
                BookCommand::Pin {
                    rule: key(PHONE),
                    audience: Audience::Group("b".parse().unwrap()),
                    version: ReportedVersion::new("3.0"),
                },
                BookCommand::Pin {
                    rule: key(PHONE),
                    audience: Audience::Device(DeviceId::Mac("002163000002".parse().unwrap())),
                    version: ReportedVersion::new("1.9"),
                },
                BookCommand::AddTestDevice(test_device("lab")),
            ];
            order.iter().for_each(|step| drop(make(&mut book, steps[*step].clone())));
            book
        };
        prop_assert_eq!(
            decided(&write(&order), &phone(number), "1.8"),
            decided(&write(&[0, 1, 2, 3]), &phone(number), "1.8")
        );
    }
}

#[test]
fn a_paused_rollout_is_not_finished_in_passing() {
    let mut book = book();
    make(&mut book, start(Audience::Everybody, "2.0", rollout("wave").to_share(percent("10"))));
    make(&mut book, BookCommand::PauseRollout(key(PHONE), "wave".parse().unwrap(), "7 of 40 failed".into()));
    let finish = || BookCommand::FinishRollout(key(PHONE), "WAVE".parse().unwrap());
    let paused = format!("{PHONE}: rollout wave is paused; resume it before you finish it");
    assert_eq!(refused(&book, finish()), paused);
    assert_eq!(state(&book, PHONE), "- 1.9 -");
    make(&mut book, BookCommand::ResumeRollout(key(PHONE), "wave".parse().unwrap()));
    make(&mut book, finish());
    assert_eq!(state(&book, PHONE), "- 2.0 1.9");
}

#[test]
fn rejecting_or_rolling_back_tells_who_is_given_the_version_all_the_same() {
    let mut book = book();
    ingest(&mut book, &package(4, &[(PHONE, "4.0", 4)]));
    let wave = rollout("wave").to_share(percent("10"));
    make(&mut book, start(Audience::Everybody, "4.0", wave));
    list(&mut book, "lab", &[]);
    let audience = Audience::Group("lab".parse().unwrap());
    make(&mut book, BookCommand::Pin { rule: key(PHONE), audience, version: ReportedVersion::new("1.9") });
    let notes = make(&mut book, BookCommand::Reject(key(PHONE)));
    let wave =
        format!("{PHONE}: 4.0 is still offered to 10% of all devices of this rule, by the rollout wave");
    let lab = format!("{PHONE}: 1.9 is still offered to the group lab, by a pin");
    assert_eq!((notes.len(), &notes[1]), (2, &wave));
    let notes = make(&mut book, BookCommand::RollBackToNothing(key(PHONE)));
    assert_eq!(notes[1..], [lab.clone(), wave]);
    make(&mut book, approve_version(PHONE, "2.0"));
    make(&mut book, approve_version(PHONE, "3.0"));
    let notes = make(&mut book, BookCommand::RollBack(key(PHONE)));
    assert_eq!(notes[1], lab, "a pin of another version than both");
    make(&mut book, BookCommand::PauseRollout(key(PHONE), "wave".parse().unwrap(), String::new().into()));
    let notes = make(&mut book, BookCommand::RollBackToNothing(key(PHONE)));
    assert_eq!(notes[1..], [lab], "a paused rollout offers nothing");
}

#[test]
#[cfg_attr(miri, ignore = "lists 250 000 devices, too many for Miri")]
fn a_list_of_devices_has_an_end_and_a_full_one_can_still_shrink() {
    let mut book = book();
    list(&mut book, "all", &[]);
    let devices = |range: std::ops::Range<u32>| -> Vec<DeviceId> {
        range.map(|number| DeviceId::Mac(format!("{number:012X}").parse().unwrap())).collect()
    };
    let change = |add: Vec<DeviceId>, remove: Vec<DeviceId>| BookCommand::ChangeMembers {
        group: "all".parse().unwrap(),
        add,
        remove,
    };
    let most = u32::try_from(MAX_LISTED).unwrap();
    make(&mut book, change(devices(0..most), vec![]));
    let refused = book.command(&change(devices(most - 1..most + 1), vec![]), "ann").unwrap_err();
    assert_eq!(refused.kind(), "too-many-members");
    assert_eq!(
        refused.to_string(),
        "group all would list 250001 devices, expected at most 250000; give it a predicate, or make several groups"
    );
    make(&mut book, change(devices(most..most + 1), devices(0..1)));
    make(&mut book, change(vec![], devices(0..most)));
    assert_eq!(book.members(&"all".parse().unwrap()).len(), 1);
}
