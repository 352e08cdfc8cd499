//! Tests the timelines of devices from both logs.

use crate::place::{IP8540, Place};

const AUDIT: &[u8] = include_bytes!("../../../../../vectors/RequestHandlerAuditLog_2009-03-06.log");
const ACCESS: &[u8] = include_bytes!("../../../../../vectors/iis-2009-03-06.log");
const OLD_PATH: &[u8] = include_bytes!("../../../../../vectors/iis-2009-04-15.log");

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
    let report = place().run(&FIELD).done();
    let expected = "\
0021630F207B, UCPhone/LG-Nortel/IP8540/A/ENU, serial C185H001209, ruisilva@demo.local, 10.1.1.123
2009-03-06T17:07:20Z  asked with 0.0.0.0, offered nothing
2009-03-06T17:10:39Z  asked with 0.0.0.0, offered 1.0.522.103, the interim image
2009-03-06T17:12:57Z  fetched CPE.nbt of 1.0.522.103 in 2 min 18 s
2009-03-06T17:12:57Z  fetched CPE.cat of 1.0.522.103
2009-03-06T17:18:54Z  restarted, probably by itself, within 5 min 57 s of the download
2009-03-06T17:18:54Z  came back with 1.0.522.103, offered 3.5.6907.0
2009-03-06T17:21:45Z  fetched CPE.nbt of 3.5.6907.0 in 2 min 51 s
2009-03-06T17:21:45Z  fetched CPE.cat of 3.5.6907.0
";
    assert!(report.starts_with(expected), "{report}");
    assert!(report.contains("trouble: its clock is 8 h behind (over)\n"), "{report}");
    assert!(report.ends_with("\n2009-03-06T17:21:45Z  the logs end\n"), "{report}");
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
        let report = place.run(&[&FIELD[..], &["old.log", "--json"], &choice].concat()).json();
        let devices = report["devices"].as_array().unwrap();
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
fn devices_are_chosen_by_the_kind_of_their_trouble_and_another_kind_is_not_found() {
    let place = place();
    let devices = |kind: &str| {
        let report = place.run(&[&FIELD[..], &["--trouble", kind, "--json"]].concat()).json();
        report["devices"].as_array().unwrap().clone()
    };
    let troubled = devices("any");
    assert!(troubled.iter().all(|device| !device["troubles"].as_array().unwrap().is_empty()));
    let kind = troubled[0]["troubles"][0]["kind"].as_str().unwrap().to_owned();
    let of_kind = devices(&kind);
    let has_kind = |device: &serde_json::Value| {
        device["troubles"].as_array().unwrap().iter().any(|trouble| trouble["kind"] == kind.as_str())
    };
    assert!(!of_kind.is_empty() && of_kind.iter().all(has_kind));
    let ran = place.run(&[&FIELD[..], &["--trouble", "slwo"]].concat());
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.stderr.contains(&format!("no trouble of the kind slwo; they show: {kind}")), "{ran:?}");
}

#[test]
fn a_mistyped_device_gets_the_one_that_was_meant() {
    let place = place();
    for (choice, meant) in [
        (["--mac", "0021630F207C"], "0021630F207B"),
        (["--serial", "C185H01209"], "C185H001209"),
        (["--host", "10.1.1.12"], "10.1.1.123"),
    ] {
        let refused = place.run(&[&FIELD[..], &choice].concat()).refused();
        assert!(refused.starts_with("the logs name no device"), "{choice:?}: {refused}");
        assert!(refused.ends_with(&format!("; did you mean {meant}?")), "{choice:?}: {refused}");
    }
    let folder = "ucupdate-data/Logs/Server/Audit/imageUpdates";
    std::fs::create_dir_all(place.path(folder)).unwrap();
    place.file(&format!("{folder}/RequestHandlerAuditLog_ocs_2009-03-06.log"), AUDIT);
    for verb in [&["explain", "--mac"][..], &["timeline", "--mac"]] {
        let refused = place.run(&[verb, &["0021630F207C"]].concat()).refused();
        assert!(refused.ends_with("; did you mean 0021630F207B?"), "{verb:?}: {refused}");
    }
}

#[test]
fn an_event_and_a_trouble_are_objects_for_scripts() {
    let report = place().run(&[&FIELD[..], &["--json"]].concat()).json();
    let phone = &report["devices"][0];
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
    assert_eq!((&report["audit_rows"], &report["access_rows"]), (&3.into(), &7.into()));
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
    for absent in ["<script", "http://", "https://", "src=", "url(\"", "url(h", "@import"] {
        assert!(!page.contains(absent), "{absent}");
    }
    assert_eq!(page.matches("role=\"img\"").count(), 1);
    let again = place.run(&["timeline", "--access", "access.log", "--html", "out.html"]);
    assert_eq!(again.code, Some(1), "{again:?}");
}

#[test]
fn a_file_of_the_other_kind_is_named_with_the_option_that_reads_it() {
    let place = place();
    let ran = place.run(&["timeline", "--access", "audit.log"]);
    assert_eq!(ran.code, Some(1));
    let expected =
        "audit.log: nothing is understood as an access log: it looks like an audit log; --audit reads it";
    assert_eq!(ran.stderr.lines().last(), Some(&*format!("ucupdate: {expected}")));
}

/// Returns a place with a package, and with the logs in `vectors/` as logs of its server.
fn store() -> Place {
    let place = Place::with_package();
    for (folder, name, log) in [
        ("Audit/imageUpdates", "RequestHandlerAuditLog_ocs_2009-03-06.log", AUDIT),
        ("Access", "ocs_2009-03-06.log", ACCESS),
    ] {
        let folder = format!("ucupdate-data/Logs/Server/{folder}");
        std::fs::create_dir_all(place.path(&folder)).unwrap();
        place.file(&format!("{folder}/{name}"), log);
    }
    place.run(&["approve", IP8540]).done();
    place
}

#[test]
fn a_device_is_shown_with_its_last_request_its_offer_and_what_was_decided_about_it() {
    let place = store();
    place.run(&["group", "add", "pilots"]).done();
    place.run(&["group", "add-member", "pilots", "--mac", "0021630F207B"]).done();
    place.run(&["hold", "add", "fair", "--group", "pilots", "--reason", "trade fair"]).done();
    place.run(&["pin", "set", IP8540, "3.5.6907.0", "--mac", "0021630F207B"]).done();
    place.run(&["test-device", "add", "lobby", "--mac", "0021630F207B"]).done();
    for name in ["00-21-63-0F-20-7B", "c185h001209", "10.1.1.123"] {
        let report = place.run(&["device", name]).done();
        for line in [
            "0021630F207B\n",
            "kind           UCPhone/LG-Nortel/IP8540/A/ENU\n",
            "has            cpe.nbt 1.0.522.103\n",
            "last asked     2009-03-06T17:18:54Z, 3 requests since 2009-03-06T17:07:20Z\n",
            "server         ocs\n",
            "test device    lobby\n",
            "groups         pilots\n",
            "holds          fair: trade fair\n",
            "=> nothing: 3.5.6907.0 is held back, by the hold fair: trade fair\n",
            "  restarted, probably by itself, within 5 min 57 s of the download\n",
        ] {
            assert!(report.contains(line), "{name}: {line}: {report}");
        }
    }
    let report = place.run(&["device", "0021630F207B", "--json", "--html", "out.html"]).json();
    assert_eq!(report["groups"], serde_json::json!(["pilots"]));
    assert_eq!(report["now"]["modules"][0]["installed"], "1.0.522.103");
    assert_eq!(report["timeline"]["events"][2]["kind"], "fetched");
    let page = std::fs::read_to_string(place.path("out.html")).unwrap();
    assert!(page.contains("<dt>groups</dt><dd>pilots</dd>") && page.contains("<svg"), "{page}");
    let absent = place.run(&["device", "10.9.9.9"]);
    let expected = "the audit logs name no device with the MAC address, serial number or address 10.9.9.9";
    assert_eq!((absent.code, absent.refused()), (Some(3), expected.to_owned()));
}

#[test]
fn a_device_is_explained_from_its_last_request_also_as_of_an_earlier_time() {
    let place = store();
    let report = place.run(&["explain", "--mac", "0021630F207B"]).done();
    assert!(report.contains("cpe.nbt at version \"1.0.522.103\"\n"), "{report}");
    let report = place.run(&["plan", "--serial", "c185h001209"]).done();
    assert!(report.contains("cpe.nbt: 1.0.522.103 -> 3.5.6907.0\n"), "{report}");
    // At that time the phone had another version, and there was no rule book.
    let report =
        place.run(&["explain", "--mac", "0021630F207B", "--at", "2009-03-06T17:11:00Z", "--json"]).json();
    assert_eq!((&report["revision"], &report["modules"][0]["installed"]), (&0.into(), &"0.0.0.0".into()));
    // A request at exactly that time counts.
    place.run(&["explain", "--mac", "0021630F207B", "--at", "2009-03-06T17:07:20Z"]).done();
    let before = place.run(&["explain", "--mac", "0021630F207B", "--at", "2009-03-06T17:07:19Z"]);
    let expected = "the audit logs name no device with MAC address 0021630F207B up to that time";
    assert_eq!((before.code, before.refused()), (Some(3), expected.to_owned()));
}

#[test]
fn what_counts_as_a_trouble_is_set_by_options() {
    let place = Place::new();
    let mut log =
        "#Fields: date time cs-method cs-uri-stem c-ip sc-status sc-win32-status time-taken\n".to_owned();
    let image = "/DeviceUpdateFiles_Int/UCPhone/LG-Nortel/IP8540/A/ENU/3.5.6907.0/CPE/CPE";
    for (host, seconds) in [(1, 100), (2, 100), (3, 100), (4, 350)] {
        for (file, taken) in [("nbt", seconds * 1000), ("cat", 15)] {
            log += &format!("2009-03-06 17:00:0{host} GET {image}.{file} 10.1.1.{host} 200 0 {taken}\n");
        }
    }
    log += "2009-03-08 01:00:00 POST /RequestHandler/ucdevice.upx 10.1.1.9 200 0 15\n";
    place.file("u_ex.log", log.as_bytes());
    let troubles = |options: &str| -> Vec<(String, String)> {
        let timeline = place.call(&format!("timeline --access u_ex.log --json {options}")).json();
        let devices = timeline["devices"].as_array().unwrap().iter();
        let all = devices.flat_map(|device| {
            let host = device["hosts"][0].as_str().unwrap().to_owned();
            let troubles = device["troubles"].as_array().unwrap().iter();
            troubles.map(move |trouble| (host.clone(), trouble["kind"].as_str().unwrap().to_owned()))
        });
        all.collect()
    };
    let one = |host: &str, kind: &str| vec![(host.to_owned(), kind.to_owned())];
    let not_back: Vec<_> = (1..=4).flat_map(|host| one(&format!("10.1.1.{host}"), "not-back")).collect();
    assert_eq!(troubles(""), not_back, "32 hours without a request");
    assert_eq!(troubles("--back-within 48h"), []);
    assert_eq!(troubles("--back-within 48h --slow-factor 3"), one("10.1.1.4", "slow"));
    assert_eq!(troubles("--back-within 48h --slow-factor 3 --slow-seconds 400"), []);
    let silent = troubles("--back-within 48h --silent-after 31h");
    assert_eq!(silent.len(), 4, "{silent:?}");
    assert!(silent.iter().all(|(_, kind)| kind == "silent"), "{silent:?}");
    assert_eq!(place.call("timeline --access u_ex.log --slow-factor 0").code, Some(2));
}
