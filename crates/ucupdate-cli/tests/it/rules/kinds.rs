//! Words and versions that mean the same: patterns with the words of aliases, versions of other schemes, and versions that were
//! rejected.

use crate::place::{IP8540, Place, package};

const VVX: &str = "UCPhone/Polycom/VVX500/A/ENU/CPE";
const T48: &str = "UCPhone/Yealink/T48/A/ENU/CPE";

/// A store with a rule for VVX500 and an alias for it.
fn with_alias() -> Place {
    let place = Place::new();
    place.file("vvx.cab", &package(VVX, "5.0.0.1", b"vvx"));
    place.run(&["ingest", "vvx.cab"]).done();
    place.run(&["approve", VVX]).done();
    place.run(&["alias", "set", "model", "VVX 500", "--stands-for", "VVX500"]).done();
    place
}

#[test]
fn a_scheme_or_a_stone_for_the_word_of_an_alias_is_refused_with_the_word_of_the_rule() {
    let place = with_alias();
    let scheme = place.call("policy set 'UCPhone/*/VVX 500' --scheme numeric").refused();
    assert!(scheme.ends_with("type UCPhone/*/VVX500/*/*/* instead"), "{scheme}");
    let add = "stone add two --device-type UCPhone --model 'VVX 500' --below 5.0.0.1 --by 5.0.0.1";
    let stone = place.call(add).refused();
    assert!(stone.ends_with("type --device-type UCPhone --model VVX500 instead"), "{stone}");
    place.call("policy set UCPhone/*/VVX* --scheme numeric").done();
    place.call(&add.replace("VVX 500", "VVX500")).done();
}

#[test]
fn a_rule_that_is_named_by_the_word_of_an_alias_is_refused_with_the_rule() {
    let place = with_alias();
    let other = "'UCPhone/Polycom/VVX 500/A/ENU/CPE'";
    for line in [
        format!("approve {other} 5.0.0.1"),
        format!("policy set {other} --floor 5.0.0.0"),
        format!("hold add fair --rule {other} --reason x"),
        format!("pin set {other} 5.0.0.1 --mac 0021630F207B"),
        format!("rollout start {other} 5.0.0.1 --name wave --percent 10"),
        format!("rollout kill {other} --reason x"),
    ] {
        let ran = place.call(&line);
        assert!(matches!(ran.code, Some(1 | 3)), "{line}: {ran:?}");
        assert!(ran.stderr.contains(&format!("did you mean {VVX}")), "{line}: {ran:?}");
    }
}

#[test]
fn a_version_that_the_scheme_of_a_rule_reads_is_ingested_without_a_warning_and_others_say_what_to_do() {
    let place = Place::new();
    for (file, version) in [("a.cab", "T48G-35.8.0.31"), ("b.cab", "3.0.0.459.1"), ("c.cab", "3.0.0.459.2")] {
        place.file(file, &package(T48, version, file.as_bytes()));
    }
    let prefixed = place.run(&["ingest", "a.cab"]);
    let advice = format!("`ucupdate policy set {T48} --scheme prefixed:T48G-` reads it");
    assert!(prefixed.stdout.contains(&advice) && !prefixed.stderr.contains("cannot be read"), "{prefixed:?}");
    let numeric = place.run(&["ingest", "b.cab"]);
    let advice = format!("policy set {T48} --scheme numeric");
    assert!(numeric.stdout.contains(&advice) && !numeric.stderr.contains("cannot be read"), "{numeric:?}");
    place.call(&advice).done();
    let read = place.run(&["ingest", "c.cab"]);
    assert!(!read.stdout.contains("policy set") && !read.stderr.contains("cannot be read"), "{read:?}");
}

#[test]
fn stones_and_ranges_are_read_in_the_scheme_of_their_rules() {
    let place = Place::new();
    place.file("a.cab", &package(T48, "T48G-35.8.0.31", b"a"));
    place.run(&["ingest", "a.cab"]).done();
    place.run(&["approve", T48]).done();
    place.call(&format!("policy set {T48} --scheme prefixed:T48G-")).done();
    let stone = "stone add two --device-type UCPhone --model T48 --below T48G-35.8.0.31 --by T48G-35.8.0.31";
    assert!(place.call(stone).done().contains("below 35.8.0.31"));
    place.call("group add old --model T48 --installed '<T48G-35.8.0.31'").done();
    assert!(place.call("group list").done().contains("<35.8.0.31"));
    place.file("uc.cab", &package(IP8540, "3.5.6907.0", b"b"));
    place.run(&["ingest", "uc.cab"]).done();
    for line in [
        "group add any --device-type UCPhone --installed '<T48G-35.8.0.31'",
        "stone add any --device-type UCPhone --below T48G-35 --by T48G-35",
    ] {
        let ran = place.call(line);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains("in several schemes (dotnet, prefixed:T48G-)"), "{ran:?}");
    }
}

#[test]
fn two_images_that_are_one_release_are_a_finding_that_ends_with_a_ban() {
    let place = Place::new();
    for (file, version) in [("a.cab", "2.0.1.44.09"), ("b.cab", "2.0.1.44.9")] {
        place.file(file, &package(T48, version, file.as_bytes()));
        place.run(&["ingest", file]).done();
        place.run(&["reject", T48]).done();
    }
    place.run(&["policy", "set", T48, "--scheme", "numeric"]).done();
    let found = place.run(&["verify"]);
    assert_eq!(found.code, Some(1), "{found:?}");
    assert!(
        found.stdout.contains("different images, but one release in the version scheme `numeric`"),
        "{found:?}"
    );
    let (_, rest) = found.stdout.split_once("type `ucupdate ").unwrap();
    place.call(rest.split('`').next().unwrap()).done();
    place.run(&["verify"]).done();
}

#[test]
fn a_rejected_or_banned_version_is_neither_pinned_nor_rolled_out_further() {
    let place = Place::new();
    for (file, version) in [("a.cab", "5.0.0.1"), ("b.cab", "5.0.0.2")] {
        place.file(file, &package(VVX, version, file.as_bytes()));
        place.run(&["ingest", file]).done();
    }
    place.call(&format!("rollout start {VVX} 5.0.0.2 --name wave --percent 10")).done();
    place.run(&["reject", VVX]).done();
    let refused = |line: &str, what: &str| {
        let refused = place.call(line).refused();
        assert!(refused.contains(what), "{line}: {refused}");
    };
    let pin = format!("pin set {VVX} 5.0.0.2 --mac 0021630F207B");
    refused(&pin, "5.0.0.2 was rejected");
    refused(&format!("rollout percent {VVX} wave 50"), "5.0.0.2 was rejected");
    place.call(&format!("rollout percent {VVX} wave 5")).done();
    place.call(&format!("unreject {VVX} 5.0.0.2")).done();
    place.call(&format!("ban add {VVX} 5.0.0.2 --reason loops")).done();
    for line in [
        pin,
        format!("rollout percent {VVX} wave 50"),
        format!("rollout start {VVX} 5.0.0.2 --name other --percent 10"),
    ] {
        refused(&line, "5.0.0.2 is banned");
    }
}

#[test]
fn the_timeline_of_a_rule_has_the_devices_that_report_the_word_of_an_alias() {
    let place = Place::new();
    let rule = "UCPhone/LG-Nortel/IP9000/A/ENU/CPE";
    place.file("uc.cab", &package(rule, "3.5.6907.0", b"image"));
    place.run(&["ingest", "uc.cab"]).done();
    let folder = place.path("ucupdate-data/Logs/Server/Audit/imageUpdates");
    std::fs::create_dir_all(&folder).unwrap();
    let log = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/RequestHandlerAuditLog_2009-03-06.log");
    std::fs::copy(log, folder.join("RequestHandlerAuditLog_ocs_2009-03-06.log")).unwrap();
    let timeline = ["timeline", "--rule", rule];
    assert!(!place.run(&timeline).stdout.contains("0021630F207B"));
    place.run(&["alias", "set", "model", "IP8540", "--stands-for", "IP9000"]).done();
    assert!(place.run(&timeline).done().replace('-', "").contains("0021630F207B"));
}
