//! Audit logs show which devices exist, and which of them are in a loop.

use crate::fixtures::*;
use std::io::{self, Cursor};
use ucupdate::inventory::Inventory;
use ucupdate::loops::{LoopGuard, LoopKind, LoopOptions, observations};

const FIELD_LOG: &str = include_str!("../../../../../vectors/RequestHandlerAuditLog_2009-03-06.log");
const FOLDER: &str = "Logs/Server/Audit/imageUpdates/";

/// Returns a row of the phone in `vectors/`, some minutes after its row in the log.
fn row(minutes: i64, mac: &str, installed: &str, offered: &str) -> AuditRow {
    let log = format!(
        "Logging DateTime,Device Type,Mac Address,Vendor,Model,Revision,Locale,Requested,Response\n\
         03-06-2009 17:10:39,UCPhone,{mac},LG-Nortel,IP8540,A,ENU,cpe.nbt;{installed};,{offered}\n"
    );
    let mut row = ucupdate::audit::AuditReader::new(log.as_bytes()).next().unwrap().unwrap();
    row.logged_at = UnixTime::from_seconds(NOW.as_seconds() + minutes * 60);
    row
}

fn offer(version: &str) -> String {
    format!("http://ocs/UCPhone/LG-Nortel/IP8540/A/ENU/{version}/CPE/CPE.nbt;{version};")
}

/// Writes a log file of this server to the store.
async fn put_log(store: &MemoryStore, server: &str, date: &str, number: u32, rows: &[AuditRow]) {
    let name: LogName = LogName {
        kind: ucupdate::audit::LogKind::Audit,
        server: server.parse().unwrap(),
        date: date.parse().unwrap(),
        number,
    };
    let format = AuditFormat::default();
    let lines: String = rows.iter().map(|row| format.line(row).as_str().to_owned()).collect();
    let header = FIELD_LOG.lines().next().unwrap();
    store.put_bytes(&name.to_string().parse().unwrap(), format!("{header}\n{lines}")).await.unwrap();
}

async fn read(mut logs: AuditLogs) -> Vec<LoggedRow> {
    let mut rows = Vec::new();
    while let Some(logged) = logs.next().await.unwrap() {
        match logged {
            Logged::Row(row) => rows.push(*row),
            Logged::End { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    rows
}

async fn in_store(store: impl ImageStore + 'static, since: Option<UnixTime>) -> Vec<LoggedRow> {
    let mut logs = AuditLogs::new(Zone::utc(), since);
    logs.add_store(Arc::new(store)).await.unwrap();
    read(logs).await
}

#[tokio::test]
async fn the_size_of_the_logs_is_that_of_the_logs_that_are_read() {
    let store = MemoryStore::default();
    for day in ["2009-03-01", "2009-03-06", "2009-03-07"] {
        put_log(&store, "ocs01", day, 1, &[row(0, "0021630F207B", "1.0", "")]).await;
    }
    let size = store.list("Logs/", None).await.unwrap()[0].size;
    let next_day = UnixTime::from_seconds(NOW.as_seconds() + 24 * 3600);
    for (since, logs) in [(None, 3), (Some(next_day), 2)] {
        let mut reader = AuditLogs::new(Zone::utc(), since);
        assert_eq!(reader.add_store(Arc::new(store.clone())).await.unwrap(), logs * size);
        let old = "RequestHandlerAuditLog_ocs02_2009-03-01.log";
        assert_eq!(reader.add(old, || Ok(&b""[..])), since.is_none());
    }
}

#[tokio::test]
async fn the_logs_of_all_servers_are_read_by_time() {
    let store = MemoryStore::default();
    let at = |minutes| row(minutes, "0021630F207B", "1.0", "");
    put_log(&store, "ocs01", "2009-03-06", 1, &[at(0), at(4)]).await;
    put_log(&store, "ocs01", "2009-03-06", 2, &[at(6)]).await;
    put_log(&store, "ocs01", "2009-03-06", 10, &[at(8)]).await;
    put_log(&store, "ocs01", "2009-03-07", 1, &[at(2000)]).await;
    put_log(&store, "ocs02", "2009-03-06", 1, &[at(2), at(5), at(7), at(3000)]).await;
    let rows = in_store(store, None).await;
    let report: Vec<(String, i64)> = rows
        .iter()
        .map(|row| {
            let minutes = (row.row.logged_at.as_seconds() - NOW.as_seconds()) / 60;
            (row.server.as_ref().unwrap().to_string(), minutes)
        })
        .collect();
    let expected = [
        ("ocs01", 0),
        ("ocs02", 2),
        ("ocs01", 4),
        ("ocs02", 5),
        ("ocs01", 6),
        ("ocs02", 7),
        ("ocs01", 8),
        ("ocs01", 2000),
        ("ocs02", 3000),
    ];
    assert_eq!(report, expected.map(|(server, minutes)| (server.to_owned(), minutes)));
}

#[tokio::test]
async fn rows_before_the_time_asked_for_are_passed_over_and_old_logs_not_even_read() {
    let store = MemoryStore::default();
    let at = |minutes| row(minutes, "0021630F207B", "1.0", "");
    store
        .put_bytes(&format!("{FOLDER}RequestHandlerAuditLog_a_2009-03-04.log").parse().unwrap(), "no log")
        .await
        .unwrap();
    put_log(&store, "a", "2009-03-06", 1, &[at(0), at(1), at(2)]).await;
    store.put_bytes(&format!("{FOLDER}notes.txt").parse().unwrap(), "no log").await.unwrap();
    let since = UnixTime::from_seconds(NOW.as_seconds() + 60);
    assert_eq!(in_store(store, Some(since)).await.len(), 2);
}

#[tokio::test]
async fn a_log_of_the_original_in_the_store_is_read_and_names_no_server() {
    let store = MemoryStore::default();
    let key = format!("{FOLDER}RequestHandlerAuditLog_2009-03-06.log");
    store.put_bytes(&key.parse().unwrap(), FIELD_LOG).await.unwrap();
    let rows = in_store(store, None).await;
    assert_eq!((rows.len(), &rows[0].server), (3, &None));
}

#[tokio::test]
async fn a_line_that_gives_no_row_is_reported_with_its_log_and_a_log_that_cannot_be_opened_ends_it() {
    let mut logs = AuditLogs::default();
    logs.add("a.log", || Ok(Cursor::new("Logging DateTime,Model\nnonsense\n03-06-2009 17:10:39,CX700\n")));
    logs.add("b.log", || Err::<io::Empty, _>(io::Error::other("no disk")));
    let error = logs.next().await.unwrap_err();
    assert!(matches!(&error, LogReadError::Open { log, .. } if &**log == "b.log"));
    assert_eq!(error.to_string(), "cannot open `b.log`");
    let Some(Logged::Unread { log, finding }) = logs.next().await.unwrap() else { panic!() };
    assert_eq!((&*log, finding.line), ("a.log", 2));
    assert!(matches!(logs.next().await.unwrap(), Some(Logged::Row(_))));
    let Some(Logged::End { log, summary }) = logs.next().await.unwrap() else { panic!() };
    assert_eq!((&*log, summary.rows, summary.unread, summary.is_understood()), ("a.log", 1, 1, true));
    assert!(logs.next().await.unwrap().is_none());
}

#[tokio::test]
async fn the_phone_of_the_fields_log_is_in_the_fleet_as_it_asked_last_and_in_no_loop() {
    let mut logs = AuditLogs::default();
    logs.add("RequestHandlerAuditLog_2009-03-06.log", || Ok(FIELD_LOG.as_bytes()));
    let mut guard = LoopGuard::new(LoopOptions::default());
    let mut fleet = Inventory::default();
    for logged in read(logs).await {
        fleet.take_in(&logged);
        observations(&logged).into_iter().for_each(|seen| guard.observe(seen));
    }
    assert_eq!((guard.loops(), guard.devices()), (vec![], 1));
    let (identity, phone) = fleet.devices().next().unwrap();
    assert_eq!((fleet.devices().len(), identity.to_string().as_str()), (1, "0021630F207B"));
    assert_eq!((&*phone.kind.vendor, &*phone.user_host, phone.asks), ("LG-Nortel", "10.1.1.123", 3));
    assert_eq!(
        (phone.first_asked, phone.last_asked),
        (UnixTime::from_seconds(1_236_359_240), UnixTime::from_seconds(1_236_359_934))
    );
    assert_eq!(phone.modules[0].installed.version.as_str(), "1.0.522.103");
    assert_eq!(phone.modules[0].offered, Some(ReportedVersion::new("3.5.6907.0")));
    let request = phone.request().unwrap();
    assert_eq!((request.device.kind.model.as_str(), request.modules.len()), ("IP8540", 1));
}

#[tokio::test]
async fn two_servers_that_disagree_are_found_in_their_logs() {
    let store = MemoryStore::default();
    let ask = |minutes, installed, offered| row(minutes, "0021630F207B", installed, &offer(offered));
    put_log(&store, "ocs01", "2009-03-06", 1, &[ask(0, "1.0", "1.1"), ask(20, "1.0", "1.1")]).await;
    put_log(&store, "ocs02", "2009-03-06", 1, &[ask(10, "1.1", "1.0")]).await;
    let mut guard = LoopGuard::new(LoopOptions::default());
    for logged in in_store(store, None).await {
        observations(&logged).into_iter().for_each(|seen| guard.observe(seen));
    }
    let found = guard.loops();
    assert_eq!((found.len(), found[0].kind, found[0].servers.len()), (1, LoopKind::Flipped, 2));
    assert_eq!(found[0].rule.as_ref().unwrap().to_string(), "UCPhone/LG-Nortel/IP8540/A/ENU/cpe");
}

#[test]
fn of_each_device_and_module_the_latest_row_counts_in_whatever_order_they_come() {
    let logged = |row: AuditRow| LoggedRow::new(row, None);
    let mut other_module = row(5, "0021630F207B", "7.0", "");
    other_module.requested[0].file_name = "Boot.bin".into();
    other_module.user_name = "ann".into();
    let mut serial_only = row(1, "", "1.0.522", "");
    serial_only.serial_number = Reported::new("C185H001209");
    let rows = [
        row(3, "00-21-63-0F-20-7B", "1.0.522.0", &offer("3.5")),
        row(0, "0021630F207B", "1.0", ""),
        other_module,
        serial_only,
        row(9, "", "1.0", ""),
    ];
    let mut forward = Inventory::default();
    rows.iter().for_each(|row| forward.take_in(&logged(row.clone())));
    let mut backward = Inventory::default();
    rows.iter().rev().for_each(|row| backward.take_in(&logged(row.clone())));
    assert!(forward.devices().eq(backward.devices()));

    assert_eq!((forward.devices().len(), forward.unidentified()), (2, 1));
    let (identity, phone) = forward.devices().next().unwrap();
    assert_eq!(identity, DeviceId::Mac("0021630F207B".parse().unwrap()));
    assert_eq!((&*phone.user_name, phone.asks, phone.modules.len()), ("ann", 3, 2));
    let versions: Vec<&str> = phone.modules.iter().map(|module| module.installed.version.as_str()).collect();
    assert_eq!(versions, ["7.0", "1.0.522.0"]);
    let counts: Vec<(String, u64)> =
        forward.versions().into_iter().map(|count| (count.version.to_string(), count.devices)).collect();
    assert_eq!(counts, [("7.0".to_owned(), 1), ("1.0.522.0".to_owned(), 2)]);

    let mut small = Inventory::default().with_room(1);
    rows.iter().for_each(|row| small.take_in(&logged(row.clone())));
    assert_eq!((small.devices().len(), small.skipped_rows()), (1, 1));
}

#[tokio::test]
async fn logs_of_unknown_servers_are_merged_by_the_time_of_their_rows() {
    let log = |times: &[&str]| {
        let rows = times.iter().map(|time| format!("2009-03-06 {time} 200\n"));
        format!("#Fields: date time sc-status\n{}", rows.collect::<String>())
    };
    let mut logs = AccessLogs::default();
    for (name, times) in [
        ("late.log", &["12:00:00", "13:00:00"][..]),
        ("early.log", &["08:00:00", "12:30:00"]),
        ("none.log", &[]),
    ] {
        let log = log(times);
        logs.add(name, move || Ok(Cursor::new(log.clone())));
    }
    logs.add("zip", || Ok(&b"PK\x03\x04"[..]));
    let (mut hours, mut not_understood) = (Vec::new(), Vec::new());
    while let Some(logged) = logs.next().await.unwrap() {
        match logged {
            Logged::Row(row) => hours.push(row.finished_at.civil_utc().to_string()[11..16].to_owned()),
            Logged::End { log, summary } if !summary.is_understood() => {
                not_understood.push((log, summary.file_kind.to_string()));
            }
            _ => {}
        }
    }
    assert_eq!(hours, ["08:00", "12:00", "12:30", "13:00"]);
    assert_eq!(not_understood, [("zip".into(), "a zip archive or an Excel workbook".to_owned())]);
}
