//! Guards of rollouts with three servers on one store, some of which are killed.

use crate::place::{IP8540, Place};
use crate::serving::Serving;
use serde_json::{Value, json};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};
use ucupdate::book::{Audience, BookCommand, Guard, Rollout};
use ucupdate::local::LocalStore;
use ucupdate::version::ReportedVersion;
use ucupdate::{Options, UpdateService};

const OLD: &str = "1.0.522.103";
const NEW: &str = "3.5.6907.0";

/// The time that a server needs at most until it acts on a row: flush, wait, period and reading, with room.
const ACTS: Duration = Duration::from_secs(8);

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts a rollout to all devices that allows fewer than six failures. A device may fail at once.
fn start_rollout(place: &Place) {
    let start = async {
        let store = LocalStore::open(place.path("ucupdate-data")).await.unwrap();
        let service = UpdateService::open(Arc::new(store), Options::default()).await.unwrap();
        let mut guard = Guard::default();
        (guard.failures, guard.share, guard.install_seconds) = (Some(6), None, 0);
        let rollout = Rollout::new("wave".parse().unwrap()).guarded(guard);
        let (rule, version) = (IP8540.parse().unwrap(), ReportedVersion::new(NEW));
        let start = BookCommand::StartRollout { rule, audience: Audience::Everybody, version, rollout };
        service.admin("ann").command(&start).await.unwrap();
    };
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(start);
}

fn serve(place: &Place, name: &str) -> Serving {
    let events = format!("{name}.events");
    let names = "rollout-paused,rollout-already-paused";
    place.start(
        &[
            "serve",
            "--server-name",
            name,
            "--listen",
            "127.0.0.1:0",
            "--watch-seconds",
            "1",
            "--events-json",
            &events,
            "--events",
            names,
        ],
        1,
    )
}

/// A device asks, and downloads what it is offered if there is a folder for it. Returns whether it was offered anything.
fn ask(place: &Place, server: &Serving, number: usize, version: &str, folder: Option<&str>) -> bool {
    let (url, mac) = (server.url(), format!("0021630F{number:04X}"));
    let mut args = vec!["ask", "--url", &url, "--as-the-device", "--device-type", "UCPhone", "--vendor"];
    args.extend(["LG-Nortel", "--model", "IP8540", "--hardware-revision", "A", "--locale", "ENU", "--json"]);
    args.extend(["--mac", &mac, "--version", version]);
    args.extend(folder.into_iter().flat_map(|folder| ["--download", folder]));
    !place.run(&args).json()["offered"].as_array().unwrap().is_empty()
}

fn status(place: &Place) -> Value {
    place.run(&["rollout", "status", "wave", "--json"]).json()["rollouts"][0].clone()
}

fn pauses(place: &Place) -> usize {
    let history = place.run(&["history", "--json"]).json();
    let revisions = history["revisions"].as_array().unwrap();
    revisions.iter().filter(|revision| revision["author"] == "ucupdate").count()
}

fn events(place: &Place, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(place.path(&format!("{name}.events"))).unwrap_or_default();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.map(|line| line["event"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_guard_counts_the_failures_of_three_servers_and_pauses_once_whatever_is_killed() {
    let place = Place::with_package();
    start_rollout(&place);
    let mut servers: Vec<Serving> = ["a", "b", "c"].map(|name| serve(&place, name)).into();
    for number in 1..=8 {
        let folder = format!("phone-{number}");
        assert!(ask(&place, &servers[number % 3], number, OLD, Some(&folder)), "device {number}");
    }
    // Invented devices, which download nothing.
    for number in 101..=110 {
        assert!(ask(&place, &servers[number % 3], number, OLD, None));
    }
    sleep(Duration::from_secs(2));
    // The server that made some of the offers is killed, and starts again.
    servers[0].signal("KILL");
    servers[0] = serve(&place, "a");
    for number in (1..=5).chain(101..=110) {
        ask(&place, &servers[(number + 1) % 3], number, OLD, None);
    }
    ask(&place, &servers[1], 7, NEW, None);
    sleep(ACTS);
    let before = status(&place);
    assert_eq!(before["paused"], false, "five of six failures: {before}");
    let devices = &before["devices"];
    assert_eq!(
        (&devices["offered"], &devices["failed"], &devices["installed"]),
        (&json!(18), &json!(5), &json!(1))
    );
    assert_eq!((&devices["downloading"], &devices["not_counted"]), (&json!(2), &json!(10)), "{devices}");
    assert_eq!(before["failed_devices"].as_array().unwrap().len(), 5);
    assert_eq!(before["failed_devices"][0]["device"], "00-21-63-0F-00-01");
    // All are killed. The sixth failure comes to a server that saw none of the others.
    servers.iter().for_each(|server| server.signal("KILL"));
    servers = ["a", "b", "c"].map(|name| serve(&place, name)).into();
    sleep(Duration::from_secs(3));
    assert_eq!(pauses(&place), 0);
    assert!(ask(&place, &servers[2], 6, OLD, None));
    let until = Instant::now() + PATIENCE;
    while status(&place)["paused"] == false {
        assert!(Instant::now() < until, "not paused: {}", status(&place));
        sleep(Duration::from_millis(200));
    }
    let paused = status(&place);
    assert_eq!(paused["reason"], "6 devices failed, the guard allows fewer than 6");
    sleep(ACTS);
    servers.iter().for_each(|server| assert!(!ask(&place, server, 8, OLD, None), "nobody is offered it"));
    assert_eq!(pauses(&place), 1);
    let mut told: Vec<String> = ["a", "b", "c"].iter().flat_map(|name| events(&place, name)).collect();
    told.sort();
    assert_eq!(told, ["rollout-already-paused", "rollout-already-paused", "rollout-paused"]);
    let text = place.run(&["rollout", "status"]).done();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.contains("\n  failed       6: 00-21-63-0F-00-01, "), "{text}");
    assert!(text.contains("\n  not counted  10 devices that never downloaded"), "{text}");
    let list = place.run(&["rollout", "list"]).done();
    assert!(list.contains("\n  of 18 device(s) 1 installed it, 6 failed, 1 are downloading\n"), "{list}");
}

#[test]
fn everything_that_is_stopped_is_said_by_lists_by_approvals_and_by_asking() {
    let place = Place::with_package();
    place.run(&["rollout", "kill", "--reason", "calls drop"]).done();
    let stopped = "everything is stopped by ann: calls drop";
    assert!(place.run(&["rules"]).done().starts_with(&format!("{stopped}\n")));
    assert_eq!(place.run(&["rules", "--json"]).json()["stopped"][0]["reason"], "calls drop");
    assert_eq!(place.run(&["rollout", "status"]).done(), format!("{stopped}\nno rollouts\n"));
    let approved = place.run(&["approve", IP8540]);
    assert!(approved.stderr.contains(&format!("warning: {stopped}; nothing is offered")), "{approved:?}");
    let serving = place.serve_here();
    let url = serving.url();
    let asked = [&["ask", "--url", &url], &crate::serving::PHONE[..]].concat();
    let asked = place.run(&asked);
    assert_eq!(asked.code, Some(0));
    assert!(asked.stderr.contains(&format!("in the store here {stopped}")), "{asked:?}");
}
