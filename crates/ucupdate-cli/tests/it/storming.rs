//! Tests `storm`: many simulated devices against a server.

use crate::place::{IP8540, Place, package};

const KIND: &str =
    "--device-type UCPhone --vendor LG-Nortel --model IP8540 --hardware-revision A --locale ENU";

#[test]
fn a_storm_counts_its_polls_and_downloads_and_writes_them_as_rows() {
    let place = Place::new();
    place.file("uc.cab", &package(IP8540, "3.5.6907.0", &[7; 5_000]));
    place.run(&["ingest", "uc.cab"]).done();
    place.run(&["approve", IP8540]).done();
    let serving = place.serve_here();
    let call = format!(
        "storm --url {} {KIND} --installed 1.0.522.103 --devices 30 --polls 2 --connections 4 --reconnect --download \
         --csv storm.csv --json",
        serving.url()
    );
    let report = place.call(&call).json();
    assert_eq!(
        (&report["polls"]["answered"], &report["polls"]["failed"]),
        (&60.into(), &0.into()),
        "{report}"
    );
    assert_eq!((&report["offered"], &report["unsent"]), (&60.into(), &0.into()), "{report}");
    assert_eq!(
        (&report["downloads"]["answered"], &report["bytes"]),
        (&60.into(), &300_000.into()),
        "{report}"
    );
    let rows = std::fs::read_to_string(place.path("storm.csv")).unwrap();
    assert_eq!(rows.lines().next(), Some("kind,device,started_us,took_us,result,bytes"));
    assert_eq!(
        rows.lines().filter(|row| row.starts_with("poll,") && row.ends_with(",offered,0")).count(),
        60
    );
    assert_eq!(rows.lines().filter(|row| row.starts_with("download,") && row.ends_with(",5000")).count(), 60);
    assert_eq!(serving.terminated().code, Some(0));
    // Each device has its own address, and the simulated requests are no devices of the fleet.
    let fleet = place.run(&["fleet", "--json"]).json();
    assert_eq!(fleet["devices"].as_array().map_or(0, Vec::len), 0, "{fleet}");
}

#[test]
fn a_storm_without_an_answer_fails_with_the_first_error() {
    let place = Place::new();
    let ran = place.call(&format!("storm --url http://127.0.0.1:1 {KIND} --devices 2"));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("no request was answered: "), "{ran:?}");
}
