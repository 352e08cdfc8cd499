//! `group`: named groups of devices, as predicates and as lists.

use crate::place::{IP8540, Place};
use serde_json::json;

#[test]
fn a_group_is_what_its_devices_have_in_common_and_is_not_made_another_by_mistake() {
    let place = Place::with_package();
    assert_eq!(place.run(&["group", "list"]).done(), "no groups\n");
    let add = "group add Lisbon --vendor LG-Nortel --vendor Polycom --device-type UCPhone --model IP8540 \
         --hardware-revision A --locale ENU --mac-prefix 00-21-63 --serials C185H001000..C185H001999 \
         --user-domain demo.local --network 10.1.0.0/16 --network 10.2.0.7 --side internal \
         --installed '>=1.0.0, <4.0'";
    let report = place.call(add).done();
    let predicate = "device type UCPhone; vendor LG-Nortel or Polycom; model IP8540; hardware revision A; locale ENU; \
                     MAC address 002163; serial number C185H001000..C185H001999; user domain demo.local; \
                     network 10.1.0.0/16 or 10.2.0.7/32; side internal; installed version >=1.0.0, <4.0";
    assert_eq!(report, format!("group Lisbon: {predicate}\n"));
    assert_eq!(place.call(add).done(), "nothing to do\n");
    assert_eq!(place.run(&["group", "show", "lisbon"]).done(), format!("Lisbon: {predicate}\n"));
    let shown = place.run(&["group", "show", "Lisbon", "--json"]).json();
    assert_eq!((&shown["members"], &shown["devices"]), (&json!(null), &json!([])));
    assert_eq!(shown["predicate"]["networks"], json!(["10.1.0.0/16", "10.2.0.7/32"]));

    let refused = place.run(&["group", "add", "Lisbon"]).refused();
    assert_eq!(refused, format!("group Lisbon exists already ({predicate}), --replace changes it"));
    place.run(&["group", "add", "Lisbon", "--vendor", "Polycom", "--replace"]).done();
    assert_eq!(place.run(&["group", "show", "Lisbon"]).done(), "Lisbon: vendor Polycom\n");
    assert_eq!(
        place.run(&["group", "add-member", "Lisbon", "--serial", "X1"]).refused(),
        "group Lisbon is defined by a predicate (vendor Polycom), so it has no list of devices; change the predicate instead"
    );
}

#[test]
fn a_list_is_filled_from_a_file_and_used_by_what_names_it() {
    let place = Place::with_package();
    place.run(&["group", "add", "pilots", "--author", "ann"]).done();
    place.file(
        "pilots.txt",
        b"\xef\xbb\xbf# pilots\r\n\n00-21-63-0F-20-7B\r\n  C185H001210  # the hall's\n0021630f207b\n",
    );
    let add =
        ["group", "add-member", "pilots", "--from", "pilots.txt", "--mac", "0004F2000001", "--serial", "X1"];
    assert_eq!(place.run(&add).done(), "group pilots: 4 added, 0 removed, 0 unchanged\n");
    let again = place.run(&[&add[..], &["--json"]].concat()).json();
    assert_eq!(
        (&again["revision"], &again["notes"][0]),
        (&json!(null), &json!("group pilots: 0 added, 0 removed, 4 unchanged"))
    );
    let removed = place.run(&["group", "remove-member", "pilots", "--serial", "x1", "--serial", "X2"]).done();
    assert_eq!(removed, "group pilots: 0 added, 1 removed, 1 unchanged\n");

    place.run(&["rollout", "start", IP8540, "3.5.6907.0", "--name", "wave-1", "--group", "pilots"]).done();
    place.run(&["hold", "add", "quiet", "--group", "pilots"]).done();
    let shown = place.run(&["group", "show", "pilots"]).done();
    assert_eq!(
        shown,
        format!(
            "pilots: a list of 3\n  used by the rule {IP8540}\n  used by the hold quiet\n  MAC address 0004F2000001\n  \
             MAC address 0021630F207B\n  serial number C185H001210\n"
        )
    );
    let refused = place.run(&["group", "remove", "pilots"]).refused();
    assert_eq!(refused, format!("group pilots is in use by the rule {IP8540}"));
    place.run(&["rollout", "stop", IP8540, "wave-1"]).done();
    place.run(&["hold", "remove", "quiet"]).done();
    assert_eq!(
        place.run(&["group", "remove", "pilots"]).done(),
        "group pilots: 0 added, 3 removed, 0 unchanged\ngroup pilots is removed; it was a list of devices\n"
    );
    assert_eq!(place.run(&["group", "show", "pilots"]).refused(), "no group pilots");
    assert_eq!(place.run(&add).refused(), "no group pilots");
}

#[test]
fn a_line_that_is_no_device_is_named_and_nobody_of_the_file_is_added() {
    let place = Place::with_package();
    place.run(&["group", "add", "pilots"]).done();
    for (line, reason) in [
        (
            "00-21-63-0F-20",
            "MAC address has 10 hexadecimal digits, expected 12; write serial:00-21-63-0F-20 if it is a serial number",
        ),
        ("mac:C185H001210", "MAC address contains 'H' at byte 4, expected hexadecimal digits"),
        ("serial:", "serial number is blank"),
        (
            "0021630F207B;hall",
            "expected a MAC address or a serial number; write serial:0021630F207B;hall if it is one",
        ),
    ] {
        place.file("list.txt", format!("X1\n{line}\n").as_bytes());
        let refused = place.run(&["group", "add-member", "pilots", "--from", "list.txt"]).refused();
        assert_eq!(refused, format!("list.txt: line 2: {reason}"));
    }
    let absent = place.run(&["group", "add-member", "pilots", "--from", "absent"]).refused();
    assert_eq!(absent, "absent: No such file or directory (os error 2)");
    assert_eq!(place.run(&["group", "show", "pilots"]).done(), "pilots: a list of 0\n");
}

#[test]
#[ignore = "slow; .ci/run runs it"]
fn a_long_list_is_put_in_by_changes_of_which_each_fits_into_a_revision() {
    let place = Place::with_package();
    place.run(&["group", "add", "everyone"]).done();
    let list: String = (0..12_000).map(|number| format!("C185H{number:06}{}\n", "x".repeat(20))).collect();
    place.file("list.txt", list.as_bytes());
    let added = place.run(&["group", "add-member", "everyone", "--from", "list.txt", "--json"]).json();
    assert_eq!(added["notes"], json!(["group everyone: 12000 added, 0 removed, 0 unchanged"]));
    let revision = added["revision"].as_u64().unwrap();
    assert!(revision > 3, "{revision}");
    for revision in 1..=revision {
        let stored = place.path(&format!("ucupdate-data/state/revisions/{revision:020}.json"));
        assert!(std::fs::metadata(stored).unwrap().len() <= 1024 * 1024);
    }
    let removed = place.run(&["group", "remove-member", "everyone", "--from", "list.txt"]).done();
    assert_eq!(removed, "group everyone: 0 added, 12000 removed, 0 unchanged\n");
}
