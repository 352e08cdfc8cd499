//! Devices that are known by an alias: groups, bans, and aliases that could not work.

use crate::place::{IP8540, Place, package};

/// A phone that reports its model and its hardware revision under other names.
const OTHER_WORDS: &str = "UCPhone/LG-Nortel/IP 8540/B/ENU";

fn answer(place: &Place, kind: &str) -> String {
    let device = ["--device", kind, "--mac", "0021630F207B", "--installed", "1.0.522.103"];
    place.run(&[&["explain"], &device[..]].concat()).done()
}

/// A store with an approved package, and aliases for the words of a phone.
fn with_aliases() -> Place {
    let place = Place::with_package();
    place.run(&["approve", IP8540]).done();
    place.run(&["alias", "set", "model", "ip 8540", "--stands-for", "IP8540"]).done();
    let within = ["--within", "UCPhone/LG-Nortel"];
    let revision = ["alias", "set", "hardware-revision", "B", "--stands-for", "A"];
    place.run(&[&revision[..], &within].concat()).done();
    place
}

#[test]
fn a_ban_by_another_name_of_a_model_bans_the_version_for_all_phones_of_the_rule() {
    let place = with_aliases();
    let banned = place.run(&["ban", "add", "UCPhone/*/IP 8540", "3.5.6907.0", "--reason", "calls drop"]);
    assert!(!banned.stderr.contains("no rule matches"), "{banned:?}");
    assert!(banned.done().contains("is banned, so these devices are offered nothing"));
    for kind in [OTHER_WORDS, "UCPhone/LG-Nortel/IP8540/A/ENU"] {
        assert!(answer(&place, kind).contains("3.5.6907.0 is banned by UCPhone/*/IP 8540"), "{kind}");
    }
}

#[test]
fn an_alias_that_could_not_work_is_refused_or_said_to_lead_to_nothing() {
    let place = with_aliases();
    let set = |word: &str, stands_for: &str| {
        place.run(&["alias", "set", "model", word, "--stands-for", stands_for])
    };
    assert!(set("IP-8540", "IP 8540").refused().contains("let IP-8540 stand for IP8540"));
    assert!(set("IP8540", "ip 8540").refused().contains("expected only one of the two words"));
    assert!(set("cx700", "CX600").refused().contains("remove that rule first"));
    assert!(set("VVX 500", "VVX500").done().contains("no rule for these devices has the model VVX500 yet"));
    place.file("vvx.cab", &package("UCPhone/Polycom/VVX 500/A/ENU/CPE", "5.0.0.1", b"vvx"));
    let ingested = place.run(&["ingest", "vvx.cab"]).done();
    assert!(ingested.contains("so they do not use the alias for VVX500"), "{ingested}");
}

/// The audit log of the field, whose phone is an IP8540.
const FIELD: &[u8] = include_bytes!("../../../../../vectors/RequestHandlerAuditLog_2009-03-06.log");

/// A store whose rule knows the model as `IP 8540`, and an alias for the model that the phone of the field reports.
fn with_the_fields_phone_by_an_alias() -> Place {
    let place = Place::new();
    place.file("uc.cab", &package(SPACED, "3.5.6907.0", b"image"));
    place.file("audit.log", FIELD);
    place.file("access.log", include_bytes!("../../../../../vectors/iis-2009-03-06.log"));
    place.run(&["ingest", "uc.cab"]).done();
    place.run(&["alias", "set", "model", "IP8540", "--stands-for", "IP 8540"]).done();
    place
}

const SPACED: &str = "UCPhone/LG-Nortel/IP 8540/A/ENU/CPE";

#[test]
fn a_timeline_of_files_is_chosen_by_a_rule_and_by_words_that_stand_for_it() {
    let place = with_the_fields_phone_by_an_alias();
    let logs = ["timeline", "--audit", "audit.log", "--access", "access.log", "--json", "--rule"];
    for rule in [SPACED, IP8540, "ucphone/lg-nortel/ip8540/a/enu/cpe"] {
        let found = place.run(&[&logs[..], &[rule]].concat());
        assert_eq!(found.stderr.contains("stands for UCPhone/LG-Nortel/IP 8540/A/ENU/CPE"), rule != SPACED);
        let devices = found.json()["devices"].as_array().unwrap().clone();
        assert_eq!((devices.len(), &devices[0]["mac"]), (1, &"0021630F207B".into()), "{rule}");
        assert_eq!(devices[0]["events"].as_array().unwrap().len(), 8, "{rule}");
    }
    let mistyped = place.run(&[&logs[..6], &["--rule", "UCPhone/LG-Nortel/IP 8541/A/ENU/CPE"]].concat());
    let mistyped = mistyped.failure();
    assert!(mistyped.ends_with(&format!("; did you mean {SPACED}?")), "{mistyped}");
}

#[test]
fn a_diff_and_a_simulation_see_a_phone_by_the_rule_that_its_words_stand_for() {
    let place = with_the_fields_phone_by_an_alias();
    let log = ["--audit", "audit.log"];
    let answers = |args: &[&str]| place.run(&[args, &log, &["--json"]].concat()).json()["answers"].clone();
    let changed = |answers: serde_json::Value| {
        let change = answers[0].clone();
        (
            answers.as_array().unwrap().len(),
            change["before"]["decision"].clone(),
            change["after"]["version"].clone(),
        )
    };
    let offered = || (1, "nothing-approved".into(), "3.5.6907.0".into());
    // The phone had 1.0.522.103 in its last request, which no stone is for.
    assert_eq!(changed(answers(&["approve", SPACED, "--dry-run"])), offered());
    place.run(&["approve", SPACED]).done();
    assert_eq!(changed(answers(&["diff", "--from", "2"])), offered());
    let without = answers(&["alias", "remove", "model", "IP8540", "--dry-run"]);
    assert_eq!(
        (&without[0]["before"]["version"], &without[0]["after"]["decision"]),
        (&"3.5.6907.0".into(), &"no-rule".into())
    );
    let days = ["simulate", "--audit", "audit.log", "--days", "2", "--start", "2009-03-06", "--json"];
    let played = place.run(&days).json();
    let total = &played["total"];
    assert_eq!(
        (&played["devices"], &total["offers"], &total["succeeded"], &total["failed"]),
        (&1.into(), &1.into(), &1.into(), &0.into())
    );
    assert_eq!(played["versions"][1], "3.5.6907.0", "{played}");
}

#[test]
fn settings_for_a_word_that_an_alias_replaces_now_are_named_with_the_word_of_the_rule() {
    let place = Place::with_package();
    let rules = "UCPhone/LG-Nortel/IP 8540/*/*/*";
    let set = place.run(&["policy", "set", "UCPhone/LG-Nortel/IP 8540", "--scheme", "numeric"]);
    assert!(set.stderr.contains(&format!("warning: no rule matches {rules} yet")), "{set:?}");
    let kind = ["--device-type", "UCPhone", "--vendor", "LG-Nortel", "--model", "ip 8540"];
    let way = ["--below", "1.0.522.98", "--by", "1.0.522.103", "--image", "interim"];
    place.run(&[&["stone", "add", "way"], &kind[..], &way].concat()).done();
    let alias = ["alias", "set", "model", "IP 8540", "--stands-for", "IP8540"];
    let changes = place.run(&[&alias[..], &["--json"]].concat()).json()["changes"].clone();
    let named = |name: &str, to: &str| serde_json::json!({"kind": "setting-of-alias", "rule": null, "name": name, "from": null, "to": to});
    assert_eq!(changes[1], named(rules, "UCPhone/LG-Nortel/IP8540/*/*/*"), "{changes}");
    let options = "--device-type UCPhone --vendor LG-Nortel --model IP8540";
    assert_eq!(changes[2], named("UCPhone/LG-Nortel/ip 8540/*/*", options), "{changes}");
    assert_eq!(changes.as_array().unwrap().len(), 3, "{changes}");

    place.run(&["alias", "remove", "model", "IP 8540"]).done();
    let result = place.run(&alias).done();
    let line = "the version scheme for UCPhone/LG-Nortel/IP 8540/*/*/* is for no rule, because IP 8540 stands for IP8540 now; \
                set it for UCPhone/LG-Nortel/IP8540/*/*/* instead\n";
    assert!(result.contains(line), "{result}");
}

#[test]
fn explain_gives_the_reason_that_a_timeline_has_for_a_phone_known_by_an_alias_in_a_scheme() {
    let place = Place::new();
    place.file("uc.cab", &package("UCPhone/AudioCodes/440HD/A/ENU/CPE", "3.0.0.459.1", b"image"));
    place.run(&["ingest", "uc.cab"]).done();
    place.run(&["policy", "set", "UCPhone/AudioCodes", "--scheme", "numeric"]).done();
    place.run(&["alias", "set", "model", "440 HD", "--stands-for", "440HD"]).done();
    place.run(&["approve", "UCPhone/AudioCodes/440HD/A/ENU/CPE"]).done();
    let serving = place.serve_here();
    let phone = "--as-the-device --device-type UCPhone --vendor AudioCodes --model '440 HD' --hardware-revision A --locale ENU";
    // The moment of an event is a second. So each phone asks once, and not in the second of the approval.
    std::thread::sleep(std::time::Duration::from_secs(1));
    let phones = [
        ("00908F000001", "3.0.0.459.1.0", "the device has 3.0.0.459.1"),
        ("00908F000002", "2.0.1.44.9", "it is approved for all devices of this rule"),
    ];
    for (mac, version, _) in phones {
        let call = format!("ask --url {} {phone} --mac {mac} --version {version}", serving.url());
        place.call(&call).done();
    }
    serving.terminated().done();
    for (mac, _, reason) in phones {
        let result = place.run(&["timeline", "--mac", mac, "--json"]).json();
        let event = &result["devices"][0]["events"][0];
        assert_eq!(event["modules"][0]["because"], reason, "{event}");
        let at = event["at"].as_str().unwrap();
        let explained = place.run(&["explain", "--mac", mac, "--at", at]).done();
        assert!(explained.contains("rule UCPhone/AudioCodes/440HD/A/ENU/CPE\n"), "{explained}");
        assert!(explained.lines().last().unwrap().ends_with(reason), "{explained}");
    }
}
