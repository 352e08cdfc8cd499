use crate::fixtures::*;
use proptest::prelude::*;

fn index(book: &RuleBook) -> EligibilityIndex {
    EligibilityIndex::compile(book, 1)
}

/// Returns the book of the log in `vectors/`: 3.5.6907.0 is pending, there is an interim image, and the phone is a test
/// device.
fn field_book() -> RuleBook {
    let mut book = RuleBook::default();
    ingest(&mut book, &with_interim(package(1, &[(PHONE, "3.5.6907.0", 1)]), "ENU", "1.0.522.103"));
    make(&mut book, BookCommand::AddTestDevice(test_device("lab phone")));
    book
}

#[test]
fn the_phone_of_the_field_climbs_by_the_interim_image() {
    let book = field_book();
    let phone = device(PHONE);
    let via = "offer 1.0.522.103 as a stepping stone to 3.5.6907.0, because it is a test device";
    assert_eq!(decided(&book, &phone, "1.0.522.34"), via);
    assert_eq!(decided(&book, &phone, "0.0.0.0"), via);
    assert_eq!(decided(&book, &phone, "1.0.522.103"), "offer 3.5.6907.0, because it is a test device");
    assert_eq!(decided(&book, &phone, "3.5.6907.0"), "nothing: the device has 3.5.6907.0");
    let index = index(&book);
    let offer = decide(&index, &Question::new(&phone, &module("1.0.522.34")), NOW).offer().cloned().unwrap();
    assert_eq!(&*offer.folder, "OCInterim/ENU");
    let offer = decide(&index, &Question::new(&phone, &module("1.0.522.103")), NOW).offer().cloned().unwrap();
    assert_eq!(&*offer.folder, "UCPhone/LG-Nortel/IP8540/A/ENU/3.5.6907.0/CPE");
}

#[test]
fn a_pending_version_is_for_test_devices_only() {
    let mut book = field_book();
    let mut phone = device(PHONE);
    phone.mac_address = Reported::new("00:00:00:00:00:01");
    assert_eq!(
        decided(&book, &phone, "1.0.522.103"),
        "nothing: a version is pending, but the device is not a test device"
    );
    make(&mut book, BookCommand::Reject(key(PHONE)));
    assert_eq!(decided(&book, &phone, "1.0.522.103"), "nothing: no version is approved");
}

#[test]
fn a_device_with_both_may_match_by_either_and_blanks_match_nothing() {
    let mut book = field_book();
    make(&mut book, BookCommand::RemoveTestDevice("lab phone".parse().unwrap()));
    let serial = DeviceId::Serial("c185h001209".parse().unwrap());
    make(
        &mut book,
        BookCommand::AddTestDevice(TestDevice { name: "by serial".parse().unwrap(), id: serial }),
    );
    let mut phone = device(PHONE);
    assert!(decided(&book, &phone, "1.0.522.103").starts_with("offer 3.5.6907.0"));
    phone.serial_number = Reported::new(" ");
    assert!(decided(&book, &phone, "1.0.522.103").starts_with("nothing"));
}

#[test]
fn a_missing_interim_image_is_said_and_never_jumped_over() {
    let book = field_book();
    let german = device("UCPhone/LG-Nortel/IP8540/A/DEU/CPE");
    assert_eq!(decided(&book, &german, "1.0.522.34"), "nothing: no rule matches the device");
    let mut book = book;
    ingest(&mut book, &package(2, &[("UCPhone/LG-Nortel/IP8540/A/DEU/CPE", "3.5.6907.0", 2)]));
    assert_eq!(
        decided(&book, &german, "1.0.522.34"),
        "nothing: devices below 1.0.522.98 must install 1.0.522.103 first, but no such image exists for this locale"
    );
}

#[test]
fn a_version_is_offered_when_it_differs_even_if_it_is_older() {
    let mut book = RuleBook::default();
    ingest(&mut book, &package(1, &[(PHONE, "3.5.6907.0", 1)]));
    make(&mut book, approve(PHONE));
    let phone = device(PHONE);
    let offered = "offer 3.5.6907.0, because it is approved for all devices of this rule";
    assert_eq!(decided(&book, &phone, "4.0.7577.0"), offered);
    assert_eq!(decided(&book, &phone, "3.5.6907"), "nothing: the device has 3.5.6907.0");
    let newer = OfferPolicy::offering(OfferRule::Newer);
    make(&mut book, BookCommand::SetPolicy(key(PHONE), newer));
    assert_eq!(
        decided(&book, &phone, "4.0.7577.0"),
        "nothing: 3.5.6907.0 is not newer than what the device has"
    );
    assert_eq!(decided(&book, &phone, "3.5.6906.9"), offered);
}

#[test]
fn what_cannot_be_read_is_its_own_outcome_unless_the_rule_says_otherwise() {
    let mut book = RuleBook::default();
    ingest(&mut book, &package(1, &[(PHONE, "4.1.0.82b", 1)]));
    make(&mut book, approve(PHONE));
    let phone = device(PHONE);
    assert_eq!(decided(&book, &phone, "4.1.0.82b"), "nothing: the device has 4.1.0.82b");
    assert_eq!(
        decided(&book, &phone, "4.1.0.82a"),
        "nothing: the installed version cannot be read, so 4.1.0.82b is not offered"
    );
    assert!(decided(&book, &phone, "4.1.0.82").starts_with("offer 4.1.0.82b"), "read, and different");
    let mut policy = OfferPolicy::default();
    policy.unreadable = true;
    make(&mut book, BookCommand::SetPolicy(key(PHONE), policy));
    assert!(decided(&book, &phone, "4.1.0.82a").starts_with("offer 4.1.0.82b"));
}

#[test]
fn every_word_but_the_vendor_spelled_otherwise_is_another_device() {
    let book = field_book();
    for other in [
        "UCPhone2/LG-Nortel/IP8540/A/ENU/CPE",
        "UCPhone/LG/IP8540/A/ENU/CPE",
        "UCPhone/LG-Nortel/IP8541/A/ENU/CPE",
        "UCPhone/LG-Nortel/IP8540/B/ENU/CPE",
        "UCPhone/LG-Nortel/IP8540/A/ENG/CPE",
    ] {
        assert_eq!(decided(&book, &device(other), "1.0"), "nothing: no rule matches the device", "{other}");
    }
    assert_ne!(decided(&book, &device(&PHONE.to_uppercase()), "1.0"), "nothing: no rule matches the device");
}

/// Returns a request of the phone in `vectors/` for modules with these names.
fn request(names: &[&str]) -> UpdateRequest {
    let modules = names.iter().map(|name| InstalledModule { file_name: (*name).into(), ..module("2.0") });
    UpdateRequest {
        device: device(PHONE),
        user_name: "".into(),
        request_date_time: Reported::default(),
        modules: modules.collect(),
    }
}

/// Returns the reason for each module as one word.
fn reasons(book: &RuleBook, names: &[&str]) -> Vec<&'static str> {
    let index = index(book);
    let request = request(names);
    Question::all_of(&request, AskedFrom::default())
        .map(|question| decide(&index, &question, NOW).word())
        .collect()
}

/// Returns a package whose image has a file name of the vendor.
fn vendor_package(id: u8, rule: &str, version: &str, image: &str) -> IngestedPackage {
    let mut package = package(id, &[(rule, version, id)]);
    package.releases[0].files.image.name = image.parse().unwrap();
    package
}

#[test]
fn a_module_that_no_rule_knows_does_not_void_the_others() {
    assert_eq!(reasons(&field_book(), &["boot.bin", "cpe.nbt"]), ["no-rule", "offer"]);
}

#[test]
fn a_file_name_that_a_package_of_the_rule_brought_stands_for_its_update_type() {
    let mut book = RuleBook::default();
    ingest(&mut book, &vendor_package(1, PHONE, "35.8.0.31", "T48G-35.8.0.31.rom"));
    ingest(&mut book, &vendor_package(2, PHONE, "35.9.0.1", "T48G-35.9.0.1.rom"));
    make(&mut book, approve(PHONE));
    let boot = PHONE.replace("/CPE", "/BOOT");
    ingest(&mut book, &vendor_package(3, &boot, "1.0", "boot.rom"));
    make(&mut book, approve(&boot));
    assert_eq!(reasons(&book, &["t48g-35.8.0.31.ROM"]), ["offer"], "what it installed last");
    assert_eq!(reasons(&book, &["T48G-35.9.0.1.rom", "boot.rom"]), ["offer", "offer"]);
    let index = index(&book);
    let plan = plan(&index, &Question::all_of(&request(&["CPE"]), AskedFrom::default()).next().unwrap(), NOW);
    assert_eq!(plan.to_string(), "2.0 -> 35.9.0.1", "it is known again by the name of what it installed");
}

#[test]
fn one_module_and_one_rule_that_are_left_match() {
    let mut book = field_book();
    ingest(&mut book, &package(9, &[(PHONE, "9.0.0.0", 9)]));
    make(&mut book, approve(PHONE));
    assert_eq!(reasons(&book, &["420HD.img"]), ["offer"]);
    assert_eq!(reasons(&book, &["420HD.img", "other.img"]), ["ambiguous-module", "ambiguous-module"]);
    ingest(&mut book, &package(10, &[(&PHONE.replace("/CPE", "/BOOT"), "1.0", 10)]));
    assert_eq!(reasons(&book, &["420HD.img"]), ["ambiguous-module"], "two rules could be meant");
    assert_eq!(reasons(&book, &["420HD.img", "boot.img"]), ["offer", "offer"]);
    let index = index(&book);
    let explained = explain(&index, &request(&["420HD.img"]), AskedFrom::default(), NOW).to_string();
    assert!(
        explained.contains(&format!("both {} and {PHONE} could be meant", PHONE.replace("/CPE", "/BOOT"))),
        "{explained}"
    );
}

#[test]
fn a_file_name_that_two_rules_brought_is_ambiguous() {
    let mut book = RuleBook::default();
    ingest(&mut book, &vendor_package(1, PHONE, "1.0.0.0", "all.img"));
    ingest(&mut book, &vendor_package(2, &PHONE.replace("/CPE", "/BOOT"), "1.0.0.0", "all.img"));
    assert_eq!(reasons(&book, &["all.img"]), ["ambiguous-module"]);
}

#[test]
fn a_record_of_a_module_among_others_replays() {
    let mut book = field_book();
    ingest(&mut book, &package(10, &[(&PHONE.replace("/CPE", "/BOOT"), "1.0", 10)]));
    let index = index(&book);
    let request = request(&["420HD.img", "boot.img"]);
    for question in Question::all_of(&request, AskedFrom::default()) {
        let record = TraceRecord::of(&index, &question, NOW);
        assert_eq!(record.replay(&index), record);
    }
}

fn words() -> impl Strategy<Value = String> {
    ("[AB]", "[CD]", "[EF]")
        .prop_map(|(vendor, model, locale)| format!("UCPhone/{vendor}/{model}/A/{locale}/CPE"))
}

fn version() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("0.0.0.0".to_owned()),
        (0..3_u32, 0..3_u32).prop_map(|(a, b)| format!("{a}.{b}")),
        (0..3_u32, 0..3_u32).prop_map(|(a, b)| format!("{a}.{b}.0.0")),
        Just("1.0.522.34".to_owned()),
        Just("odd".to_owned()),
    ]
}

/// Returns rules as `(key, version, approve)`. Each is in a package of its own.
fn books() -> impl Strategy<Value = Vec<(String, String, bool)>> {
    prop::collection::vec((words(), version(), any::<bool>()), 0..8)
}

fn written(rules: &[(String, String, bool)]) -> RuleBook {
    let mut book = RuleBook::default();
    make(&mut book, BookCommand::AddTestDevice(test_device("lab")));
    for (id, (rule, version, approve)) in (1..).zip(rules) {
        let package = package(id, &[(rule, version, id)]);
        let Ok(outcome) = book.ingest(&package) else { continue };
        book.apply(&outcome.delta);
        if *approve {
            let _ = book
                .command(&BookCommand::Approve(vec![key(rule)]), "ann")
                .map(|outcome| book.apply(&outcome.delta));
        }
    }
    book
}

proptest! {
    #[test]
    fn nobody_is_offered_the_release_he_has(rules in books(), who in words(), has in version()) {
        let index = index(&written(&rules));
        let module = module(&has);
        if let Some(offer) = decide(&index, &Question::new(&device(&who), &module), NOW).offer() {
            prop_assert!(!offer.version.is_same_release(&module.version));
        }
    }

    #[test]
    fn a_pending_version_never_reaches_others_than_test_devices(rules in books(), who in words(), has in version()) {
        let book = written(&rules);
        let mut other = device(&who);
        other.mac_address = Reported::default();
        if let Some(offer) = decide(&index(&book), &Question::new(&other, &module(&has)), NOW).offer() {
            let approved = book.rule(&key(&who)).and_then(Rule::approved).map(|approved| &approved.version);
            prop_assert_eq!(approved, Some(&offer.version));
        }
    }

    #[test]
    fn deciding_does_not_depend_on_the_order_rules_were_written_in(
        rules in books().prop_map(|mut rules| {
            rules.sort();
            rules.dedup_by(|one, two| one.0 == two.0);
            rules
        }),
        who in words(),
        has in version(),
    ) {
        let reversed: Vec<_> = rules.iter().rev().cloned().collect();
        let (one, two) = (index(&written(&rules)), index(&written(&reversed)));
        let (who, has) = (device(&who), module(&has));
        prop_assert_eq!(decide(&one, &Question::new(&who, &has), NOW).to_string(), decide(&two, &Question::new(&who, &has), NOW).to_string());
    }

    #[test]
    fn the_explanation_ends_in_the_same_decision(rules in books(), who in words(), has in version()) {
        let index = index(&written(&rules));
        let request = UpdateRequest {
            device: device(&who),
            user_name: "".into(),
            request_date_time: Reported::default(),
            modules: vec![module(&has)],
        };
        let explained = explain(&index, &request, AskedFrom::default(), NOW);
        prop_assert_eq!(explained.modules[0].decision, decide(&index, &Question::new(&device(&who), &module(&has)), NOW));
    }

    #[test]
    fn a_book_is_the_same_after_its_own_delta(rules in books()) {
        let book = written(&rules);
        let mut again = RuleBook::default();
        again.apply(&book.to_delta());
        prop_assert_eq!(again, book);
    }
}
