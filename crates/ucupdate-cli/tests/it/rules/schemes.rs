//! Tests version schemes of rules and of patterns by the command line.

use crate::place::{Place, package};

const P440: &str = "UCPhone/AudioCodes/440HD/A/ENU/CPE";
const P420: &str = "UCPhone/AudioCodes/420HD/A/ENU/CPE";
const PATTERN: &str = "UCPhone/AudioCodes/*/*/*/*";

fn place() -> Place {
    let place = Place::new();
    for (file, rule, version) in [("a.cab", P440, "3.0.0.459.1"), ("b.cab", P420, "2.0.1.44.9")] {
        place.file(file, &package(rule, version, file.as_bytes()));
        place.run(&["ingest", file]).done();
        place.run(&["approve", rule]).done();
    }
    place
}

fn answer(place: &Place, device: &str, installed: &str) -> String {
    let report = place.run(&["explain", "--device", device, "--installed", installed]).done();
    report.lines().last().unwrap_or_default().trim().to_owned()
}

#[test]
fn a_scheme_of_a_pattern_ends_a_step_down_and_a_circle() {
    let place = place();
    place.run(&["policy", "set", P440, "--offer", "newer"]).done();
    let set = place.run(&["policy", "set", "UCPhone/AudioCodes/*", "--scheme", "numeric"]).done();
    assert_eq!(
        set,
        format!(
            "version scheme of {PATTERN}: numeric\n{P420}: policy scheme changed from dotnet to numeric\n{P440}: policy \
             scheme changed from dotnet to numeric\n"
        )
    );
    assert_eq!(
        answer(&place, "UCPhone/AudioCodes/440HD/A/ENU", "3.0.0.500.9"),
        "=> nothing: 3.0.0.459.1 is not newer than what the device has"
    );
    assert_eq!(
        answer(&place, "UCPhone/AudioCodes/420HD/A/ENU", "2.0.1.44.09"),
        "=> nothing: the device has 2.0.1.44.9"
    );
    let lines = "RULES                               POLICY\n\
                 UCPhone/AudioCodes/*/*/*/*          scheme numeric; 2 rules follow it\n\
                 UCPhone/AudioCodes/420HD/A/ENU/CPE  scheme numeric\n\
                 UCPhone/AudioCodes/440HD/A/ENU/CPE  offer newer; scheme numeric\n";
    assert_eq!(place.run(&["policy", "list"]).done(), lines);
    let shown = place.run(&["policy", "show", P440]).done();
    assert!(shown.contains(&format!("scheme        numeric  (of {PATTERN})")), "{shown}");
    let removed = place.run(&["policy", "remove", "ucphone/audiocodes", "--json"]).json();
    let change = serde_json::json!({
        "kind": "scheme-removed", "rule": null, "name": PATTERN, "from": "numeric", "to": null,
    });
    assert_eq!(removed["changes"][0], change);
    let kinds: Vec<&str> =
        removed["changes"].as_array().unwrap().iter().map(|note| note["kind"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        ["scheme-removed", "policy-changed", "not-in-scheme", "policy-changed", "not-in-scheme"]
    );
}

#[test]
fn a_dry_run_of_a_scheme_lists_whose_answer_changes_and_changes_nothing() {
    let place = place();
    let would =
        place.run(&["policy", "set", "UCPhone/AudioCodes", "--scheme", "numeric", "--dry-run"]).done();
    assert!(would.contains(&format!("would be: version scheme of {PATTERN}: numeric")), "{would}");
    let list = place.run(&["policy", "list"]).done();
    assert_eq!(list, "every rule has the default policy\n");
}

#[test]
fn a_pattern_takes_a_scheme_alone_and_a_mistyped_one_gets_the_one_that_was_meant() {
    let place = place();
    place.run(&["policy", "set", "UCPhone/AudioCodes", "--scheme", "numeric"]).done();
    let refused = place.run(&["policy", "set", "UCPhone/*", "--offer", "newer", "--scheme", "numeric"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("a pattern of rules takes --scheme alone"), "{refused:?}");
    for verb in ["show", "remove"] {
        assert_eq!(
            place.run(&["policy", verb, "UCPhone/AudioCode"]).refused(),
            format!("no version scheme is set for UCPhone/AudioCode/*/*/*/*; did you mean {PATTERN}?")
        );
    }
}

#[test]
fn expected_versions_and_stones_are_read_in_the_scheme_of_the_rule() {
    let place = place();
    place.run(&["policy", "set", "UCPhone/AudioCodes", "--scheme", "numeric"]).done();
    place.file("c.cab", &package(P420, "2.0.1.44.11", b"c"));
    place.run(&["ingest", "c.cab"]).done();
    place.run(&["approve", P420, "--expect", "2.0.1.44.011"]).done();
    place.run(&["rollback", P420, "--expect", "02.0.1.44.09"]).done();
    let add = "stone add two --device-type UCPhone --model 420HD --below 2.0.1.44.9 --by 2.0.1.44.09";
    place.call(add).done();
    let wrong = place.run(&["stone", "add", "x", "--device-type", "UCPhone", "--below", "2b", "--by", "3"]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
}
