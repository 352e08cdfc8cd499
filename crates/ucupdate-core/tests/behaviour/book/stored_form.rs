//! Checks that stored documents keep their form. The tests compare the text, and not only the value that is read back.

use crate::fixtures::*;

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
fn a_book_that_is_read_shares_the_words_of_its_rules_and_keeps_every_spelling() {
    let mut book = RuleBook::default();
    ingest(&mut book, &package(1, &[(PHONE, "3.5.6907.0", 1)]));
    let shouted = PHONE.to_uppercase();
    ingest(&mut book, &package(2, &[(&shouted, "4.0.7577.0", 2)]));
    let stored = serde_json::to_string(&book.to_delta()).unwrap();
    let read = RuleBook::of(serde_json::from_str(&stored).unwrap());
    assert_eq!(serde_json::to_string(&read.to_delta()).unwrap(), stored);

    let rule = read.rules().next().unwrap().key();
    let releases: Vec<&RuleKey> =
        read.packages().flat_map(|package| &package.releases).map(|release| &release.rule).collect();
    let is_shared = |key: &&RuleKey| std::ptr::eq(key.words()[0], rule.words()[0]);
    assert_eq!(releases.iter().map(is_shared).collect::<Vec<_>>(), [true, false]);
    assert_eq!(releases[1].to_string(), shouted);
}

#[test]
fn commands_with_every_field_come_back_from_a_store() {
    let rule = key(PHONE);
    let mut policy = OfferPolicy::offering(OfferRule::Newer);
    policy.unreadable = true;
    policy.same_release = SameRelease::FirstThree;
    policy.minimum = Some("1.0.522.98".parse().unwrap());
    policy.floor = Some("1.0".parse().unwrap());
    policy.window = Some("Sat,Sun 22:00-05:00 Europe/Lisbon".parse().unwrap());
    let mut predicate = Predicate::default();
    predicate.kind.vendor.push("Polycom".parse().unwrap());
    predicate.mac_prefixes.push("002163".parse().unwrap());
    predicate.serials.push("C185H001000..C185H001999".parse().unwrap());
    predicate.user_domains.push("demo.local".parse().unwrap());
    predicate.networks.push("10.1.0.0/16".parse().unwrap());
    predicate.side = Some(Side::External);
    predicate.installed = Some(">=1.0.0, <1.0.522.98".parse().unwrap());
    let mac = DeviceId::Mac("0021630F207B".parse().unwrap());
    let serial = DeviceId::Serial("C185H001209".parse().unwrap());
    let stages = "10%@0d,50%@36h,100%@10079m".parse().unwrap();
    let share = Share::Ramp(Ramp::new(UnixTime::from_seconds(7), stages));
    let rollout = Rollout::new("wave".parse().unwrap()).to_share(share).guarded(Guard::default());
    let rollout = rollout.within("daily 01:00-02:00".parse().unwrap());
    let version = ReportedVersion::new("4.1.0b");
    let (below, by) = ("1.0".parse().unwrap(), "1.0.5".parse().unwrap());
    let stone = SteppingStone::new("one".parse().unwrap(), "UCPhone/*/CX700/*/*".parse().unwrap(), below, by);
    for command in [
        BookCommand::PutGroup(Group { name: "lab".parse().unwrap(), predicate: Some(predicate) }),
        BookCommand::Pin { rule: rule.clone(), audience: Audience::Device(serial), version: version.clone() },
        BookCommand::StartRollout {
            rule: rule.clone(),
            audience: Audience::Group("lab".parse().unwrap()),
            version,
            rollout,
        },
        BookCommand::AddHold(Hold {
            name: "quiet".parse().unwrap(),
            on: HeldDevices::Device(mac),
            until: Some(UnixTime::from_seconds(9)),
            reason: "why".into(),
        }),
        BookCommand::AddStone(stone),
        BookCommand::SetPolicy(rule, policy),
    ] {
        let stored = serde_json::to_string(&command).unwrap();
        assert_eq!(serde_json::from_str::<BookCommand>(&stored).unwrap(), command, "{stored}");
    }
}

#[test]
fn a_whole_book_comes_back_from_a_store() {
    let mut book = RuleBook::default();
    ingest(&mut book, &with_interim(package(1, &[(PHONE, "3.5.6907.0", 1)]), "ENU", "1.0.522.103"));
    make(&mut book, BookCommand::AddTestDevice(test_device("lab")));
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

#[test]
fn a_rule_with_more_pins_than_two_bytes_count_still_offers_the_approved_version() {
    let mut book = RuleBook::default();
    ingest(&mut book, &package(1, &[(PHONE, "3.5.6907.0", 1)]));
    make(&mut book, approve(PHONE));
    ingest(&mut book, &package(2, &[(PHONE, "3.5.6907.9", 2)]));
    let one = DeviceId::Mac("00-11-22-00-00-00".parse().unwrap());
    make(&mut book, pin(PHONE, Audience::Device(one), "3.5.6907.9"));
    let mut stored = serde_json::to_value(book.to_delta()).unwrap();
    let assignments = stored["rules"][0]["now"]["assignments"].as_array_mut().unwrap();
    let pins = (1..70_000_u32).map(|number| {
        let [_, high, middle, low] = number.to_be_bytes();
        let mac = format!("001122{high:02X}{middle:02X}{low:02X}");
        let text = assignments[0].to_string().replace("001122000000", &mac);
        serde_json::from_str(&text).unwrap()
    });
    let pins: Vec<serde_json::Value> = pins.collect();
    assert_ne!(pins[0], pins[1]);
    assignments.splice(1..1, pins);
    let book = RuleBook::of(serde_json::from_value(stored).unwrap());
    assert_eq!(book.rule(&key(PHONE)).unwrap().pins().count(), 70_000);
    let index = EligibilityIndex::compile(&book, 1);
    let decision = |mac: &str| {
        let device = Device { mac_address: Reported::new(mac), ..device(PHONE) };
        decide(&index, &Question::new(&device, &module("1.0.522.200")), NOW).to_string()
    };
    assert!(
        decision("00-11-22-01-11-6F").starts_with("offer 3.5.6907.9"),
        "{}",
        decision("00-11-22-01-11-6F")
    );
    assert!(
        decision("00-11-33-00-00-01").starts_with("offer 3.5.6907.0"),
        "{}",
        decision("00-11-33-00-00-01")
    );
}
