//! Tests `hold`, `pin` and `policy`, which change the offers of devices.

use crate::place::{IP8540, Place, package};
use serde_json::{Value, json};

const MAC: &str = "0021630F207B";

fn answer(place: &Place, installed: &str) -> Value {
    let device = ["--device", "UCPhone/LG-Nortel/IP8540/A/ENU", "--mac", MAC, "--installed", installed];
    place.run(&[&["explain", "--json"], &device[..]].concat()).json()["modules"][0].clone()
}

/// Returns a place with two versions. The newer one is approved.
fn two_versions() -> Place {
    let place = Place::with_package();
    place.run(&["approve", IP8540]).done();
    place.file("new.cab", &package(IP8540, "4.0.7577.0", b"newer"));
    place.run(&["ingest", "new.cab"]).done();
    place.run(&["approve", IP8540]).done();
    place
}

/// The audit log of one phone.
const FIELD_LOG: &str = include_str!("../../../../../vectors/RequestHandlerAuditLog_2009-03-06.log");

#[test]
fn a_device_that_never_asked_is_noted_where_it_is_named_for_a_change() {
    let place = Place::with_package();
    let message_of = |line: &str| {
        let ran = place.call(line);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.stderr
    };
    assert_eq!(message_of("hold add h0 --mac 001122334455"), "", "no inventory is kept");
    let logs = place.path("ucupdate-data/Logs/Server/Audit/imageUpdates");
    std::fs::create_dir_all(&logs).unwrap();
    std::fs::write(logs.join("RequestHandlerAuditLog_ocs01_2009-03-06.log"), FIELD_LOG).unwrap();
    place.run(&["fleet", "--keep"]).done();
    place.run(&["group", "add", "g"]).done();
    assert_eq!(message_of("hold add h1 --mac 0021630F207B"), "");
    assert_eq!(message_of("hold add h2 --group g"), "");
    let note =
        "ucupdate: note: no request of 0021630F208B is known, by the inventories of the servers up to ";
    for line in [
        "hold add h3 --mac 0021630F208B",
        "test-device add lab --mac 0021630F208B",
        "pin set $CX700 3.5.6907.9 --mac 0021630F208B",
        "group add-member g --mac 0021630F208B",
    ] {
        let message = message_of(line);
        assert!(
            message.starts_with(note) && message.ends_with("; did you mean 0021630F207B?\n"),
            "{line}: {message}"
        );
    }
    let message = message_of("group add-member g --mac 001122334455 --mac 0021630F207B --serial 7");
    assert!(message.contains("no request of 001122334455 and 1 more is known"), "{message}");
    assert_eq!(message_of("group remove-member g --mac 001122334455"), "");
    let unknown = place.run(&["device", "0021630F208B"]).refused();
    let entries =
        "; the rule book names it: test device lab, hold h3, group g, pin of UCPhone/Polycom/CX700/A/ENU/CPE";
    assert!(unknown.contains(entries), "{unknown}");
}

#[test]
fn a_hold_lasts_until_it_is_over_or_removed() {
    let place = two_versions();
    assert_eq!(place.run(&["hold", "list"]).done(), "no holds\n");
    let held = place.run(&[
        "hold",
        "add",
        "boardroom",
        "--mac",
        MAC,
        "--until",
        "2100-01-01",
        "--reason",
        "board meets",
    ]);
    assert_eq!(
        held.done(),
        format!(
            "the device with MAC address {MAC} is offered nothing, by the hold boardroom until 2100-01-01T00:00:00Z (reason: board meets)\n"
        )
    );
    let answered = answer(&place, "3.5.6907.0");
    assert_eq!(answered["decision"], "held");
    assert_eq!(answered["because"], "nothing: 4.0.7577.0 is held back, by the hold boardroom: board meets");
    assert_eq!(
        place.run(&["hold", "list"]).done(),
        format!(
            "NAME       HOLDS                                     UNTIL                 REASON\n\
             boardroom  the device with MAC address {MAC}  2100-01-01T00:00:00Z  board meets\n"
        )
    );
    let json = place.run(&["hold", "list", "--json"]).json();
    let expected = json!([{
        "name": "boardroom", "mac": MAC, "serial": null, "group": null, "rule": null,
        "until": "2100-01-01T00:00:00Z", "over": false, "reason": "board meets",
    }]);
    assert_eq!(json["holds"], expected);
    let taken = place.run(&["hold", "add", "BoardRoom", "--serial", "X1"]).refused();
    assert_eq!(taken, format!("a hold boardroom exists already, on the device with MAC address {MAC}"));
    let over =
        place.run(&["hold", "add", "late", "--rule", IP8540, "--until", "2009-03-06T17:10:39Z"]).refused();
    assert_eq!(over, "--until 2009-03-06T17:10:39Z is in the past");
    assert_eq!(
        place.run(&["hold", "remove", "boardroom"]).done(),
        format!(
            "the hold boardroom on the device with MAC address {MAC} is removed; its reason was: board meets\n"
        )
    );
    assert_eq!(answer(&place, "3.5.6907.0")["decision"], "offer");
    assert_eq!(place.run(&["hold", "remove", "boardroom"]).refused(), "no hold boardroom");
    place.run(&["hold", "add", "all", "--rule", IP8540]).done();
    assert_eq!(answer(&place, "3.5.6907.0")["decision"], "held");
}

#[test]
fn a_pinned_device_stays_at_its_version_while_others_go_on() {
    let place = two_versions();
    assert_eq!(place.run(&["pin", "list"]).done(), "no pins\n");
    let pinned = place.run(&["pin", "set", IP8540, "3.5.6907.0", "--mac", "00-21-63-0f-20-7b"]).done();
    assert_eq!(pinned, format!("{IP8540}: the device with MAC address {MAC} is pinned to 3.5.6907.0\n"));
    assert_eq!(answer(&place, "4.0.7577.0")["offer"]["version"], "3.5.6907.0");
    assert_eq!(answer(&place, "3.5.6907.0")["decision"], "up-to-date");
    let list = place.run(&["pin", "list"]).done();
    assert_eq!(
        list.lines().nth(1).unwrap(),
        format!("{IP8540}  3.5.6907.0  the device with MAC address {MAC}")
    );
    let rules = place.run(&["rules"]).done();
    assert!(
        rules.contains(&format!("\n  pin 3.5.6907.0 for the device with MAC address {MAC}\n")),
        "{rules}"
    );
    let pins = place.run(&["pin", "list", "--json"]).json()["pins"].clone();
    assert_eq!(
        (&pins[0]["mac"], &pins[0]["group"], &pins[0]["version"]),
        (&json!(MAC), &json!(null), &json!("3.5.6907.0"))
    );
    assert_eq!(place.run(&["rules", "--json"]).json()["rules"][0]["pins"], pins);

    let never = place.run(&["pin", "set", IP8540, "9.9.9.9", "--mac", MAC]).refused();
    assert_eq!(never, format!("{IP8540}: no package contains 9.9.9.9"));
    let other = place.run(&["pin", "remove", IP8540, "--serial", "X1"]).refused();
    assert_eq!(other, format!("{IP8540}: nothing is pinned for the device with serial number X1"));
    place.run(&["pin", "remove", IP8540, "--mac", MAC]).done();
    assert_eq!(answer(&place, "3.5.6907.0")["offer"]["version"], "4.0.7577.0");
}

#[test]
fn a_policy_is_changed_word_by_word_and_decides() {
    let place = two_versions();
    let set = |more: &[&str]| place.run(&[&["policy", "set", IP8540], more].concat());
    assert_eq!(answer(&place, "9.0.0.0")["offer"]["version"], "4.0.7577.0");
    assert_eq!(
        set(&["--offer", "newer"]).done(),
        format!("{IP8540}: policy offer changed from different to newer\n")
    );
    assert_eq!(answer(&place, "9.0.0.0")["decision"], "not-newer");
    assert_eq!(set(&["--offer", "newer"]).done(), "nothing to do\n");
    set(&["--offer", "different", "--floor", "5.0"]).done();
    assert_eq!(answer(&place, "9.0.0.0")["decision"], "below-floor");
    assert_eq!(answer(&place, "odd")["decision"], "version-unreadable");
    set(&["--floor", "none", "--unreadable", "yes"]).done();
    assert_eq!(answer(&place, "odd")["decision"], "offer");
    assert_eq!(answer(&place, "4.0.7577.9")["decision"], "offer");
    set(&["--same-release", "first-three"]).done();
    assert_eq!(answer(&place, "4.0.7577.9")["decision"], "up-to-date");
    set(&["--window", "daily 00:00-24:00", "--minimum", "1.0.522.103"]).done();
    assert_eq!(
        place.run(&["policy", "show", IP8540]).done(),
        format!(
            "{IP8540}\n  offer         different\n  unreadable    yes\n  same-release  first-three\n  \
             minimum       1.0.522.103\n  floor         none\n  window        daily 00:00-24:00 UTC\n  scheme        dotnet\n"
        )
    );
    set(&["--window", "NONE", "--minimum", "none"]).done();
    let shown = place.run(&["policy", "show", IP8540, "--json"]).json();
    assert_eq!(
        (&shown["window"], &shown["minimum"], &shown["same_release"]),
        (&json!(null), &json!(null), &json!("first-three"))
    );
    assert_eq!(
        set(&["--window", "daily 22:00-05:00 Europe/Atlantis"]).refused(),
        "no time zone `Europe/Atlantis`, expected an IANA name such as `Europe/Lisbon` or `UTC`"
    );
    for command in
        [&["policy", "show", "a/b/c/d/e/f"][..], &["policy", "set", "a/b/c/d/e/f", "--offer", "newer"]]
    {
        assert_eq!(place.run(command).refused(), "no rule a/b/c/d/e/f");
    }
}
