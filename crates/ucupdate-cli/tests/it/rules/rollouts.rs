//! Tests `rollout` and the kill switch.

use crate::place::{CX700, IP8540, Place};
use serde_json::{Value, json};

const DEVICE: [&str; 4] = ["--device", "UCPhone/LG-Nortel/IP8540/A/ENU", "--installed", "1.0.522.103"];

/// Returns the answer to a phone as one word.
fn decision(place: &Place, mac: &str) -> Value {
    let args = [&["explain", "--mac", mac, "--json"], &DEVICE[..]].concat();
    place.run(&args).json()["modules"][0]["decision"].clone()
}

#[test]
fn a_rollout_reaches_its_group_is_paused_resumed_and_finished() {
    let place = Place::with_package();
    place.run(&["interim", "approve", "ENU"]).done();
    place.run(&["group", "add", "pilots"]).done();
    place.run(&["group", "add-member", "pilots", "--mac", "0021630F207B"]).done();
    let report = place
        .run(&["rollout", "start", IP8540, "3.5.6907.0", "--name", "wave-1", "--group", "pilots"])
        .done();
    assert_eq!(report, format!("{IP8540}: rollout wave-1 offers 3.5.6907.0 to all of the group pilots\n"));
    assert_eq!(decision(&place, "0021630F207B"), "offer");
    assert_eq!(decision(&place, "0021630F207C"), "nothing-approved");

    place.run(&["rollout", "pause", IP8540, "wave-1", "--reason", "calls drop"]).done();
    assert_eq!(decision(&place, "0021630F207B"), "rollout-paused");
    let list = place.run(&["rollout", "list"]).done();
    assert!(
        list.lines().nth(1).unwrap().ends_with("wave-1   3.5.6907.0  group pilots  paused: calls drop"),
        "{list}"
    );
    let paused = &place.run(&["rollout", "list", "--json"]).json()["rollouts"][0];
    assert_eq!((&paused["paused"], &paused["reason"]), (&json!(true), &json!("calls drop")));
    let again = place.run(&["rollout", "pause", IP8540, "wave-1"]).done();
    assert_eq!(
        again,
        format!("nothing to do: {IP8540}: rollout wave-1 is paused already (reason: calls drop)\n")
    );
    let unseen = place.run(&["rollout", "finish", IP8540, "wave-1"]).refused();
    assert_eq!(unseen, format!("{IP8540}: rollout wave-1 is paused; resume it before you finish it"));
    place.run(&["rollout", "resume", IP8540, "wave-1"]).done();

    let finished = place.run(&["rollout", "finish", IP8540, "wave-1"]).done();
    assert_eq!(
        finished,
        format!("{IP8540}: rollout wave-1 of 3.5.6907.0 is ended\n{IP8540}: 3.5.6907.0 is approved\n")
    );
    assert_eq!(decision(&place, "0021630F207C"), "offer");
    assert_eq!(place.run(&["rollout", "list"]).done(), "no rollouts\n");
    for command in ["pause", "resume", "finish", "stop"] {
        let refused = place.run(&["rollout", command, IP8540, "wave-1"]).refused();
        assert_eq!(refused, format!("{IP8540}: no rollout wave-1"), "{command}");
    }
}

#[test]
fn explaining_names_one_first_cause_with_the_near_miss() {
    let place = Place::with_package();
    place.run(&["rollout", "start", IP8540, "3.5.6907.0", "--name", "wave-1", "--percent", "10"]).done();
    let args = [&["explain", "--mac", "0021630F2071"], &DEVICE[..]].concat();
    let missed = "rollout wave-1 of 3.5.6907.0: for 10% of all devices of this rule: the device is included from 41.64% on";
    let module = &place.run(&[&args[..], &["--json"]].concat()).json()["modules"][0];
    assert_eq!((&module["decision"], &module["first_cause"]), (&json!("nothing-approved"), &json!(missed)));
    let report = place.run(&args).done();
    assert!(report.ends_with(&format!("\n  first cause: {missed}\n")), "{report}");
    place.run(&["rollout", "percent", IP8540, "wave-1", "42"]).done();
    let module = &place.run(&[&args[..], &["--json"]].concat()).json()["modules"][0];
    assert_eq!((&module["decision"], &module["first_cause"]), (&json!("offer"), &Value::Null));
}

#[test]
fn a_share_grows_by_hand_or_by_stages_and_keeps_its_hours_and_limits() {
    let place = Place::with_package();
    let start = ["rollout", "start", IP8540, "3.5.6907.0"];
    place.run(&[&start[..], &["--percent", "10"]].concat()).done();
    let set = place.run(&["rollout", "percent", IP8540, "3.5.6907.0", "12.5%"]).done();
    assert_eq!(
        set,
        format!("{IP8540}: rollout 3.5.6907.0 goes from 10% to 12.5%\n"),
        "its name is the version"
    );
    let taken = place.run(&[&start[..], &["--percent", "100"]].concat()).refused();
    assert_eq!(taken, format!("{IP8540}: a rollout 3.5.6907.0 exists already"));
    let ramp = [
        "--name",
        "slow",
        "--ramp",
        "10%@0d,50%@3d,100%@7d",
        "--window",
        "daily 22:00-05:00 Europe/Lisbon",
        "--pause-after-failures",
        "5",
        "--pause-at-share",
        "2%",
        "--sample",
        "50",
        "--deadline",
        "3d",
        "--install-time",
        "90m",
    ];
    place.run(&[&start[..], &ramp].concat()).done();
    let rollouts = place.run(&["rollout", "list", "--json"]).json()["rollouts"].clone();
    assert_eq!(
        (&rollouts[0]["share"], &rollouts[0]["stages"], &rollouts[0]["pause"]),
        (&json!("12.5%"), &json!(null), &json!(null))
    );
    let slow = &rollouts[1];
    assert_eq!((&slow["share"], &slow["stages"]), (&json!("10%"), &json!("10%@0d,50%@3d,100%@7d")));
    assert_eq!(slow["window"], "daily 22:00-05:00 Europe/Lisbon");
    let pause =
        json!({ "failures": 5, "share": "2%", "sample": 50, "deadline": "3d", "install_time": "90m" });
    assert_eq!(slow["pause"], pause);

    let rules = place.run(&["rules"]).done();
    let lines: Vec<&str> = rules.lines().collect();
    assert!(lines[1].starts_with(IP8540), "{rules}");
    assert_eq!(lines[2], "  rollout 3.5.6907.0 of 3.5.6907.0 for 12.5% of all devices of this rule");
    assert_eq!(
        lines[3],
        "  rollout slow of 3.5.6907.0 for 10% of all devices of this rule (10%@0d,50%@3d,100%@7d), daily 22:00-05:00 Europe/Lisbon"
    );
    assert!(lines[4].starts_with(CX700), "{rules}");
    let json = place.run(&["rules", "--json"]).json();
    let mut without_devices = rollouts.clone();
    for rollout in without_devices.as_array_mut().unwrap() {
        assert_eq!(rollout["devices"]["offered"], 0);
        rollout.as_object_mut().unwrap().remove("devices");
    }
    assert_eq!(json["rules"][0]["rollouts"], without_devices);
}

#[test]
fn a_rollout_that_cannot_be_is_refused_when_it_is_written() {
    let place = Place::with_package();
    let refused =
        |more: &[&str]| place.run(&[&["rollout", "start", "--percent", "100"], more].concat()).refused();
    assert_eq!(refused(&[IP8540, "9.9.9.9"]), format!("{IP8540}: no package contains 9.9.9.9"));
    assert_eq!(refused(&[IP8540, "3.5.6907.0", "--group", "pilots"]), "no group pilots");
    assert_eq!(refused(&["a/b/c/d/e/f", "1.0"]), "no rule a/b/c/d/e/f");
    for more in [&[][..], &["--dry-run"]] {
        let atlantis =
            [&[IP8540, "3.5.6907.0", "--window", "daily 22:00-05:00 Europe/Atlantis"], more].concat();
        assert_eq!(
            refused(&atlantis),
            "no time zone `Europe/Atlantis`, expected an IANA name such as `Europe/Lisbon` or `UTC`"
        );
    }
    assert_eq!(place.run(&["history", "--json"]).json()["revisions"].as_array().unwrap().len(), 1);
}

#[test]
fn one_call_stops_everything_and_two_people_start_it_again() {
    let place = Place::with_package();
    place.run(&["approve", IP8540, CX700]).done();
    assert_eq!(decision(&place, "0021630F207B"), "offer");
    assert_eq!(
        place.run(&["rollout", "kill", "--reason", "calls drop", "--author", "ann"]).done(),
        "stopped: all (reason: calls drop)\n"
    );
    assert_eq!(decision(&place, "0021630F207B"), "stopped");
    assert_eq!(
        place.run(&["rollout", "kill"]).done(),
        "nothing to do: all offers are stopped already, by ann (reason: calls drop)\n"
    );
    let approve = ["rollout", "restart", "--approve", "--author"];
    let refused = place.run(&[&approve[..], &["bob"]].concat()).refused();
    assert_eq!(
        refused,
        "no restart of all offers was requested; one person must request it, and another person must approve it"
    );
    let asked = place.run(&["rollout", "restart", "--author", "bob"]).done();
    assert_eq!(asked, "bob requests a restart of all offers; another person must approve it\n");
    let list = place.run(&["rollout", "list"]).done();
    assert_eq!(
        list,
        "everything is stopped by ann: calls drop (bob requested a restart; another person must approve it)\nno rollouts\n"
    );
    let same = place.run(&[&approve[..], &["BOB"]].concat()).refused();
    assert_eq!(same, "bob requested the restart of all offers, so another person must approve it");
    assert_eq!(decision(&place, "0021630F207B"), "stopped");
    assert_eq!(
        place.run(&[&approve[..], &["carl"]].concat()).done(),
        "restarted: all; it was stopped (reason: calls drop)\n"
    );
    assert_eq!(decision(&place, "0021630F207B"), "offer");

    place.run(&["rollout", "kill", IP8540]).done();
    assert_eq!(decision(&place, "0021630F207B"), "stopped");
    let other =
        ["explain", "--device", "UCPhone/Polycom/CX700/A/ENU", "--installed", "1.0.522.103", "--json"];
    assert_eq!(place.run(&other).json()["modules"][0]["decision"], "offer");
    let stopped = place.run(&["rollout", "list", "--json"]).json()["stopped"].clone();
    assert_eq!(stopped, json!([{ "rule": IP8540, "by": "ann", "reason": "", "restart_asked_by": null }]));
    let restarted = place.run(&["rollout", "restart", CX700]).done();
    assert_eq!(restarted, format!("nothing to do: {CX700} is not stopped, so there is nothing to restart\n"));
}
