use crate::fixtures::*;
use crate::meanwhile::Meanwhile;
use futures_util::FutureExt as _;

const AUDIT: &str = "Logs/Server/Audit/imageUpdates/RequestHandlerAuditLog_ocs_2009-03-06.log";
const ACCESS: &str = "Logs/Server/Access/ocs_2009-03-06.log";

async fn text(store: &dyn ImageStore, key: &str) -> String {
    let bytes = store.get_bytes(&StoreKey::parse(key).unwrap(), 1 << 20).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn every_answer_leaves_an_audit_row_and_shutdown_writes_the_last() {
    let store = MemoryStore::default();
    let service = UpdateService::open(Arc::new(store.clone()), logging()).await.unwrap();
    ask(&service, &sample::ip8540(), "0.0.0.0");
    service.flush_logs().await.unwrap();
    ask(&service, &sample::ip8540(), "0.0.0.0");
    service.audit_device_log_upload("10.1.1.9");
    service.shutdown().await.unwrap();
    let row = "03-06-2009 17:10:39,ruisilva@demo.local,10.1.1.123,UCPhone,06-03-2009 17:10:39,\"0021630F207B\",\
               \"C185H001209\",\"LG-Nortel\",\"IP8540\",\"A\",\"ENU\",cpe.nbt;0.0.0.0;01-01-1601 00:00:00,\n";
    let upload = "03-06-2009 17:10:39,,10.1.1.9,,,\"\",\"\",\"\",\"\",\"\",\"\",,\n";
    assert_eq!(text(&store, AUDIT).await, format!("{AUDIT_HEADER}{row}{row}{upload}"));
}

#[tokio::test]
async fn a_server_in_another_zone_names_it_beside_its_logs_and_readers_use_it() {
    let store = MemoryStore::default();
    let zone = Zone::named("America/New_York").unwrap();
    let logs = log_options().with_zone(zone);
    let service = UpdateService::open(Arc::new(store.clone()), options().with_logs(logs)).await.unwrap();
    ask(&service, &sample::ip8540(), "0.0.0.0");
    service.shutdown().await.unwrap();
    assert!(text(&store, AUDIT).await.contains("\n03-06-2009 12:10:39,"));
    assert_eq!(text(&store, &AUDIT.replace(".log", ".zone")).await, "America/New_York\n");

    // Another server on the store writes in UTC, and stores no zone.
    let other = LogOptions::new("utc".parse().unwrap());
    let service = UpdateService::open(Arc::new(store.clone()), options().with_logs(other)).await.unwrap();
    ask(&service, &sample::ip8540(), "0.0.0.0");
    service.shutdown().await.unwrap();
    let zones = keys(&service, "Logs/").await.into_iter().filter(|key| key.ends_with(".zone")).count();
    assert_eq!(zones, 1);

    let mut logs = AuditLogs::new(Zone::named("Asia/Tokyo").unwrap(), None);
    logs.add("named", || Ok("Logging DateTime,Model\n03-07-2009 02:10:39,CX700\n".as_bytes()));
    logs.add_store(Arc::new(store)).await.unwrap();
    let mut times = Vec::new();
    while let Some(logged) = logs.next().await.unwrap() {
        if let Logged::Row(row) = logged {
            times.push((row.server.map(|server| server.to_string()), row.row.logged_at));
        }
    }
    times.sort();
    // The zone of the server in UTC is not stored, so the zone of the caller is used.
    let server = |name: &str| Some(name.to_owned());
    let in_tokyo = UnixTime::from_seconds(NOW.as_seconds() - 9 * 3600);
    assert_eq!(times, [(None, NOW), (server("ocs"), NOW), (server("utc"), in_tokyo)]);
}

#[tokio::test]
async fn the_file_with_the_zone_goes_with_its_log() {
    let store = MemoryStore::default();
    let clock = Arc::new(SettableClock::at(NOW));
    let logs = log_options().with_zone(Zone::named("Asia/Tokyo").unwrap());
    let options = options().with_logs(logs).with_clock(clock.clone());
    let service = UpdateService::open(Arc::new(store.clone()), options).await.unwrap();
    ask(&service, &sample::ip8540(), "0.0.0.0");
    service.flush_logs().await.unwrap();
    assert_eq!(keys(&service, "Logs/").await.len(), 2);
    clock.set(UnixTime::from_seconds(NOW.as_seconds() + 30 * 86_400));
    // It is the only log, so it is removed only on explicit request.
    service.remove_all_old_logs(ucupdate::audit::RetentionDays::default(), true).await.unwrap();
    assert_eq!(keys(&service, "Logs/").await, [""; 0]);
}

#[tokio::test]
async fn access_rows_are_written_too() {
    let store = MemoryStore::default();
    let service = UpdateService::open(Arc::new(store.clone()), logging()).await.unwrap();
    service.log_access(&AccessRow::finished("GET", "/nowhere", 404, Duration::from_millis(7), NOW));
    service.shutdown().await.unwrap();
    let log = text(&store, ACCESS).await;
    assert!(log.starts_with("#Software: ucupdate "), "{log}");
    assert!(log.ends_with("2009-03-06 17:10:39 - GET /nowhere - - - - - 404 0 2 7\n"), "{log}");
}

#[tokio::test]
async fn rows_wait_while_the_store_is_down_and_none_is_lost_or_doubled() {
    let store = Arc::new(Faulty::new(MemoryStore::default()));
    let options = options().with_logs(log_options().with_flush_time(Duration::from_millis(600)));
    let service = UpdateService::open(store.clone(), options).await.unwrap();
    for fault in [StoreFault::Unavailable, StoreFault::LostAnswer] {
        store.on(StoreCall::Create).below("Logs/").always(fault);
        store.on(StoreCall::Put).below("Logs/").always(fault);
        store.on(StoreCall::Append).below("Logs/").always(fault);
        ask(&service, &sample::ip8540(), "0.0.0.0");
        let _may_be_down = service.flush_logs().await;
        store.heal();
        service.flush_logs().await.unwrap();
    }
    let mut rows = 0;
    for key in keys(&service, "Logs/Server/Audit/").await {
        rows += text(&*store, &key).await.matches("ruisilva").count();
    }
    assert_eq!(rows, 2);
    assert_eq!(service.dropped_log_rows(), 0);
}

/// Returns the hosts and paths of the rows of both logs. No line may be reported.
async fn rows_of_both(store: &MemoryStore) -> Vec<String> {
    let store: Arc<dyn ImageStore> = Arc::new(store.clone());
    let mut rows = Vec::new();
    let mut audit = AuditLogs::default();
    audit.add_store(Arc::clone(&store)).await.unwrap();
    while let Some(logged) = audit.next().await.unwrap() {
        match logged {
            Logged::Row(row) => rows.push(row.row.user_host.to_string()),
            Logged::End { summary, .. } => assert_eq!(summary.unread, 0),
            other => panic!("{other:?}"),
        }
    }
    let mut access = AccessLogs::default();
    access.add_store(store).await.unwrap();
    while let Some(logged) = access.next().await.unwrap() {
        match logged {
            Logged::Row(row) => rows.push(row.uri_stem.as_logged().to_string()),
            Logged::End { summary, .. } => assert_eq!(summary.unread, 0),
            other => panic!("{other:?}"),
        }
    }
    rows
}

#[tokio::test]
async fn a_part_of_a_row_at_the_end_of_a_log_is_neither_a_row_nor_damage() {
    let store = MemoryStore::default();
    let service = UpdateService::open(Arc::new(store.clone()), logging()).await.unwrap();
    service.audit_device_log_upload("10.1.1.9");
    service.log_access(&AccessRow::finished("GET", "/a", 200, Duration::ZERO, NOW));
    service.shutdown().await.unwrap();
    for key in [AUDIT, ACCESS] {
        let whole = text(&store, key).await;
        let row = whole.split_inclusive('\n').next_back().unwrap();
        // What is left of an append: nothing, a part of a row, or zeros after a power cut.
        for torn in (0..row.len()).map(|end| row[..end].to_owned()).chain(["\0".repeat(700)]) {
            let key = StoreKey::parse(key).unwrap();
            store.put_bytes(&key, format!("{whole}{torn}")).await.unwrap();
            assert_eq!(rows_of_both(&store).await, ["10.1.1.9", "/a"], "{torn:?}");
        }
    }
}

#[tokio::test]
async fn rows_are_appended_and_a_torn_append_is_repaired_without_a_report() {
    let store = Faulty::new(MemoryStore::default());
    let service = UpdateService::open(Arc::new(store.clone()), logging()).await.unwrap();
    for host in ["10.1.1.1", "10.1.1.2", "10.1.1.3"] {
        service.audit_device_log_upload(host);
        service.flush_logs().await.unwrap();
    }
    assert_eq!(
        (store.calls(StoreCall::Create), store.calls(StoreCall::Append), store.calls(StoreCall::Put)),
        (1, 2, 0)
    );
    for (fault, host) in [
        (StoreFault::BreaksOff(20), "10.1.1.4"),
        (StoreFault::LostAnswer, "10.1.1.5"),
        (StoreFault::Backend, "10.1.1.6"),
    ] {
        store.on(StoreCall::Append).once(fault);
        service.audit_device_log_upload(host);
        service.flush_logs().await.unwrap();
        assert_eq!(service.health().log_problem, None);
    }
    assert_eq!((store.calls(StoreCall::Append), store.calls(StoreCall::Put)), (5, 3));
    service.audit_device_log_upload("10.1.1.7");
    service.shutdown().await.unwrap();
    assert_eq!((store.calls(StoreCall::Append), store.calls(StoreCall::Put)), (6, 3));
    let written = text(&store, AUDIT).await;
    let hosts: Vec<_> = written.lines().skip(1).map(|row| row.split(',').nth(2).unwrap()).collect();
    assert_eq!(hosts, (1..=7).map(|host| format!("10.1.1.{host}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn two_servers_of_one_name_never_share_a_file() {
    let store = MemoryStore::default();
    let one = UpdateService::open(Arc::new(store.clone()), logging()).await.unwrap();
    let two = UpdateService::open(Arc::new(store.clone()), logging()).await.unwrap();
    for _ in 0..3 {
        for service in [&one, &two] {
            ask(service, &sample::ip8540(), "0.0.0.0");
            service.flush_logs().await.unwrap();
        }
    }
    let names = keys(&one, "Logs/Server/Audit/").await;
    assert_eq!(names, [AUDIT.to_owned(), AUDIT.replace(".log", "_2.log")]);
    for name in names {
        assert_eq!(text(&store, &name).await.matches("ruisilva").count(), 3);
    }
}

#[tokio::test]
async fn logs_older_than_the_days_to_keep_are_removed_and_those_of_others_are_not() {
    let store = MemoryStore::default();
    let old = ["RequestHandlerAuditLog_ocs_2009-02-23.log", "RequestHandlerAuditLog_ocs_2009-02-23_2.log"];
    let kept = [
        "RequestHandlerAuditLog_ocs_2009-02-24.log",
        "RequestHandlerAuditLog_other_2009-02-01.log",
        "notes.txt",
    ];
    for name in old.iter().chain(&kept) {
        let key = StoreKey::parse(&format!("Logs/Server/Audit/imageUpdates/{name}")).unwrap();
        store.put_bytes(&key, "x").await.unwrap();
    }
    let service = UpdateService::open(Arc::new(store.clone()), logging()).await.unwrap();
    assert_eq!(service.remove_old_logs().await.unwrap(), 2);
    assert_eq!(keys(&service, "Logs/Server/Audit/").await.len(), kept.len());
}

#[tokio::test]
async fn the_audit_log_rolls_at_midnight_of_its_zone() {
    let store = MemoryStore::default();
    let clock = Arc::new(SettableClock::at(UnixTime::from_seconds(1_236_383_999)));
    let logs = log_options().with_zone(ucupdate::value::Zone::named("Europe/Berlin").unwrap());
    let options = options().with_clock(clock.clone()).with_logs(logs);
    let service = UpdateService::open(Arc::new(store), options).await.unwrap();
    ask(&service, &sample::ip8540(), "0.0.0.0");
    service.shutdown().await.unwrap();
    let day = "Logs/Server/Audit/imageUpdates/RequestHandlerAuditLog_ocs_2009-03-07.log";
    assert_eq!(
        keys(&service, "Logs/Server/Audit/").await,
        [day.to_owned(), day.replace(".log", ".zone")],
        "23:59:59 in UTC is the next day in Berlin"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_flush_returns_however_it_falls_together_with_the_write() {
    let roll = RollOptions::default().with_roll_bytes(4096).unwrap();
    let options = options().with_logs(log_options().with_roll(roll));
    let service = UpdateService::open(Arc::new(MemoryStore::default()), options).await.unwrap();
    let flushing = async {
        for _ in 0..3000 {
            ask(&service, &sample::ip8540(), "0.0.0.0");
            service.flush_logs().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(60), flushing).await.expect("no flush hangs");
}

#[tokio::test]
async fn a_shutdown_outlasts_a_short_outage_of_the_store() {
    let store = Arc::new(Faulty::new(MemoryStore::default()));
    let service = UpdateService::open(store.clone(), logging()).await.unwrap();
    store.on(StoreCall::Create).below("Logs/").always(StoreFault::Unavailable);
    store.on(StoreCall::Get).below("Logs/").always(StoreFault::Unavailable);
    ask(&service, &sample::ip8540(), "0.0.0.0");
    let healing = store.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(600)).await;
        healing.heal();
    });
    service.shutdown().await.unwrap();
    assert_eq!(keys(&service, "Logs/Server/Audit/").await.len(), 1);
}

#[tokio::test]
async fn a_flush_that_cannot_be_done_says_how_many_rows_wait() {
    let store = Arc::new(Faulty::new(MemoryStore::default()));
    let options = options().with_logs(log_options().with_flush_time(Duration::from_millis(300)));
    let service = UpdateService::open(store.clone(), options).await.unwrap();
    store.on(StoreCall::Create).below("Logs/").always(StoreFault::Backend);
    store.on(StoreCall::Get).below("Logs/").always(StoreFault::Backend);
    for _ in 0..3 {
        ask(&service, &sample::ip8540(), "0.0.0.0");
    }
    let failed = service.flush_logs().await.unwrap_err().to_string();
    assert!(
        failed.starts_with("3 log rows are not written yet because the store fails: store failed"),
        "{failed}"
    );
    store.heal();
    service.flush_logs().await.unwrap();
}

#[tokio::test]
async fn rows_whose_write_has_no_clear_outcome_are_told_apart_from_those_that_are_not_written() {
    let maybe = "; 3 of them may be in the store, because the outcome of their write is not known";
    for (fault, is_maybe) in
        [(Some(StoreFault::Hangs), true), (Some(StoreFault::Unavailable), true), (None, false)]
    {
        let store = Arc::new(Faulty::new(MemoryStore::default()));
        let options = options().with_logs(log_options().with_flush_time(Duration::from_millis(300)));
        let service = UpdateService::open(store.clone(), options).await.unwrap();
        match fault {
            Some(fault) => store.on(StoreCall::Create).below("Logs/").always(fault),
            // Without a fault, an object is in the place of the folder, so it is certain that nothing is written.
            None => drop(store.put_bytes(&StoreKey::parse("Logs").unwrap(), "x").await.unwrap()),
        }
        for _ in 0..3 {
            ask(&service, &sample::ip8540(), "0.0.0.0");
        }
        let failed = service.flush_logs().await.unwrap_err().to_string();
        assert!(failed.starts_with("3 log rows are not written yet because the store fails: "), "{failed}");
        assert_eq!(failed.ends_with(maybe), is_maybe, "{fault:?}: {failed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_may_wait_is_bounded_under_64_requests_at_once() {
    let store = Arc::new(Faulty::new(MemoryStore::default()));
    store.on(StoreCall::Create).below("Logs/").always(StoreFault::Unavailable);
    store.on(StoreCall::Get).below("Logs/").always(StoreFault::Unavailable);
    let roll = RollOptions::default().with_pending(10, 1 << 20).unwrap();
    let options = options().with_logs(log_options().with_roll(roll));
    let service = UpdateService::open(store, options).await.unwrap();
    let asking: Vec<_> = (0..64)
        .map(|_| {
            let service = service.clone();
            tokio::task::spawn_blocking(move || ask(&service, &sample::ip8540(), "0.0.0.0"))
        })
        .collect();
    for asked in asking {
        asked.await.unwrap();
    }
    assert_eq!(service.dropped_log_rows(), 54, "ten rows wait, and the rest are counted");
}

const AUDIT_FOLDER: &str = "Logs/Server/Audit/imageUpdates/";

/// Makes a store with one audit log of this server for each of the ten days up to 2009-03-06, written on those days.
async fn with_ten_days(store: &Meanwhile) {
    for day in 1..=6 {
        put_log(store, "ocs", &format!("2009-03-0{day}")).await;
    }
    for day in 25..=28 {
        put_log(store, "ocs", &format!("2009-02-{day}")).await;
    }
}

async fn put_log(store: &Meanwhile, server: &str, day: &str) {
    let key = format!("{AUDIT_FOLDER}RequestHandlerAuditLog_{server}_{day}.log");
    store.put_bytes(&StoreKey::parse(&key).unwrap(), "x").await.unwrap();
}

async fn logging_at(store: &Meanwhile, now: UnixTime) -> UpdateService {
    let options = logging().with_clock(Arc::new(SettableClock::at(now)));
    UpdateService::open(Arc::new(store.clone()), options).await.unwrap()
}

fn later(days: i64) -> UnixTime {
    UnixTime::from_seconds(NOW.as_seconds() + days * 24 * 60 * 60)
}

#[tokio::test]
async fn a_server_whose_clock_is_ahead_removes_no_logs() {
    let store = Meanwhile::default();
    store.set_time(NOW);
    with_ten_days(&store).await;
    for days in [5, 30, 4000] {
        let service = logging_at(&store, later(days)).await;
        assert_eq!(service.remove_old_logs().await.unwrap(), 0, "{days} days ahead");
        assert_eq!(keys(&service, AUDIT_FOLDER).await.len(), 10);
    }
}

#[tokio::test]
async fn old_logs_are_removed_from_a_full_disk_by_the_time_of_its_newest_object() {
    let inner = Meanwhile::default();
    inner.set_time(NOW);
    with_ten_days(&inner).await;
    inner.set_time(later(6));
    let store = Arc::new(Faulty::new(inner.clone()));
    store.on(StoreCall::Put).below("state/probes/").always(StoreFault::Unavailable);
    let options = logging().with_clock(Arc::new(SettableClock::at(later(6))));
    let service = UpdateService::open(store, options).await.unwrap();
    assert_eq!(service.remove_old_logs().await.unwrap(), 0, "the newest object is not older than ten days");
    put_log(&inner, "ocs", "2009-03-12").await;
    assert_eq!(service.remove_old_logs().await.unwrap(), 5);
    assert_eq!(keys(&service, AUDIT_FOLDER).await.len(), 6);
}

#[tokio::test]
async fn more_than_half_of_the_logs_are_removed_only_on_demand() {
    let store = Meanwhile::default();
    store.set_time(NOW);
    with_ten_days(&store).await;
    // The clocks of the machine and of the store are both a month ahead.
    store.set_time(later(30));
    let service = logging_at(&store, later(30)).await;
    let refused = service.remove_old_logs().await.unwrap_err().to_string();
    assert!(refused.starts_with("10 of 10 log files are older than the days to keep"), "{refused}");
    assert_eq!(keys(&service, AUDIT_FOLDER).await.len(), 10);
    let days = ucupdate::audit::RetentionDays::new(35).unwrap();
    assert_eq!(service.remove_all_old_logs(days, false).await.unwrap(), 4);
    assert_eq!(keys(&service, AUDIT_FOLDER).await.len(), 6);
    let days = ucupdate::audit::RetentionDays::new(30).unwrap();
    let refused = service.remove_all_old_logs(days, false).await.unwrap_err().to_string();
    assert!(refused.starts_with("5 of 6 log files"), "{refused}");
    assert_eq!(service.count_old_logs(days).await.unwrap(), 5);
    assert_eq!(service.remove_all_old_logs(days, true).await.unwrap(), 5);
}

#[tokio::test]
async fn a_large_share_of_one_kind_of_logs_keeps_the_logs_of_every_kind() {
    let store = Meanwhile::default();
    store.set_time(NOW);
    with_ten_days(&store).await;
    let access = StoreKey::parse("Logs/Server/Access/ocs_2009-02-25.log").unwrap();
    store.put_bytes(&access, "x").await.unwrap();
    let service = logging_at(&store, NOW).await;
    let days = ucupdate::audit::RetentionDays::new(7).unwrap();
    let refused = service.remove_all_old_logs(days, false).await.unwrap_err().to_string();
    assert!(refused.starts_with("1 of 1 log files"), "{refused}");
    assert_eq!(keys(&service, AUDIT_FOLDER).await.len(), 10);
    // The files of two days of the audit log are old, and the one of the access log.
    assert_eq!(service.remove_all_old_logs(days, true).await.unwrap(), 3);
}

#[tokio::test]
async fn the_logs_of_a_server_that_is_gone_are_removed_after_the_days_to_keep() {
    let store = Meanwhile::default();
    store.set_time(later(-30));
    put_log(&store, "gone", "2009-02-03").await;
    put_log(&store, "quiet", "2009-02-03").await;
    store.set_time(NOW);
    with_ten_days(&store).await;
    put_log(&store, "quiet", "2009-03-05").await;
    let service = logging_at(&store, NOW).await;
    assert_eq!(service.remove_old_logs().await.unwrap(), 1);
    let left = keys(&service, AUDIT_FOLDER).await;
    assert!(!left.iter().any(|key| key.contains("_gone_")), "{left:?}");
    assert_eq!(left.iter().filter(|key| key.contains("_quiet_")).count(), 2, "it removes its own logs");
}

#[test]
fn a_long_log_is_read_in_order_with_and_without_a_runtime() {
    let rows = 2_000;
    let log = move || {
        let mut log = "Logging DateTime,User Name\n".to_owned();
        for number in 0..rows {
            let (minute, second) = (number / 60, number % 60);
            log += &format!("03-06-2009 10:{minute:02}:{second:02},{number}\n");
            if number % 500 == 0 {
                log += "no row\n";
            }
        }
        log
    };
    let take = |next: &Logged, found: &mut Vec<String>| match next {
        Logged::Row(row) => found.push(row.row.user_name.to_string()),
        Logged::Unread { finding, .. } => found.push(finding.to_string()),
        Logged::End { summary, .. } => found.push(format!("{} {}", summary.rows, summary.unread)),
        other => panic!("{other:?}"),
    };
    let mut logs = AuditLogs::default();
    logs.add("a.log", move || Ok(std::io::Cursor::new(log())));
    let mut without = Vec::new();
    while let Some(next) = logs.next().now_or_never().expect("nothing is awaited").unwrap() {
        take(&next, &mut without);
    }
    let mut expected: Vec<String> = Vec::new();
    for number in 0..rows {
        expected.push(number.to_string());
        if number % 500 == 0 {
            let line = number + 3 + number / 500;
            expected.push(format!("line {line}: the row has 1 cells, expected 2"));
        }
    }
    expected.push(format!("{rows} 4"));
    assert_eq!(without, expected);

    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let within = runtime.block_on(async {
        let (mut logs, mut found) = (AuditLogs::default(), Vec::new());
        logs.add("a.log", move || Ok(std::io::Cursor::new(log())));
        loop {
            // A call that is dropped while it waits loses no row.
            match logs.next().now_or_never() {
                None => tokio::task::yield_now().await,
                Some(next) => match next.unwrap() {
                    Some(next) => {
                        take(&next, &mut found);
                        if let Logged::Row(row) = next {
                            logs.give_back(row);
                        }
                    }
                    None => break found,
                },
            }
        }
    });
    assert_eq!(within, expected);
}
