//! Tests output streams that are closed or full.

use crate::place::{CX700, IP8540, Place, Ran, package};
use std::process::Stdio;

/// Runs the command with a stdout that nobody reads.
fn run_unread(place: &Place, args: &[&str]) -> Ran {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    Ran::of(place.command(args).stdout(writer).stderr(Stdio::piped()).output().unwrap())
}

#[test]
fn whoever_stops_reading_ends_the_output_and_not_the_work() {
    let place = Place::new();
    place.file("a.cab", &package(CX700, "3.5.6907.9", b"a"));
    place.file("b.cab", &package(IP8540, "3.5.6907.0", b"b"));
    let ran = run_unread(&place, &["ingest", "a.cab", "b.cab"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stderr.lines().all(|line| line.contains("warning")), "{ran:?}");
    assert_eq!(place.run(&["rules", "--json"]).json()["rules"].as_array().unwrap().len(), 2);
    for args in [&["rules"][..], &["history", "--json"], &["approve", CX700], &["--help"]] {
        let ran = run_unread(&place, args);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{args:?}");
    }
    let absent = run_unread(&place, &["ingest", "a.cab", "absent"]).refused();
    assert!(absent.starts_with("absent: "), "{absent}");
    let absent = run_unread(&place, &["ingest", "absent", "--json"]).failure();
    assert!(absent.starts_with("absent: "), "{absent}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_result_that_cannot_be_written_is_a_failure() {
    let place = Place::with_package();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ran = Ran::of(place.command(&["rules"]).stdout(full).stderr(Stdio::piped()).output().unwrap());
    assert!(ran.refused().starts_with("writing to stdout: "));
}
