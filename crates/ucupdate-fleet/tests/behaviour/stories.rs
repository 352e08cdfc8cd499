//! Compares the stories from the logs in `vectors/` with golden files beside the tests.

use crate::field::{access_rows, audit_rows};
use proptest::prelude::*;
use std::time::Duration;
use ucupdate_audit::{AccessRow, AuditReader, AuditRow};
use ucupdate_core::value::UnixTime;
use ucupdate_fleet::timeline::{PeerDownloads, StoryOptions, Timeline};

/// Returns the stories of the rows as text: a heading, the events, and the troubles with their remedies.
fn report(audit: Vec<AuditRow>, access: Vec<AccessRow>, options: &StoryOptions<'_>) -> String {
    let mut text = String::new();
    for story in Timeline::join(audit, access).stories(options) {
        text += &format!("{}\n", story.name());
        for event in &story.events {
            text += &format!("  {}  {event}\n", event.at.civil_utc());
        }
        for trouble in &story.troubles {
            let kind = &trouble.kind;
            text += &format!(
                "  [{}] {trouble}\n    means: {}\n    to do: {}\n",
                kind.name(),
                kind.meaning(),
                kind.remedy()
            );
        }
    }
    text
}

#[track_caller]
fn golden(name: &str, report: &str) {
    let path = format!("{}/tests/stories/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UCUPDATE_BLESS").is_some() {
        std::fs::write(&path, report).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert_eq!(report, expected, "{name}");
}

#[test]
fn a_device_keeps_its_kind_and_its_user_when_its_last_row_is_an_uploaded_log() {
    let asked = AuditRow { user_name: "ann".into(), ..asked(0, "1.0.522.101", "3.5.6907.0") };
    let upload = AuditRow::device_log_upload("10.1.1.9", at(5));
    let stories = Timeline::join([asked.clone(), upload], []).stories(&StoryOptions::default());
    let [story] = &stories[..] else { panic!("one device: {stories:?}") };
    assert_eq!((&story.kind, &*story.user_name), (&asked.kind, "ann"));
    assert_eq!(story.events.last().unwrap().to_string(), "uploaded its logs");
}

#[test]
fn the_fields_logs_tell_the_story_of_each_phone() {
    let none = StoryOptions::default();
    golden("2009-03-06", &report(audit_rows(), access_rows("iis-2009-03-06.log"), &none));
    golden("2009-03-06-audit-alone", &report(audit_rows(), vec![], &none));
    golden("2009-03-06-access-alone", &report(vec![], access_rows("iis-2009-03-06.log"), &none));
    golden("2009-04-15", &report(vec![], access_rows("iis-2009-04-15.log"), &none));
    golden("500", &report(vec![], access_rows("iis-500.log"), &none));
}

const IMAGE: &str = "/DeviceUpdateFiles_Int/UCPhone/LG-Nortel/IP8540/A/ENU/3.5.6907.0/CPE/CPE.nbt";
const SIGNATURE: &str = "/DeviceUpdateFiles_Int/UCPhone/LG-Nortel/IP8540/A/ENU/3.5.6907.0/CPE/CPE.cat";
const HANDLER: &str = "/RequestHandler/ucdevice.upx";

fn at(minutes: i64) -> UnixTime {
    UnixTime::from_seconds(1_236_300_000 + minutes * 60)
}

/// Returns a request of a phone at this minute, with its installed version and the offered version.
fn asked(minutes: i64, installed: &str, offered: &str) -> AuditRow {
    let offer = if offered.is_empty() { String::new() } else { format!("http://ocs{IMAGE};{offered};") };
    let log = format!(
        "Logging DateTime,User Host Address,Device Type,Mac Address,Requested,Response\n\
         03-06-2009 00:00:00,10.1.1.9,UCPhone,0021630F207B,cpe.nbt;{installed};,{offer}\n"
    );
    let row = AuditReader::new(log.as_bytes()).next().unwrap().unwrap();
    AuditRow { logged_at: at(minutes), ..row }
}

/// Returns an exchange that ended at this minute, with its status, substatus and Windows error.
fn access(minutes: i64, method: &str, path: &str, codes: (u16, u16, u32)) -> AccessRow {
    AccessRow {
        client_ip: "10.1.1.9".into(),
        sub_status: Some(codes.1),
        win32_status: Some(codes.2),
        ..AccessRow::finished(method, path, codes.0, Duration::from_secs(20), at(minutes))
    }
}

fn post(minutes: i64, status: u16, sub_status: u16) -> AccessRow {
    let row = access(minutes, "POST", HANDLER, (status, sub_status, 0));
    AccessRow { time_taken_ms: Some(0), ..row }
}

fn get(minutes: i64, path: &str) -> AccessRow {
    access(minutes, "GET", path, (200, 0, 0))
}

/// Returns the names and texts of the troubles of the only phone.
#[track_caller]
fn troubles(audit: Vec<AuditRow>, access: Vec<AccessRow>, options: &StoryOptions<'_>) -> Vec<String> {
    let timeline = Timeline::join(audit, access);
    let stories = timeline.stories(options);
    assert_eq!(stories.len(), 1, "{stories:#?}");
    let named = |trouble: &ucupdate_fleet::timeline::Trouble| format!("{}: {trouble}", trouble.kind.name());
    stories[0].troubles.iter().map(named).collect()
}

#[test]
fn each_trouble_is_found_and_named() {
    let until = |minutes| StoryOptions::default().with_now(at(minutes));
    let day = 24 * 60;
    let offer = |minutes| asked(minutes, "1.0.522.103", "3.5.6907.0");
    for (audit, access, options, expected) in [
        (
            vec![],
            (0..6).map(|minute| post(minute, 401, 2)).collect(),
            until(10),
            &["sign-in-loop: signs in again and again and gets 401.2, 6 times"][..],
        ),
        // Two refusals before an answer are a normal sign-in.
        (vec![], vec![post(0, 401, 2), post(0, 401, 1), post(1, 200, 0)], until(10), &[]),
        (vec![], vec![post(0, 403, 4)], until(10), &["request-refused: asked and got 403.4"]),
        (
            vec![],
            vec![post(0, 400, 0)],
            until(10),
            &["unreadable-request: sent a request that cannot be read (400)"],
        ),
        (
            vec![offer(0)],
            vec![post(0, 200, 0), access(5, "GET", IMAGE, (404, 3, 2))],
            until(10),
            &["download-refused: could not fetch CPE.nbt of 3.5.6907.0: 404.3"],
        ),
        (
            vec![offer(0)],
            vec![
                post(0, 200, 0),
                access(5, "GET", IMAGE, (200, 0, 64)),
                access(9, "GET", IMAGE, (200, 0, 64)),
            ],
            until(10),
            &["cut-short: the download of CPE.nbt of 3.5.6907.0 was cut short, 2 times"],
        ),
        (
            vec![offer(0)],
            vec![post(0, 200, 0), get(5, IMAGE)],
            until(60),
            &["no-signature: fetched CPE.nbt of 3.5.6907.0 without its signature"],
        ),
        (
            vec![offer(0), offer(2 * day)],
            vec![post(0, 200, 0), post(2 * day, 200, 0)],
            until(2 * day),
            &["never-fetched: was offered 3.5.6907.0 and did not fetch it"],
        ),
        (
            vec![offer(0), offer(60)],
            vec![post(0, 200, 0), get(5, IMAGE), get(5, SIGNATURE), post(60, 200, 0)],
            until(60),
            &["came-back-old: fetched 3.5.6907.0 and came back with 1.0.522.103"],
        ),
        (
            vec![offer(0)],
            vec![post(0, 200, 0), get(5, IMAGE), get(5, SIGNATURE)],
            until(2 * day),
            &["not-back: fetched CPE.nbt of 3.5.6907.0 and did not come back"],
        ),
        (
            vec![asked(0, "3.5.6907", "3.5.6907.0")],
            vec![],
            until(10),
            &["offered-installed: is offered 3.5.6907.0, which it has"],
        ),
        (
            vec![offer(0), offer(day), offer(2 * day)],
            vec![],
            until(2 * day),
            &["offered-again: is offered 3.5.6907.0 again and again, 3 times"],
        ),
        (vec![asked(0, "3.5.6907.0", "")], vec![], until(9 * day), &["silent: was not seen for 9 days"]),
    ] {
        assert_eq!(troubles(audit, access, &options), expected);
    }
}

#[test]
fn a_browser_at_the_path_of_requests_is_no_trouble_of_the_device() {
    let opened = access(3, "GET", "/RequestHandler/ucdevice.upx", (405, 0, 0));
    let story = report(vec![asked(0, "1.0.522.98", "")], vec![opened], &StoryOptions::default());
    assert!(story.contains("GET at /RequestHandler/ucdevice.upx: 405, the path takes only POST"), "{story}");
    assert!(!story.contains("[no-handler]"), "{story}");
}

#[test]
fn a_download_that_takes_much_longer_than_those_of_others_is_slow() {
    let mut peers = PeerDownloads::default();
    (0..5).for_each(|_| peers.observe(&access(1, "GET", IMAGE, (200, 0, 0))));
    let slow = AccessRow { time_taken_ms: Some(600_000), ..get(15, IMAGE) };
    let rows = vec![post(0, 200, 0), slow, get(15, SIGNATURE)];
    let options = StoryOptions::default().with_peers(&peers);
    let found = troubles(vec![asked(0, "1.0", "3.5.6907.0")], rows, &options);
    assert_eq!(found, ["slow: the download of CPE.nbt of 3.5.6907.0 took 10 min, usual are 20 s"]);
}

#[test]
fn a_slow_download_is_over_after_a_later_download_at_the_usual_pace() {
    let mut peers = PeerDownloads::default();
    (0..5).for_each(|_| peers.observe(&access(1, "GET", IMAGE, (200, 0, 0))));
    let options = StoryOptions::default().with_peers(&peers);
    let slow = |minutes| AccessRow { time_taken_ms: Some(600_000), ..get(minutes, IMAGE) };
    let long = |path: &str| AccessRow { time_taken_ms: Some(90_000), ..get(60, path) };
    let interim = "/DeviceUpdateFiles_Int/OCInterim/ENU/CPE.nbt";
    for (later, is_over) in [
        (get(60, IMAGE), true),
        (get(60, interim), true),
        (slow(60), false),
        (get(60, SIGNATURE), false),
        // Nothing was sent, so it shows no pace.
        (access(60, "GET", IMAGE, (304, 0, 0)), false),
        // Nobody else downloaded this file, so its usual time is not known.
        (long(interim), false),
    ] {
        let rows = vec![post(0, 200, 0), slow(15), get(15, SIGNATURE), later.clone()];
        let found = troubles(vec![asked(0, "1.0", "3.5.6907.0")], rows, &options);
        let slow = found.iter().find(|trouble| trouble.starts_with("slow: ")).unwrap();
        assert_eq!(slow.ends_with("(over)"), is_over, "{later:?}: {found:?}");
    }
}

#[test]
fn a_known_size_tells_how_fast_a_download_was_and_whether_it_was_whole() {
    let options = StoryOptions::default().with_sizes([(IMAGE.to_owned(), 40_000_000)]);
    let shown = |bytes: &str| {
        let row = AccessRow { others: vec![("sc-bytes".into(), bytes.into())], ..get(5, IMAGE) };
        report(vec![], vec![row], &options).lines().nth(1).unwrap()[23..].to_owned()
    };
    assert_eq!(shown("40000000"), "fetched CPE.nbt of 3.5.6907.0, 40.0 MB in 20 s, 2.0 MB/s");
    let cut = "began to fetch CPE.nbt of 3.5.6907.0, but the connection broke, 1.0 MB in 20 s, 50.0 kB/s";
    assert_eq!(shown("1000000"), cut);
}

#[test]
fn rows_at_one_address_belong_to_the_device_that_asked_there_last() {
    let mut other = asked(100, "1.0", "");
    other.mac_address = ucupdate_core::value::Reported::new("00-04-F2-00-01-76");
    let audit = vec![asked(0, "3.5.6907.0", ""), other];
    let rows = vec![post(10, 400, 0), post(110, 403, 4)];
    let stories = Timeline::join(audit, rows).stories(&StoryOptions::default());
    let seen: Vec<(String, &str)> =
        stories.iter().map(|story| (story.name(), story.troubles[0].kind.name())).collect();
    let expected = [("0004F2000176", "request-refused"), ("0021630F207B", "unreadable-request")];
    assert_eq!(seen, expected.map(|(name, kind)| (name.to_owned(), kind)));
}

#[test]
fn a_request_that_names_no_device_belongs_to_a_device_of_its_kind_at_the_address() {
    let mut unnamed = asked(60, "1.0", "");
    unnamed.mac_address = ucupdate_core::value::Reported::new("");
    let names = |row: &AuditRow| -> Vec<String> {
        let stories =
            Timeline::join([asked(0, "1.0", ""), row.clone()], []).stories(&StoryOptions::default());
        stories.iter().map(|story| format!("{} {}", story.name(), story.events.len())).collect()
    };
    assert_eq!(names(&unnamed), ["0021630F207B 2"]);
    unnamed.kind.model = "CX500".into();
    assert_eq!(names(&unnamed), ["0021630F207B 1", "10.1.1.9 1"]);
}

/// Returns rows with few different hosts, devices, versions, paths and statuses, at any times.
fn any_rows() -> impl Strategy<Value = (Vec<AuditRow>, Vec<AccessRow>)> {
    let audit = (0..5000_i64, 0..3_usize, 0..3_usize, 0..2_u8).prop_map(|(minute, has, gets, device)| {
        let versions = ["1.0", "3.5.6907.0", ""];
        let mut row = asked(minute, versions[has], versions[gets]);
        if device == 1 {
            row.mac_address = ucupdate_core::value::Reported::new("");
        }
        row
    });
    let access = (0..5000_i64, 0..4_usize, 0..6_usize, 0..3_u16).prop_map(|(minute, path, status, sub)| {
        let path = [IMAGE, SIGNATURE, HANDLER, "/UCDeviceUpdates/ucdevice.upx"][path];
        let method = if path.ends_with(".upx") { "POST" } else { "GET" };
        let status = [200, 206, 401, 404, 405, 500][status];
        access(minute, method, path, (status, sub, u32::from(sub) * 32))
    });
    (prop::collection::vec(audit, 0..40), prop::collection::vec(access, 0..80))
}

proptest! {
    /// Checks that each row of the update service is one event of one story, that events are in order of time, and that
    /// troubles are within the logs.
    #[test]
    fn no_row_is_lost_and_no_trouble_is_outside_the_logs((audit, access) in any_rows()) {
        let rows = audit.len() + access.len();
        let timeline = Timeline::join(audit, access);
        let joined = timeline.entries().iter().filter(|entry| entry.asked.is_some()).count();
        let end = timeline.last_seen();
        let stories = timeline.stories(&StoryOptions::default());
        let made = ["restarted", "silent"];
        let events = stories.iter().flat_map(|story| &story.events);
        let from_rows = events.filter(|event| !made.contains(&event.kind.name())).count();
        prop_assert_eq!(from_rows, rows - joined);
        for story in stories {
            prop_assert!(story.events.is_sorted_by_key(|event| event.at));
            for trouble in &story.troubles {
                prop_assert!(trouble.first <= trouble.last && Some(trouble.last) <= end);
                prop_assert!(trouble.over.is_none_or(|over| over >= trouble.first));
                prop_assert!(!trouble.to_string().is_empty() && !trouble.kind.meaning().is_empty());
            }
        }
    }
}
