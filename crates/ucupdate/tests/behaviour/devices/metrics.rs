use crate::fixtures::*;

/// Returns a service with an approved version, and its metrics.
async fn service() -> (UpdateService, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::default());
    let store = metrics.watch_store(Arc::new(MemoryStore::default()));
    let options = logging().with_events(metrics.clone());
    let service = UpdateService::open(store, options).await.unwrap();
    ingest(&service, sample::uc_updates(IMAGE_BYTES)).await.unwrap();
    service.admin("ann").approve(vec![sample::ip8540()]).await.unwrap();
    (service, metrics)
}

#[track_caller]
fn value(text: &str, sample: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {sample} in {text}")).parse().unwrap()
}

#[tokio::test]
async fn what_happens_is_counted() {
    let (service, metrics) = service().await;
    ask(&service, &sample::ip8540(), "1.0.522.103");
    ask(&service, &sample::ip8540(), "0.0.0.0");
    ask(&service, &sample::ip8540(), "3.5.6907.0");
    let text = metrics.prometheus_text(&service);
    for (sample, expected) in [
        (r#"ucupdate_decisions_total{reason="offer"}"#, 2.0),
        (r#"ucupdate_decisions_total{reason="up-to-date"}"#, 1.0),
        (r#"ucupdate_offers_total{kind="direct"}"#, 1.0),
        (r#"ucupdate_offers_total{kind="stepping-stone"}"#, 1.0),
        ("ucupdate_revision", 2.0),
        ("ucupdate_changes_total", 2.0),
        ("ucupdate_ingests_total", 1.0),
        ("ucupdate_rules", 2.0),
        ("ucupdate_ready", 1.0),
        ("ucupdate_log_rows_waiting", 3.0),
        (r#"ucupdate_store_errors_total{operation="create"}"#, 0.0),
    ] {
        assert_eq!(value(&text, sample), expected, "{sample}");
    }
    assert!(value(&text, r#"ucupdate_store_operation_duration_seconds_count{operation="put"}"#) > 0.0);
    assert_eq!(value(&text, "ucupdate_revision_timestamp_seconds"), 1_236_359_439.0);
}

#[tokio::test]
async fn the_number_of_series_does_not_grow_with_what_devices_send() {
    let (service, metrics) = service().await;
    let ask_as = |model: &str| {
        let mut request = request(&sample::ip8540(), "1.0");
        request.device.kind.model = model.parse::<Model>().unwrap();
        let asker = Asker { side: Side::Internal, host: "10.1.1.9" };
        service.answer(&request, asker).unwrap();
    };
    ask_as("first");
    let series = |text: &str| text.lines().count();
    let before = series(&metrics.prometheus_text(&service));
    for number in 0..10_000 {
        ask_as(&format!("invented{number}"));
    }
    let text = metrics.prometheus_text(&service);
    assert_eq!(series(&text), before);
    assert_eq!(value(&text, r#"ucupdate_decisions_total{reason="no-rule"}"#), 10_001.0);
    assert!(!text.contains("invented"));
}

#[tokio::test]
async fn errors_of_the_store_are_counted_and_answers_of_it_are_not() {
    let metrics = Arc::new(Metrics::default());
    let faulty = Arc::new(Faulty::new(MemoryStore::default()));
    let store = metrics.watch_store(faulty.clone());
    let service = UpdateService::open(store, options().with_events(metrics.clone())).await.unwrap();
    service.refresh().await.unwrap();
    let errors = r#"ucupdate_store_errors_total{operation="get"}"#;
    assert_eq!(
        value(&metrics.prometheus_text(&service), errors),
        0.0,
        "a revision that does not exist is no error"
    );
    faulty.on(StoreCall::Get).below("state/").always(StoreFault::Unavailable);
    service.refresh().await.unwrap_err();
    assert_eq!(value(&metrics.prometheus_text(&service), errors), 1.0);
}

#[tokio::test]
async fn every_metric_of_the_dashboard_exists() {
    let (service, metrics) = service().await;
    TroubleWatch::new(Zone::utc()).look(&service).await.unwrap();
    let text = metrics.prometheus_text(&service);
    assert!(text.contains("\nucupdate_devices{state=\"up-to-date\"} 0\n"), "{text}");
    let dashboard = include_str!("../../../../../deploy/grafana/ucupdate.json");
    let names = dashboard
        .split("ucupdate_")
        .skip(1)
        .map(|rest| rest.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next().unwrap());
    for name in names {
        let family = name.strip_suffix("_bucket").unwrap_or(name);
        assert!(text.contains(&format!("# TYPE ucupdate_{family} ")), "{name}");
    }
}
