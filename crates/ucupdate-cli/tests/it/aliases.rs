//! Devices that are known by an alias: groups, bans, and aliases that could not work.

use crate::place::{IP8540, Place, package};

/// A phone that reports its model and its hardware revision under other names.
const OTHER_WORDS: &str = "UCPhone/LG-Nortel/IP 8540/B/ENU";

/// Returns the answer for a phone of a kind.
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
fn a_hold_on_a_model_holds_the_phones_that_report_another_name_of_the_model() {
    for (option, word) in [("--model", "ip8540"), ("--model", "IP 8540"), ("--hardware-revision", "A")] {
        let place = with_aliases();
        assert!(answer(&place, OTHER_WORDS).contains("offer 3.5.6907.0"));
        place.run(&["group", "add", "desks", option, word]).done();
        place.run(&["hold", "add", "fair", "--group", "desks", "--reason", "trade fair"]).done();
        let held = answer(&place, OTHER_WORDS);
        assert!(held.contains("held back, by the hold fair: trade fair"), "{option} {word}: {held}");
    }
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
