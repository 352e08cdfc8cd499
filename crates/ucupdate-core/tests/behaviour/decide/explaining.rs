use crate::fixtures::*;

fn explained(book: &RuleBook, device: Device, versions: &[&str]) -> String {
    let request = UpdateRequest {
        device,
        user_name: "".into(),
        request_date_time: Reported::default(),
        modules: versions.iter().map(|version| module(version)).collect(),
    };
    explain(&EligibilityIndex::compile(book, 7), &request, AskedFrom::default(), UnixTime::default())
        .to_string()
}

#[test]
fn a_near_miss_names_the_word_that_differs() {
    let mut book = RuleBook::default();
    ingest(&mut book, &package(1, &[(PHONE, "3.5.6907.0", 1)]));
    assert_eq!(
        explained(&book, device("UCPhone/LG-Nortel/IP8540/B/ENU/CPE"), &["1.0"]),
        "rule book revision 7\n\
         cpe.nbt at version \"1.0\"\n  \
         no rule matches the device; the nearest is UCPhone/LG-Nortel/IP8540/A/ENU/CPE, for hardware revision A, where the device says B\n  \
         => nothing: no rule matches the device"
    );
}

#[test]
fn the_whole_way_to_an_offer_is_reported() {
    let mut book = RuleBook::default();
    ingest(&mut book, &with_interim(package(1, &[(PHONE, "3.5.6907.0", 1)]), "ENU", "1.0.522.103"));
    make(&mut book, BookCommand::AddTestDevice(test_device("lab phone")));
    assert_eq!(
        explained(&book, device(PHONE), &["1.0.522.34"]),
        "rule book revision 7\n\
         cpe.nbt at version \"1.0.522.34\"\n  \
         rule UCPhone/LG-Nortel/IP8540/A/ENU/CPE\n  \
         pending 3.5.6907.0: the device is the test device lab phone\n  \
         stepping stone: below 1.0.522.98 goes by 1.0.522.103, and the image is pending: the device is the test device lab phone\n  \
         => offer 1.0.522.103 as a stepping stone to 3.5.6907.0, because it is a test device"
    );
}

#[test]
fn an_empty_book_and_an_empty_request_are_said() {
    let book = RuleBook::default();
    assert!(explained(&book, device(PHONE), &["1.0"]).contains("there are no rules"));
    assert!(explained(&book, device(PHONE), &[]).ends_with("names no module, so there is nothing to offer"));
}
