//! A running `serve` finds a device in a loop, says so, and holds it.

use crate::place::{IP8540, Place};
use crate::serving::{PHONE, exchange, post, status};
use serde_json::Value;
use std::fmt::Write as _;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};
use ucupdate::audit::{
    AUDIT_HEADER, AccessFormat, AccessRow, AuditFormat, AuditRow, OfferedCell, RequestedCell,
};
use ucupdate::audit::{LogDate, LogKind, LogName};
use ucupdate::device::ReportedKind;
use ucupdate::value::{Reported, UnixTime};
use ucupdate::version::ReportedVersion;

const OLD: &str = "1.0.522.103";
const NEW: &str = "3.5.6907.0";
const IMAGE: &str = "/DeviceUpdateFiles_Int/UCPhone/LG-Nortel/IP8540/A/ENU/3.5.6907.0/CPE/CPE.nbt";
const HOUR: i64 = 3600;

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// Writes the logs of another server: the device asked and downloaded at these times.
fn write_earlier_rows(place: &Place, times: &[i64]) {
    let write = |kind: LogKind, at: UnixTime, text: &str| {
        let date = LogDate::of(at.civil_utc());
        let name = LogName { kind, server: "old1".parse().unwrap(), date, number: 1 };
        let path = place.path("ucupdate-data").join(name.to_string());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let header = match kind {
            LogKind::Audit => AUDIT_HEADER.to_owned(),
            LogKind::Access => AccessFormat::default().header(at).to_string(),
        };
        let before = std::fs::read_to_string(&path).unwrap_or(header);
        std::fs::write(path, before + text).unwrap();
    };
    for at in times.iter().map(|at| UnixTime::from_seconds(*at)) {
        let row = AuditRow {
            logged_at: at,
            user_host: "127.0.0.1".into(),
            kind: ReportedKind::from(["UCPhone", "LG-Nortel", "IP8540", "A", "ENU"].map(Box::from)),
            mac_address: Reported::new("0021630F207B"),
            requested: vec![RequestedCell {
                file_name: "cpe.nbt".into(),
                version: ReportedVersion::new(OLD),
                time_stamp: Reported::default(),
            }],
            offered: vec![OfferedCell {
                url: format!("http://ocs{IMAGE}").into(),
                version: ReportedVersion::new(NEW),
                time_stamp: Reported::default(),
            }],
            ..AuditRow::default()
        };
        let mut text = String::new();
        write!(text, "{}", AuditFormat::new().line(&row).as_str()).unwrap();
        write(LogKind::Audit, at, &text);
        let row = AccessRow {
            client_ip: "127.0.0.1".into(),
            ..AccessRow::finished(
                "GET",
                IMAGE,
                200,
                Duration::ZERO,
                UnixTime::from_seconds(at.as_seconds() + 30),
            )
        };
        let mut text = String::new();
        write!(text, "{}", AccessFormat::default().line(&row).as_str()).unwrap();
        write(LogKind::Access, at, &text);
    }
}

fn get(address: &str, path: &str) -> String {
    exchange(address, format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())
}

/// Waits until `found` returns a value.
fn wait_for<T>(mut found: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = found() {
            return value;
        }
        assert!(Instant::now() < until, "not found in time");
        sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_device_in_a_loop_is_found_and_held_while_the_server_runs() {
    let place = Place::with_package();
    place.run(&["approve", IP8540]).done();
    let now = UnixTime::from(SystemTime::now()).as_seconds();
    write_earlier_rows(&place, &[now - 5 * HOUR, now - 3 * HOUR]);
    let request = place.call(&format!("ask --print-request {}", PHONE.replace("0.0.0.0", OLD))).done();
    let mut serving = place.serve(&[
        "--listen",
        "127.0.0.1:0",
        "--metrics",
        "127.0.0.1:0",
        "--trouble-seconds",
        "1",
        "--hold-loops",
        "3",
    ]);
    serving.wait_for_lines(2);
    let metrics =
        serving.lines[1].trim_start_matches("metrics on http://").trim_end_matches("/metrics").to_owned();
    let address = serving.address();
    let ask = || post(&address, "/RequestHandler/ucdevice.upx", &[], request.as_bytes());
    assert_eq!(place.run(&["hold", "list"]).done(), "no holds\n", "two downloads are not enough");
    assert!(ask().contains(NEW));
    assert_eq!(status(&get(&address, IMAGE)), 200);
    let holds = wait_for(|| {
        let holds = place.run(&["hold", "list", "--json"]).json()["holds"].clone();
        (holds != Value::Array(Vec::new())).then_some(holds)
    });
    assert_eq!((&holds[0]["mac"], &holds[0]["name"]), (&"0021630F207B".into(), &"loop 0021630F207B".into()));
    assert_eq!(holds[0]["reason"], "it is offered updates in a circle and downloaded 3 times");
    wait_for(|| (!ask().contains(NEW)).then_some(()));
    let history = place.run(&["history", "--json"]).json();
    let revision = history["revisions"].as_array().unwrap().last().unwrap();
    assert_eq!(revision["author"], "serve", "{revision}");
    assert!(revision["notes"].to_string().contains("downloaded 3 times"), "{revision}");
    let text = wait_for(|| {
        let text = get(&metrics, "/metrics");
        text.contains("\nucupdate_devices{state=\"behind\"} 1\n").then_some(text)
    });
    assert!(text.contains("\nucupdate_troubles_found_total{kind=\"loop\"} 1\n"), "{text}");
    let ended = serving.terminated();
    assert!(ended.stderr.contains("device is offered updates in a circle"), "{ended:?}");
}

#[test]
fn troubles_are_looked_for_without_any_listener_unless_that_is_turned_off() {
    let place = Place::with_package();
    place.run(&["approve", IP8540]).done();
    let now = UnixTime::from(SystemTime::now()).as_seconds();
    write_earlier_rows(&place, &[now - 5 * HOUR, now - 3 * HOUR, now - HOUR]);
    let serve = |option: &[&str]| {
        let listeners = ["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"];
        let mut serving = place.serve(&[&listeners, option].concat());
        serving.wait_for_lines(2);
        let metrics =
            serving.lines[1].trim_start_matches("metrics on http://").trim_end_matches("/metrics").to_owned();
        (serving, metrics)
    };
    let (serving, metrics) = serve(&[]);
    wait_for(|| {
        get(&metrics, "/metrics").contains("\nucupdate_troubles_found_total{kind=\"loop\"} 1\n").then_some(())
    });
    assert!(serving.terminated().stderr.contains("device is offered updates in a circle"));
    let (serving, metrics) = serve(&["--no-trouble-watch"]);
    assert!(!get(&metrics, "/metrics").contains("ucupdate_devices{"));
    assert!(!serving.terminated().stderr.contains("in a circle"));
    let both = place.run(&["serve", "--no-trouble-watch", "--hold-loops", "3"]);
    assert_eq!(both.code, Some(2), "{both:?}");
}
