use crate::fixtures::*;
use std::sync::{Arc, Mutex};

/// A listener that keeps one line for each event.
#[derive(Debug, Default)]
struct Recorder(Mutex<Vec<String>>);

impl Events for Recorder {
    fn on_event(&self, event: &Event<'_>) {
        let detail = match event {
            Event::RequestAnswered { request, asker, decisions, revision } => {
                let reasons: Vec<&str> = decisions.iter().map(|decision| decision.word()).collect();
                format!("{} {} {reasons:?} {revision}", request.device.mac_address, asker.host)
            }
            Event::ChangeMade { revision } => {
                format!("{} {} {}", revision.number, revision.author, revision.notes[0])
            }
            Event::PackageIngested { ingested, file_name, author } => {
                format!("{file_name} {author} {:?}", ingested.revision)
            }
            Event::LogRowsWaiting { log, rows, .. } => format!("{log:?} {rows}"),
            Event::LogRowsWritten { log } => format!("{log:?}"),
            Event::LogRowsDropped { log, rows, .. } => format!("{log:?} {rows}"),
            Event::StoreUnreachable { error } => error.to_string(),
            _ => String::new(),
        };
        self.0.lock().unwrap().push(format!("{} {detail}", event.kind()).trim_end().to_owned());
    }
}

impl Recorder {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[tokio::test]
async fn an_ingest_a_change_and_an_answer_are_reported() {
    let recorder = Arc::new(Recorder::default());
    let store = Arc::new(MemoryStore::default());
    let service = UpdateService::open(store, options().with_events(recorder.clone())).await.unwrap();
    ingest(&service, sample::uc_updates(IMAGE_BYTES)).await.unwrap();
    let reported = recorder.take();
    assert!(reported[0].starts_with("change-made 1 ann "), "{reported:?}");
    assert_eq!(reported[1..], ["package-ingested UCUpdates.cab ann Some(1)"]);
    service.admin("ann").approve(vec![sample::ip8540()]).await.unwrap();
    let reported = recorder.take();
    assert!(reported.len() == 1 && reported[0].starts_with("change-made 2 ann "), "{reported:?}");
    ask(&service, &sample::ip8540(), "0.0.0.0");
    ask(&service, &sample::ip8540(), "3.5.6907.0");
    assert_eq!(
        recorder.take(),
        [
            r#"request-answered 0021630F207B 10.1.1.123 ["offer"] 2"#,
            r#"request-answered 0021630F207B 10.1.1.123 ["up-to-date"] 2"#
        ]
    );
}

#[tokio::test]
async fn a_change_of_another_server_is_reported_when_it_is_read_and_a_history_from_before_is_not() {
    let store = MemoryStore::default();
    let writer = with_sample(store.clone()).await;
    let recorder = Arc::new(Recorder::default());
    let options = options().with_events(recorder.clone());
    let reader = UpdateService::open(Arc::new(store), options).await.unwrap();
    assert_eq!(recorder.take(), [""; 0]);
    writer.admin("ann").approve(vec![sample::ip8540()]).await.unwrap();
    writer.admin("bob").roll_back_to_nothing(sample::ip8540()).await.unwrap();
    reader.refresh().await.unwrap();
    reader.refresh().await.unwrap();
    let reported = recorder.take();
    let begins = |line: &str, begin| line.starts_with(begin);
    assert!(
        begins(&reported[0], "change-made 2 ann ") && begins(&reported[1], "change-made 3 bob "),
        "{reported:?}"
    );
    assert_eq!(reported.len(), 2);
}

#[tokio::test]
async fn a_store_that_fails_is_reported_once_and_so_is_its_return() {
    let store = Arc::new(Faulty::new(MemoryStore::default()));
    let recorder = Arc::new(Recorder::default());
    let service = UpdateService::open(store.clone(), options().with_events(recorder.clone())).await.unwrap();
    store.on(StoreCall::Get).below("state/").always(StoreFault::Unavailable);
    for _ in 0..3 {
        service.refresh().await.unwrap_err();
    }
    let reported = recorder.take();
    assert!(reported.len() == 1 && reported[0].starts_with("store-unreachable "), "{reported:?}");
    store.heal();
    service.refresh().await.unwrap();
    service.refresh().await.unwrap();
    assert_eq!(recorder.take(), ["store-reachable"]);
}

#[tokio::test(start_paused = true)]
async fn log_rows_that_wait_are_dropped_and_are_written_again_are_reported() {
    let store = Arc::new(Faulty::new(MemoryStore::default()));
    let recorder = Arc::new(Recorder::default());
    let clock = Arc::new(SettableClock::at(NOW));
    let roll = RollOptions::default().with_pending(10, 64 * 1024).unwrap();
    let logs = log_options().with_roll(roll).with_flush_time(Duration::from_millis(600));
    let options = options().with_logs(logs).with_events(recorder.clone()).with_clock(clock.clone());
    let service = UpdateService::open(store.clone(), options).await.unwrap();
    store.on(StoreCall::Create).below("Logs/").always(StoreFault::Unavailable);
    service.audit_device_log_upload("10.1.1.9");
    service.flush_logs().await.unwrap_err();
    assert_eq!(recorder.take(), ["log-rows-waiting Audit 1"]);
    for _ in 0..12 {
        service.audit_device_log_upload("10.1.1.9");
    }
    service.flush_logs().await.unwrap_err();
    // The first row is reported at once, and the others within a minute.
    assert_eq!(recorder.take(), ["log-rows-dropped Audit 1"]);
    assert_eq!(service.dropped_log_rows(), 3);
    store.heal();
    service.flush_logs().await.unwrap();
    assert_eq!(recorder.take(), ["log-rows-written Audit"]);
    // No further row is lost, and the number is reported all the same.
    clock.set(UnixTime::from_seconds(NOW.as_seconds() + 60));
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(recorder.take(), ["log-rows-dropped Audit 3"]);
    clock.set(UnixTime::from_seconds(NOW.as_seconds() + 600));
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(recorder.take(), [""; 0]);
}

#[derive(Debug)]
struct Panics;

impl Events for Panics {
    fn on_event(&self, event: &Event<'_>) {
        panic!("a listener fails at {}", event.kind());
    }
}

#[tokio::test]
async fn a_listener_that_panics_changes_no_answer_and_later_listeners_get_the_event() {
    let recorder = Arc::new(Recorder::default());
    let options = logging().with_events(Arc::new(Panics)).with_events(recorder.clone());
    let store = MemoryStore::default();
    let service = UpdateService::open(Arc::new(store.clone()), options).await.unwrap();
    let silent = open(store).await;
    assert_eq!(ask(&service, &sample::ip8540(), "0.0.0.0"), ask(&silent, &sample::ip8540(), "0.0.0.0"));
    service.shutdown().await.unwrap();
    assert_eq!(recorder.take(), [r#"request-answered 0021630F207B 10.1.1.123 ["no-rule"] 0"#]);
    assert_eq!(keys(&service, "Logs/").await.len(), 1, "the audit row is there");
}
