//! Tests rejections, bans and version schemes by the command line, as a person types them, with exit codes and outputs.

use crate::place::{ABSENT, IP8540, Place, package};

/// Returns a place with one rule, whose version 3.5.6907.0 is approved and 4.0.7577.0 is pending.
fn place() -> Place {
    let place = Place::new();
    for (file, version) in [("old.cab", "3.5.6907.0"), ("new.cab", "4.0.7577.0")] {
        place.file(file, &package(IP8540, version, version.as_bytes()));
    }
    place.run(&["stone", "remove", "ocs-interim"]);
    place.run(&["ingest", "old.cab"]).done();
    place.run(&["stone", "remove", "ocs-interim"]).done();
    place.run(&["approve", IP8540]).done();
    place.run(&["ingest", "new.cab"]).done();
    place
}

#[test]
fn unreject_lets_the_next_ingest_make_the_version_pending() {
    let place = place();
    place.run(&["reject", IP8540, "4.0.7577.0"]).done();
    let undone = place.run(&["unreject", IP8540, "4.0.7577.0"]).done();
    assert!(undone.contains("4.0.7577.0"), "{undone}");
    let again = place.run(&["unreject", IP8540, "4.0.7577.0"]).done();
    assert!(again.starts_with("nothing to do"), "{again}");
    place.run(&["ingest", "new.cab"]).done();
    let listed = place.run(&["rules", "--json"]).json().to_string();
    assert!(!listed.contains("\"rejected\":[\"4.0.7577.0\"]"), "{listed}");
    place.run(&["approve", IP8540, "4.0.7577.0"]).done();
    for args in [&["reject", ABSENT][..], &["unreject", ABSENT, "1.0"], &["reject", IP8540, "9.9"]] {
        assert_eq!(place.run(args).code, Some(3), "{args:?}");
    }
}

#[test]
fn a_rule_of_another_scheme_is_compared_in_it_by_every_verb() {
    let place = Place::new();
    let rule = "UCPhone/Audio/420HD/A/ENU/CPE";
    for (file, version) in [("a.cab", "3.0.0.459.1"), ("b.cab", "3.0.0.500.9")] {
        place.file(file, &package(rule, version, version.as_bytes()));
        place.run(&["ingest", file]).done();
        place.run(&["approve", rule]).done();
    }
    place.run(&["policy", "set", rule, "--scheme", "numeric", "--offer", "newer"]).done();
    let device = rule.strip_suffix("/CPE").unwrap();
    let decision = |installed: &str| {
        let args = ["explain", "--device", device, "--installed", installed, "--json"];
        place.run(&args).json()["modules"][0]["decision"].clone()
    };
    assert_eq!(decision("3.0.0.459.1"), "offer");
    assert_eq!(decision("3.0.0.500.9"), "up-to-date");
    assert_eq!(decision("3.0.0.500.09"), "up-to-date", "a leading zero means nothing");
    assert_ne!(decision("3.0.0.501"), "offer", "only newer versions are offered");
    place.file("c.cab", &package(rule, "3.0.0.600.1", b"new"));
    place.run(&["ingest", "c.cab"]).done();
    place.run(&["reject", rule, "3.0.0.600.01"]).done();
    let refused = place.run(&["approve", rule]);
    assert_eq!(refused.code, Some(1), "a rejection is compared in the scheme: {refused:?}");
    let compared = place.run(&["version", "--scheme", "numeric", "3.0.0.459.1", "3.0.0.500.9"]).done();
    assert!(compared.contains("3.0.0.459.1") && compared.contains("3.0.0.500.9"), "{compared}");
}

#[test]
fn a_name_with_a_character_that_is_not_seen_is_refused_by_every_verb_that_gives_one() {
    let place = place();
    for character in ["\u{a0}", "\u{200b}", "\u{202e}"] {
        let name = format!("lab{character}1");
        for args in [
            &["group", "add", &name][..],
            &["test-device", "add", &name, "--serial", "1"],
            &["hold", "add", &name, "--serial", "1"],
            &["rollout", "start", IP8540, "4.0.7577.0", "--percent", "1", "--name", &name],
        ] {
            let refused = place.run(args).refused();
            let code = u32::from(character.chars().next().unwrap());
            assert!(refused.contains(&format!("has the character U+{code:04X}")), "{args:?}: {refused}");
            assert!(!refused.contains(character), "it is escaped: {refused}");
        }
        let wrong = place.run(&["approve", IP8540, "--author", &name]);
        assert_eq!(wrong.code, Some(2), "{wrong:?}");
        let reason = format!("calls{character} drop");
        place.run(&["rollout", "kill", "--reason", &reason]).done();
        for args in [&["history"][..], &["history", "--json"], &["rules"], &["rules", "--json"]] {
            let printed = place.run(args).done();
            assert!(!printed.contains(character), "{args:?} prints {character:?}");
        }
        place.run(&["rollout", "restart"]).done();
        place.run(&["rollout", "restart", "--approve", "--author", "bob"]).done();
    }
}

#[test]
fn mistyped_devices_tokens_rollouts_and_dialect_items_get_the_one_that_was_meant() {
    let place = place();
    place.file("audit.log", include_bytes!("../../../../../vectors/RequestHandlerAuditLog_2009-03-06.log"));
    let device = |wanted: &str| place.run(&["device", wanted, "--audit", "audit.log"]).refused();
    let near = device("0021630F207C");
    assert!(near.ends_with("; did you mean 0021630F207B?"), "{near}");
    let near = device("00-21-63-0F-02-7B");
    assert!(near.ends_with("; did you mean 0021630F207B?"), "{near}");
    let far = device("0021630F9999");
    assert!(!far.contains("did you mean"), "{far}");
    place.run(&["token", "add", "annabel", "--role", "viewer", "--token-file", "tokens.json"]).done();
    let near = place.run(&["token", "revoke", "anabel", "--token-file", "tokens.json"]).refused();
    assert_eq!(near, "no token is named anabel; did you mean annabel?");
    place.run(&["rollout", "start", IP8540, "4.0.7577.0", "--percent", "1", "--name", "lisbon"]).done();
    let near = place.run(&["rollout", "status", "lisbn"]).refused();
    assert_eq!(near, "no rollout lisbn; did you mean lisbon?");
    place.file("dialect.toml", b"[request]\nvendr = \"Brand\"\n");
    place.file("body.xml", b"<a/>");
    let near = place.run(&["inspect", "body.xml", "--dialect", "dialect.toml"]).refused();
    assert!(near.ends_with("; did you mean request.vendor?"), "{near}");
    let near = place.run(&["ingest", "old.cab", "--limit", "fils=2"]);
    assert!(near.stderr.contains("did you mean files?"), "{near:?}");
    let far = place.run(&["approve", "UCPhone/LG-Nortel/CX700/A/ENU/CPE"]).refused();
    assert!(!far.contains("did you mean"), "another model is not meant: {far}");
}

#[test]
fn a_reached_limit_names_its_number_and_the_option_that_raises_it() {
    let place = place();
    let names = [
        "files",
        "folders",
        "file_bytes",
        "name_bytes",
        "table_bytes",
        "total_output_bytes",
        "cabinet_bytes",
        "releases",
        "catalogue_bytes",
        "catalogue_members",
        "manifest_bytes",
        "manifest_elements",
        "manifest_depth",
        "kept_bytes",
    ];
    for limit in names {
        let ran = place.run(&["package", "show", "new.cab", "--limit", &format!("{limit}=0")]);
        assert_ne!(ran.code, Some(0), "{ran:?}");
        let report = format!("{}{}", ran.stdout, ran.stderr);
        assert!(report.contains(&format!("the limit `{limit}`")), "{limit}: {report}");
        assert!(report.contains(&format!("`--limit {limit}=NUMBER` raises it")), "{limit}: {report}");
    }
    for limit in ["files", "releases"] {
        let refused = place.run(&["ingest", "--dry-run", "new.cab", "--limit", &format!("{limit}=0")]);
        assert!(refused.stderr.contains(&format!("`--limit {limit}=NUMBER` raises it")), "{refused:?}");
    }
    let wrong = place.run(&["ingest", "new.cab", "--limit", "catalogue_bytes=100000000"]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    assert!(wrong.stderr.contains("contradicts the limit kept_bytes"), "{wrong:?}");
}
