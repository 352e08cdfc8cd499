//! Logs in a store that a person compressed, removed or emptied.

use crate::fixtures::*;
use crate::meanwhile::Meanwhile;
use std::io::Write as _;
use std::sync::Mutex;
use ucupdate::MAX_STORED_LOG_BYTES;

const AUDIT: &str = "Logs/Server/Audit/imageUpdates/RequestHandlerAuditLog_ocs_2009-03-06.log";
const ACCESS: &str = "Logs/Server/Access/ocs_2009-03-06.log";

fn key(name: &str) -> StoreKey {
    StoreKey::parse(name).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    coder.write_all(bytes).unwrap();
    coder.finish().unwrap()
}

async fn bytes(store: &MemoryStore, name: &str) -> Vec<u8> {
    store.get_bytes(&key(name), 1 << 20).await.unwrap().to_vec()
}

/// Compresses a log as the program gzip does.
async fn compress(store: &MemoryStore, name: &str) {
    let zipped = gzip(&bytes(store, name).await);
    store.put_bytes(&key(&format!("{name}.gz")), zipped).await.unwrap();
    store.delete(&key(name)).await.unwrap();
}

async fn logging_in(store: &MemoryStore, zone: &str) -> UpdateService {
    let logs = log_options().with_zone(Zone::named(zone).unwrap());
    UpdateService::open(Arc::new(store.clone()), options().with_logs(logs)).await.unwrap()
}

/// Starts a server, writes one row to each log, and stops the server.
async fn serve_once(store: &MemoryStore, host: &str) {
    let service = logging_in(store, "UTC").await;
    service.audit_device_log_upload(host);
    service.log_access(&AccessRow::finished("GET", host, 200, Duration::ZERO, NOW));
    service.shutdown().await.unwrap();
}

/// The hosts and times of the audit rows, the paths of the access rows, and the findings with the names of their logs.
#[derive(Debug, Default)]
struct Read {
    audit: Vec<(String, UnixTime)>,
    access: Vec<String>,
    findings: Vec<(String, String)>,
    not_understood: Vec<String>,
}

impl Read {
    async fn all(store: &MemoryStore) -> Self {
        let store: Arc<dyn ImageStore> = Arc::new(store.clone());
        let (mut read, mut audit, mut access) =
            (Self::default(), AuditLogs::default(), AccessLogs::default());
        audit.add_store(Arc::clone(&store)).await.unwrap();
        while let Some(logged) = audit.next().await.unwrap() {
            read.take(logged, |read, row| {
                read.audit.push((row.row.user_host.to_string(), row.row.logged_at))
            });
        }
        access.add_store(store).await.unwrap();
        while let Some(logged) = access.next().await.unwrap() {
            read.take(logged, |read, row| read.access.push(row.uri_stem.as_logged().to_string()));
        }
        read
    }

    fn take<R>(&mut self, logged: Logged<R>, add: impl Fn(&mut Self, R)) {
        match logged {
            Logged::Row(row) => add(self, *row),
            Logged::Unread { log, finding } => self.findings.push((log.into(), finding.to_string())),
            Logged::End { log, summary } if !summary.is_understood() => self.not_understood.push(log.into()),
            Logged::End { .. } => {}
            other => panic!("{}", std::any::type_name_of_val(&other)),
        }
    }

    fn hosts(&self) -> Vec<&str> {
        self.audit.iter().map(|(host, _)| &**host).collect()
    }
}

#[tokio::test]
async fn the_rows_of_a_log_that_was_compressed_before_a_restart_are_read_with_the_later_ones() {
    let store = MemoryStore::default();
    serve_once(&store, "/first").await;
    compress(&store, AUDIT).await;
    compress(&store, ACCESS).await;
    serve_once(&store, "/second").await;
    let names = store.list_all("Logs/", 10).await.unwrap();
    let names: Vec<_> = names.iter().map(|meta| meta.key.as_str()).collect();
    let expected = [ACCESS, AUDIT].map(|name| [format!("{name}.gz"), name.replace(".log", "_2.log")]);
    assert_eq!(names, expected.concat());
    let read = Read::all(&store).await;
    assert_eq!((read.hosts(), read.access.len()), (vec!["/first", "/second"], 2));
}

#[tokio::test]
async fn of_a_log_and_its_compressed_copy_each_row_is_read_once() {
    let store = MemoryStore::default();
    serve_once(&store, "/a").await;
    let one = bytes(&store, AUDIT).await;
    let row = |host| AuditFormat::new().line(&AuditRow::device_log_upload(host, NOW)).as_str().to_owned();
    let two = [&*one, row("/b").as_bytes()].concat();
    let other = [AUDIT_HEADER, &row("/c")].concat().into_bytes();
    let empty = Vec::new();
    for (log, copy, hosts) in [
        (&one, &one, &["/a"][..]),
        (&two, &one, &["/a", "/b"]),
        (&one, &two, &["/a", "/b"]),
        (&one, &other, &["/a", "/c"]),
        (&empty, &one, &["/a"]),
        (&one, &empty, &["/a"]),
    ] {
        store.put_bytes(&key(AUDIT), log.clone()).await.unwrap();
        store.put_bytes(&key(&format!("{AUDIT}.gz")), gzip(copy)).await.unwrap();
        let read = Read::all(&store).await;
        assert_eq!((read.hosts(), read.findings.len()), (hosts.to_vec(), 0));
    }
    // The program gzip was stopped, or has not ended yet.
    let zipped = gzip(&one);
    store.put_bytes(&key(AUDIT), one).await.unwrap();
    store.put_bytes(&key(&format!("{AUDIT}.gz")), zipped[..zipped.len() / 2].to_vec()).await.unwrap();
    let read = Read::all(&store).await;
    assert_eq!(read.hosts(), ["/a"]);
    let [(log, finding)] = &read.findings[..] else { panic!("{read:?}") };
    assert_eq!(*log, format!("{AUDIT}.gz"));
    assert!(finding.contains(&format!("what can be read of it is in `{AUDIT}`")), "{finding}");
}

#[tokio::test]
async fn a_log_that_is_compressed_while_logs_are_read_is_read_in_its_new_form() {
    let store = MemoryStore::default();
    serve_once(&store, "/a").await;
    let mut logs = AuditLogs::default();
    logs.add_store(Arc::new(store.clone())).await.unwrap();
    compress(&store, AUDIT).await;
    let Some(Logged::Row(row)) = logs.next().await.unwrap() else { panic!("a row") };
    assert_eq!(&*row.row.user_host, "/a");
}

#[tokio::test]
async fn compressed_logs_and_zones_are_removed_with_the_logs_and_also_alone() {
    let days = audit::RetentionDays::new(5).unwrap();
    let old = AUDIT.replace("2009-03-06", "2009-01-01");
    let endings = [".log", ".log.gz", ".zone"];
    for left in 1..8 {
        let store = Meanwhile::default();
        store.set_time(NOW);
        let files: Vec<_> = endings.iter().enumerate().filter(|(bit, _)| left >> bit & 1 == 1).collect();
        for (_, ending) in &files {
            for log in [&*old, AUDIT] {
                store.put_bytes(&key(&log.replace(".log", ending)), "x").await.unwrap();
            }
        }
        let logs = files.iter().filter(|(_, ending)| **ending != ".zone").count();
        let service = UpdateService::open(Arc::new(store.clone()), logging()).await.unwrap();
        assert_eq!(service.count_old_logs(days).await.unwrap(), logs, "{files:?}");
        assert_eq!(service.remove_all_old_logs(days, false).await.unwrap(), logs, "{files:?}");
        let kept: Vec<_> = files.iter().map(|(_, ending)| AUDIT.replace(".log", ending)).collect();
        assert_eq!(keys(&service, "Logs/").await, kept);
    }
}

#[tokio::test]
async fn a_log_that_ends_within_its_first_line_is_no_damage() {
    for name in [AUDIT, ACCESS] {
        let store = MemoryStore::default();
        serve_once(&store, "/a").await;
        let whole = bytes(&store, name).await;
        let header = whole.iter().position(|byte| *byte == b'\n').unwrap();
        for cut in [0, 1, header / 2, header, header + 1] {
            store.put_bytes(&key(name), whole[..cut].to_vec()).await.unwrap();
            let read = Read::all(&store).await;
            assert_eq!(read.hosts().len() + read.access.len(), 1, "the other log has a row");
            assert!(read.not_understood.is_empty() && read.findings.is_empty(), "{cut}: {read:?}");
        }
        store.put_bytes(&key(name), "call Bob").await.unwrap();
        assert_eq!(Read::all(&store).await.not_understood, [name]);
    }
}

/// Returns the hosts of the audit rows whose time is wrong.
async fn hosts_at_wrong_times(store: &MemoryStore, rows: usize) -> Vec<String> {
    let read = Read::all(store).await;
    assert_eq!(read.audit.len(), rows, "{read:?}");
    read.audit.into_iter().filter(|(_, at)| *at != NOW).map(|(host, _)| host).collect()
}

/// Lets the time pass after which a server looks again at the file with the zone of its log. The clock of the test is paused.
async fn a_minute() {
    tokio::time::sleep(Duration::from_secs(61)).await;
}

async fn write(service: &UpdateService, host: &str) {
    service.audit_device_log_upload(host);
    service.flush_logs().await.unwrap();
}

#[tokio::test]
async fn a_log_in_a_bucket_is_written_again_without_a_read_each_time() {
    for zone in ["UTC", "America/New_York"] {
        // This store cannot append, as a bucket cannot.
        let store = Faulty::new(Meanwhile::default());
        let logs = log_options().with_zone(Zone::named(zone).unwrap());
        let service = UpdateService::open(Arc::new(store.clone()), options().with_logs(logs)).await.unwrap();
        write(&service, "first").await;
        let (gets, puts) = (store.calls(StoreCall::Get), store.calls(StoreCall::Put));
        for _ in 0..20 {
            write(&service, "again").await;
        }
        let calls = (store.calls(StoreCall::Get) - gets, store.calls(StoreCall::Put) - puts);
        assert_eq!(calls, (0, 20), "{zone}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_that_is_made_again_while_a_server_runs_has_its_zone() {
    for removed in [&["log"][..], &["zone", "log"]] {
        let store = MemoryStore::default();
        let service = logging_in(&store, "America/New_York").await;
        write(&service, "one").await;
        for ending in removed {
            store.delete(&key(&AUDIT.replace("log", ending))).await.unwrap();
        }
        a_minute().await;
        write(&service, "two").await;
        assert_eq!(hosts_at_wrong_times(&store, 2).await, [""; 0], "{removed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_writes_into_no_file_whose_zone_is_not_its_own() {
    for (before, after) in
        [("America/New_York", "UTC"), ("America/New_York", "Europe/Berlin"), ("UTC", "America/New_York")]
    {
        for removes in [false, true] {
            let store = MemoryStore::default();
            let first = logging_in(&store, before).await;
            write(&first, "one").await;
            if removes {
                store.delete(&key(AUDIT)).await.unwrap();
            }
            // Another server of this name, or this one after its restart.
            let second = logging_in(&store, after).await;
            for host in ["two", "three"] {
                write(&second, host).await;
            }
            let rows = if removes { 2 } else { 3 };
            assert_eq!(hosts_at_wrong_times(&store, rows).await, [""; 0], "{before} {after} {removes}");
            a_minute().await;
            // The first server goes on. Its file may have been removed, and its name taken.
            write(&first, "four").await;
            write(&second, "five").await;
            let read = Read::all(&store).await;
            assert!(read.audit.iter().all(|(_, at)| *at == NOW), "{before} {after} {removes}: {read:?}");
            assert!(["four", "five"].iter().all(|host| read.hosts().contains(host)), "{read:?}");
        }
    }
}

#[tokio::test]
async fn the_file_with_the_zone_means_the_same_to_a_server_and_to_a_reader() {
    let zone = AUDIT.replace("log", "zone");
    for (name, is_utc) in [("utc\n", true), ("Mars/Phobos", false), (&*"x".repeat(300), false)] {
        let store = MemoryStore::default();
        store.put_bytes(&key(&zone), name.to_owned()).await.unwrap();
        // Without the listing, the server finds the file when it makes the log.
        let unlisted = Faulty::new(store.clone());
        unlisted.on(StoreCall::List).below("Logs/").always(StoreFault::ListsNothing);
        let service =
            UpdateService::open(Arc::new(unlisted), options().with_logs(log_options())).await.unwrap();
        write(&service, "one").await;
        let makes_the_log = store.exists(&key(AUDIT)).await.unwrap();
        assert_eq!(makes_the_log, is_utc, "{name}");
        assert_eq!(hosts_at_wrong_times(&store, 1).await, [""; 0], "{name}");
        if !makes_the_log {
            store.put_bytes(&key(AUDIT), "Logging DateTime,User Name\n").await.unwrap();
            let mut logs = AuditLogs::default();
            logs.add_store(Arc::new(store)).await.unwrap();
            let refused = logs.next().await.unwrap_err().to_string();
            assert_eq!(refused, format!("the time zone of `{AUDIT}` cannot be read from the file beside it"));
        }
    }
}

#[tokio::test]
async fn of_two_servers_with_one_name_that_make_a_file_together_each_row_has_its_time() {
    const ZONES: [&str; 3] = ["UTC", "America/New_York", "Europe/Berlin"];
    let logging_in = |store: Meanwhile, zone| async move {
        let logs = log_options().with_zone(Zone::named(zone).unwrap());
        UpdateService::open(Arc::new(store), options().with_logs(logs)).await.unwrap()
    };
    for (first, second) in ZONES.iter().flat_map(|first| ZONES.map(|second| (*first, second))) {
        for call in [AUDIT.to_owned(), AUDIT.replace(".log", ".zone")] {
            let store = Meanwhile::default();
            let service = logging_in(store.clone(), first).await;
            store.before(StoreCall::Create, &call, move |store| async move {
                let service = logging_in(store, second).await;
                write(&service, "second").await;
                write(&service, "second").await;
            });
            write(&service, "first").await;
            write(&service, "first").await;
            assert_eq!(store.has_happened(), call == AUDIT || first != "UTC");
            let rows = if store.has_happened() { 4 } else { 2 };
            let wrong = hosts_at_wrong_times(&store.store, rows).await;
            assert_eq!(wrong, [""; 0], "{first} {second} {call}");
        }
    }
}

#[tokio::test]
async fn a_server_that_finds_no_free_name_for_its_log_says_so() {
    let store = Faulty::new(MemoryStore::default());
    store.put_bytes(&key(AUDIT), "x").await.unwrap();
    for number in 2..100 {
        store.put_bytes(&key(&AUDIT.replace(".log", &format!("_{number}.log"))), "x").await.unwrap();
    }
    store.on(StoreCall::List).below("Logs/").always(StoreFault::ListsNothing);
    let logs = log_options().with_flush_time(Duration::ZERO);
    let service = UpdateService::open(Arc::new(store), options().with_logs(logs)).await.unwrap();
    service.audit_device_log_upload("one");
    let problem = tokio::time::timeout(Duration::from_secs(60), async {
        let _waits = service.flush_logs().await;
        loop {
            if let Some(problem) = service.health().log_problem {
                return problem;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let problem = problem.await.unwrap();
    assert!(problem.contains("and the names before are taken"), "{problem}");
}

#[tokio::test]
#[cfg(unix)]
async fn a_log_whose_name_a_folder_or_a_link_has_takes_the_next_number_and_says_so() {
    use ucupdate::local::LocalStore;
    let zone = AUDIT.replace("log", "zone");
    for (taken, is_link, zone_name) in [
        (AUDIT, false, "UTC"),
        (AUDIT, true, "UTC"),
        (ACCESS, false, "UTC"),
        (&zone, false, "America/New_York"),
        (&zone, true, "America/New_York"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(taken);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        if is_link {
            std::os::unix::fs::symlink(folder.path(), &path).unwrap();
        } else {
            std::fs::create_dir_all(&path).unwrap();
            std::fs::write(path.join("foreign"), "x").unwrap();
        }
        let events = Arc::new(Reported::default());
        let logs = log_options().with_zone(Zone::named(zone_name).unwrap());
        let options = options().with_logs(logs).with_events(events.clone());
        let service =
            UpdateService::open(Arc::new(LocalStore::open(folder.path()).unwrap()), options).await.unwrap();
        service.audit_device_log_upload("one");
        service.log_access(&AccessRow::finished("GET", "one", 200, Duration::ZERO, NOW));
        service.shutdown().await.unwrap();
        let log = if taken == ACCESS { ACCESS } else { AUDIT };
        let next = std::fs::read_to_string(folder.path().join(log.replace(".log", "_2.log"))).unwrap();
        assert!(next.contains("one"), "{taken}: {next}");
        let events = std::mem::take(&mut *events.0.lock().unwrap());
        assert!(
            events.len() == 2 && events[0].contains(taken) && events[1] == "written",
            "{taken}: {events:?}"
        );
    }
}

/// A listener that records why rows wait, and that they are written.
#[derive(Debug, Default)]
struct Reported(std::sync::Mutex<Vec<String>>);

impl Events for Reported {
    fn on_event(&self, event: &Event<'_>) {
        let line = match event {
            Event::LogRowsWaiting { cause, .. } => (*cause).to_owned(),
            Event::LogRowsWritten { .. } => "written".to_owned(),
            _ => return,
        };
        self.0.lock().unwrap().push(line);
    }
}

#[tokio::test]
async fn a_log_that_is_too_large_is_named_and_the_other_logs_are_read() {
    let store = MemoryStore::default();
    serve_once(&store, "/a").await;
    let large = vec![b'\n'; MAX_STORED_LOG_BYTES + 1];
    let names = [AUDIT, ACCESS].map(|name| name.replace("_2009", "01_2009"));
    for name in &names {
        store.put_bytes(&key(name), large.clone()).await.unwrap();
        // It is too large to be compared, so its compressed copy is read.
        let copy = bytes(&store, if name == &names[0] { AUDIT } else { ACCESS }).await;
        store.put_bytes(&key(&format!("{name}.gz")), gzip(&copy)).await.unwrap();
    }
    let read = Read::all(&store).await;
    assert_eq!((read.hosts(), read.access.len(), &read.findings[..]), (vec!["/a", "/a"], 2, &[][..]));
    assert_eq!(read.not_understood, names);
    let mut logs = AuditLogs::default();
    logs.add_store(Arc::new(store.clone())).await.unwrap();
    let Some(Logged::End { summary, .. }) = logs.next().await.unwrap() else { panic!() };
    assert_eq!(
        summary.file_kind.to_string(),
        "a file of 67108865 bytes, which is not read; expected at most 67108864"
    );
    // A log that is older than what is wanted is not named.
    let mut logs = AuditLogs::new(Zone::utc(), Some(UnixTime::from_seconds(NOW.as_seconds() + 7 * 86_400)));
    logs.add_store(Arc::new(store.clone())).await.unwrap();
    assert!(logs.next().await.unwrap().is_none());

    let check = UpdateService::open(Arc::new(store), options()).await.unwrap().check(true).await.unwrap();
    let problems: Vec<_> = check.problems.iter().map(|problem| (problem.kind(), problem.key())).collect();
    assert_eq!(problems, names.each_ref().map(|name| ("log-too-large", Some(&**name))));
    assert_eq!(
        check.problems[0].to_string(),
        format!(
            "the log `{}` is a file of 67108865 bytes, which is not read; expected at most 67108864",
            names[0]
        )
    );
}

#[tokio::test]
async fn a_log_that_grew_too_large_meanwhile_is_named() {
    let store = MemoryStore::default();
    serve_once(&store, "/a").await;
    let mut logs = AuditLogs::default();
    logs.add_store(Arc::new(store.clone())).await.unwrap();
    store.put_bytes(&key(AUDIT), vec![b'\n'; MAX_STORED_LOG_BYTES + 1]).await.unwrap();
    let Some(Logged::End { log, summary }) = logs.next().await.unwrap() else { panic!() };
    assert_eq!((&*log, summary.is_understood()), (AUDIT, false));
    assert!(logs.next().await.unwrap().is_none());
}

#[tokio::test]
async fn a_compressed_log_is_read_up_to_the_limit_of_a_plain_one() {
    let store = MemoryStore::default();
    serve_once(&store, "/a").await;
    for name in [AUDIT, ACCESS] {
        let mut log = bytes(&store, name).await;
        log.resize(MAX_STORED_LOG_BYTES, b'x');
        log.extend(b"\n");
        store.put_bytes(&key(&format!("{name}.gz")), gzip(&log)).await.unwrap();
        store.delete(&key(name)).await.unwrap();
    }
    let read = Read::all(&store).await;
    assert_eq!((read.hosts(), read.access.len()), (vec!["/a"], 1));
    let expected = "the log has more than 67108864 bytes, which is the limit `log_bytes` of the library";
    let findings: Vec<_> =
        read.findings.iter().map(|(log, finding)| (&**log, finding.contains(expected))).collect();
    let names = [AUDIT, ACCESS].map(|name| format!("{name}.gz"));
    assert_eq!(findings, names.each_ref().map(|name| (&**name, true)));
}

/// Without a server in its name, a log is opened once more for the time of its first row.
#[tokio::test]
async fn the_first_row_of_a_compressed_file_is_sought_in_as_many_bytes_as_that_of_a_plain_one() {
    let row = |host| AuditFormat::new().line(&AuditRow::device_log_upload(host, NOW)).as_str().to_owned();
    let log = |blank: usize| [AUDIT_HEADER, &"\n".repeat(blank), &row("/late")].concat();
    let late = gzip(log(2 << 20).as_bytes());
    let early = [AUDIT_HEADER, &row("/early").replace("2009", "2008")].concat();
    for late in [late, log(2 << 20).into_bytes()] {
        let (mut logs, opened) = (AuditLogs::default(), Arc::new(Mutex::new(Vec::new())));
        for (name, log) in [("early.csv", early.clone().into_bytes()), ("late.csv", late)] {
            let opened = Arc::clone(&opened);
            logs.add(name, move || {
                opened.lock().unwrap().push(name);
                Ok(std::io::Cursor::new(log.clone()))
            });
        }
        let mut hosts = Vec::new();
        while let Some(logged) = logs.next().await.unwrap() {
            if let Logged::Row(row) = logged {
                hosts.push(row.row.user_host.to_string());
            }
        }
        assert_eq!(hosts, ["/early", "/late"]);
        // The time of the late row is not known, so its log is opened first.
        assert_eq!(*opened.lock().unwrap(), ["early.csv", "late.csv", "late.csv", "early.csv"]);
    }
}
