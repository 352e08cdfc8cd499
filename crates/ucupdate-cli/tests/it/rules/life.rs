//! Tests a rule from its first package to its removal, with every refusal.

use crate::place::{CX700, IP8540, Place, package};

#[test]
fn a_rule_lives_and_each_wrong_move_has_its_own_reason() {
    let place = Place::with_package();
    place.file("new.cab", &package(IP8540, "3.5.6907.35", b"newer"));
    place.file("old.cab", &package(IP8540, "3.5.6907.0", b"other bytes"));
    let row = |pending: &str, approved: &str, rollback: &str| {
        let rules = place.run(&["rules"]).done();
        let line = rules.lines().find(|line| line.starts_with(IP8540)).unwrap_or("").to_owned();
        assert_eq!(
            line.split_whitespace().skip(1).collect::<Vec<_>>(),
            [pending, approved, rollback],
            "{rules}"
        );
    };
    let refused = |args: &[&str], reason: &str| {
        let before = place.run(&["rules"]).done();
        assert_eq!(place.run(args).refused(), reason, "{args:?}");
        assert_eq!(place.run(&["rules"]).done(), before, "{args:?}");
    };
    let done = |args: &[&str], text: &str| assert_eq!(place.run(args).done(), text, "{args:?}");
    let nothing_approved = format!(
        "{IP8540}: no version is approved and no earlier version is kept, so there is nothing to roll back"
    );
    let nothing_pending = format!("{IP8540}: no version is pending");

    row("3.5.6907.0", "-", "-");
    refused(&["rollback", IP8540], &nothing_approved);
    let interim = format!(
        "interim image 1.0.522.103 for ENU is approved too, because devices of {IP8540} must install it first"
    );
    done(&["approve", &IP8540.to_lowercase()], &format!("{IP8540}: 3.5.6907.0 is approved\n{interim}\n"));
    row("-", "3.5.6907.0", "-");
    refused(&["approve", IP8540], &nothing_pending);
    refused(&["approve", CX700, IP8540], &nothing_pending);
    refused(&["reject", IP8540], &nothing_pending);
    refused(
        &["ingest", "old.cab"],
        &format!(
            "old.cab: {IP8540}: 3.5.6907.0 is approved already, with other bytes (from package {})",
            package_of(&place, IP8540)
        ),
    );

    place.run(&["ingest", "new.cab"]).done();
    done(&["reject", IP8540], &format!("{IP8540}: 3.5.6907.35 is rejected\n"));
    place.run(&["ingest", "new.cab"]).done();
    row("-", "3.5.6907.0", "-");
    refused(&["approve", IP8540, "9.9.9.9"], &format!("{IP8540}: no package contains 9.9.9.9"));
    done(
        &["approve", IP8540, "3.5.6907.35"],
        &format!("{IP8540}: 3.5.6907.35 is approved, in place of 3.5.6907.0\n"),
    );
    row("-", "3.5.6907.35", "3.5.6907.0");
    done(&["rollback", IP8540], &format!("{IP8540}: rolled back from 3.5.6907.35 to 3.5.6907.0\n"));
    row("-", "3.5.6907.0", "-");
    place.run(&["rollback", IP8540, "--to-nothing"]).done();
    row("-", "-", "-");
    refused(&["rollback", IP8540], &nothing_approved);

    done(&["remove", IP8540], &format!("{IP8540}: removed\n"));
    for command in ["approve", "reject", "rollback", "remove"] {
        refused(&[command, IP8540], &format!("no rule {IP8540}"));
    }
    assert_eq!(place.run(&["history", "--json"]).json()["revisions"].as_array().unwrap().len(), 8);
}

fn package_of(place: &Place, rule: &str) -> String {
    let rules = place.run(&["rules", "--json"]).json();
    let rules = rules["rules"].as_array().unwrap();
    let found = rules.iter().find(|found| found["rule"] == rule).unwrap();
    found["approved"]["package"].as_str().unwrap().to_owned()
}

#[test]
fn a_test_device_gets_what_is_pending_and_belongs_to_one_name() {
    let place = Place::with_package();
    let request = include_str!("../../../../../vectors/canonical-request.xml");
    place.file("request.xml", request.replace("<Version>0.0.0.0<", "<Version>3.5.1.0<").as_bytes());
    let decision =
        || place.run(&["explain", "request.xml", "--json"]).json()["modules"][0]["decision"].clone();
    assert_eq!(decision(), "nothing-approved");
    place.run(&["test-device", "add", "lobby", "--mac", "00:21:63:0f:20:7b"]).done();
    assert_eq!(decision(), "offer");
    let explained = place.run(&["explain", "request.xml"]).done();
    assert!(explained.contains("the device is the test device lobby"), "{explained}");
    for (args, reason) in [
        (
            ["test-device", "add", "LOBBY", "--serial", "1"],
            "lobby is a test device already, known by its MAC address 0021630F207B",
        ),
        (
            ["test-device", "add", "hall", "--mac", "0021630F207B"],
            "MAC address 0021630F207B belongs to the test device lobby already",
        ),
    ] {
        assert!(place.run(&args).refused().eq_ignore_ascii_case(reason), "{:?}", place.run(&args));
    }
    place.run(&["test-device", "remove", "Lobby"]).done();
    assert_eq!(place.run(&["test-device", "remove", "lobby"]).refused(), "no test device lobby");
    assert_eq!(place.run(&["test-device", "list"]).done(), "no test devices\n");
    assert_eq!(decision(), "nothing-approved");
}

#[test]
fn what_a_killed_ingest_left_is_swept_up_on_demand() {
    let place = Place::with_package();
    let folder = format!("ucupdate-data/images/{:032x}", 7);
    std::fs::create_dir_all(place.path(&folder)).unwrap();
    place.file(&format!("{folder}/0-CPE.nbt"), b"left");
    assert_eq!(place.run(&["gc"]).done(), "0 objects of 0 bytes removed, 1 too young\n");
    let hours_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(2 * 60 * 60);
    let left = std::fs::File::options().write(true).open(place.path(&format!("{folder}/0-CPE.nbt"))).unwrap();
    left.set_modified(hours_ago).unwrap();
    let found = place.run(&["gc", "--grace-hours", "1", "--dry-run", "--json"]).json();
    assert_eq!((&found["bytes"], &found["dry_run"]), (&4.into(), &true.into()));
    let left = format!("images/{:032x}/0-CPE.nbt", 7);
    let removed = place.run(&["gc", "--grace-hours", "1"]).done();
    assert_eq!(removed, format!("{left}\n1 object of 4 bytes removed\n"));
    assert!(!place.path(&folder).exists());
    place.run(&["approve", "UCPhone/LG-Nortel/IP8540/A/ENU/CPE"]).done();
}

#[test]
fn old_logs_are_counted_before_they_are_removed() {
    let place = Place::with_package();
    let folder = "ucupdate-data/Logs/Server/Audit/imageUpdates";
    std::fs::create_dir_all(place.path(folder)).unwrap();
    place.file(&format!("{folder}/RequestHandlerAuditLog_ocs_2009-03-06.log"), b"");
    let gc = ["gc", "--log-days", "30", "--any-share"];
    let counted = place.run(&[&gc[..], &["--dry-run"]].concat()).done();
    assert!(counted.ends_with("\n1 log file would be removed\n"), "{counted}");
    let removed = place.run(&gc).done();
    assert!(removed.ends_with("\n1 log file removed\n"), "{removed}");
    let counted = place.run(&[&gc[..], &["--dry-run"]].concat()).done();
    assert!(counted.ends_with("\n0 log files would be removed\n"), "{counted}");
}

#[test]
fn the_history_of_a_time_has_only_the_changes_made_in_it() {
    let place = Place::with_package();
    place.run(&["approve", IP8540]).done();
    let numbers = |line: &str| {
        let history = place.call(&format!("history --json {line}")).json();
        let revisions = history["revisions"].as_array().unwrap();
        revisions.iter().map(|revision| revision["revision"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(numbers("--since 1h"), [1, 2]);
    assert_eq!(numbers("--since 1h --last 1"), [2]);
    assert_eq!(numbers("--until 1h"), [0; 0]);
    assert_eq!(numbers("--until 2009-03-06"), [0; 0]);
    assert_eq!(place.call("history --until 1h").done(), "no changes in this time\n");
    let refused = place.call("history --since 1d --until 3d");
    assert!(refused.stderr.contains("is not later than --since ("), "{refused:?}");
}
