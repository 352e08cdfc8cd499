//! Short names, patterns, many rules in one call, `status` and `undo`.

use crate::place::{CX700, IP8540, Place, Ran};
use std::process::{Command, Stdio};

#[test]
fn a_rule_is_named_by_some_of_its_words_where_that_is_clear() {
    let place = Place::with_package();
    place.run(&["approve", "cx700"]).done();
    let report = place.run(&["approve", "LG-Nortel/IP8540"]).done();
    assert!(report.starts_with(&format!("{IP8540}: 3.5.6907.0 is approved")), "{report}");
    place.run(&["rollback", "CX700", "--to-nothing"]).done();
    place.run(&["approve", "CX700", "3.5.6907.9"]).done();
    let many = place.run(&["approve", "ENU"]).refused();
    assert_eq!(many, format!("ENU is the name of 2 rules, expected one: {IP8540}, {CX700}"));
    assert_eq!(place.run(&["remove", "CX70"]).refused(), "no rule has the words CX70; did you mean CX700?");
    place.run(&["pin", "set", "IP8540", "3.5.6907.0", "--serial", "1"]).done();
    place.run(&["rollout", "kill", "IP8540"]).done();
    let list = place.run(&["rollout", "list"]).done();
    assert!(list.starts_with(&format!("{IP8540} is stopped by ann")), "{list}");
}

#[test]
fn a_pattern_names_the_rules_that_have_something_to_decide() {
    let place = Place::with_package();
    place.run(&["approve", IP8540]).done();
    let report = place.run(&["reject", "UCPhone/*", "--json"]).json();
    assert_eq!(report["notes"], serde_json::json!([format!("{CX700}: 3.5.6907.9 is rejected")]));
    let none = place.run(&["reject", "UCPhone/*"]).refused();
    assert_eq!(none, "no rule that matches UCPhone/*/*/*/*/* has a pending version");
    for (line, meant) in [
        ("approve UCPhone/HP/*", None),
        ("approve UCPhone/Polyco/*", Some("UCPhone/Polycom/*")),
        ("reject */polcom/CX*/*", Some("*/Polycom/CX*/*")),
        ("policy set UCPhon/Polycom/cx70/* --offer newer", Some("UCPhone/Polycom/CX700/*")),
        ("policy set CX7* --offer newer", Some("'*/*/CX7*/*'")),
    ] {
        let refused = place.call(line).refused();
        assert!(refused.starts_with("no rule matches "), "{refused}");
        let hint = refused.split_once("; did you mean ").map(|(_, meant)| meant.trim_end_matches('?'));
        assert_eq!(hint, meant, "{refused}");
    }
    place.run(&["policy", "set", "UCPhone/*", "--offer", "newer"]).done();
    let list = place.run(&["policy", "list"]).done();
    assert_eq!(list.matches("offer newer").count(), 2, "{list}");
}

#[test]
fn many_rules_are_changed_in_one_call_and_none_if_one_is_refused() {
    let place = Place::with_package();
    let tried = place.run(&["reject", "IP8540", "CX700", "--dry-run"]).done();
    assert_eq!(tried.matches("would be: ").count(), 2, "{tried}");
    place.run(&["approve", "CX700"]).done();
    let before = place.run(&["history", "--json"]).json();
    place.run(&["reject", "IP8540", "CX700"]).refused();
    assert_eq!(place.run(&["history", "--json"]).json(), before, "nothing was changed");
    place.run(&["approve", "IP8540"]).done();
    let report = place.run(&["rollback", "IP8540", "CX700", "--to-nothing"]).done();
    assert_eq!(report.matches("to nothing").count(), 2, "{report}");
    let again = place.run(&["rollback", "IP8540", "CX700", "--to-nothing"]).done();
    assert_eq!(again, "nothing to do: each of these rules is as wanted\n");
    place.run(&["remove", "IP8540", "CX700"]).done();
    assert_eq!(place.run(&["rules"]).done(), "no rules\n");
}

#[test]
fn a_package_is_named_by_its_first_digits_and_its_versions_are_decided_together() {
    let place = Place::with_package();
    let packages = place.run(&["package", "list", "--json"]).json();
    let package = &packages["packages"][0];
    let id = package["package"].as_str().unwrap();
    assert_eq!((&package["file_name"], &package["used_by"]), (&"uc.cab".into(), &2.into()));
    place.run(&["approve", "--all-of", &id[..5]]).done();
    let report = place.run(&["rollback", "--all-of", &id[..5], "--to-nothing"]).done();
    assert_eq!(report.lines().count(), 2, "{report}");
    assert!(place.run(&["reject", "--all-of", id]).refused().contains("is pending"));
    let absent = if id.starts_with("0000") { "1111" } else { "0000" };
    let reason = place.run(&["approve", "--all-of", absent]).refused();
    assert_eq!(
        reason,
        format!("no package begins with {absent}; `ucupdate package list` lists the packages")
    );
}

#[test]
fn a_rollout_is_started_in_all_rules_of_a_pattern_later_and_edited() {
    let place = Place::with_package();
    let start = ["rollout", "start", "CX700", "3.5.6907.9", "--name", "wave", "--ramp", "10%@0d,100%@7d"];
    place.run(&[&start[..], &["--start-at", "2999-01-01"]].concat()).done();
    place.run(&["rollout", "edit", "CX700", "wave", "--percent", "30"]).done();
    assert!(place.run(&["rollout", "list"]).done().contains("30%"));
    place
        .run(&["rollout", "edit", "UCPhone/*", "wave", "--ramp", "20%@0d,100%@7d", "--start-at", "3d"])
        .done();
    place.run(&["rollout", "stop", "*", "wave"]).done();
    assert!(place.run(&["rollout", "stop", "*", "wave"]).refused().ends_with("has a rollout wave"));
}

#[test]
fn a_share_begins_later_as_stages_do() {
    let place = Place::with_package();
    place.run(&["group", "add", "lab", "--network", "10.1.0.0/16"]).done();
    let start = |name: &str, share: &[&str]| {
        let call = [&["rollout", "start", "CX700", "3.5.6907.9", "--name", name, "--start-at", "3d"], share];
        place.run(&call.concat()).done()
    };
    assert!(start("share", &["--percent", "12.5%"]).contains("12.5%@0d of all devices of this rule from "));
    assert!(start("lab", &["--group", "lab"]).contains("100%@0d of the group lab from "));
    let edited =
        place.run(&["rollout", "edit", "CX700", "share", "--percent", "30", "--start-at", "2w"]).done();
    assert!(edited.contains("goes from 12.5%@0d") && edited.contains("to 30%@0d from "), "{edited}");
    place.run(&["hold", "add", "fair", "--serial", "1", "--until", "3d"]).done();
    place
        .run(&["explain", "--device", "UCPhone/Polycom/CX700/A/ENU", "--installed", "1.0", "--at", "1m"])
        .done();
}

#[test]
fn all_rules_of_a_package_are_rolled_out_given_a_policy_and_removed() {
    let place = Place::with_package();
    let id = place.run(&["package", "list", "--json"]).json()["packages"][0]["package"].clone();
    let id = &id.as_str().unwrap()[..5];
    let started = place.run(&["rollout", "start", "--all-of", id, "--percent", "10"]).done();
    assert!(started.contains("3.5.6907.0 to 10%") && started.contains("3.5.6907.9 to 10%"), "{started}");
    let ran = place.run(&["policy", "set", "--all-of", id, "--offer", "newer"]);
    assert!(ran.stderr.contains("takes back the last one, and `ucupdate rollback --to 3`"), "{ran:?}");
    assert_eq!(ran.done().lines().count(), 2);
    let shown = place.run(&["package", "show", id]).done();
    assert!(shown.contains("\nused by 2 rules\n  UCPhone/"), "{shown}");
    place.run(&["remove", "--all-of", id]).done();
    assert_eq!(place.run(&["rules", "--json"]).json()["rules"], serde_json::json!([]));
}

#[test]
fn a_pattern_whose_words_stand_elsewhere_is_answered_with_the_right_one() {
    let place = Place::with_package();
    for (pattern, meant) in [
        ("CX*", "'*/*/CX*/*'"),
        ("*/CX700/*", "'*/*/CX700/*'"),
        ("*x700", "'*/*/*x700/*'"),
        ("UCPhone/CX7*/A", "'UCPhone/*/CX7*/A/*'"),
    ] {
        let reason = place.run(&["approve", pattern]).refused();
        assert!(reason.ends_with(&format!("did you mean {meant}?")), "{reason}");
        place.run(&["approve", meant.trim_matches('\''), "--dry-run"]).done();
    }
    assert!(place.run(&["approve", "HP*"]).refused().ends_with("lists the rules"));
}

#[test]
fn an_undo_takes_back_the_last_change_of_its_author_and_says_where_it_cannot() {
    let place = Place::with_package();
    place.run(&["approve", "CX700"]).done();
    let reason = place.run(&["undo"]);
    assert_eq!(reason.code, Some(2), "{reason:?}");
    assert!(reason.stderr.contains("the last change of ann is revision 2"), "{reason:?}");
    assert!(reason.stderr.contains("--yes agrees"), "{reason:?}");
    place.run(&["undo", "--yes"]).done();
    let rules = place.run(&["rules", "--json"]).json();
    assert!(
        rules.to_string().contains(r#""pending":"3.5.6907.9""#) || rules["rules"][1]["pending"].is_object(),
        "{rules}"
    );
    // A change with a command of its own is undone although others changed something since.
    place.run(&["ban", "add", "UCPhone/HP", "1.0", "--reason", "it hangs"]).done();
    place.run(&["hold", "add", "fair", "--serial", "1", "--author", "bob"]).done();
    place.run(&["undo", "--yes"]).done();
    assert_eq!(place.run(&["ban", "list"]).done(), "no bans\n");
    place.run(&["approve", "IP8540"]).done();
    place.run(&["test-device", "add", "lab", "--serial", "1", "--author", "bob"]).done();
    let reason = place.run(&["undo", "--yes"]).refused();
    assert!(reason.contains("1 later revision rests on it"), "{reason}");
    place.run(&["undo", "--yes", "--author", "bob"]).done();
    assert_eq!(place.run(&["test-device", "list"]).done(), "no test devices\n");
    place.run(&["rollout", "kill"]).done();
    let reason = place.run(&["undo", "--yes"]).refused();
    assert!(reason.contains("two persons decide"), "{reason}");
    assert!(place.run(&["undo", "--yes", "--author", "carl"]).refused().starts_with("no change of carl"));
}

#[test]
fn the_status_fits_on_one_screen() {
    let place = Place::with_package();
    place.run(&["approve", "CX700"]).done();
    place.run(&["rollout", "start", "IP8540", "3.5.6907.0", "--name", "wave", "--percent", "10"]).done();
    let text = place.run(&["status"]).done();
    for expected in [
        "store      file:ucupdate-data",
        "revision   3, made by ann at ",
        "stopped    nothing",
        "IP8540/A/ENU/CPE 3.5.6907.0",
        "wave of ",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(text.lines().count() < 24, "{text}");
    place.run(&["rollout", "kill", "--reason", "phones ring"]).done();
    let value = place.run(&["status", "--json"]).json();
    assert_eq!((&value["revision"], &value["rollouts"][0]), (&4.into(), &"wave".into()));
    assert_eq!(value["stopped"].as_array().unwrap().len(), 1);
    assert!(place.run(&["status", "--quick"]).done().contains("phones ring"));
}

#[test]
fn stdin_is_ingested() {
    let place = Place::new();
    place.file("uc.cab", &ucupdate_cab::package::sample::uc_updates(500));
    let file = std::fs::File::open(place.path("uc.cab")).unwrap();
    let output = place.command(&["ingest", "-"]).stdin(Stdio::from(file)).output().unwrap();
    Ran::of(output).done();
    let history = place.run(&["history"]).done();
    assert!(history.contains("stdin"), "{history}");
}

/// Runs a command on a terminal that `script` makes, with an answer typed into it. `None` without that program.
#[cfg(target_os = "linux")]
fn on_a_terminal(place: &Place, args: &str, answer: &str) -> Option<(bool, String)> {
    use std::io::Write as _;
    let line = format!("{} {args}", env!("CARGO_BIN_EXE_ucupdate"));
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).current_dir(place.path("."));
    command.env("USER", "ann").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().ok()?;
    child.stdin.take().unwrap().write_all(format!("{answer}\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Some((output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned()))
}

#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_a_change_for_every_device_asks_first() {
    let place = Place::with_package();
    let Some((is_done, text)) = on_a_terminal(&place, "approve CX700", "n") else { return };
    assert!(!is_done && text.contains("This reaches every device of the rule. Go on? [y/N]"), "{text}");
    assert_eq!(place.run(&["rules", "--json"]).json()["revision"], 1, "nothing was changed");
    let (is_done, text) = on_a_terminal(&place, "test-device add lab --serial 1", "").unwrap();
    assert!(is_done && !text.contains("[y/N]"), "{text}");
    let (is_done, text) = on_a_terminal(&place, "approve CX700 --yes", "").unwrap();
    assert!(is_done && !text.contains("[y/N]"), "{text}");
    let (is_done, text) = on_a_terminal(&place, "undo", "y").unwrap();
    assert!(is_done && text.contains("Undo this? [y/N]"), "{text}");
}
