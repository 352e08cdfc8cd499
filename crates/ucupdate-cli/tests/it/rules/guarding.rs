//! Guards of rollouts with three servers on one store, some of which are killed.

use crate::place::{IP8540, Place, words};
use crate::serving::{PHONE, Serving, exchange, post, status as http_status};
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
        let store = LocalStore::open(place.path("ucupdate-data")).unwrap();
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
    let call = format!(
        "serve --server-name {name} --listen 127.0.0.1:0 --watch-seconds 1 --trust-proxy 127.0.0.1 \
         --events-json {name}.events --events rollout-paused,rollout-already-paused"
    );
    let args = words(&call);
    place.start(&args.iter().map(String::as_str).collect::<Vec<_>>(), 1)
}

/// A device of this number asks from its own address. Returns whether it was offered anything.
fn ask(server: &Serving, request: &str, number: usize, version: &str) -> bool {
    let body = request.replace("0021630F207B", &format!("0021630F{number:04X}")).replace("C185H001209", "");
    let body = body.replace(OLD, version);
    let address = server.address();
    let host = format!("10.1.{}.{}", number >> 8, number & 0xff);
    let answer =
        post(&address, "/RequestHandler/ucdevice.upx", &[("X-Forwarded-For", &host)], body.as_bytes());
    assert_eq!(http_status(&answer), 200, "{answer}");
    answer.contains(NEW)
}

/// A device of this number downloads the image.
fn fetch(server: &Serving, number: usize) {
    let path = format!("/DeviceUpdateFiles_Int/UCPhone/LG-Nortel/IP8540/A/ENU/{NEW}/CPE/CPE.nbt");
    let host = format!("10.1.{}.{}", number >> 8, number & 0xff);
    let get =
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {host}\r\nConnection: close\r\n\r\n");
    let answer = exchange(&server.address(), get.as_bytes());
    assert_eq!(http_status(&answer), 200, "{answer:.200}");
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
#[ignore = "slow; .ci/run runs it"]
fn a_guard_counts_the_failures_of_three_servers_and_pauses_once_whatever_is_killed() {
    let place = Place::with_package();
    start_rollout(&place);
    let request = place.call(&format!("ask --print-request {}", PHONE.replace("0.0.0.0", OLD))).done();
    let mut servers: Vec<Serving> = ["a", "b", "c"].map(|name| serve(&place, name)).into();
    for number in 1..=8 {
        assert!(ask(&servers[number % 3], &request, number, OLD), "device {number}");
        fetch(&servers[number % 3], number);
    }
    // Invented devices, which download nothing.
    for number in 101..=110 {
        assert!(ask(&servers[number % 3], &request, number, OLD));
    }
    sleep(Duration::from_secs(2));
    // The server that made some of the offers is killed, and starts again.
    servers[0].signal("KILL");
    servers[0] = serve(&place, "a");
    for number in (1..=5).chain(101..=110) {
        ask(&servers[(number + 1) % 3], &request, number, OLD);
    }
    ask(&servers[1], &request, 7, NEW);
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
    assert_eq!(before["failed_devices"][0]["device"], "0021630F0001");
    // All are killed. The sixth failure comes to a server that saw none of the others.
    servers.iter().for_each(|server| server.signal("KILL"));
    servers = ["a", "b", "c"].map(|name| serve(&place, name)).into();
    sleep(Duration::from_secs(3));
    assert_eq!(pauses(&place), 0);
    assert!(ask(&servers[2], &request, 6, OLD));
    let until = Instant::now() + PATIENCE;
    while status(&place)["paused"] == false {
        assert!(Instant::now() < until, "not paused: {}", status(&place));
        sleep(Duration::from_millis(200));
    }
    let paused = status(&place);
    assert_eq!(paused["reason"], "6 devices failed, the guard allows fewer than 6");
    sleep(ACTS);
    servers.iter().for_each(|server| assert!(!ask(server, &request, 9, OLD), "nobody is offered it"));
    assert_eq!(pauses(&place), 1);
    let mut report: Vec<String> = ["a", "b", "c"].iter().flat_map(|name| events(&place, name)).collect();
    report.sort();
    assert_eq!(report, ["rollout-already-paused", "rollout-already-paused", "rollout-paused"]);
    let text = place.run(&["rollout", "status"]).done();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.contains("\n  failed       6: 0021630F0001, "), "{text}");
    assert!(text.contains("\n  not counted  10 devices that never downloaded"), "{text}");
    let list = place.run(&["rollout", "list"]).done();
    assert!(list.contains("\n  of 18 devices 1 installed it, 6 failed, 1 are downloading\n"), "{list}");
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
    let asked = place.call(&format!("ask --url {url} {PHONE}"));
    assert_eq!(asked.code, Some(0));
    assert!(asked.stderr.contains(&format!("in the store here {stopped}")), "{asked:?}");
}
