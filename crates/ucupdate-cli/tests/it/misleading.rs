//! Mistyped names, times without a zone, stores that are not there, and simulated requests.

use crate::place::{IP8540, Place, package};

#[test]
fn a_mistyped_name_gets_the_name_that_was_meant() {
    let place = Place::with_package();
    place.run(&["group", "add", "Lisbon"]).done();
    place.run(&["test-device", "add", "lobby", "--serial", "1"]).done();
    place.run(&["hold", "add", "fair", "--group", "Lisbon"]).done();
    place.run(&["rollout", "start", IP8540, "3.5.6907.0", "--name", "wave-1", "--percent", "10"]).done();
    for (args, meant) in [
        (&["group", "show", "Lisbn"][..], "no group Lisbn; did you mean Lisbon?"),
        (&["group", "remove", "Lisbonn"], "no group Lisbonn; did you mean Lisbon?"),
        (&["group", "add-member", "Lissbon", "--serial", "1"], "no group Lissbon; did you mean Lisbon?"),
        (&["hold", "add", "x", "--group", "lisbin"], "no group lisbin; did you mean Lisbon?"),
        (&["hold", "remove", "fiar"], "no hold fiar; did you mean fair?"),
        (&["test-device", "remove", "loby"], "no test device loby; did you mean lobby?"),
        (&["stone", "remove", "ocs-intrim"], "no stepping stone ocs-intrim; did you mean ocs-interim?"),
        (&["group", "show", "Porto"], "no group Porto"),
    ] {
        assert_eq!(place.run(args).refused(), meant, "{args:?}");
    }
    let rule = "UCPhone/LG-Nortel/IP8450/A/ENU/CPE";
    for args in [&["approve", rule][..], &["policy", "show", rule], &["rollback", rule], &["remove", rule]] {
        let refused = place.run(args).refused();
        assert_eq!(refused, format!("no rule {rule}; did you mean {IP8540}?"), "{args:?}");
    }
    let paused = place.run(&["rollout", "pause", IP8540, "wave-2"]).refused();
    assert_eq!(paused, format!("{IP8540}: no rollout wave-2; did you mean wave-1?"));
    let version = place.run(&["approve", IP8540, "3.5.6907.1"]).refused();
    assert_eq!(version, format!("{IP8540}: no package brought 3.5.6907.1; did you mean 3.5.6907.0?"));
}

#[test]
fn the_nearest_rule_is_the_one_that_is_most_alike() {
    let place = Place::new();
    for (file, rule) in [
        ("a.cab", "UCPhone/Polycom/CX600/A/ENU/CPE"),
        ("b.cab", "UCPhone/Polycom/VVX500/A/ENU/CPE"),
        ("c.cab", "UCPhone/Polycom/VVX600/A/ENU/CPE"),
    ] {
        place.file(file, &package(rule, "4.0", file.as_bytes()));
        place.run(&["ingest", file]).done();
    }
    let explained = place
        .run(&["explain", "--device", "UCPhone/Polycom/VVX 500/A/ENU", "--installed", "1.0.522.103"])
        .done();
    assert!(explained.contains("the nearest is UCPhone/Polycom/VVX500/A/ENU/CPE"), "{explained}");
}

#[test]
fn a_window_without_a_zone_is_said_to_be_in_utc() {
    let place = Place::with_package();
    let set = |window: &str| place.run(&["policy", "set", IP8540, "--window", window]);
    let ran = set("daily 22:00-05:00");
    assert!(ran.stderr.contains("the window is in UTC, since it names no time zone"), "{ran:?}");
    assert_eq!(set("daily 22:00-05:00 UTC").stderr, "");
    assert_eq!(set("daily 22:00-05:00 Europe/Lisbon").stderr, "");
    let start =
        ["rollout", "start", IP8540, "3.5.6907.0", "--percent", "10", "--window", "daily 22:00-05:00"];
    assert!(place.run(&start).stderr.contains("the window is in UTC"));
}

#[test]
fn serving_makes_no_store_unless_that_is_said() {
    let place = Place::new();
    let refused = place.run(&["--store", "file:ucupdate-dtaa", "serve", "--listen", "127.0.0.1:0"]).refused();
    assert!(refused.starts_with("no store at ucupdate-dtaa; --create makes an empty one"), "{refused}");
    assert!(!place.path("ucupdate-dtaa").exists());
}

#[cfg(unix)]
#[test]
fn a_store_that_cannot_be_looked_into_is_not_taken_for_none() {
    let place = Place::new();
    std::os::unix::fs::symlink("loop", place.path("loop")).unwrap();
    let refused = place.run(&["--store", "file:loop", "rules"]).refused();
    assert!(refused.starts_with("the store at loop cannot be read: "), "{refused}");
}

#[test]
fn a_named_device_is_not_simulated_without_its_version() {
    let place = Place::new();
    let kind = ["--device-type", "UCPhone", "--vendor", "LG-Nortel", "--model", "IP8540"];
    let more = ["--hardware-revision", "A", "--locale", "ENU", "--print-request"];
    let ask = |device: &[&str]| place.run(&[&["ask"], &kind[..], &more, device].concat());
    for device in [&["--mac", "0021630F207B"][..], &["--serial", "C185H001209"]] {
        let ran = ask(device);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains("--version"), "{ran:?}");
        ask(&[device, &["--version", "1.0.522.34"]].concat()).done();
    }
    assert!(ask(&[]).done().contains("0.0.0.0"));
}
