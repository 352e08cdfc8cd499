//! Tests mistyped names, times without a zone, missing stores, and simulated requests.

use crate::place::{CX700, IP8540, Place, Ran, no_store, package};

#[test]
fn a_mistyped_name_gets_the_name_that_was_meant() {
    let place = Place::with_package();
    place.run(&["group", "add", "Lisbon"]).done();
    place.run(&["test-device", "add", "lobby", "--serial", "1"]).done();
    place.run(&["hold", "add", "fair", "--group", "Lisbon"]).done();
    place.run(&["rollout", "start", IP8540, "3.5.6907.0", "--name", "wave-1", "--percent", "10"]).done();
    place.run(&["ban", "add", "UCPhone/Polycom/CX700", "1.0.522.101", "--reason", "calls drop"]).done();
    place.run(&["alias", "set", "model", "VVX 500", "--stands-for", "VVX500"]).done();
    place.run(&["pin", "set", IP8540, "3.5.6907.0", "--group", "Lisbon"]).done();
    place.file("audit.log", b"");
    for (args, meant) in [
        (&["group", "show", "Lisbn"][..], "no group Lisbn; did you mean Lisbon?"),
        (&["group", "remove", "Lisbonn"], "no group Lisbonn; did you mean Lisbon?"),
        (&["group", "add-member", "Lissbon", "--serial", "1"], "no group Lissbon; did you mean Lisbon?"),
        (&["hold", "add", "x", "--group", "lisbin"], "no group lisbin; did you mean Lisbon?"),
        (&["hold", "remove", "fiar"], "no hold fiar; did you mean fair?"),
        (&["test-device", "remove", "loby"], "no test device loby; did you mean lobby?"),
        (&["stone", "remove", "ocs-intrim"], "no stepping stone ocs-intrim; did you mean ocs-interim?"),
        (
            &["ban", "lift", "UCPhone/Polycom/CX700", "1.0.522.110"],
            "there is no ban of UCPhone/Polycom/CX700/*/*/* 1.0.522.110; did you mean UCPhone/Polycom/CX700/*/*/* 1.0.522.101?",
        ),
        (
            &["alias", "remove", "model", "VVX 50"],
            "there is no alias for model VVX 50; did you mean model VVX 500?",
        ),
        (&["ingest", "uc.cb"], "uc.cb: No such file or directory (os error 2); did you mean uc.cab?"),
        (
            &["package", "show", "uv.cab"],
            "uv.cab: No such file or directory (os error 2); did you mean uc.cab?",
        ),
        (
            &["fleet", "--audit", "aduit.log"],
            "cannot open `aduit.log`: No such file or directory (os error 2); did you mean audit.log?",
        ),
        (
            &["--store", "file:ucupdate-dtaa", "rules"],
            "no store at ucupdate-dtaa; did you mean ucupdate-data?",
        ),
        (&["import", "file:ucupdate-dat"], "no store at ucupdate-dat; did you mean ucupdate-data?"),
        (&["policy", "show", "CX701"], "no version scheme is set for CX701/*/*/*/*/*; did you mean CX700?"),
        (
            &["policy", "remove", "IP854"],
            "no version scheme is set for IP854/*/*/*/*/*; did you mean IP8540?",
        ),
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
    let pin = place.run(&["pin", "remove", IP8540, "--group", "Lisbn"]).refused();
    assert_eq!(
        pin,
        format!("{IP8540}: nothing is pinned for the group Lisbn; did you mean the group Lisbon?")
    );
    let version = place.run(&["approve", IP8540, "3.5.6907.1"]).refused();
    assert_eq!(version, format!("{IP8540}: no package contains 3.5.6907.1; did you mean 3.5.6907.0?"));
}

#[test]
fn a_timetable_that_names_what_is_not_there_is_refused_with_its_line_before_it_is_played() {
    let place = Place::with_package();
    place.run(&["group", "add", "Lisbon"]).done();
    let mistyped = IP8540.replace("IP8540", "IP8450");
    for (lines, why) in [
        (
            format!("# a note\n1d approve {mistyped}\n"),
            format!("line 2: no rule {mistyped}; did you mean {IP8540}?"),
        ),
        (
            format!("1d rollout {IP8540} wave 3.5.6907.1 all\n"),
            format!("line 1: {IP8540}: no package contains 3.5.6907.1; did you mean 3.5.6907.0?"),
        ),
        (
            format!("1d rollout {IP8540} wave 3.5.6907.0 group=Lisbn\n"),
            "line 1: no group Lisbn; did you mean Lisbon?".to_owned(),
        ),
        (
            format!("1d rollout {IP8540} wave-1 3.5.6907.0 all\n2d finish {IP8540} wave-2\n"),
            format!("line 2: {IP8540}: no rollout wave-2; did you mean wave-1?"),
        ),
    ] {
        place.file("plan.txt", lines.as_bytes());
        let refused =
            place.run(&["simulate", "--devices", "5", "--days", "3", "--timetable", "plan.txt"]).refused();
        assert_eq!(refused, format!("plan.txt: {why}"));
    }
    place.file("plan.txt", format!("1d rollout {IP8540} wave 3.5.6907.0 failures=3\n").as_bytes());
    let refused = place.run(&["simulate", "--devices", "5", "--timetable", "plan.txt"]).refused();
    assert!(refused.starts_with("plan.txt: line 1: expected the devices of the rollout: all"), "{refused}");
}

#[test]
fn a_rollout_without_an_audience_asks_for_all_devices_in_words() {
    let place = Place::with_package();
    let start = ["rollout", "start", IP8540, "3.5.6907.0"];
    let wrong = place.run(&start);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    assert!(
        wrong.stderr.contains(&format!("expected --percent 100 for every device of {IP8540}")),
        "{wrong:?}"
    );
    place.run(&[&start[..], &["--percent", "100"]].concat()).done();
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
    assert_eq!(refused, format!("{}; `serve --create` makes an empty one", no_store("ucupdate-dtaa")));
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

/// Runs the command as a user who may not read the store, if this test may change to that user.
#[cfg(unix)]
#[test]
fn a_store_that_another_user_may_not_read_is_permission_denied_and_not_no_store() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::with_package();
    // Any user may run a copy of the program, and read the folder above the store.
    let program = place.path("program");
    std::fs::copy(env!("CARGO_BIN_EXE_ucupdate"), &program).unwrap();
    let set_mode = |path: &std::path::Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set_mode(&place.path("."), 0o755);
    let as_other = |args: &[&str]| {
        let mut command = std::process::Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program).args(args);
        crate::place::Ran::of(command.current_dir(place.path(".")).output().unwrap())
    };
    let may_change = std::process::Command::new("setpriv").args(["--reuid=65534", "true"]).output();
    if !may_change.is_ok_and(|tried| tried.status.success()) {
        println!("SKIPPED: this test needs `setpriv` and the right to change the user");
        return;
    }
    for (folder, calls) in [
        (
            "ucupdate-data",
            &[
                &["rules"][..],
                &["serve", "--listen", "127.0.0.1:0"],
                &["fleet"],
                &["ingest", "uc.cab"],
                &["--config", "ucupdate-data/settings.toml", "rules"],
            ][..],
        ),
        ("ucupdate-data/state", &[&["rules"], &["approve", IP8540]]),
        ("ucupdate-data/state/revisions", &[&["rules"], &["history"], &["approve", IP8540]]),
    ] {
        set_mode(&place.path(folder), 0o700);
        for args in calls {
            let ran = as_other(args);
            assert_eq!(ran.code, Some(1), "{folder}: {args:?}: {ran:?}");
            assert!(ran.stderr.to_lowercase().contains("permission denied"), "{folder}: {args:?}: {ran:?}");
            assert!(!ran.stderr.contains("no store"), "{folder}: {args:?}: {ran:?}");
        }
        set_mode(&place.path(folder), 0o755);
    }
}

#[test]
fn what_ask_says_in_the_name_of_a_device_is_marked_and_believed_by_nobody() {
    let place = Place::with_package();
    let serving = place.serve_here();
    let kind = ["--device-type", "UCPhone", "--vendor", "LG-Nortel", "--model", "IP8540"];
    let more =
        ["--hardware-revision", "A", "--locale", "ENU", "--mac", "0021630F207B", "--version", "1.0.522.34"];
    let ask = |extra: &[&str]| {
        place.run(&[&["ask", "--url", &serving.url()], &kind[..], &more, extra].concat()).done();
    };
    ask(&["--user", "ann@contoso.com"]);
    assert_eq!(serving.terminated().code, Some(0));
    let log = place.log("Audit");
    assert!(log.contains(",(simulated)ann@contoso.com,"), "{log}");
    assert_eq!(place.run(&["fleet"]).done(), "no devices\n");
    let all = place.run(&["fleet", "--simulated"]).done();
    assert!(all.contains("ann@contoso.com") && !all.contains("(simulated)"), "{all}");
    let serving = place.serve_here();
    place.run(&[&["ask", "--as-the-device", "--url", &serving.url()], &kind[..], &more].concat()).done();
    assert_eq!(serving.terminated().code, Some(0));
    assert!(place.run(&["fleet"]).done().contains("1.0.522.34"));
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
        assert!(ran.stderr.contains("--installed"), "{ran:?}");
        ask(&[device, &["--version", "1.0.522.34"]].concat()).done();
        assert!(ask(&[device, &["--installed-unknown"]].concat()).done().contains("0.0.0.0"));
    }
    assert!(ask(&[]).done().contains("0.0.0.0"));
}

#[test]
fn a_pattern_or_a_type_that_no_rule_has_is_warned_about_with_the_one_that_may_be_meant() {
    let place = Place::with_package();
    for (args, warning) in [
        (
            &["ban", "add", "UCPhone/Polcom/*", "9.9.9.9", "--reason", "a fault"][..],
            "no rule matches UCPhone/Polcom/*/*/*/* yet; did you mean UCPhone/Polycom/*?",
        ),
        (
            &["policy", "set", "UCPhone/Polycm/*", "--scheme", "numeric"],
            "no rule matches UCPhone/Polycm/*/*/*/* yet; did you mean UCPhone/Polycom/*?",
        ),
        (
            &["policy", "deploy-at-ingest", "RoundTabel", "yes"],
            "no rule is for the device type RoundTabel yet; did you mean RoundTable?",
        ),
    ] {
        let ran = place.run(args);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.stderr.contains(warning), "{ran:?}");
    }
    let ran = place.run(&["ban", "add", "UCPhone/Polycom/*", "9.9.9.9", "--reason", "a fault"]);
    assert!(ran.stderr.is_empty(), "{ran:?}");
}

#[test]
fn a_short_name_where_a_pattern_is_taken_is_the_pattern_of_its_rules() {
    let place = Place::with_package();
    for (name, meant) in [
        ("CX700", "UCPhone/Polycom/CX700/*/*/*"),
        ("Polycom/CX700/A", "UCPhone/Polycom/CX700/A/*/*"),
        ("polycom", "UCPhone/Polycom/*/*/*/*"),
    ] {
        place.run(&["ban", "add", name, "3.5.6907.9", "--reason", "calls drop"]).done();
        assert!(place.run(&["ban", "list"]).done().contains(meant), "{name}");
        place.run(&["ban", "lift", name, "3.5.6907.9"]).done();
    }
    assert_eq!(place.run(&["ban", "list"]).done(), "no bans\n");
    let alias = ["alias", "set", "hardware-revision", "B", "--stands-for", "A", "--within", "CX700"];
    place.run(&alias).done();
    assert!(place.run(&["alias", "list"]).done().contains("UCPhone/Polycom/CX700/*"));
    place.run(&["alias", "remove", "hardware-revision", "B", "--within", "CX700"]).done();
    place.run(&["policy", "set", "CX700", "--offer", "newer"]).done();
    let shown = place.run(&["policy", "show", "CX700"]).done();
    assert!(shown.starts_with(CX700) && shown.contains("newer"), "{shown}");
    assert_eq!(place.run(&["fleet", "--rule", "CX700"]).done(), "no devices\n");
    place.run(&["hold", "add", "fair", "--rule", "CX700"]).done();
    assert!(place.run(&["hold", "list"]).done().contains(CX700));
}

#[test]
fn a_short_name_of_several_patterns_is_refused_with_those_that_may_be_meant() {
    let place = Place::with_package();
    // The locale stands in the rules of two models.
    let ran = place.run(&["ban", "add", "ENU", "3.5.6907.9", "--reason", "calls drop"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.stderr.contains("ENU is not a device type; did you mean UCPhone/LG-Nortel/"), "{ran:?}");
    let fleet = place.run(&["fleet", "--rule", "UCPhone/Polcom/*"]);
    assert_eq!(fleet.code, Some(3), "{fleet:?}");
    assert!(fleet.stderr.contains("did you mean UCPhone/Polycom/*?"), "{fleet:?}");
    assert_eq!(place.run(&["fleet", "--rule", "UCPhone/Polycom/*"]).done(), "no devices\n");
}

#[test]
fn a_plan_for_a_device_without_a_rule_names_the_nearest_rule() {
    let place = Place::with_package();
    let plan =
        place.run(&["plan", "--device", "UCPhone/Polycom/CX 700/A/ENU", "--installed", "1.0.522.103"]).done();
    assert!(plan.contains("the nearest is UCPhone/Polycom/CX700/A/ENU/CPE, for model CX700"), "{plan}");
}

#[test]
fn an_alias_for_a_word_that_no_rule_has_is_warned_about_with_the_word_that_is_near() {
    let place = Place::with_package();
    let ran = place.run(&["alias", "set", "model", "CX 700", "--stands-for", "CX7000"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("no rule has the model CX7000 yet; did you mean CX700?"), "{ran:?}");
    assert_eq!(place.run(&["alias", "set", "model", "CX 700", "--stands-for", "CX700"]).stderr, "");
}

#[test]
fn an_option_that_would_be_ignored_is_a_wrong_call() {
    let place = Place::with_package();
    place.file("request.xml", include_bytes!("../../../../../vectors/canonical-request.xml"));
    for args in [
        &["explain", "request.xml", "--installed", "9.9.9.9"][..],
        &["plan", "request.xml", "--installed", "9.9.9.9"],
        &["simulate", "--audit", "audit.log", "--installed", "9.9.9.9"],
    ] {
        let ran = place.run(args);
        assert_eq!(ran.code, Some(2), "{args:?}: {ran:?}");
    }
}

#[test]
fn a_password_in_a_mistyped_address_is_not_printed() {
    let place = Place::with_package();
    let phone = ["--device-type", "UCPhone", "--vendor", "V", "--model", "M", "--hardware-revision", "A"];
    for address in [
        "ftp://ann:secret@host/x",
        "http://ann:secret@127.0.0.1:1/x",
        "ann:secret@host",
        "https://secret@h:x",
    ] {
        for args in [
            &[&["ask", "--locale", "ENU", "--url", address][..], &phone].concat()[..],
            &[&["storm", "--locale", "ENU", "--url", address][..], &phone].concat(),
            &["doctor", "--internal-url", address],
            &["--store", address, "rules"],
            &["export", address, "--json"],
            &["ingest", address],
        ] {
            let ran = place.run(args);
            assert!(!format!("{ran:?}").contains("secret"), "{args:?}: {ran:?}");
        }
    }
}

#[test]
fn a_time_without_a_zone_is_said_to_be_in_utc() {
    let place = Place::with_package();
    let hold =
        |name: &str, until: &str| place.run(&["hold", "add", name, "--serial", "1", "--until", until]).stderr;
    let message = hold("fair", "2030-12-01T08:00");
    assert!(
        message.contains("the time of --until is in UTC, since it names no time zone: 2030-12-01T08:00:00Z"),
        "{message}"
    );
    assert_eq!(hold("market", "2030-12-01T08:00+01:00"), "");
    assert_eq!(hold("week", "2030-12-01T08:00:00Z"), "");
    let start =
        ["rollout", "start", IP8540, "3.5.6907.0", "--ramp", "10%@0d", "--start-at", "2030-12-01T22:00"];
    assert!(place.run(&start).stderr.contains("the time of --start-at is in UTC"));
}

#[test]
fn the_first_ingest_beside_a_store_of_nearly_the_same_name_says_that_it_makes_a_new_one() {
    let place = Place::with_package();
    let ran = place.run(&["--store", "file:ucupdate-dtaa", "ingest", "uc.cab"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let warning =
        "warning: no store is at ucupdate-dtaa yet, so a new one is made; did you mean ucupdate-data?";
    assert!(ran.stderr.contains(warning), "{ran:?}");
    assert!(!place.run(&["ingest", "uc.cab"]).stderr.contains("no store is at"));
}

#[test]
fn approving_says_which_groups_and_rules_are_held() {
    let place = Place::with_package();
    place.run(&["group", "add", "Lisbon", "--network", "10.1.0.0/16"]).done();
    place.run(&["hold", "add", "fair", "--group", "Lisbon"]).done();
    place.run(&["hold", "add", "one", "--serial", "1"]).done();
    let ran = place.run(&["approve", IP8540]);
    let warning =
        "the group Lisbon by the hold fair: nothing is offered there until the hold is over or removed";
    assert!(ran.stderr.contains(warning), "{ran:?}");
    assert!(!ran.stderr.contains("hold one"), "{ran:?}");
}

/// An empty fleet would be a false report: nothing was read.
#[cfg(unix)]
#[test]
fn logs_that_something_else_is_in_place_of_are_a_failure_and_not_an_empty_fleet() {
    use std::os::unix::fs::symlink;
    let place = Place::with_package();
    let store = place.path("ucupdate-data");
    std::fs::create_dir_all(place.path("elsewhere/Server/Audit/imageUpdates")).unwrap();
    let pipe = |path: &std::path::Path| {
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    for (taken, kind) in [
        ("Logs", "link"),
        ("Logs/Server", "pipe"),
        ("Logs/Server/Audit", "file"),
        ("Logs/Server/Audit/imageUpdates", "dangling link"),
    ] {
        let path = store.join(taken);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        match kind {
            "link" => symlink(place.path("elsewhere"), &path).unwrap(),
            "dangling link" => symlink("nowhere", &path).unwrap(),
            "pipe" => pipe(&path),
            _ => std::fs::write(&path, "").unwrap(),
        }
        for args in [
            &["fleet"][..],
            &["fleet", "--json"],
            &["fleet", "--keep"],
            &["loops"],
            &["timeline"],
            &["device", "00:11:22:33:44:55"],
            &["report", "--html", "report.html"],
            &["status"],
            &["gc", "--log-days", "7"],
            &["verify", "--quick"],
        ] {
            let ran = Ran::of(place.command(args).output().unwrap());
            let report = format!("{}{}", ran.stdout, ran.stderr);
            assert_eq!(ran.code, Some(1), "{args:?} with a {kind} at {taken}: {report}");
            assert!(report.contains(&format!("`{taken}`")), "{args:?} with a {kind} at {taken}: {report}");
        }
        std::fs::remove_file(&path).unwrap();
    }
    assert!(place.run(&["fleet"]).done().contains("no devices"));
}
