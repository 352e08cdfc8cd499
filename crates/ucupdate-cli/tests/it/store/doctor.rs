//! `doctor`: what it finds in a store, in rules and at URLs.

use crate::place::{CX700, IP8540, Place, package};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;

/// The kinds of the findings of a call, each with its severity.
fn found(place: &Place, args: &[&str]) -> Vec<String> {
    let ran = place.run(&[&["doctor", "--quick", "--json"], args].concat());
    let report = ran.json();
    let checks = report["checks"].as_array().unwrap().iter();
    let findings: Vec<&Value> = checks.flat_map(|check| check["findings"].as_array().unwrap()).collect();
    let problems = findings.iter().filter(|finding| finding["severity"] == "problem").count();
    assert_eq!(report["problems"], problems);
    assert_eq!(ran.code, Some(i32::from(problems > 0)), "{ran:?}");
    let text = |finding: &&Value| {
        for field in ["subject", "found", "expected", "remedy"] {
            assert!(finding[field].as_str().is_some_and(|text| !text.is_empty()), "{finding}");
        }
        format!("{} {}", finding["severity"].as_str().unwrap(), finding["kind"].as_str().unwrap())
    };
    // The note on signing in is about another server, and always there. The disk is that of the machine.
    let others = ["note client-version-filter", "warning disk-nearly-full", "problem disk-nearly-full"];
    findings.iter().map(text).filter(|found| !others.contains(&found.as_str())).collect()
}

#[test]
fn a_store_in_order_has_no_problem_and_keeps_no_scratch_object() {
    let place = Place::with_package();
    assert_eq!(found(&place, &[]), ["warning interim-unapproved"]);
    place.run(&["approve", IP8540]).done();
    assert_eq!(found(&place, &[]), [""; 0]);
    let probes = std::fs::read_dir(place.path("ucupdate-data/state/probes"));
    assert!(probes.is_err() || probes.is_ok_and(|mut probes| probes.next().is_none()));
    let text = place.run(&["doctor"]).done();
    assert!(text.contains("`ucupdate client-filter check OCPhone/"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn what_verify_finds_is_found_with_its_repair() {
    let place = Place::with_package();
    let images = std::fs::read_dir(place.path("ucupdate-data/images")).unwrap();
    let ingest = images.map(|entry| entry.unwrap().path()).find(|path| path.is_dir()).unwrap();
    let image = std::fs::read_dir(&ingest).unwrap().map(|entry| entry.unwrap().path());
    let image = image.into_iter().find(|path| path.display().to_string().ends_with("CPE.nbt")).unwrap();
    std::fs::remove_file(image).unwrap();
    let kinds = found(&place, &[]);
    assert!(kinds.contains(&"problem file-gone".to_owned()), "{kinds:?}");
    let report = place.run(&["doctor", "--quick"]);
    assert!(report.stdout.contains("ingest package"), "{report:?}");
    let last = report.stderr.lines().last().unwrap_or_default();
    assert!(last.ends_with("problem was found") || last.ends_with("problems were found"), "{report:?}");
}

#[test]
fn a_history_that_cannot_be_read_is_a_finding_and_no_other_failure() {
    let place = Place::with_package();
    place.run(&["approve", IP8540]).done();
    std::fs::remove_file(place.path("ucupdate-data/state/revisions/00000000000000000001.json")).unwrap();
    let kinds = found(&place, &[]);
    assert!(kinds.contains(&"problem rule-book-unreadable".to_owned()), "{kinds:?}");
    assert!(kinds.contains(&"problem revision-missing".to_owned()), "{kinds:?}");
}

#[test]
fn rules_that_differ_by_little_are_named_until_one_is_removed_and_an_alias_stands_for_it() {
    let place = Place::new();
    let rules = [
        "UCPhone/Polycom/VVX500/A/ENU/CPE",
        "UCPhone/Polycom/VVX 500/A/ENU/CPE",
        "UCPhone/Polycom/CX600/A/ENU/CPE",
        "UCPhone/Polycom/CX700/A/ENU/CPE",
        "UCPhone/Policom/CX600/A/ENU/CPE",
    ];
    for (number, rule) in rules.iter().enumerate() {
        let name = format!("{number}.cab");
        place.file(&name, &package(rule, "4.0.7577.1", b"image"));
        place.run(&["ingest", &name]).done();
    }
    assert_eq!(found(&place, &[]), ["note near-equal-rules", "warning near-equal-rules"]);
    let text = place.run(&["doctor", "--quick"]).done();
    assert!(text.contains("`ucupdate alias set model VVX500 --stands-for \"VVX 500\"`"), "{text}");
    assert!(!text.contains("\"CX600\" and \"CX700\""), "other digits are other models: {text}");
    place.run(&["remove", "UCPhone/Policom/CX600/A/ENU/CPE"]).done();
    let alias = ["alias", "set", "model", "VVX500", "--stands-for", "VVX 500"];
    assert!(place.run(&alias).refused().contains("remove that rule first"));
    place.run(&["remove", "UCPhone/Polycom/VVX500/A/ENU/CPE"]).done();
    place.run(&alias).done();
    assert_eq!(found(&place, &[]), [""; 0]);
}

#[test]
fn what_is_stopped_and_what_offers_nothing_is_found() {
    let place = Place::with_package();
    place.run(&["reject", CX700]).done();
    place.run(&["approve", IP8540]).done();
    place.run(&["rollout", "kill", "--reason", "calls drop"]).done();
    assert_eq!(found(&place, &[]), ["problem stopped", "warning rule-offers-nothing"]);
    place.run(&["rollout", "restart"]).done();
    let text = place.run(&["doctor", "--quick"]).stdout;
    assert!(text.contains("ann asked for a restart: another person types"), "{text}");
    place.run(&["rollout", "restart", "--approve", "--author", "bob"]).done();
    place.run(&["rollout", "kill", IP8540]).code.unwrap();
}

#[test]
fn a_rollout_that_was_just_started_is_not_forgotten() {
    let place = Place::with_package();
    place.run(&["approve", IP8540]).done();
    place.run(&["rollout", "start", CX700, "3.5.6907.9", "--name", "wave", "--percent", "10"]).done();
    place.run(&["rollout", "pause", CX700, "wave"]).done();
    assert_eq!(found(&place, &[]), [""; 0]);
}

#[test]
fn a_server_answers_as_its_rules_say_or_it_is_a_problem() {
    let place = Place::with_package();
    place.run(&["approve", IP8540]).done();
    let serving = place.serve_here();
    let url = serving.url();
    assert_eq!(found(&place, &["--internal-url", &url]), [""; 0]);
    // Both sides at one listener: everything inside is answered outside too.
    let sides = ["--internal-url", &url, "--external-url", &url];
    let both = found(&place, &sides);
    let internal_outside = both.iter().filter(|kind| *kind == "warning internal-path-outside").count();
    assert_eq!(internal_outside, 2, "{both:?}");
    assert!(both.contains(&"note outside-needs-credentials".to_owned()), "{both:?}");
    assert!(both.contains(&"warning external-url-is-http".to_owned()), "{both:?}");
    assert!(both.contains(&"note same-name-on-both-sides".to_owned()), "{both:?}");
    // Another store says something else.
    place.file("other.cab", &package(IP8540, "9.9.9.9", b"other"));
    place.run(&["--store", "file:other", "ingest", "other.cab"]).done();
    place.run(&["--store", "file:other", "approve", IP8540]).done();
    let differs = found(&place, &["--store", "file:other", "--internal-url", &url]);
    assert_eq!(differs, ["problem answers-differ"]);
    // What simulated devices ask is no device's word.
    serving.terminated();
    assert_eq!(place.run(&["fleet", "--json"]).json()["device_count"].as_u64().unwrap_or(0), 0);
}

#[test]
fn a_url_that_is_not_ours_is_a_problem() {
    let place = Place::with_package();
    place.run(&["approve", IP8540]).done();
    assert_eq!(found(&place, &["--internal-url", "http://127.0.0.1:1"]), ["problem url-unreachable"]);
    assert_eq!(found(&place, &["--internal-url", "http://nowhere.invalid"]), ["problem name-unknown"]);
    for (head, kind) in [
        ("404 Not Found", "problem handler-not-found"),
        ("403 Forbidden", "warning not-inside"),
        ("200 OK", "problem url-not-ours"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let other = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _request = stream.read(&mut [0; 4096]).unwrap();
            let answer = format!("HTTP/1.1 {head}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi");
            stream.write_all(answer.as_bytes()).unwrap();
        });
        assert_eq!(found(&place, &["--internal-url", &url]), [kind]);
        other.join().unwrap();
    }
    let plain = place.serve_here().url().replace("http:", "https:");
    let kinds = found(&place, &["--internal-url", &plain]);
    assert_eq!(kinds, ["problem tls-failed", "problem url-unreachable"]);
}

#[test]
fn a_certificate_is_looked_at_whoever_signed_it() {
    let place = Place::with_package();
    place.run(&["approve", IP8540]).done();
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    place.file("cert.pem", cert.pem().as_bytes());
    place.file("key.pem", signing_key.serialize_pem().as_bytes());
    let tls = ["--tls-cert", "cert.pem", "--tls-key", "key.pem"];
    let serving = place.serve(
        &[&["--listen-tls", "127.0.0.1:0", "--internal-url", "https://localhost:1"], &tls[..]].concat(),
    );
    let port = serving.address().rsplit_once(':').unwrap().1.to_owned();
    let notes = ["note signature-sha2", "note no-tls-1.0"];
    let named = found(&place, &["--internal-url", &format!("https://localhost:{port}")]);
    assert_eq!(named[..2], notes, "{named:?}");
    assert!(named.contains(&"problem certificate-not-trusted".to_owned()), "{named:?}");
    let trusted =
        found(&place, &["--internal-url", &format!("https://localhost:{port}"), "--ca-cert", "cert.pem"]);
    // The server was started with another port in its URL.
    assert_eq!(trusted, [notes[0], notes[1], "problem answers-differ"]);
    let unnamed =
        found(&place, &["--internal-url", &format!("https://127.0.0.1:{port}"), "--ca-cert", "cert.pem"]);
    assert_eq!(unnamed[0], "problem certificate-name", "{unnamed:?}");
}

#[test]
fn settings_for_phones_are_printed_with_their_sources() {
    let place = Place::new();
    let args = "provisioning --internal-url http://updates.contoso.com --external-url https://updates.contoso.com \
         --domain contoso.com";
    let text = place.call(args).done();
    for part in [
        "ucupdates-r2.contoso.com A",
        "updatesServerEnabled = true",
        "InternalFqdn and ExternalFqdn",
        "option 15",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let settings = place.call(&format!("{args} --json")).json();
    let settings = settings["settings"].as_array().unwrap();
    assert!(settings.len() > 10);
    assert!(settings.iter().all(|setting| setting["source"].is_string()));
}
