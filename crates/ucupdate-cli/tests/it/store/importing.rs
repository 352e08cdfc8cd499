//! `import-ocs`: what is taken over from a server of OCS, Lync or Skype for Business.

use crate::place::{CX700, IP8540, Place};
use std::fmt::Write as _;
use ucupdate_cab::package::CatalogueBuilder;

/// A tree of the original with a folder for each version, below a folder of the file share.
fn tree(place: &Place, versions: &[(&str, &str)]) {
    for (rule, version) in versions {
        let (kind, update_type) = rule.rsplit_once('/').unwrap();
        image(place, &format!("{kind}/{version}/{update_type}"), version.as_bytes());
    }
}

fn image(place: &Place, folder: &str, image: &[u8]) {
    let folder = place.path("share/DeviceUpdateStore").join(folder);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("CPE.nbt"), image).unwrap();
    let catalogue = CatalogueBuilder::new().with_time(crate::place::time()).with_image("CPE.nbt", image);
    std::fs::write(folder.join("CPE.cat"), catalogue.build().unwrap()).unwrap();
}

/// A rule as `Get-CsDeviceUpdateRule` prints it.
fn rule(rule: &str, approved: &str, pending: &str, restore: &str) -> String {
    let words: Vec<&str> = rule.split('/').collect();
    let mut text = String::new();
    for (name, value) in [
        ("Identity", "Service:WebServer:pool0.contoso.com/2de8cbf6-9441-4f61-b755-1e4bef1effde"),
        ("Id", "2de8cbf6-9441-4f61-b755-1e4bef1effde"),
        ("DeviceType", words[0]),
        ("Brand", words[1]),
        ("Model", words[2]),
        ("Revision", words[3]),
        ("Locale", words[4]),
        ("UpdateType", words[5]),
        ("ApprovedVersion", approved),
        ("RestoreVersion", restore),
        ("PendingVersion", pending),
    ] {
        writeln!(text, "{name:<16}: {value}").unwrap();
    }
    text + "\n"
}

#[test]
fn versions_are_pending_approved_and_kept_as_they_were() {
    let place = Place::new();
    tree(
        &place,
        &[(IP8540, "3.5.6907.0"), (IP8540, "1.0.522.101"), (IP8540, "4.0.7577.4066"), (CX700, "3.5.6907.9")],
    );
    tree(&place, &[("UCPhone/Polycom/CX600/A/ENU/CPE", "4.0.1.1")]);
    image(&place, "OCInterim/ENU", b"interim");
    let rules =
        rule(IP8540, "3.5.6907.0", "4.0.7577.4066", "1.0.522.101") + &rule(CX700, "9.9", "3.5.6907.9", "");
    place.file("rules.txt", rules.as_bytes());
    let devices = "Name : lobby\nIdentifier : 00-21-63-0F-20-7B\nIdentifierType : MACAddress\n\n\
                   Identity : site:Redmond/lab\nIdentifier : C185H001209\nIdentifierType : SerialNumber\n\n\
                   Name : other\nIdentifier : 12\nIdentifierType : MACAddress\n";
    place.file("devices.txt", devices.as_bytes());
    let args = ["import-ocs", "share", "--rules", "rules.txt", "--test-devices", "devices.txt"];

    let dry = place.run(&[&args[..], &["--dry-run"]].concat()).done();
    assert!(!place.path("ucupdate-data").exists(), "a dry run makes no store");
    let planned = format!(
        "would be: {IP8540}: pending 4.0.7577.4066, approved 3.5.6907.0, kept for roll back 1.0.522.101"
    );
    assert!(dry.contains(&planned), "{dry}");
    for left_out in [
        format!("left out: {CX700}: approved 9.9 has no image in the tree"),
        "left out: UCPhone/Polycom/CX600/A/ENU/CPE 4.0.1.1: no rule names this device".to_owned(),
        "left out: object 3 of the test devices: MAC address".to_owned(),
    ] {
        assert!(dry.contains(&left_out), "{left_out}: {dry}");
    }

    let done = place.run(&[&args[..], &["--author", "bob", "--json"]].concat()).json();
    assert_eq!(done["left_out"].as_array().unwrap().len(), 3, "{done}");
    let rules = place.run(&["rules", "--json"]).json();
    let of = |number: usize, field: &str| rules["rules"][number][field].clone();
    assert_eq!(of(0, "rule"), IP8540);
    let versions = ["pending", "approved", "rollback"].map(|field| rules["rules"][0][field].to_string());
    for (version, expected) in versions.iter().zip(["4.0.7577.4066", "3.5.6907.0", "1.0.522.101"]) {
        assert!(version.contains(expected), "{versions:?}");
    }
    assert!(of(1, "pending").to_string().contains("3.5.6907.9"), "{rules}");
    let devices = place.run(&["test-device", "list"]).done();
    assert!(devices.contains("lobby") && devices.contains("lab"), "{devices}");
    let interim = place.run(&["interim", "list", "--json"]).json().to_string();
    assert!(interim.contains("1.0.522.103") && interim.contains("approved"), "{interim}");
    let history = place.run(&["history"]).done();
    assert!(history.contains("import-ocs share (approved)") && history.contains("bob"), "{history}");
    place.run(&["verify"]).done();

    let again = place.run(&args).refused();
    assert!(again.contains(&format!("the store has the rule {IP8540} already")), "{again}");
}

#[test]
fn without_rules_the_newest_version_is_pending_and_nothing_is_approved() {
    let place = Place::new();
    tree(&place, &[(IP8540, "3.5.6907.0"), (IP8540, "10.0.0.1"), (CX700, "3.5.6907.9")]);
    tree(&place, &[("RoundTable/Microsoft/RTDevice/A/ENU/CPE", "1.1.27.0")]);
    let report = place.run(&["import-ocs", "share"]).done();
    assert!(report.contains("its versions would go to every device at once"), "{report}");
    let rules = place.run(&["rules"]).done();
    assert!(rules.contains("10.0.0.1") && !rules.contains("RoundTable"), "{rules}");
    let approved = place.run(&["approve", IP8540, "3.5.6907.0"]).done();
    assert!(approved.contains("3.5.6907.0 is approved"), "older versions are in the store too: {approved}");
}

#[test]
fn an_image_that_differs_from_its_catalogue_is_left_out_and_the_others_are_taken() {
    let place = Place::new();
    tree(&place, &[(IP8540, "3.5.6907.0"), (CX700, "3.5.6907.9")]);
    let image = "share/DeviceUpdateStore/UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE/CPE.nbt";
    place.file(image, b"other bytes");
    let report = place.run(&["import-ocs", "share"]).done();
    assert!(
        report.contains("left out: UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE: package would be refused"),
        "{report}"
    );
    let rules = place.run(&["rules"]).done();
    assert!(rules.contains(IP8540) && !rules.contains(CX700), "{rules}");
}

#[test]
fn what_is_no_tree_and_no_list_says_so() {
    let place = Place::new();
    std::fs::create_dir(place.path("empty")).unwrap();
    let nothing = place.run(&["import-ocs", "empty"]);
    assert_eq!(nothing.code, Some(1), "{nothing:?}");
    assert!(nothing.refused().contains("has no image at DeviceType/Vendor/"));
    assert_eq!(place.run(&["import-ocs", "absent"]).code, Some(3));
    tree(&place, &[(IP8540, "3.5.6907.0")]);
    place.file("table.txt", b"DeviceType Brand Model\n---------- ----- -----\nUCPhone    Polycom CX700\n");
    let table = place.run(&["import-ocs", "share", "--rules", "table.txt"]);
    assert_eq!(table.code, Some(1), "{table:?}");
    assert!(!place.path("ucupdate-data").exists());
}
