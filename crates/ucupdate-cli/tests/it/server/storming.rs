//! Tests `storm`: many simulated devices against a server.

use crate::place::{IP8540, Place, package};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

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

#[test]
fn a_url_that_no_request_can_have_is_refused_before_the_file_is_made() {
    let place = Place::new();
    let path = "x".repeat(70_000);
    let ran = place.call(&format!("storm --url http://127.0.0.1:1/{path} {KIND} --csv storm.csv"));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(std::fs::read_dir(place.path("")).unwrap().count(), 0);
}

/// Starts a server that answers this number of requests, and no further one. Returns its URL, and what receives a message for each
/// request.
fn answering(most: usize, answer: &str) -> (String, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (send, requests) = sync_channel(1_000);
    let left = Arc::new(Mutex::new(most));
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{answer}", answer.len());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (send, left, answer) = (send.clone(), Arc::clone(&left), answer.clone());
            thread::spawn(move || answer_some(stream.unwrap(), &send, &left, answer.as_bytes()));
        }
    });
    (url, requests)
}

fn answer_some(mut stream: TcpStream, requests: &SyncSender<()>, left: &Mutex<usize>, answer: &[u8]) {
    let mut request = Vec::new();
    let mut bytes = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut bytes) {
        request.extend_from_slice(&bytes[..read]);
        if !request.ends_with(b"</Request>") {
            continue;
        }
        request.clear();
        let is_answered = left.lock().map(|mut left| (*left > 0).then(|| *left -= 1)).unwrap().is_some();
        requests.send(()).unwrap();
        if is_answered {
            stream.write_all(answer).unwrap();
        }
    }
}

#[test]
fn an_interrupted_storm_reports_and_writes_what_was_answered() {
    let place = Place::new();
    let (url, requests) = answering(20, include_str!("../../../../../vectors/canonical-nothing.xml"));
    let args = format!("storm --url {url} {KIND} --devices 1000 --connections 4 --csv storm.csv --json");
    let storm = place.start(&args.split(' ').collect::<Vec<_>>(), 0);
    for _ in 0..24 {
        requests.recv().unwrap();
    }
    storm.signal("INT");
    let ran = storm.ended();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let report = ran.json();
    let polls = &report["polls"];
    assert_eq!((&polls["sent"], &polls["answered"], &polls["failed"]), (&20.into(), &20.into(), &0.into()));
    assert_eq!((&report["unsent"], &report["unfinished"]), (&976.into(), &4.into()), "{report}");
    let rows = std::fs::read_to_string(place.path("storm.csv")).unwrap();
    assert_eq!(rows.lines().filter(|row| row.ends_with(",nothing,0")).count(), 20);
    assert_eq!(rows.lines().count(), 21);
    let names = std::fs::read_dir(place.path("")).unwrap().count();
    assert_eq!(names, 1, "only the file");
}
