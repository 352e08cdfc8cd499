//! The exit code of every verb: done, refused, nothing understood, nothing found, and wrong call.

use crate::place::{IP8540, Place, package};

const DONE: i32 = 0;
const REFUSED: i32 = 1;
const WRONG_CALL: i32 = 2;
const NOT_FOUND: i32 = 3;
const NOT_UNDERSTOOD: i32 = 4;

const ABSENT: &str = "UCPhone/LG-Nortel/IP9999/A/ENU/CPE";
const DEVICE: [&str; 4] = ["--device", "UCPhone/LG-Nortel/IP8540/A/ENU", "--installed", "1.0.522.103"];

fn place() -> Place {
    let place = Place::with_package();
    place.file("other.cab", &package(IP8540, "3.5.6907.0", b"other bytes"));
    place.file("noise", b"this is neither a cabinet nor a request nor a log\n");
    place.file("audit.log", include_bytes!("../../../../vectors/RequestHandlerAuditLog_2009-03-06.log"));
    let request = include_bytes!("../../../../vectors/canonical-request.xml");
    place.file(
        "followed.txt",
        &[&b"POST /RequestHandler/ucdevice.upx HTTP/1.1\r\n\r\n"[..], request].concat(),
    );
    place.file("request.xml", include_bytes!("../../../../vectors/canonical-request.xml"));
    place.run(&["approve", IP8540]).done();
    place
}

#[test]
fn every_verb_ends_with_the_code_of_what_came_of_it() {
    let place = place();
    let rows: &[(i32, &[&str])] = &[
        // Lists of what is there.
        (DONE, &["rules"]),
        (DONE, &["tree"]),
        (DONE, &["history"]),
        (DONE, &["group", "list"]),
        (DONE, &["test-device", "list"]),
        (DONE, &["rollout", "list"]),
        (DONE, &["hold", "list"]),
        (DONE, &["pin", "list"]),
        (DONE, &["ban", "list"]),
        (DONE, &["alias", "list"]),
        (DONE, &["version", "--scheme", "numeric", "3.0.0.459.1", "3.0.0.500.9"]),
        (DONE, &["stone", "list"]),
        (DONE, &["interim", "list"]),
        (DONE, &["ingest", "--dry-run", "uc.cab"]),
        (DONE, &["policy", "deploy-at-ingest", "RoundTable", "yes"]),
        (DONE, &["ban", "list"]),
        (DONE, &["alias", "list"]),
        (DONE, &["fleet"]),
        (DONE, &["loops"]),
        (DONE, &["timeline"]),
        (DONE, &["device", "--audit", "audit.log", "--", "0021630F207B"]),
        (DONE, &["timeline", "--audit", "audit.log", "--mac", "0021630F207B"]),
        (DONE, &["captures"]),
        (DONE, &["policy", "show", IP8540]),
        (DONE, &["policy", "list"]),
        (DONE, &["verify"]),
        (DONE, &["gc", "--dry-run"]),
        (DONE, &["diff", "--from", "0"]),
        (DONE, &["inspect", "request.xml"]),
        (DONE, &["inspect", "followed.txt"]),
        (DONE, &["explain", "request.xml"]),
        (DONE, &["plan", "request.xml"]),
        (DONE, &["version", "1.0.522.98", "1.0.522.103"]),
        (DONE, &["package", "show", "uc.cab"]),
        (DONE, &["ingest", "uc.cab"]),
        // Refused.
        (REFUSED, &["approve", IP8540]),
        (REFUSED, &["reject", IP8540]),
        (REFUSED, &["rollback", IP8540]),
        (REFUSED, &["rollback", IP8540, "--expect", "1.0"]),
        (REFUSED, &["ingest", "other.cab"]),
        (REFUSED, &["ingest", "--dry-run", "other.cab"]),
        (REFUSED, &["interim", "approve", "ENU"]),
        (REFUSED, &["interim", "reject", "DEU"]),
        (REFUSED, &["stone", "set", "ocs-interim", "--by", "1.0"]),
        (REFUSED, &["stone", "narrow", "ocs-interim"]),
        (REFUSED, &["rebuild"]),
        (REFUSED, &["rollout", "restart"]),
        (REFUSED, &["stone", "add", "s", "--device-type", "UCPhone", "--below", "2.0", "--by", "1.0"]),
        (REFUSED, &["package", "extract", "uc.cab", "--to", "noise"]),
        // Nothing understood.
        (NOT_UNDERSTOOD, &["inspect", "noise"]),
        (NOT_UNDERSTOOD, &["explain", "noise"]),
        (NOT_UNDERSTOOD, &["plan", "noise"]),
        (NOT_UNDERSTOOD, &["ingest", "noise"]),
        (NOT_UNDERSTOOD, &["package", "show", "noise"]),
        (NOT_UNDERSTOOD, &["package", "extract", "noise", "--to", "out"]),
        (NOT_UNDERSTOOD, &["fleet", "--audit", "noise"]),
        (NOT_UNDERSTOOD, &["loops", "--audit", "noise"]),
        (NOT_UNDERSTOOD, &["timeline", "--access", "noise"]),
        (NOT_UNDERSTOOD, &["device", "0021630F207B", "--audit", "noise"]),
        (NOT_UNDERSTOOD, &["timeline", "--audit", "audit.log", "noise", "--mac", "0021630F207B"]),
        (NOT_UNDERSTOOD, &["diff", "--from", "0", "--devices", "noise"]),
        (NOT_UNDERSTOOD, &["simulate", "--audit", "noise"]),
        (NOT_FOUND, &["fleet", "--audit", "absent/*.log"]),
        (NOT_UNDERSTOOD, &["version", "4.1b"]),
        (NOT_UNDERSTOOD, &["version", "1.0", "4.1b"]),
        (NOT_UNDERSTOOD, &["explain", "--replay", "noise"]),
        // Nothing found.
        (NOT_FOUND, &["--store", "file:absent", "rules"]),
        (NOT_FOUND, &["approve", ABSENT]),
        (NOT_FOUND, &["approve", IP8540, "9.9.9.9"]),
        (NOT_FOUND, &["approve", "--all-of", "0123456789ab"]),
        (NOT_FOUND, &["reject", ABSENT]),
        (NOT_FOUND, &["rollback", ABSENT]),
        (NOT_FOUND, &["rollback", "--to", "99"]),
        (NOT_FOUND, &["remove", ABSENT]),
        (NOT_FOUND, &["policy", "show", ABSENT]),
        (NOT_FOUND, &["policy", "show", "UCPhone/*"]),
        (NOT_FOUND, &["policy", "set", ABSENT, "--offer", "newer"]),
        (NOT_FOUND, &["policy", "remove", "UCPhone/*"]),
        (NOT_FOUND, &["group", "show", "absent"]),
        (NOT_FOUND, &["group", "remove", "absent"]),
        (NOT_FOUND, &["hold", "remove", "absent"]),
        (NOT_FOUND, &["ban", "lift", "UCPhone", "1.0"]),
        (NOT_FOUND, &["alias", "remove", "model", "absent"]),
        (NOT_FOUND, &["stone", "remove", "absent"]),
        (NOT_FOUND, &["stone", "narrow", "absent"]),
        (NOT_FOUND, &["stone", "set", "absent", "--by", "1.0"]),
        (NOT_FOUND, &["interim", "approve", "ENU", "9.9"]),
        (NOT_FOUND, &["ingest", "--dry-run", "absent.cab"]),
        (NOT_FOUND, &["ban", "lift", IP8540, "9.9"]),
        (NOT_FOUND, &["unreject", ABSENT, "1.0"]),
        (NOT_FOUND, &["test-device", "remove", "absent"]),
        (NOT_FOUND, &["pin", "set", IP8540, "9.9.9.9", "--serial", "1"]),
        (NOT_FOUND, &["pin", "remove", IP8540, "--serial", "1"]),
        (NOT_FOUND, &["rollout", "start", IP8540, "9.9.9.9", "--percent", "10"]),
        (NOT_FOUND, &["rollout", "pause", IP8540, "absent"]),
        (NOT_FOUND, &["rollout", "kill", ABSENT]),
        (NOT_FOUND, &["diff", "--from", "99"]),
        (NOT_FOUND, &["explain", "request.xml", "--revision", "99"]),
        (NOT_FOUND, &["ingest", "absent.cab"]),
        (NOT_FOUND, &["inspect", "absent.xml"]),
        (NOT_FOUND, &["package", "show", "absent.cab"]),
        (NOT_FOUND, &["fleet", "--audit", "absent.log"]),
        (NOT_FOUND, &["timeline", "--access", "absent.log"]),
        (NOT_FOUND, &["device", "0021630F207B"]),
        (NOT_FOUND, &["explain", "--mac", "0021630F207B"]),
        (NOT_FOUND, &["plan", "--serial", "C185H001209"]),
        (NOT_FOUND, &["timeline", "--audit", "audit.log", "--mac", "0004F2000176"]),
        (NOT_FOUND, &["import", "absent"]),
        // Wrong calls.
        (WRONG_CALL, &["approve"]),
        (WRONG_CALL, &["approve", "1.0"]),
        (WRONG_CALL, &["rollback"]),
        (WRONG_CALL, &["interim", "approve"]),
        (WRONG_CALL, &["stone", "set", "ocs-interim"]),
        (WRONG_CALL, &["inspect"]),
        (WRONG_CALL, &["version"]),
        (WRONG_CALL, &["explain"]),
        (WRONG_CALL, &["device"]),
        (WRONG_CALL, &["explain", "request.xml", "--mac", "0021630F207B"]),
        (WRONG_CALL, &["explain", "--mac", "0021630F207B", "--at", "noon"]),
        (WRONG_CALL, &["timeline", "--mac", "0021630F207B", "--host", "10.1.1.123"]),
        (WRONG_CALL, &["group", "show"]),
        (WRONG_CALL, &["policy", "set", "UCPhone/*", "--offer", "newer"]),
        (WRONG_CALL, &["rollout"]),
        (WRONG_CALL, &["fly"]),
    ];
    for (code, args) in rows {
        let ran = place.run(args);
        assert_eq!(ran.code, Some(*code), "{args:?}: {ran:?}");
    }
    let explained = place.run(&[&["explain"], &DEVICE[..]].concat());
    assert_eq!(explained.code, Some(DONE), "{explained:?}");
}

#[test]
fn a_failure_under_json_is_one_object_and_the_last_line() {
    let place = place();
    for (args, kind) in [
        (&["approve", IP8540, "--json"][..], "refused"),
        (&["approve", ABSENT, "--json"], "not-found"),
        (&["inspect", "noise", "--json"], "not-understood"),
        (&["ingest", "noise", "--json"], "not-understood"),
        (&["approve", "--json"], "usage"),
        (&["--json", "fly"], "usage"),
    ] {
        let ran = place.run(args);
        let last = ran.stderr.lines().last().unwrap_or_default();
        let failure: serde_json::Value =
            serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {args:?}: {ran:?}"));
        assert_eq!((&failure["format"], &failure["error"]["kind"]), (&1.into(), &kind.into()), "{args:?}");
        assert!(failure["error"]["text"].is_string(), "{args:?}");
    }
}

#[test]
fn a_change_is_an_object_with_its_rule_and_the_values_before_and_after() {
    let place = Place::with_package();
    let approved = place.run(&["approve", IP8540, "--json"]).json();
    let change = serde_json::json!({
        "kind": "approved", "rule": IP8540, "name": null, "from": null, "to": "3.5.6907.0",
    });
    let interim = serde_json::json!({
        "kind": "interim-approved", "rule": IP8540, "name": "ENU", "from": null, "to": "1.0.522.103",
    });
    assert_eq!(approved["changes"], serde_json::json!([change, interim]));
    let set = place.run(&["policy", "set", IP8540, "--offer", "newer", "--json"]).json();
    let change = &set["changes"][0];
    assert_eq!((&change["kind"], &change["name"]), (&"policy-changed".into(), &"offer".into()));
    assert_eq!((&change["from"], &change["to"]), (&"different".into(), &"newer".into()));
}

#[test]
fn a_rule_is_rolled_back_to_nothing_only_where_that_is_said() {
    let place = Place::with_package();
    place.run(&["approve", IP8540]).done();
    let refused = place.run(&["rollback", IP8540]).refused();
    let why =
        "no version was approved before 3.5.6907.0, so nothing would be offered; --to-nothing does that";
    assert!(refused.contains(why), "{refused}");
    let told = place.run(&["rollback", IP8540, "--to-nothing"]).done();
    assert!(told.contains("rolled back from 3.5.6907.0; no version was approved before"), "{told}");
    let again = place.run(&["approve", IP8540, "3.5.6907.0"]).done();
    assert_eq!(again, format!("{IP8540}: 3.5.6907.0 is approved\n"));
}

#[test]
fn an_approval_or_roll_back_of_another_version_than_expected_is_refused() {
    let place = Place::with_package();
    let refused = place.run(&["approve", IP8540, "--expect", "4.0"]).refused();
    assert_eq!(refused, format!("{IP8540}: 3.5.6907.0 is pending, expected 4.0"));
    place.run(&["approve", IP8540, "--expect", "3.5.6907"]).done();
    place.file("new.cab", &package(IP8540, "4.0.7577.0", b"new"));
    place.run(&["ingest", "new.cab"]).done();
    place.run(&["approve", IP8540]).done();
    let refused = place.run(&["rollback", IP8540, "--expect", "3.0"]).refused();
    assert_eq!(refused, format!("{IP8540}: 3.5.6907.0 is kept for roll back, expected 3.0"));
    place.run(&["rollback", IP8540, "--expect", "3.5.6907.0"]).done();
}

#[test]
fn a_roll_back_under_a_policy_of_newer_versions_says_that_no_device_moves() {
    let place = Place::with_package();
    place.run(&["approve", IP8540]).done();
    place.file("new.cab", &package(IP8540, "4.0.7577.0", b"new"));
    place.run(&["ingest", "new.cab"]).done();
    place.run(&["approve", IP8540]).done();
    place.run(&["policy", "set", IP8540, "--offer", "newer"]).done();
    let told = place.run(&["rollback", IP8540]).done();
    assert!(told.contains("devices that have 4.0.7577.0 keep it"), "{told}");
}
