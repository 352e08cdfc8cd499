//! Tests simulations. The same seed must give the same output.

use crate::place::{CX700, Place, no_store};

/// Simulates synthetic devices for some days, with a rollout of the pending version.
fn play(place: &Place, more: &[&str]) -> String {
    let fixed = ["simulate", "--devices", "600", "--installed", "1.0.522.103", "--days", "4"];
    let args: Vec<&str> = fixed
        .iter()
        .chain(&["--start", "2009-03-06", "--timetable", "plan.txt"])
        .chain(more)
        .copied()
        .collect();
    place.run(&args).done()
}

fn with_plan() -> Place {
    let place = Place::with_package();
    place.file(
        "plan.txt",
        format!("# a note\n\n12h rollout {CX700} wave 3.5.6907.9 all share=10%\n").as_bytes(),
    );
    place
}

#[test]
fn the_same_seed_gives_the_same_bytes_whatever_the_number_of_threads() {
    let place = with_plan();
    let chances = ["--fail", "3%", "--brick", "1%"];
    let with = |seed: &str, threads: &str, csv: &str| {
        let mut more = chances.to_vec();
        more.extend(["--seed", seed, "--threads", threads, "--csv", csv]);
        let printed = play(&place, &more);
        (printed, std::fs::read(place.path(csv)).unwrap())
    };
    let one = with("7", "1", "one.csv");
    assert_eq!(one, with("7", "3", "two.csv"));
    assert_ne!(one, with("8", "1", "three.csv"));
    let (printed, csv) = one;
    let csv = String::from_utf8(csv).unwrap();
    assert_eq!(
        csv.lines().next().unwrap(),
        "hour,asks,offers,held,succeeded,failed,bricked,loops,lost,1.0.522.103,3.5.6907.9"
    );
    assert_eq!(csv.lines().count(), 6, "the start, and the end of each day");
    assert_eq!(csv.lines().nth(1).unwrap(), "0,0,0,0,0,0,0,0,0,600,0");
    assert!(printed.contains(&format!("hour 12, by the timetable: {CX700}: ")), "{printed}");
    let refused = place.run(&["simulate", "--devices", "1", "--days", "1", "--csv", "one.csv"]).refused();
    assert!(refused.starts_with("one.csv: "), "what is there is not written over: {refused}");
}

#[test]
fn a_guard_pauses_what_fails_and_the_store_stays_as_it_was() {
    let place = with_plan();
    let before = place.run(&["history", "--json"]).done();
    let report = place.call(
        "simulate --devices 600 --installed 1.0.522.103 --days 4 --start 2009-03-06 --timetable plan.txt \
         --fail-of 3.5.6907.9=50% --json",
    );
    let report = report.json();
    let happenings = report["happenings"].as_array().unwrap();
    assert_eq!(happenings.len(), 2, "{happenings:?}");
    assert_eq!(happenings[1]["by"], "guard");
    assert!(happenings[1]["why"].as_str().unwrap().ends_with("the guard allows less than 10%"));
    assert_eq!(report["rollouts"][0]["rollout"], "wave");
    assert!(report["total"]["held"].as_u64().unwrap() > 0);
    assert_eq!(place.run(&["history", "--json"]).done(), before);
}

#[test]
fn the_fleet_may_be_that_of_an_audit_log() {
    let place = with_plan();
    place.file("audit.log", include_bytes!("../../../../../vectors/RequestHandlerAuditLog_2009-03-06.log"));
    let report = place
        .run(&["simulate", "--audit", "audit.log", "--days", "2", "--start", "2009-03-06", "--json"])
        .json();
    assert_eq!(report["devices"], 1);
    assert!(report["total"]["asks"].as_u64().unwrap() >= 2);
    let refused = place.run(&["simulate", "--days", "2"]).refused();
    assert!(refused.contains("have no devices"), "{refused}");
}

#[test]
fn what_cannot_be_played_is_refused() {
    let place = with_plan();
    place.file("wrong.txt", b"1d approve\n");
    let refused = place.run(&["simulate", "--devices", "1", "--timetable", "wrong.txt"]).refused();
    assert_eq!(refused, "wrong.txt: line 1: expected RULE");
    for (args, said) in [
        (&["--devices", "1", "--audit", "a.log"][..], "cannot be used with"),
        (&["--devices", "1", "--fail", "101"], "percentage is out of range, expected 0 to 100"),
        (&["--devices", "1", "--fail-of", "1.0"], "expected VERSION=P"),
        (&["--devices", "1", "--start", "tomorrow"], "expected a day"),
        (&["--devices", "1", "--days", "0"], "--days"),
        (&["--devices", "0"], "expected 1 to 100000000 devices"),
        (&["--devices", "100000001"], "expected 1 to 100000000 devices"),
    ] {
        let ran = place.run(&[&["simulate"], args].concat());
        assert_eq!(ran.code, Some(2), "{args:?}: {ran:?}");
        assert!(ran.stderr.contains(said), "{args:?}: {ran:?}");
    }
    assert_eq!(Place::new().run(&["simulate", "--devices", "1"]).refused(), no_store("ucupdate-data"));
}
