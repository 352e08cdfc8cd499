//! Tests the command line, and the messages about wrong calls and missing things.

use crate::place::{IP8540, Place, no_store};

#[cfg(unix)]
#[test]
fn a_file_to_write_that_is_a_device_is_named_as_such_and_never_said_to_be_removed() {
    let place = Place::with_package();
    std::os::unix::fs::symlink("uc.cab", place.path("link")).unwrap();
    std::fs::create_dir(place.path("s")).unwrap();
    let device = "is a device, expected a plain file; use another path";
    for (args, expected) in [
        (&["fleet", "--csv", "/dev/full"][..], device),
        (&["report", "--html", "/dev/null"], device),
        (&["package", "build", "s", "/dev/full"], device),
        (&["explain", "--mac", "0021630F207B", "--save", "/dev/full"], ""),
        (&["fleet", "--csv", "link"], "`link` is a symbolic link, expected a plain file; use another path"),
        (&["fleet", "--csv", "s"], "`s` is a folder, expected a plain file; use another path"),
    ] {
        let ran = place.run(args);
        assert_ne!(ran.code, Some(0), "{ran:?}");
        assert!(ran.stderr.trim_end().ends_with(expected), "{ran:?}");
        assert!(!ran.stderr.contains("remove"), "{ran:?}");
    }
    for args in [
        &["fleet", "--csv", "-"][..],
        &["fleet", "--html", "-"],
        &["report", "--html", "-"],
        &["package", "build", "s", "-"],
    ] {
        let ran = place.run(args);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains("`./-` is a file named `-`"), "{ran:?}");
        assert!(!place.path("-").exists());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_change_whose_result_cannot_be_printed_is_said_to_be_made() {
    let place = Place::with_package();
    let approve = format!("approve {IP8540}");
    for (call, revision) in [
        ("group add g9 --json", 2),
        (&*approve, 3),
        ("hold add h --group g9", 4),
        ("rollout kill --reason test", 5),
    ] {
        let words: Vec<&str> = call.split(' ').collect();
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let ran = crate::place::Ran::of(place.command(&words).stdout(full).output().unwrap());
        assert_eq!(ran.code, Some(1), "{ran:?}");
        let expected = format!("the change before it was made, as revision {revision}");
        assert!(ran.stderr.contains(&expected), "{call}: {ran:?}");
        assert_eq!(place.run(&["status", "--json"]).json()["revision"], revision, "{call}");
    }
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let listed = crate::place::Ran::of(place.command(&["rules"]).stdout(full).output().unwrap());
    assert!(listed.code == Some(1) && !listed.stderr.contains("was made"), "{listed:?}");
}

#[test]
fn a_question_stands_at_the_end_of_a_message() {
    let place = Place::with_package();
    let expected =
        "no store at ucupdate-date; `serve --create` makes an empty one; did you mean ucupdate-data?";
    assert_eq!(place.run(&["--store", "file:ucupdate-date", "serve"]).refused(), expected);
    let ran = place.run(&["--store", "file:ucupdate-date", "ingest", "uc.cab", "--dry-run"]);
    let expected =
        "no store at ucupdate-date; the dry run is made with an empty one; did you mean ucupdate-data?";
    assert!(ran.stderr.contains(expected), "{ran:?}");
}

#[test]
fn a_store_that_is_a_file_gets_one_message_from_every_verb() {
    let place = Place::with_package();
    for verb in
        [&["rules"][..], &["ingest", "uc.cab"], &["serve", "--listen", "127.0.0.1:0"], &["serve", "--create"]]
    {
        let args = [&["--store", "file:uc.cab"][..], verb].concat();
        let refused = place.run(&args).refused();
        assert!(refused.ends_with("the store uc.cab is a file, expected a folder"), "{verb:?}: {refused}");
    }
}

#[test]
fn with_the_variable_for_json_a_wrong_variable_is_a_json_object() {
    let place = Place::new();
    let mut command = place.command(&["rules"]);
    command.env("UCUPDATE_JSON", "true").env("UCUPDATE_TIMEOUT", "abc");
    let ran = crate::place::Ran::of(command.output().unwrap());
    assert!(ran.failure().starts_with("UCUPDATE_TIMEOUT is \"abc\""), "{ran:?}");
}

#[test]
fn a_wrong_call_exits_with_2_and_says_what_is_wrong() {
    let place = Place::new();
    for (args, said) in [
        (&[][..], "Usage: ucupdate"),
        (&["fly"], "unrecognized subcommand 'fly'"),
        (&["--store", "nowhere", "rules"], "expected file:PATH, s3://BUCKET/PREFIX or memory:"),
        (&["ingest"], "FILE"),
        (&["ingest", "a.cab", "--author", " "], "name is blank"),
        (&["approve"], "RULE"),
        (&["approve", "UCPhone/ /CX700"], "expected all six words"),
        (&["approve", "UCPhone/LG-Nortel/../A/ENU/CPE"], "model of the rule"),
        (&["approve", "--all-of", "xyz"], "expected 12 hexadecimal digits"),
        (&["approve", IP8540, "--all-of", "0123456789ab"], "cannot be used with"),
        (&["reject"], "RULE"),
        (&["test-device", "add", "lab"], "--mac"),
        (&["test-device", "add", "lab", "--mac", "0021630F207B", "--serial", "1"], "cannot be used with"),
        (&["test-device", "add", "lab", "--mac", "0021630F20"], "--mac"),
        (&["test-device", "add", "", "--serial", "1"], "test device name is blank"),
        (&["version"], "<A>"),
        (&["package"], "Usage: ucupdate package"),
        (&["package", "extract", "a.cab"], "--to"),
        (&["hold", "add", "h", "--serial", "1", "--audit", "nope"], "--dry-run"),
        (&["group", "add", "g", "--assume-side", "internal"], "--dry-run"),
        (&["undo", "--since", "2h"], "--dry-run"),
        (&["rollout", "kill", "--reason", ""], "expected a reason in words"),
        (&["rollout", "pause", IP8540, "w", "--reason", " "], "expected a reason in words"),
        (&["hold", "add", "h", "--serial", "1", "--reason", "."], "expected a reason in words"),
        (&["serve", "--wait-for-log", "61"], "expected 1 to 60 seconds, or a time such as 45s"),
        (&["ingest", "a.cab", "--audit", "nope"], "--dry-run"),
        (&["plan", "--mac", "0021630F207B", "--dialect", "nope.toml"], "cannot be used with"),
        (&["explain", "--serial", "1", "--dialect", "nope.toml"], "cannot be used with"),
        (&["serve", "--read-only-store", "--wait-for-log", "9"], "so requests would wait until they fail"),
        (&["history", "--last", "many"], "expected a number from 1"),
        (
            &["group", "add", "g", "--network", "10.0.0/8"],
            "network is \"10.0.0/8\", expected an address and a prefix length",
        ),
        (&["group", "add", "g", "--serials", "A2..A1"], "serial number range is out of order"),
        (
            &["--store", "memory:", "group", "add", "g", "--installed", "~1.0"],
            "comparator 1 of the version range",
        ),
        (
            &["--store", "memory:", "group", "add", "g", "--installed", ">1.0, <2"],
            "cannot be read: version has 1 part, expected 2 to 4",
        ),
        (&["group", "add-member", "g"], "--mac <MAC>|--serial <SERIAL>|--from <FILE>"),
        (&["group", "add", " "], "is blank"),
        (&["rollout", "start", IP8540], "<VERSION>"),
        (&["rollout", "start", IP8540, "1.0", "--percent", "101"], "--percent"),
        (&["rollout", "start", IP8540, "1.0", "--percent", "1", "--ramp", "1%@0d"], "cannot be used with"),
        (&["rollout", "start", IP8540, "1.0", "--ramp", "50%@0d,10%@3d"], "stage 2"),
        (
            &["rollout", "start", IP8540, "1.0", "--window", "22:00-05:00"],
            "window is \"22:00-05:00\", expected days, hours and a zone",
        ),
        (&["rollout", "start", IP8540, "1.0", "--deadline", "2d"], "--pause-after-failures"),
        (&["rollout", "start", IP8540, "1.0", "--sample", "9"], "--pause-at-share"),
        (&["rollout", "start", IP8540, " "], "version is blank"),
        (&["rollout", "percent", IP8540, "wave-1"], "<PERCENT>"),
        (&["rollout"], "Usage: ucupdate rollout"),
        (&["hold", "add", "h"], "--mac <MAC>|--serial <SERIAL>|--group <GROUP>|--rule <RULE>"),
        (&["hold", "add", "h", "--mac", "0021630F207B", "--rule", IP8540], "cannot be used with"),
        (&["hold", "add", "h", "--serial", "1", "--until", "tomorrow"], "expected 2026-12-01"),
        (&["pin", "set", IP8540, "1.0"], "--mac <MAC>|--serial <SERIAL>|--group <GROUP>"),
        (&["pin", "remove", IP8540, "--mac", "1"], "MAC address has 1 hexadecimal digit, expected 12"),
        (&["policy", "set", IP8540], "--offer"),
        (&["policy", "set", IP8540, "--offer", "older"], "[possible values: different, newer]"),
        (&["policy", "set", IP8540, "--scheme", "semver"], "version scheme \"semver\" is unknown, expected"),
        (&["stone", "add", "s", "--below", "1.0", "--by", "1.0"], "--device-type"),
        (&["plan"], "--device"),
        (&["plan", "request.xml", "--device", "UCPhone/LG-Nortel/IP8540/A/ENU"], "cannot be used with"),
        (&["plan", "--device", "UCPhone/LG-Nortel/IP8540/A/ENU"], "--installed"),
        (&["plan", "--device", IP8540, "--installed", "1.0"], "device kind has 6 parts, expected 5"),
        (&["plan", "request.xml", "--mac", "0021630F207B"], "--device"),
        (&["explain"], "--replay"),
        (&["explain", "request.xml", "--replay", "a.json"], "cannot be used with"),
        (&["explain", "--save", "a.json", "--replay", "a.json"], "cannot be used with"),
        (&["diff"], "--from"),
        (&["serve", "--listen", "127.0.0.1:0", "--redirect-images"], "file:ucupdate-data does not"),
        (
            &["--store", "memory:", "serve", "--listen", "127.0.0.1:0", "--redirect-images=9"],
            "memory: does not",
        ),
    ] {
        let ran = place.run(args);
        assert_eq!(ran.code, Some(2), "{args:?}: {ran:?}");
        assert_eq!(ran.stdout, "", "{args:?}");
        assert!(ran.stderr.contains(said), "{args:?}: {ran:?}");
    }
    assert!(!place.path("ucupdate-data").exists(), "a wrong call makes nothing");
}

#[cfg(not(feature = "s3"))]
#[test]
fn a_bucket_is_refused_by_a_command_that_was_built_without() {
    let ran = Place::new().run(&["--store", "s3://firmware", "rules"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("built without its feature s3"), "{ran:?}");
}

#[cfg(feature = "s3")]
#[test]
fn a_bucket_is_where_the_usual_variables_say() {
    let place = Place::new();
    let run = |variables: &[(&str, &str)]| {
        let mut command = place.command(&["--store", "s3://firmware/fleet", "rules"]);
        command.env_clear().envs(variables.iter().copied());
        crate::place::Ran::of(command.output().unwrap()).refused()
    };
    assert_eq!(
        run(&[("AWS_ACCESS_KEY_ID", "id")]),
        "the variable `AWS_ACCESS_KEY_ID` is set and `AWS_SECRET_ACCESS_KEY` is not, expected both or neither"
    );
    assert_eq!(
        run(&[("AWS_ENDPOINT_URL", "localhost:9102")]),
        "the endpoint is `localhost:9102`, expected a URL that begins with `http://` or `https://`"
    );
    place.file("none.pem", b"no certificate");
    let key = [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "?")];
    let with_bundle = |file| run(&[&key[..], &[("AWS_CA_BUNDLE", file)]].concat());
    let missing = with_bundle("missing.pem");
    assert!(missing.starts_with("AWS_CA_BUNDLE missing.pem: "), "{missing}");
    let none = with_bundle("none.pem");
    assert!(
        none.contains("the root certificates have no certificate, expected PEM with `BEGIN CERTIFICATE`"),
        "{none}"
    );
}

#[test]
fn help_and_version_are_results() {
    let place = Place::new();
    assert!(place.run(&["--help"]).done().contains("Usage: ucupdate"));
    assert!(place.run(&["help", "ingest"]).done().contains("Usage: ucupdate ingest"));
    assert_eq!(place.run(&["--version"]).done(), format!("ucupdate {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn global_options_stand_before_or_after_and_two_dashes_end_options() {
    let place = Place::with_package();
    let before = place.run(&["--json", "--store", "file:ucupdate-data", "rules"]);
    let after = place.run(&["rules", "--store", "file:ucupdate-data", "--json"]);
    assert_eq!(before.json(), after.json());
    assert_eq!(
        place.run(&["test-device", "list", "--json"]).json()["test_devices"].as_array().unwrap().len(),
        0
    );
    let dashed = place.run(&["version", "--", "--json"]).stdout;
    assert_eq!(dashed, "\"--json\": unreadable, version has 1 part, expected 2 to 4\n");
    assert_eq!(
        place.run(&["ingest", "--", "--json"]).refused(),
        "--json: No such file or directory (os error 2)"
    );
}

#[test]
fn only_ingest_makes_a_store() {
    let place = Place::new();
    place.file("request.xml", include_bytes!("../../../../../vectors/canonical-request.xml"));
    for args in [
        &["rules"][..],
        &["tree"],
        &["history"],
        &["approve", IP8540],
        &["reject", IP8540],
        &["rollback", IP8540],
        &["remove", IP8540],
        &["test-device", "add", "lab", "--serial", "1"],
        &["test-device", "list"],
        &["test-device", "remove", "lab"],
        &["explain", "request.xml"],
        &["plan", "request.xml"],
        &["diff", "--from", "0"],
        &["group", "list"],
        &["group", "add", "pilots"],
        &["group", "add-member", "pilots", "--serial", "1"],
        &["rollout", "list"],
        &["rollout", "kill"],
        &["hold", "add", "quiet", "--rule", IP8540],
        &["pin", "list"],
        &["policy", "show", IP8540],
        &["stone", "list"],
        &["approve", IP8540, "--dry-run"],
        &["gc"],
        &["verify"],
        &["export", "copy"],
        &["export", "--tree", "www"],
        &["rebuild"],
        &["rollback", "--to", "1"],
    ] {
        assert_eq!(place.run(args).refused(), no_store("ucupdate-data"), "{args:?}");
    }
    place.file("not-a-folder", b"");
    assert!(place.run(&["--store", "file:not-a-folder", "rules"]).refused().ends_with("expected a folder"));
    assert_eq!(
        place.run(&["ingest", "absent.cab"]).refused(),
        "absent.cab: No such file or directory (os error 2)"
    );
    assert!(!place.path("ucupdate-data").exists());
    assert_eq!(place.run(&["--store", "memory:", "rules"]).done(), "no rules\n");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let place = Place::with_package();
    for args in [
        &["explain", "absent"][..],
        &["inspect", "absent"],
        &["package", "show", "absent"],
        &["package", "show", "uc.cab", "absent"],
        &["package", "extract", "absent", "--to", "out"],
        &["package", "build", "absent", "out.cab"],
    ] {
        assert_eq!(place.run(args).refused(), "absent: No such file or directory (os error 2)", "{args:?}");
    }
    place.file("body.xml", b"<a/>");
    let reason = place.run(&["inspect", "body.xml", "--dialect", "absent.toml"]).refused();
    assert_eq!(reason, "absent.toml: No such file or directory (os error 2)");
    place.file("dialect.toml", b"[request]\nvendors = \"Brand\"\n");
    let reason = place.run(&["inspect", "body.xml", "--dialect", "dialect.toml"]).refused();
    assert_eq!(
        reason,
        "dialect.toml: `request.vendors` is not an item of the protocol, expected a key of dialect.example.toml; did you mean \
         request.vendor?"
    );
}

#[test]
fn a_request_that_is_none_is_refused_by_explain_and_reported_by_inspect() {
    let place = Place::with_package();
    place.file("body.xml", b"<a><b>c</b></a>");
    assert!(place.run(&["explain", "body.xml"]).refused().starts_with("body.xml: "));
    let report = place.run(&["inspect", "body.xml", "--json"]);
    assert_eq!(report.code, Some(1));
    assert_eq!(report.json()["kind"], serde_json::Value::Null);
    assert_eq!(report.json()["unknown_count"], 2);
    assert!(report.json()["refused"].is_string());
    place.file("large.xml", &vec![b' '; 9 << 20]);
    assert!(place.run(&["inspect", "large.xml"]).refused().contains("large.xml: has more than"));
}

#[test]
fn a_change_is_made_in_the_name_of_its_author() {
    let place = Place::with_package();
    place.run(&["approve", IP8540, "--author", "Bob"]).done();
    let no_user = |args: &[&str]| {
        let mut command = place.command(args);
        command.env_remove("USER").env_remove("LOGNAME").env_remove("USERNAME");
        command
    };
    assert!(no_user(&["rollback", IP8540, "--to-nothing"]).output().unwrap().status.success());
    assert!(no_user(&["remove", IP8540]).env("LOGNAME", "carl").output().unwrap().status.success());
    let history = place.run(&["history", "--json"]).json();
    let authors = history["revisions"].as_array().unwrap().iter().map(|revision| revision["author"].clone());
    let user = std::process::Command::new("id").arg("-un").output().unwrap();
    let user = String::from_utf8(user.stdout).unwrap();
    assert_eq!(authors.collect::<Vec<_>>(), ["ann", "Bob", user.trim(), "carl"]);
}
