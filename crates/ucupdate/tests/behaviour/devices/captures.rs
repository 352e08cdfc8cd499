use crate::fixtures::*;
use std::sync::{Arc, Mutex};
use ucupdate::upx::LogForm;

fn keeping() -> CaptureOptions {
    CaptureOptions::new("ocs".parse().unwrap())
}

/// Returns a service that keeps captures, and its clock.
async fn service(store: MemoryStore, captures: CaptureOptions) -> (UpdateService, Arc<SettableClock>) {
    let clock = Arc::new(SettableClock::at(NOW));
    let options = options().with_clock(clock.clone()).with_captures(captures);
    (UpdateService::open(Arc::new(store), options).await.unwrap(), clock)
}

/// Reports a body as the HTTP side does.
fn unreadable(service: &UpdateService, body: &str) {
    let error = service.codec().decode_request(body.as_bytes()).unwrap_err();
    service.report_unreadable("10.1.1.9", &error, body.as_bytes());
}

#[tokio::test]
async fn an_unreadable_body_is_kept_and_read_back() {
    let (service, _clock) = service(MemoryStore::default(), keeping()).await;
    unreadable(&service, "not xml");
    service.flush_captures().await;
    let captures = service.captures().await.unwrap();
    assert_eq!(captures.len(), 1);
    let (id, kind) = (&captures[0].id, captures[0].kind);
    assert_eq!((&*captures[0].host, captures[0].bytes, kind), ("10.1.1.9", 7, CaptureKind::Unreadable));
    assert!(id.as_str().starts_with("ocs_20090306T171039Z_"), "{id}");
    let (_, body) = service.capture(id).await.unwrap().unwrap();
    assert_eq!(body, "not xml");
    let other = "ocs_20090306T171039Z_00000000".parse().unwrap();
    assert_eq!(service.capture(&other).await.unwrap(), None);
}

#[tokio::test]
async fn without_the_option_nothing_is_kept() {
    let service = open(MemoryStore::default()).await;
    unreadable(&service, "not xml");
    assert!(!service.keep_device_log("10.1.1.9", LogForm::Zip, b"PK"));
    service.flush_captures().await;
    assert_eq!(keys(&service, "Logs/Client/").await, [""; 0]);
}

#[tokio::test]
async fn size_number_age_and_the_bodies_of_one_shape_are_bounded() {
    let limits = keeping().with_captures(10).with_bytes(6).with_of_one_shape(15);
    let (service, clock) = service(MemoryStore::default(), limits).await;
    for second in 0..20 {
        clock.set(UnixTime::from_seconds(NOW.as_seconds() + second));
        unreadable(&service, &format!("not xml {second}"));
        service.flush_captures().await;
    }
    let captures = service.captures().await.unwrap();
    // The 15th body of its shape was the last one. The oldest captures were removed to make room.
    assert!((9..=10).contains(&captures.len()), "{captures:?}");
    assert_eq!(captures[0].id.at().as_seconds(), NOW.as_seconds() + 14);
    let (capture, body) = service.capture(&captures[0].id).await.unwrap().unwrap();
    assert_eq!((capture.bytes, &body[..]), (10, &b"not xm"[..]));
    assert_eq!(service.remove_old_captures().await.unwrap(), 0);
    clock.set(UnixTime::from_seconds(NOW.as_seconds() + 11 * 24 * 3600));
    assert_eq!(service.remove_old_captures().await.unwrap(), captures.len());
}

#[tokio::test]
async fn captures_of_another_server_are_listed_and_not_removed() {
    let store = MemoryStore::default();
    let other = CaptureOptions::new("other".parse().unwrap());
    let (theirs, _clock) = service(store.clone(), other).await;
    unreadable(&theirs, "not xml");
    theirs.flush_captures().await;
    store.put_bytes(&StoreKey::parse("Logs/Client/Unreadable/notes.txt").unwrap(), "x").await.unwrap();
    let (ours, clock) = service(store, keeping()).await;
    clock.set(UnixTime::from_seconds(NOW.as_seconds() + 20 * 24 * 3600));
    assert_eq!(ours.remove_old_captures().await.unwrap(), 0);
    assert_eq!(ours.captures().await.unwrap().len(), 1);
}

#[cfg(all(feature = "local", unix))]
#[tokio::test]
async fn captures_that_cannot_be_read_are_named_with_the_reason() {
    let root = tempfile::tempdir().unwrap();
    let store = ucupdate::local::LocalStore::open(root.path()).unwrap();
    let clock = Arc::new(SettableClock::at(NOW));
    let options = options().with_clock(clock).with_captures(keeping());
    let service = UpdateService::open(Arc::new(store), options).await.unwrap();
    unreadable(&service, "not xml");
    service.flush_captures().await;
    let place = root.path().join("Logs/Client/Unreadable");
    let name = |number: u32| format!("ocs_20090306T17104{number}Z_1f2e3d4c.capture");
    std::fs::write(place.join(name(0)), [0; 5000]).unwrap();
    std::fs::File::create(place.join(name(1))).unwrap().set_len(1 << 40).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", place.join(name(2))).unwrap();
    std::fs::create_dir(place.join(name(3))).unwrap();
    std::fs::write(place.join("notes.txt"), "x").unwrap();
    let (captures, unreadable) = service.captures_with_unreadable().await.unwrap();
    assert_eq!(captures.len(), 1);
    let found: Vec<_> =
        unreadable.iter().map(|capture| (capture.key.clone(), capture.what.as_str())).collect();
    let key = |number| format!("Logs/Client/Unreadable/{}", name(number));
    let no_head = "has no head, expected a line of JSON";
    let no_file = "is a link, a pipe or a folder, which is not read";
    assert_eq!(found, [(key(0), no_head), (key(1), no_head), (key(2), no_file), (key(3), no_file)]);
    assert!(unreadable.iter().all(|capture| capture.at.is_some()));
    let checked = service.check(true).await.unwrap();
    let strays: Vec<_> = checked.problems.iter().filter_map(|problem| problem.key()).collect();
    assert_eq!(strays, [key(2), key(3)]);

    std::fs::remove_dir_all(&place).unwrap();
    std::fs::write(&place, "x").unwrap();
    let refused = service.captures_with_unreadable().await.unwrap_err().to_string();
    assert!(refused.contains("move `Logs/Client/Unreadable` out of the store"), "{refused}");
    assert_eq!(service.check(true).await.unwrap().problems[0].key(), Some("Logs/Client/Unreadable"));
}

#[tokio::test]
async fn device_logs_are_kept_up_to_their_size() {
    let limits = keeping().with_device_log_bytes(4);
    let (service, _clock) = service(MemoryStore::default(), limits).await;
    assert!(service.keep_device_log("10.1.1.9", LogForm::Cabinet, b"MSCF"));
    assert!(!service.keep_device_log("10.1.1.9", LogForm::Cabinet, b"MSCF1"));
    service.flush_captures().await;
    let captures = service.captures().await.unwrap();
    assert_eq!(captures.iter().map(|capture| capture.kind).collect::<Vec<_>>(), [CaptureKind::Cabinet]);
}

#[tokio::test]
async fn a_store_that_hangs_holds_no_answer_up() {
    let store = Arc::new(Faulty::new(MemoryStore::default()));
    let options = options().with_captures(keeping().with_of_one_shape(1000));
    let service = UpdateService::open(store.clone(), options).await.unwrap();
    store.on(StoreCall::Create).below("Logs/").always(StoreFault::Hangs);
    for _ in 0..200 {
        unreadable(&service, "not xml");
    }
}

/// A listener that records the numbers of lost captures.
#[derive(Debug, Default)]
struct Losses(Mutex<Vec<u64>>);

impl Events for Losses {
    fn on_event(&self, event: &Event<'_>) {
        if let Event::CapturesLost { captures, cause } = event {
            assert!(cause.contains("the script said so") || cause.contains("no answer"), "{cause}");
            self.0.lock().unwrap().push(*captures);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn captures_whose_write_fails_are_reported_at_once_and_then_each_minute() {
    let (store, losses) = (Arc::new(Faulty::new(MemoryStore::default())), Arc::new(Losses::default()));
    let clock = Arc::new(SettableClock::at(NOW));
    let options = options().with_clock(clock.clone()).with_captures(keeping()).with_events(losses.clone());
    let service = UpdateService::open(store.clone(), options).await.unwrap();
    let reported = || std::mem::take(&mut *losses.0.lock().unwrap());
    store.on(StoreCall::Create).below("Logs/").after(2).once(StoreFault::Hangs);
    store.on(StoreCall::Create).below("Logs/").times(2, StoreFault::Backend);
    for (body, expected) in [("not xml", &[1][..]), ("not xml 2", &[]), ("not xml 3", &[])] {
        unreadable(&service, body);
        service.flush_captures().await;
        assert_eq!(reported(), expected);
    }
    clock.set(UnixTime::from_seconds(NOW.as_seconds() + 60));
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(reported(), [3]);
    // The same body in the same second is no loss.
    for _ in 0..2 {
        unreadable(&service, "not xml 4");
    }
    service.flush_captures().await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(reported(), [0; 0]);
    assert_eq!(service.captures().await.unwrap().len(), 1);
}

/// A listener that records whether each body is the first of its shape.
#[derive(Debug, Default)]
struct Firsts(Mutex<Vec<bool>>);

impl Events for Firsts {
    fn on_event(&self, event: &Event<'_>) {
        if let Event::RequestUnreadable { is_first, .. } = event {
            self.0.lock().unwrap().push(*is_first);
        }
    }
}

#[tokio::test]
async fn the_first_body_of_a_shape_is_marked() {
    let firsts = Arc::new(Firsts::default());
    let options = options().with_events(firsts.clone());
    let service = UpdateService::open(Arc::new(MemoryStore::default()), options).await.unwrap();
    for body in ["not xml", "not xml at all", "<Other><A>1</A></Other>", "<Other><A>2</A></Other>"] {
        unreadable(&service, body);
    }
    assert_eq!(*firsts.0.lock().unwrap(), [true, false, true, false]);
}
