//! A fleet of 10,000 devices over three servers and five days, with planted troubles: each is found with its device and time,
//! and no other is found.

use crate::place::Place;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};
use ucupdate::audit::{
    AUDIT_HEADER, AccessFormat, AccessRow, AuditFormat, AuditRow, LogDate, LogKind, LogName, OfferedCell,
    RequestedCell,
};
use ucupdate::device::ReportedKind;
use ucupdate::value::{Reported, UnixTime};
use ucupdate::version::ReportedVersion;

const DEVICES: u32 = 10_000;
const SERVERS: [&str; 3] = ["ocs01", "ocs02", "ocs03"];
const DAYS: i64 = 5;
const DAY: i64 = 86_400;

/// The first second of the five days. The days ended at midnight, because a store is judged by the present time.
static START: LazyLock<i64> = LazyLock::new(|| {
    let now = UnixTime::from(SystemTime::now()).as_seconds();
    now - now % DAY - DAYS * DAY
});

const OLD: &str = "1.0.522.103";
const NEW: &str = "3.5.6907.0";
const FOLDER: &str = "/DeviceUpdateFiles_Int/UCPhone/LG-Nortel/IP8540/A/ENU/3.5.6907.0/CPE";
const HANDLER: &str = "/RequestHandler/ucdevice.upx";

/// The devices with each trouble.
const PLANTED_EACH: u32 = 7;

/// A kind of device: its days, and the troubles that it must show, each with the second at which it is seen first.
type Plant = fn(&mut Device) -> Vec<(&'static str, i64)>;

const PLANTS: [Plant; 15] = [
    old_path,
    no_handler,
    sign_in_loop,
    unreadable,
    refused_download,
    cut_short,
    slow,
    no_signature,
    never_fetched,
    offered_again,
    came_back_old,
    not_back,
    clock_wrong,
    silent,
    offered_installed,
];

/// Rows by server and day.
#[derive(Default)]
struct Logs {
    audit: BTreeMap<(usize, i64), Vec<AuditRow>>,
    access: BTreeMap<(usize, i64), Vec<AccessRow>>,
}

/// A device that makes rows.
struct Device {
    number: u32,
    /// The second of the day at which it asks.
    second: i64,
    clock: i64,
    audit: Vec<(usize, AuditRow)>,
    access: Vec<(usize, AccessRow)>,
}

impl Device {
    fn new(number: u32) -> Self {
        // A fixed mix of the number, so that devices ask at all times of the day, but not at its edges.
        let second = 3600 + i64::from(number.wrapping_mul(2_654_435_761) % 72_000);
        Self { number, second, clock: 0, audit: Vec::new(), access: Vec::new() }
    }

    fn mac(&self) -> String {
        let [_, a, b, c] = self.number.to_be_bytes();
        format!("002163{a:02X}{b:02X}{c:02X}")
    }

    fn host(&self) -> String {
        let [_, a, b, c] = self.number.to_be_bytes();
        format!("10.{a}.{b}.{c}")
    }

    /// The second of a day at which it asks.
    fn at(&self, day: i64) -> i64 {
        *START + day * DAY + self.second
    }

    fn server(&self, at: i64) -> usize {
        (self.number as usize + usize::try_from((at - *START) / DAY).unwrap()) % SERVERS.len()
    }

    fn exchange(&mut self, at: i64, method: &str, path: &str, codes: (u16, u16, u32), seconds: u64) {
        let row = AccessRow {
            client_ip: self.host().as_str().into(),
            sub_status: Some(codes.1),
            win32_status: Some(codes.2),
            ..AccessRow::finished(
                method,
                path,
                codes.0,
                Duration::from_secs(seconds),
                UnixTime::from_seconds(at),
            )
        };
        self.access.push((self.server(at), row));
    }

    fn asks(&mut self, at: i64, installed: &str, offered: &str) {
        let cell = |url: String| OfferedCell {
            url: url.into(),
            version: ReportedVersion::new(offered),
            time_stamp: Reported::default(),
        };
        let row = AuditRow {
            logged_at: UnixTime::from_seconds(at),
            user_host: self.host().into(),
            kind: ReportedKind::from(["UCPhone", "LG-Nortel", "IP8540", "A", "ENU"].map(Box::from)),
            request_date_time: UnixTime::from_seconds(at + self.clock).civil_utc().into(),
            mac_address: Reported::new(&self.mac()),
            requested: vec![RequestedCell {
                file_name: "cpe.nbt".into(),
                version: ReportedVersion::new(installed),
                time_stamp: Reported::default(),
            }],
            offered: (!offered.is_empty())
                .then(|| cell(format!("http://ocs{FOLDER}/CPE.nbt")))
                .into_iter()
                .collect(),
            ..AuditRow::default()
        };
        self.audit.push((self.server(at), row));
        self.exchange(at, "POST", HANDLER, (200, 0, 0), 0);
    }

    /// Asks once a day in these days, with a version and an offer.
    fn asks_daily(&mut self, days: std::ops::Range<i64>, installed: &str, offered: &str) {
        days.for_each(|day| self.asks(self.at(day), installed, offered));
    }

    fn fetches(&mut self, at: i64, file: &str, codes: (u16, u16, u32), seconds: u64) {
        self.exchange(at, "GET", &format!("{FOLDER}/{file}"), codes, seconds);
    }

    /// Is offered the new version on a day, and downloads it.
    fn downloads(&mut self, day: i64) {
        let at = self.at(day);
        self.asks(at, OLD, NEW);
        self.fetches(at + 31, "CPE.nbt", (200, 0, 0), 30);
        self.fetches(at + 32, "CPE.cat", (200, 0, 0), 0);
    }

    /// Updates on a day, restarts and asks daily with the new version.
    fn updates(&mut self, day: i64) {
        self.downloads(day);
        self.asks(self.at(day) + 600, NEW, "");
        self.asks_daily(day + 1..DAYS, NEW, "");
    }
}

fn old_path(device: &mut Device) -> Vec<(&'static str, i64)> {
    let at = |device: &Device, day| device.at(day);
    for day in 0..DAYS {
        device.exchange(at(device, day), "POST", "/UCDeviceUpdates/ucdevice.upx", (404, 0, 2), 0);
    }
    vec![("old-path", device.at(0))]
}

fn no_handler(device: &mut Device) -> Vec<(&'static str, i64)> {
    (0..DAYS).for_each(|day| device.exchange(device.at(day), "POST", "/RequestHandler/", (405, 0, 1), 0));
    vec![("no-handler", device.at(0))]
}

fn sign_in_loop(device: &mut Device) -> Vec<(&'static str, i64)> {
    device.asks_daily(0..2, NEW, "");
    for minute in 0..6 {
        let at = device.at(2) + minute * 60;
        device.exchange(at, "POST", "/RequestHandlerExt/ucdevice.upx", (401, 2, 5), 0);
    }
    device.asks_daily(3..DAYS, NEW, "");
    vec![("sign-in-loop", device.at(2) + 120)]
}

fn unreadable(device: &mut Device) -> Vec<(&'static str, i64)> {
    device.asks_daily(0..3, NEW, "");
    (3..DAYS).for_each(|day| device.exchange(device.at(day), "POST", HANDLER, (400, 0, 0), 0));
    vec![("unreadable-request", device.at(3))]
}

fn refused_download(device: &mut Device) -> Vec<(&'static str, i64)> {
    device.asks_daily(0..2, OLD, "");
    let at = device.at(2);
    device.asks(at, OLD, NEW);
    device.fetches(at + 5, "CPE.nbt", (500, 19, 0), 0);
    device.updates(3);
    vec![("download-refused", at + 5)]
}

fn cut_short(device: &mut Device) -> Vec<(&'static str, i64)> {
    device.asks_daily(0..1, OLD, "");
    let at = device.at(1);
    device.asks(at, OLD, NEW);
    device.fetches(at + 40, "CPE.nbt", (200, 0, 64), 35);
    device.updates(2);
    vec![("cut-short", at + 40)]
}

fn slow(device: &mut Device) -> Vec<(&'static str, i64)> {
    let at = device.at(1);
    device.asks_daily(0..1, OLD, "");
    device.asks(at, OLD, NEW);
    device.fetches(at + 902, "CPE.nbt", (200, 0, 0), 900);
    device.fetches(at + 903, "CPE.cat", (200, 0, 0), 0);
    device.asks(at + 1500, NEW, "");
    device.asks_daily(2..DAYS, NEW, "");
    vec![("slow", at + 902)]
}

fn no_signature(device: &mut Device) -> Vec<(&'static str, i64)> {
    device.asks_daily(0..3, OLD, "");
    let at = device.at(3);
    device.asks(at, OLD, NEW);
    device.fetches(at + 31, "CPE.nbt", (200, 0, 0), 30);
    device.asks_daily(4..DAYS, OLD, "");
    vec![("no-signature", at + 31)]
}

fn never_fetched(device: &mut Device) -> Vec<(&'static str, i64)> {
    device.asks_daily(0..2, OLD, "");
    device.asks(device.at(2), OLD, NEW);
    device.asks_daily(3..DAYS, OLD, "");
    vec![("never-fetched", device.at(2))]
}

fn offered_again(device: &mut Device) -> Vec<(&'static str, i64)> {
    for day in 0..DAYS {
        let at = device.at(day);
        device.asks(at, OLD, NEW);
        device.fetches(at + 5, "CPE.nbt", (404, 0, 2), 0);
    }
    vec![("offered-again", device.at(2)), ("download-refused", device.at(0) + 5)]
}

fn came_back_old(device: &mut Device) -> Vec<(&'static str, i64)> {
    device.downloads(1);
    device.asks(device.at(1) + 1200, OLD, "");
    device.asks_daily(2..DAYS, OLD, "");
    vec![("came-back-old", device.at(1) + 1200)]
}

fn not_back(device: &mut Device) -> Vec<(&'static str, i64)> {
    device.asks_daily(0..3, OLD, "");
    device.second = 7200;
    device.downloads(3);
    vec![("not-back", device.at(3) + 31)]
}

fn clock_wrong(device: &mut Device) -> Vec<(&'static str, i64)> {
    device.asks_daily(0..2, NEW, "");
    device.clock = -3 * 3600;
    device.asks_daily(2..DAYS, NEW, "");
    vec![("clock-wrong", device.at(2))]
}

fn silent(device: &mut Device) -> Vec<(&'static str, i64)> {
    device.asks_daily(0..1, NEW, "");
    vec![("silent", end())]
}

fn offered_installed(device: &mut Device) -> Vec<(&'static str, i64)> {
    device.asks_daily(0..3, NEW, "");
    device.asks(device.at(3), NEW, NEW);
    device.fetches(device.at(3) + 31, "CPE.nbt", (200, 0, 0), 30);
    device.fetches(device.at(3) + 32, "CPE.cat", (200, 0, 0), 0);
    device.asks_daily(4..DAYS, NEW, "");
    vec![("offered-installed", device.at(3))]
}

/// Returns the second of the last row: a device asks at the end of the last day.
fn end() -> i64 {
    *START + DAYS * DAY - 1
}

/// Makes the fleet. Returns its logs, and the troubles by the name of their device.
fn fleet() -> (Logs, BTreeSet<(String, String, i64)>) {
    let (mut logs, mut planted) = (Logs::default(), BTreeSet::new());
    for number in 0..DEVICES {
        let mut device = Device::new(number);
        // Planted devices are spread over the fleet.
        let place = number / 89;
        if number % 89 == 17 && place < PLANTED_EACH * u32::try_from(PLANTS.len()).unwrap() {
            let troubles = PLANTS[place as usize % PLANTS.len()](&mut device);
            // A device that never got an answer is known by its address only.
            let name = if device.audit.is_empty() { device.host() } else { device.mac() };
            planted.extend(troubles.into_iter().map(|(trouble, at)| (name.clone(), trouble.to_owned(), at)));
        } else if number == DEVICES - 1 {
            device.asks_daily(0..DAYS, NEW, "");
            device.asks(end(), NEW, "");
        } else if number % 20 == 3 {
            device.updates(i64::from(number / 20) % DAYS);
        } else {
            device.asks_daily(0..DAYS, NEW, "");
        }
        let day = |at: UnixTime| (at.as_seconds() - *START) / DAY;
        for (server, row) in device.audit {
            logs.audit.entry((server, day(row.logged_at))).or_default().push(row);
        }
        for (server, row) in device.access {
            logs.access.entry((server, day(row.finished_at))).or_default().push(row);
        }
    }
    (logs, planted)
}

fn write(place: &Path, kind: LogKind, server: usize, day: i64, text: &str) {
    let date = LogDate::of(UnixTime::from_seconds(*START + day * DAY).civil_utc());
    let name = LogName { kind, server: SERVERS[server].parse().unwrap(), date, number: 1 };
    let path = place.join(name.to_string());
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn write_logs(place: &Path, logs: Logs) {
    for ((server, day), mut rows) in logs.audit {
        rows.sort_by_key(|row| row.logged_at);
        let mut text = AUDIT_HEADER.to_owned();
        rows.iter().for_each(|row| write!(text, "{}", AuditFormat::new().line(row).as_str()).unwrap());
        write(place, LogKind::Audit, server, day, &text);
    }
    let format = AccessFormat::default();
    for ((server, day), mut rows) in logs.access {
        rows.sort_by_key(|row| row.finished_at);
        let mut text = format.header(UnixTime::from_seconds(*START + day * DAY)).to_string();
        rows.iter().for_each(|row| write!(text, "{}", format.line(row).as_str()).unwrap());
        write(place, LogKind::Access, server, day, &text);
    }
}

/// Returns the troubles of a timeline: the device, the name, and the second at which it was seen first.
fn found(timeline: &Value) -> BTreeSet<(String, String, i64)> {
    let mut found = BTreeSet::new();
    for story in timeline["devices"].as_array().unwrap() {
        let name = story["mac"].as_str().or_else(|| story["hosts"][0].as_str()).unwrap();
        for trouble in story["troubles"].as_array().unwrap() {
            let first: ucupdate::value::FieldTime = field_time(trouble["first"].as_str().unwrap());
            let kind = trouble["kind"].as_str().unwrap().to_owned();
            // Silence is seen at the end of the logs, and in a store at the present time.
            let is_silence = kind == "silent";
            let first = if is_silence { end() } else { first.as_utc().as_seconds() };
            found.insert((name.to_owned(), kind, first));
        }
    }
    found
}

/// Returns the moment of `2026-03-02T00:00:00Z`.
fn field_time(iso: &str) -> ucupdate::value::FieldTime {
    let (date, time) = iso.trim_end_matches('Z').split_once('T').unwrap();
    let parts: Vec<&str> = date.split('-').collect();
    format!("{}-{}-{} {time}", parts[2], parts[1], parts[0]).parse().unwrap()
}

#[track_caller]
fn assert_same(found: &BTreeSet<(String, String, i64)>, planted: &BTreeSet<(String, String, i64)>) {
    let missing: Vec<_> = planted.difference(found).take(20).collect();
    let invented: Vec<_> = found.difference(planted).take(20).collect();
    assert!(missing.is_empty() && invented.is_empty(), "missing: {missing:#?}\ninvented: {invented:#?}");
}

#[test]
#[ignore = "it takes half a minute; .ci/run runs it"]
fn planted_troubles_of_ten_thousand_devices_are_found_and_no_others() {
    let place = Place::with_package();
    let (logs, planted) = fleet();
    let kinds: BTreeSet<&str> = planted.iter().map(|(_, kind, _)| kind.as_str()).collect();
    assert!(kinds.len() >= 12, "{kinds:?}");
    write_logs(&place.path("ucupdate-data"), logs);
    // In a store silence lasts until now, so devices that are not back would be silent too after 50 hours.
    assert_same(&found(&place.call("timeline --silent-after 3d --json").json()), &planted);

    // The same from the files alone, in another folder, without the store.
    let elsewhere = Place::new();
    std::fs::create_dir(elsewhere.path("copied")).unwrap();
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .arg(place.path("ucupdate-data/Logs"))
        .arg(elsewhere.path("copied"))
        .status();
    assert!(copied.unwrap().success());
    let folders = ["copied/Logs/Server/Audit", "copied/Logs/Server/Access"];
    let files = format!("--audit {} --access {} --json", folders[0], folders[1]);
    assert_same(&found(&elsewhere.call(&format!("timeline {files}")).json()), &planted);
    check_fleet(&elsewhere, &files, &planted);
    check_report(&place, &planted);
    check_serve(&place, &planted);
}

/// Returns the devices with a planted trouble.
fn with<'a>(planted: &'a BTreeSet<(String, String, i64)>, kind: &str) -> BTreeSet<&'a str> {
    planted.iter().filter(|(_, planted, _)| planted == kind).map(|(name, ..)| &**name).collect()
}

/// Checks the states of `fleet` that show in the files: silent and stuck devices, and no others.
fn check_fleet(place: &Place, files: &str, planted: &BTreeSet<(String, String, i64)>) {
    let fleet = place.call(&format!("fleet {files}")).json();
    let in_state = |state: &str| -> BTreeSet<String> {
        let devices = fleet["devices"].as_array().unwrap().iter();
        devices
            .filter(|device| device["state"] == state)
            .map(|device| device["mac"].as_str().unwrap().into())
            .collect()
    };
    let of = |kinds: &[&str]| -> BTreeSet<String> {
        kinds.iter().flat_map(|kind| with(planted, kind)).map(str::to_owned).collect()
    };
    // A device whose requests cannot be read any more has not asked, for the audit log.
    assert_eq!(in_state("silent"), of(&["silent", "unreadable-request"]));
    assert_eq!(in_state("stuck"), of(&["offered-again"]));
    assert_eq!(in_state("looping"), BTreeSet::new(), "the loop is over");
    assert_eq!(
        in_state("unknown").len() + 3 * PLANTED_EACH as usize,
        fleet["devices"].as_array().unwrap().len()
    );
}

/// Checks that the report on the store names each kind of trouble with its number of devices.
fn check_report(place: &Place, planted: &BTreeSet<(String, String, i64)>) {
    let report = place.call("report --html planted.html --days 30 --json").json();
    let mut found = BTreeMap::new();
    for trouble in report["troubles"].as_array().unwrap() {
        let devices = trouble["devices"].as_array().unwrap().len()
            + usize::try_from(trouble["over"].as_u64().unwrap()).unwrap();
        found.insert(trouble["kind"].as_str().unwrap().to_owned(), devices);
    }
    let mut expected = BTreeMap::new();
    planted.iter().for_each(|(_, kind, _)| *expected.entry(kind.clone()).or_default() += 1);
    // In a store silence lasts until now, so devices that are not back may be silent too.
    let (silent, least) = (found.remove("silent").unwrap(), expected.remove("silent").unwrap());
    assert!(silent == least || silent == least + PLANTED_EACH as usize, "{silent}");
    assert_eq!(found, expected);
    // The page names ten devices of each kind at most.
    let page = std::fs::read_to_string(place.path("planted.html")).unwrap();
    assert!(page.contains("goes on for 7 devices"), "{page:.2000}");
}

/// Checks what a server finds by itself: the devices that fell silent within its four days, and those in a loop.
fn check_serve(place: &Place, planted: &BTreeSet<(String, String, i64)>) {
    let events = "--events-json --events device-silent,loop-found,fleet-counted";
    let args: Vec<&str> = ["--listen", "127.0.0.1:0"].into_iter().chain(events.split(' ')).collect();
    let mut serving = place.serve(&args);
    let (mut silent, mut looping) = (BTreeSet::new(), BTreeSet::new());
    // Three lines say what is served, and where.
    let counted = (4..).find_map(|line| {
        serving.wait_for_lines(line);
        let event: Value = serde_json::from_str(&serving.lines[line - 1]).unwrap();
        let device = || event["device"].as_str().unwrap().to_owned();
        match event["event"].as_str().unwrap() {
            "device-silent" => drop(silent.insert(device())),
            "loop-found" => drop(looping.insert(device())),
            _ => return Some(event),
        }
        None
    });
    assert_eq!(counted.unwrap()["states"]["stuck"], 0, "nothing is approved, so nothing is offered now");
    let of =
        |kind: &str| -> BTreeSet<String> { with(planted, kind).into_iter().map(str::to_owned).collect() };
    assert_eq!(looping, of("offered-again"));
    // Devices that are not back fall silent during the day of the test.
    let (least, most) = (of("unreadable-request"), &of("unreadable-request") | &of("not-back"));
    assert!(silent.is_superset(&least) && silent.is_subset(&most), "{silent:?}");
}
