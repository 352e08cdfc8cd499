//! The inventory holds every device, and finds where it stands.

use crate::fixtures::*;
use ucupdate_audit::{AccessRow, AuditRow, LoggedRow, OfferedCell, RequestedCell};
use ucupdate_fleet::inventory::{DeviceStanding, DeviceState, Inventory, RecentFetches, StateOptions};

const OLD: &str = "3.5.6907.0";
const NEW: &str = "4.0.7577.0";
const HOUR: i64 = 3600;

/// A book in which everybody gets the new version.
fn book() -> RuleBook {
    let mut book = RuleBook::default();
    ingest(&mut book, &package(1, &[(PHONE, NEW, 1)]));
    make(&mut book, approve(PHONE));
    book
}

fn row(hour: i64, kind: &str, installed: &str, offered: &str) -> LoggedRow {
    let cell = |name: &str, version: &str| RequestedCell {
        file_name: name.into(),
        version: ReportedVersion::new(version),
        time_stamp: Reported::default(),
    };
    let mut row = AuditRow {
        logged_at: UnixTime::from_seconds(hour * HOUR),
        mac_address: Reported::new("00-21-63-0F-20-7B"),
        user_host: "10.1.1.7".into(),
        requested: vec![cell("cpe.nbt", installed)],
        ..AuditRow::default()
    };
    let words: Vec<Box<str>> = kind.split('/').map(Box::from).collect();
    row.kind = <[Box<str>; 5]>::try_from(words).unwrap().into();
    if !offered.is_empty() {
        row.offered = vec![OfferedCell {
            url: "http://h/CPE/CPE.nbt".into(),
            version: ReportedVersion::new(offered),
            time_stamp: Reported::default(),
        }];
    }
    LoggedRow::new(row, None)
}

const IP8540: &str = "UCPhone/LG-Nortel/IP8540/A/ENU";

/// Finds the state of one device by its rows of (hour, installed, offered) at an hour, and the reason.
#[track_caller]
fn state(
    book: &RuleBook,
    kind: &str,
    rows: &[(i64, &str, &str)],
    now: i64,
) -> (DeviceState, Option<&'static str>) {
    let mut fleet = Inventory::default();
    rows.iter().for_each(|(hour, has, offered)| fleet.take_in(&row(*hour, kind, has, offered)));
    let number = fleet.numbers()[0];
    let index = EligibilityIndex::compile(book, 1);
    let options = StateOptions::new(UnixTime::from_seconds(now * HOUR));
    let standing =
        DeviceStanding::of(&fleet.device(number), &fleet.histories(number), Some(&index), &options);
    (standing.state, standing.reason())
}

#[test]
fn each_device_has_the_state_that_its_requests_and_the_rules_show() {
    use DeviceState::*;
    let book = book();
    for (rows, now, expected) in [
        (&[(0, NEW, "")][..], 1, UpToDate),
        (&[(0, "unknown", "")], 1, Behind),
        (&[(0, OLD, NEW)], 1, Offered),
        (&[(0, OLD, "")], 1, Offered),
        (&[(0, OLD, NEW), (1, OLD, NEW)], 2, Offered),
        (&[(0, OLD, NEW), (1, OLD, NEW), (2, OLD, NEW)], 2, Stuck),
        // Requests within an hour count once.
        (&[(0, OLD, NEW), (0, OLD, NEW), (0, OLD, NEW)], 2, Offered),
        (&[(0, OLD, NEW), (1, OLD, NEW), (2, OLD, NEW), (3, NEW, "")], 4, UpToDate),
        (&[(0, OLD, NEW), (1, NEW, OLD), (2, OLD, NEW)], 3, Looping),
        (&[(0, OLD, NEW), (1, NEW, OLD), (2, OLD, NEW), (3, NEW, "")], 4, UpToDate),
        (&[(0, OLD, OLD)], 1, Looping),
        (&[(0, NEW, "")], 51, Silent),
        (&[(0, OLD, NEW)], 50, Offered),
    ] {
        assert_eq!(state(&book, IP8540, rows, now).0, expected, "{rows:?} at {now}");
    }
    let other = "UCPhone/LG-Nortel/IP8540/A/DEU";
    assert_eq!(state(&book, other, &[(0, OLD, "")], 1), (NoRule, Some("no-rule")));
    assert_eq!(state(&book, "////", &[(0, OLD, "")], 1), (Unknown, None));
}

#[test]
fn a_device_downloads_after_it_fetched_what_it_was_offered_until_it_asks_again() {
    use DeviceState::{Downloading, Offered};
    let index = EligibilityIndex::compile(&book(), 1);
    let path = format!("/DeviceUpdateFiles_Int/{IP8540}/{NEW}/CPE/CPE.nbt");
    let fetch = |minute: i64, host: &str, status: u16, win32: u32| AccessRow {
        client_ip: host.into(),
        win32_status: Some(win32),
        ..AccessRow::finished("GET", &path, status, Duration::ZERO, UnixTime::from_seconds(minute * 60))
    };
    for (asked, fetches, now, expected) in [
        (&[0][..], &[][..], 5, Offered),
        (&[0], &[fetch(3, "10.1.1.9", 206, 0)], 5, Downloading),
        (&[0], &[fetch(3, "10.1.1.9", 200, 64)], 63, Downloading),
        (&[0], &[fetch(3, "10.1.1.9", 200, 64)], 64, Offered),
        (&[0], &[fetch(3, "10.1.1.8", 206, 0)], 5, Offered),
        (&[0], &[fetch(3, "10.1.1.9", 404, 2)], 5, Offered),
        (&[0], &[fetch(3, "10.1.1.9", 200, 64), fetch(9, "10.1.1.9", 200, 0)], 600, Downloading),
        (&[5], &[fetch(3, "10.1.1.9", 200, 0)], 10, Offered),
    ] {
        let (mut fleet, mut known) = (Inventory::default(), RecentFetches::new(10));
        for minute in asked {
            let mut logged = row(0, IP8540, OLD, NEW);
            logged.row.logged_at = UnixTime::from_seconds(minute * 60);
            logged.row.user_host = "10.1.1.9".into();
            fleet.take_in(&logged);
        }
        fetches.iter().for_each(|row| known.take_in(row));
        let number = fleet.numbers()[0];
        let (device, histories) = (fleet.device(number), fleet.histories(number));
        let options = StateOptions::new(UnixTime::from_seconds(now * 60));
        let found =
            |options: &StateOptions<'_>| DeviceStanding::of(&device, &histories, Some(&index), options).state;
        assert_eq!(found(&options.with_fetches(&known)), expected, "{fetches:?} at {now}");
        assert_eq!(found(&options), Offered, "without access logs");
    }
}

#[test]
fn a_device_that_is_behind_has_the_reason_of_its_decision() {
    let mut book = book();
    let hold = Hold {
        name: "fair".parse().unwrap(),
        on: HeldDevices::Rule(key(PHONE)),
        until: None,
        reason: "trade fair".into(),
    };
    make(&mut book, BookCommand::AddHold(hold));
    let rows = [(0, OLD, "")];
    assert_eq!(state(&book, IP8540, &rows, 1), (DeviceState::Behind, Some("held")));
    assert_eq!(state(&book, IP8540, &rows, 60), (DeviceState::Silent, Some("held")));
    let mut pending = RuleBook::default();
    ingest(&mut pending, &package(1, &[(PHONE, NEW, 1)]));
    assert_eq!(state(&pending, IP8540, &rows, 1), (DeviceState::NoVersion, Some("nothing-approved")));
}

#[test]
fn without_a_rule_book_only_the_requests_tell_a_state() {
    let mut fleet = Inventory::default();
    for hour in 0..3 {
        fleet.take_in(&row(hour, IP8540, OLD, NEW));
    }
    let number = fleet.numbers()[0];
    let device = fleet.device(number);
    let of = |hour: i64| {
        let options = StateOptions::new(UnixTime::from_seconds(hour * HOUR));
        DeviceStanding::of(&device, &fleet.histories(number), None, &options).state
    };
    assert_eq!((of(3), of(60)), (DeviceState::Stuck, DeviceState::Silent));
    let options = StateOptions::new(UnixTime::from_seconds(3 * HOUR));
    assert_eq!(DeviceStanding::of(&device, &[], None, &options).state, DeviceState::Unknown);
}

#[test]
fn a_device_reads_back_as_its_rows_reported_it() {
    for mac in ["0021630F207B", "00-21-63-0f-20-7b", ""] {
        let mut logged = row(0, IP8540, OLD, NEW);
        logged.row.mac_address = Reported::new(mac);
        logged.row.serial_number = Reported::new(" c185H001209");
        logged.row.request_date_time = Reported::new("06-03-2009 17:10:39");
        logged.row.user_name = "ann@contoso.com".into();
        logged
            .row
            .requested
            .push(RequestedCell { file_name: "Boot.bin".into(), ..logged.row.requested[0].clone() });
        let mut fleet = Inventory::default();
        fleet.take_in(&logged);
        assert_eq!(fleet.device(fleet.numbers()[0]), ucupdate_fleet::inventory::InventoryDevice::of(&logged));
    }
}

#[test]
fn a_device_counts_once_a_day_for_each_version() {
    let mut fleet = Inventory::default();
    for (hour, version) in [(0, OLD), (1, OLD), (2, NEW), (3, NEW), (25, NEW)] {
        fleet.take_in(&row(hour, IP8540, version, ""));
    }
    let days: Vec<(i64, String, u64)> = fleet
        .days()
        .into_iter()
        .map(|count| (count.day.as_seconds() / 86_400, count.version.to_string(), count.devices))
        .collect();
    assert_eq!(days, [(0, OLD.to_owned(), 1), (0, NEW.to_owned(), 1), (1, NEW.to_owned(), 1)]);
}

#[test]
fn devices_of_other_inventories_are_added_in_any_order_and_twice() {
    let of = |rows: &[(i64, &str)]| {
        let mut fleet = Inventory::default();
        rows.iter().for_each(|(hour, has)| fleet.take_in(&row(*hour, IP8540, has, NEW)));
        fleet.device(fleet.numbers()[0])
    };
    let (early, late) = (of(&[(0, OLD), (2, OLD)]), of(&[(1, OLD), (5, NEW)]));
    let merged = |devices: &[&ucupdate_fleet::inventory::InventoryDevice]| {
        let mut fleet = Inventory::default();
        devices.iter().for_each(|device| assert!(fleet.add(device)));
        fleet.device(fleet.numbers()[0])
    };
    let expected = merged(&[&early, &late]);
    assert_eq!(merged(&[&late, &early]), expected);
    assert_eq!(merged(&[&late, &early, &late]), expected);
    let facts = (expected.first_asked.as_seconds(), expected.last_asked.as_seconds(), expected.asks);
    assert_eq!(facts, (0, 5 * HOUR, 0));
    assert_eq!(expected.modules[0].installed.version.as_str(), NEW);
    assert!(!Inventory::default().with_room(0).add(&early));
}
