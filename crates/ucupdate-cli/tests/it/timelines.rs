//! Timelines of devices, from both logs.

use crate::place::Place;

const AUDIT: &[u8] = include_bytes!("../../../../vectors/RequestHandlerAuditLog_2009-03-06.log");
const ACCESS: &[u8] = include_bytes!("../../../../vectors/iis-2009-03-06.log");
const OLD_PATH: &[u8] = include_bytes!("../../../../vectors/iis-2009-04-15.log");

fn place() -> Place {
    let place = Place::new();
    place.file("audit.log", AUDIT);
    place.file("access.log", ACCESS);
    place.file("old.log", OLD_PATH);
    place
}

const FIELD: [&str; 5] = ["timeline", "--audit", "audit.log", "--access", "access.log"];

#[test]
fn the_fields_phone_is_followed_from_its_first_request_to_its_last_download() {
    let told = place().run(&FIELD).done();
    let expected = "\
0021630F207B, UCPhone/LG-Nortel/IP8540/A/ENU, serial C185H001209, ruisilva@demo.local, 10.1.1.123
2009-03-06T17:07:20Z  asked with 0.0.0.0, offered nothing
2009-03-06T17:10:39Z  asked with 0.0.0.0, offered 1.0.522.103, the interim image
2009-03-06T17:12:57Z  fetched CPE.nbt of 1.0.522.103 in 2 min 18 s
2009-03-06T17:12:57Z  fetched CPE.cat of 1.0.522.103
2009-03-06T17:18:54Z  restarted by itself within 5 min 57 s of the download
2009-03-06T17:18:54Z  came back with 1.0.522.103, offered 3.5.6907.0
2009-03-06T17:21:45Z  fetched CPE.nbt of 3.5.6907.0 in 2 min 51 s
2009-03-06T17:21:45Z  fetched CPE.cat of 3.5.6907.0
";
    assert!(told.starts_with(expected), "{told}");
    assert!(told.contains("trouble: its clock is 8 h behind (over)\n"), "{told}");
    assert!(told.ends_with("\n2009-03-06T17:21:45Z  the logs end\n"), "{told}");
}

#[test]
fn a_device_is_chosen_by_mac_serial_address_or_rule_and_another_is_not_found() {
    let place = place();
    for choice in [
        ["--mac", "00:21:63:0f:20:7b"],
        ["--serial", "c185h001209"],
        ["--host", "10.1.1.123"],
        ["--rule", "UCPhone/LG-Nortel/IP8540/A/ENU/CPE"],
    ] {
        let told = place.run(&[&FIELD[..], &["old.log", "--json"], &choice].concat()).json();
        let devices = told["devices"].as_array().unwrap();
        assert_eq!((devices.len(), &devices[0]["mac"]), (1, &"0021630F207B".into()), "{choice:?}");
        assert_eq!(devices[0]["events"].as_array().unwrap().len(), 9, "{choice:?}");
    }
    let by_host =
        place.run(&[&FIELD[..], &["old.log", "--host", "192.168.20.103", "--json"]].concat()).json();
    assert_eq!(by_host["devices"][0]["troubles"][0]["kind"], "old-path");
    let absent = place.run(&[&FIELD[..], &["--mac", "0004F2000176"]].concat());
    assert_eq!(absent.code, Some(3));
    assert_eq!(absent.refused(), "the logs name no device with MAC address 0004F2000176");
}

#[test]
fn an_event_and_a_trouble_are_objects_for_scripts() {
    let told = place().run(&[&FIELD[..], &["--json"]].concat()).json();
    let phone = &told["devices"][0];
    let fetched = &phone["events"][2];
    for (field, value) in [
        ("at", serde_json::json!("2009-03-06T17:12:57Z")),
        ("kind", "fetched".into()),
        ("version", "1.0.522.103".into()),
        ("interim", true.into()),
        ("signature", false.into()),
        ("outcome", "whole".into()),
        ("taken_ms", 137_810.into()),
        ("bytes_per_second", serde_json::Value::Null),
    ] {
        assert_eq!(fetched[field], value, "{field}");
    }
    let restarted = &phone["events"][4];
    assert_eq!((&restarted["by"], &restarted["after_seconds"]), (&"itself".into(), &357.into()));
    let trouble = &phone["troubles"][0];
    assert_eq!((&trouble["kind"], &trouble["over"]), (&"clock-wrong".into(), &"2009-03-06T17:10:39Z".into()));
    assert_eq!((&told["audit_rows"], &told["access_rows"]), (&3.into(), &7.into()));
}

#[test]
fn the_page_needs_nothing_else_and_foreign_text_is_no_markup() {
    let place = place();
    let evil = String::from_utf8_lossy(AUDIT).replace("ruisilva@demo.local", "<script>alert(1)</script>&\"");
    place.file("evil.log", evil.replace("&\"", "&").as_bytes());
    let ran = place.run(&["timeline", "--audit", "evil.log", "--access", "access.log", "--html", "out.html"]);
    assert_eq!((ran.code, &*ran.stdout), (Some(0), ""), "{ran:?}");
    let page = std::fs::read_to_string(place.path("out.html")).unwrap();
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&amp;"), "{page}");
    for absent in ["<script", "http://", "https://", "src=", "url(", "@import"] {
        assert!(!page.contains(absent), "{absent}");
    }
    assert_eq!(page.matches("<svg").count(), 1);
    let again = place.run(&["timeline", "--access", "access.log", "--html", "out.html"]);
    assert_eq!(again.code, Some(1), "{again:?}");
}

#[test]
fn a_file_of_the_other_kind_is_named_with_the_option_that_reads_it() {
    let place = place();
    let ran = place.run(&["timeline", "--access", "audit.log"]);
    assert_eq!(ran.code, Some(4));
    let expected =
        "audit.log: nothing is understood as an access log: it looks like an audit log; --audit reads it";
    assert_eq!(ran.stderr.lines().last(), Some(&*format!("ucupdate: {expected}")));
}
