//! Tests interim images and their stepping stones by the command line.

use crate::place::{CX700, IP8540, Place, package, time};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use ucupdate::version::ReportedVersion;
use ucupdate_cab::package::{NewInterim, NewRelease, PackageBuilder, sample};

const CX600: &str = "UCPhone/Polycom/CX600/A/ENU/CPE";

/// Returns the reason of the answer to a device that reports a version, as one word.
fn answer(place: &Place, rule: &str, installed: &str, more: &[&str]) -> Value {
    let device = rule.strip_suffix("/CPE").unwrap();
    let args = ["explain", "--device", device, "--installed", installed, "--json"];
    place.run(&[&args[..], more].concat()).json()["modules"][0]["decision"].clone()
}

fn explained(place: &Place, rule: &str, installed: &str) -> String {
    let device = rule.strip_suffix("/CPE").unwrap();
    place.run(&["explain", "--device", device, "--installed", installed]).done()
}

/// Returns a package with a release and an interim image.
fn with_interim(rule: &str, version: &str, interim: &str) -> Vec<u8> {
    let release = NewRelease::new(rule.parse().unwrap(), ReportedVersion::new(version), version, time());
    let image = NewInterim::new(
        "ENU".parse().unwrap(),
        &"CPE".parse().unwrap(),
        ReportedVersion::new(interim),
        interim,
        time(),
    );
    PackageBuilder::new().with_release(release).with_interim(image).build().unwrap()
}

/// Returns the commands in a text. They are in backticks, and begin with the name of the program.
fn commands(text: &str) -> Vec<String> {
    let parts = text.split('`').skip(1).step_by(2);
    parts.filter_map(|part| part.strip_prefix("ucupdate ")).map(ToOwned::to_owned).collect()
}

/// Returns a place with a copy of the store that a program of an earlier format wrote.
fn old_store(format: &str) -> Place {
    let vector =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../ucupdate/tests/vectors/format-{format}"));
    let place = Place::new();
    let mut folders = vec![vector.join("state"), vector.join("images")];
    while let Some(folder) = folders.pop() {
        let to = place.path("ucupdate-data").join(folder.strip_prefix(&vector).unwrap());
        fs::create_dir_all(&to).unwrap();
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => drop(fs::copy(&path, to.join(path.file_name().unwrap())).unwrap()),
            }
        }
    }
    place
}

/// Returns the problems of a check that concern stones. Other problems are expected, because the vectors have no
/// images.
fn wide_stones(place: &Place) -> Vec<Value> {
    let found = place.run(&["verify", "--quick", "--json"]).json();
    let findings = found["findings"].as_array().unwrap().clone();
    findings.into_iter().filter(|finding| finding["kind"] == "stone-too-wide").collect()
}

#[test]
#[ignore = "slow; .ci/run runs it"]
fn an_old_store_is_narrowed_by_exactly_the_commands_that_verify_prints() {
    for format in ["1.0", "1.1", "1.2", "1.3"] {
        let place = old_store(format);
        place.file("cx600.cab", &package(CX600, "4.0.7577.0", b"image"));
        place.run(&["ingest", "cx600.cab"]).done();
        place.run(&["approve", CX600]).done();
        if format != "1.3" {
            let way = explained(&place, CX600, "0.0.0.0");
            assert!(way.contains("offer 1.0.522.103 as a stepping stone"), "format {format}: {way}");
        }
        let findings = wide_stones(&place);
        assert_eq!(findings.len(), 1, "format {format}: {findings:?}");
        for finding in findings {
            let repair = finding["repair"].as_str().unwrap();
            for command in commands(repair) {
                let report = place.call(&command).done();
                assert!(
                    report.starts_with("stepping stone ") && report.contains(" is replaced by "),
                    "{report}"
                );
            }
            let history = place.run(&["history", "--last", "1"]).done();
            assert!(history.contains(" is replaced by "), "the step is recorded: {history}");
        }
        assert_eq!(wide_stones(&place), [] as [Value; 0], "format {format}");
        if format == "1.3" {
            // Another stone of this store needs a release that no package has for this phone.
            continue;
        }
        let way = explained(&place, CX600, "0.0.0.0");
        assert!(
            way.contains("offer 4.0.7577.0, because it is approved for all devices of this rule"),
            "format {format}: {way}"
        );
    }
}

#[test]
fn a_stone_for_every_model_is_refused_and_the_stones_that_are_advised_instead_can_be_added() {
    let place = Place::new();
    place.file("cx600.cab", &with_interim(CX600, "4.0.7577.0", "2.0.0.0"));
    place.run(&["ingest", "cx600.cab"]).done();
    let wide = ["--device-type", "UCPhone", "--below", "2.0", "--by", "2.0.0.0", "--image", "interim"];
    let refused = place.run(&[&["stone", "add", "all"], &wide[..]].concat()).refused();
    let printed = commands(&refused);
    assert_eq!(printed.len(), 1, "{refused}");
    let added = place.call(&printed[0]).done();
    assert!(
        added.contains("stepping stone all: UCPhone/Polycom/CX600/*/* below 2.0 goes by 2.0.0.0"),
        "{added}"
    );
    let narrow = place.run(&["stone", "narrow", "all"]).done();
    assert!(
        narrow.starts_with("nothing to do: ") && narrow.ends_with("is for single models already\n"),
        "{narrow}"
    );
}

#[test]
fn all_stones_that_must_name_another_version_are_named_at_once() {
    for version in ["1.0.522.110", "1.0.522.90"] {
        let place = Place::with_package();
        place.run(&["approve", IP8540, CX700]).done();
        place.file("newer.cab", &with_interim(IP8540, "3.5.6907.5", version));
        let refused = place.run(&["ingest", "newer.cab"]).refused();
        let printed = commands(&refused);
        assert_eq!(printed.len(), 3, "{refused}");
        for command in printed {
            place.call(&command).done();
        }
        place.run(&["ingest", "newer.cab"]).done();
    }
}

#[test]
fn a_ban_names_the_command_that_lifts_it() {
    let place = Place::with_package();
    place.run(&["ban", "add", "UCPhone/LG-Nortel/*", "3.5.6907.0", "--reason", "it hangs"]).done();
    let refused = place.run(&["approve", IP8540]).refused();
    let printed = commands(&refused);
    assert_eq!(printed, ["ban lift \"UCPhone/LG-Nortel/*/*/*/*\" 3.5.6907.0"]);
    let rules = place.run(&["rules"]).done();
    assert!(rules.contains("3.5.6907.0 (banned)"), "{rules}");
    assert_eq!(place.run(&["rules", "--json"]).json()["rules"][0]["banned"], json!(["3.5.6907.0"]));
    place.call(&printed[0]).done();
    place.run(&["reject", IP8540]).done();
    let rules = place.run(&["rules"]).done();
    assert!(rules.contains("  3.5.6907.0 is rejected\n") && !rules.contains("banned"), "{rules}");
    assert_eq!(place.run(&["rules", "--json"]).json()["rules"][0]["rejected"], json!(["3.5.6907.0"]));
    place.run(&["approve", IP8540, "3.5.6907.0"]).done();
}

#[test]
fn a_banned_interim_image_is_marked_in_the_list() {
    let place = Place::with_package();
    place.run(&["ban", "add", "UCPhone/*", "1.0.522.103", "--reason", "it hangs"]).done();
    let list = place.run(&["interim", "list"]).done();
    assert!(list.contains("pending, banned"), "{list}");
    assert_eq!(place.run(&["interim", "list", "--json"]).json()["interim"][0]["banned"], true);
    let refused = place.run(&["interim", "approve", "ENU"]).refused();
    for command in commands(&refused) {
        place.call(&command).done();
    }
    place.run(&["interim", "approve", "ENU"]).done();
}

#[test]
fn a_mistyped_locale_or_group_is_not_found_and_the_near_one_is_named() {
    let place = Place::with_package();
    place.run(&["group", "add", "pilots"]).done();
    for (args, meant) in [
        (&["interim", "approve", "EN"][..], "ENU"),
        (&["interim", "reject", "ENV"], "ENU"),
        (&["interim", "approve", "ENU", "1.0.522.104"], "1.0.522.103"),
        (&["hold", "add", "fair", "--group", "pilto"], "pilots"),
        (&["pin", "set", IP8540, "3.5.6907.0", "--group", "pilto"], "pilots"),
        (&["fleet", "--group", "pilto"], "pilots"),
    ] {
        let ran = place.run(args);
        assert_eq!(ran.code, Some(3), "{args:?}: {ran:?}");
        assert!(ran.stderr.ends_with(&format!("; did you mean {meant}?\n")), "{args:?}: {ran:?}");
    }
}

#[test]
fn a_ban_without_a_reason_to_read_is_a_wrong_call() {
    let place = Place::with_package();
    for reason in ["", " ", "\u{a0}", "\u{200b}", "-"] {
        let ran = place.run(&["ban", "add", "UCPhone/HP", "1.0", "--reason", reason]);
        assert_eq!(ran.code, Some(2), "{reason:?}: {ran:?}");
        assert!(ran.stderr.contains("expected a reason in words"), "{ran:?}");
    }
}

#[test]
fn a_change_of_a_stone_is_recorded_with_what_it_was_and_what_it_is() {
    let place = Place::with_package();
    let changed = place.run(&["stone", "set", "ocs-interim", "--below", "1.0.522.90", "--json"]).json();
    let change = json!({
        "kind": "stone-replaced", "rule": null, "name": "ocs-interim",
        "from": "ocs-interim: UCPhone/LG-Nortel/IP8540/*/* below 1.0.522.98 goes by 1.0.522.103",
        "to": "ocs-interim: UCPhone/LG-Nortel/IP8540/*/* below 1.0.522.90 goes by 1.0.522.103",
    });
    assert_eq!(changed["changes"], json!([change]));
    let history = place.run(&["history", "--last", "1"]).done();
    assert!(history.contains("below 1.0.522.98") && history.contains("below 1.0.522.90"), "{history}");
    let help = place.run(&["stone", "narrow", "--help"]).done();
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("0.0.0.0") && help.contains("LG-Nortel IP8540"), "{help}");
}

#[test]
fn an_interim_image_waits_for_approval_and_serves_test_devices_meanwhile() {
    let place = Place::with_package();
    let list = place.run(&["interim", "list", "--pending"]).done();
    assert!(list.contains("ENU     CPE   1.0.522.103  pending"), "{list}");
    let rules = place.run(&["rules"]).done();
    assert!(
        rules.ends_with(
            "interim image 1.0.522.103 for ENU is pending: `ucupdate interim approve ENU` approves it\n"
        ),
        "{rules}"
    );
    let mac = ["--mac", "0021630F207B"];
    place.run(&[&["test-device", "add", "lab"], &mac[..]].concat()).done();
    assert_eq!(answer(&place, IP8540, "0.0.0.0", &mac), "offer");
    assert_eq!(answer(&place, IP8540, "0.0.0.0", &[]), "nothing-approved");
    let report = place.run(&["approve", CX700]).done();
    assert!(
        report.ends_with(&format!(
            "interim image 1.0.522.103 for ENU is approved too, because devices of {CX700} must install it first\n"
        )),
        "{report}"
    );
    assert_eq!(answer(&place, CX700, "0.0.0.0", &[]), "offer");
    let list = place.run(&["interim", "list"]).done();
    assert!(list.contains("ENU     CPE   1.0.522.103  approved"), "{list}");
    assert_eq!(place.run(&["interim", "list", "--pending"]).done(), "no interim image is pending\n");
}

#[test]
fn a_release_of_another_package_says_what_to_type_and_explain_says_why_nothing_is_offered() {
    let place = Place::with_package();
    place.file("new.cab", &package(IP8540, "4.0.7577.0", b"newer"));
    place.run(&["ingest", "new.cab"]).done();
    let report = place.run(&["approve", IP8540]).done();
    assert_eq!(answer(&place, IP8540, "1.0.522.34", &[]), "stepping-stone-pending");
    let why = explained(&place, IP8540, "1.0.522.34");
    assert!(why.contains("and the image is pending: the device is not a test device"), "{why}");
    let printed = commands(&report);
    assert_eq!(printed, ["interim approve ENU"]);
    place.call(&printed[0]).done();
    assert_eq!(answer(&place, IP8540, "1.0.522.34", &[]), "offer");
}

#[test]
fn a_rejected_interim_image_stays_rejected_until_its_version_is_approved() {
    let place = Place::with_package();
    assert_eq!(
        place.run(&["interim", "reject", "ENU"]).done(),
        "interim image 1.0.522.103 for ENU is rejected\n"
    );
    let again = place.run(&["ingest", "uc.cab"]).done();
    let printed = commands(&again);
    assert_eq!(printed, ["interim approve ENU 1.0.522.103"], "{again}");
    let list = place.run(&["interim", "list"]).done();
    assert!(list.contains("rejected"), "{list}");
    place.call(&printed[0]).done();
    assert_eq!(place.run(&["interim", "list", "--json"]).json()["interim"][0]["state"], "approved");
}

#[test]
fn a_package_for_kinds_without_a_stone_says_what_to_type_to_use_its_interim_image() {
    let place = Place::new();
    place.file("cx600.cab", &with_interim(CX600, "4.0.7577.0", "2.0.0.0"));
    let report = place.run(&["ingest", "cx600.cab"]).done();
    let printed = commands(&report);
    assert_eq!(printed.len(), 1, "{report}");
    let added = place.call(&printed[0]).done();
    assert!(added.starts_with("interim image 2.0.0.0 for ENU is pending\n"), "{added}");
    place.run(&["approve", CX600]).done();
    assert!(explained(&place, CX600, "0.0.0.0").contains("offer 2.0.0.0 as a stepping stone to 4.0.7577.0"));
}

#[test]
fn a_dry_run_of_an_ingest_says_loudly_what_would_go_to_every_device_and_stores_nothing() {
    let place = Place::new();
    place.file("RoundTable.cab", &sample::round_table(500));
    let ran = place.run(&["ingest", "--dry-run", "RoundTable.cab"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let loud = "warning: RoundTable/Microsoft/RTDevice/A/ENU/CPE: 1.1.27.0 goes to every device WITHOUT AN APPROVAL, because \
                packages of RoundTable are deployed as they are ingested";
    assert!(ran.stderr.contains(loud), "{ran:?}");
    assert!(
        ran.stdout.contains("would be: RoundTable/Microsoft/RTDevice/A/ENU/CPE: 1.1.27.0 is approved"),
        "{ran:?}"
    );
    assert!(!place.path("ucupdate-data").exists(), "nothing is stored");

    let report = place.run(&["ingest", "--dry-run", "RoundTable.cab", "--json"]).json();
    let changes = report["packages"][0]["changes"].as_array().unwrap();
    let kinds: Vec<&str> = changes.iter().map(|change| change["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["ingested", "pending", "deployed-at-ingest", "approved"]);
    assert_eq!(changes[2]["to"], "1.1.27.0");
    assert_eq!((&report["dry_run"], &report["packages"][0]["revision"]), (&json!(true), &Value::Null));

    // The note contains the command that makes the next package wait for approval.
    place.file("uc.cab", &sample::uc_updates(500));
    place.run(&["ingest", "uc.cab"]).done();
    let printed = commands(&ran.stderr);
    let policy = printed.iter().find(|command| command.starts_with("policy ")).unwrap();
    place.call(policy).done();
    let waits = place.run(&["ingest", "RoundTable.cab"]);
    assert!(!waits.stderr.contains("WITHOUT AN APPROVAL"), "{waits:?}");
    assert!(waits.done().contains("1.1.27.0 is pending"));
}

#[test]
fn a_dry_run_of_an_ingest_refuses_what_an_ingest_would_refuse() {
    let place = Place::with_package();
    place.file("other.cab", &package(IP8540, "3.5.6907.0", b"other bytes"));
    let refused = place.run(&["ingest", "--dry-run", "other.cab"]).refused();
    assert!(refused.contains("3.5.6907.0 is pending already, with other bytes"), "{refused}");
    let again = place.run(&["ingest", "--dry-run", "uc.cab"]).done();
    assert!(again.contains("would be: ") && again.contains("nothing changes"), "{again}");
    assert_eq!(place.run(&["rules", "--json"]).json()["revision"], 1);
}
