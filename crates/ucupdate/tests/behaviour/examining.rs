//! Tests what an examination of a service finds in its rules.

use crate::fixtures::*;
use std::sync::Arc;
use std::time::SystemTime;
use ucupdate::book::{Audience, Percent, Ramp, Rollout, Share};
use ucupdate::cab::package::sample;
use ucupdate::store::{ImageStore, MemoryStore, ReadOnly, StoreKey};
use ucupdate::value::UnixTime;
use ucupdate::version::ReportedVersion;
use ucupdate::{Options, SettableClock, Severity, UpdateService, examine_unreadable};

/// Returns the time this number of days from now.
fn in_days(days: i64) -> UnixTime {
    let now = UnixTime::from(SystemTime::now()).as_millis();
    UnixTime::from_millis(now + days * 24 * 60 * 60 * 1000)
}

/// Returns a service whose clock is `days` days ahead.
async fn on_day(store: impl ImageStore, days: i64) -> UpdateService {
    let options = Options::default().with_clock(Arc::new(SettableClock::at(in_days(days))));
    UpdateService::open(Arc::new(store), options).await.unwrap()
}

/// Returns the kinds of the findings, without those of every store with the sample: its pending interim image, and the sign-in.
async fn kinds(service: &UpdateService) -> Vec<&'static str> {
    let checks = service.examine(true).await;
    let kinds = checks.iter().flat_map(|check| &check.findings).map(|finding| finding.kind);
    kinds.filter(|kind| !["interim-unapproved", "client-version-filter"].contains(kind)).collect()
}

async fn start(service: &UpdateService, name: &str, share: Share) {
    let (version, rollout) =
        (ReportedVersion::new("3.5.6907.0"), Rollout::new(name.parse().unwrap()).to_share(share));
    let starting =
        service.admin("ann").start_rollout(sample::ip8540(), Audience::Everybody, version, rollout);
    starting.await.unwrap();
}

fn ramp(stages: &str, days: i64) -> Share {
    Share::Ramp(Ramp::new(in_days(days), stages.parse().unwrap()))
}

#[tokio::test]
async fn a_rollout_that_stands_still_for_two_weeks_is_found() {
    let tenth = || Share::Percent("10".parse::<Percent>().unwrap());
    for (days, share, is_found) in [
        (-20, tenth(), true),
        (-5, tenth(), false),
        (-20, ramp("10%@0d,50%@3d", -20), true),
        (-20, ramp("10%@0d,100%@30d", -20), false),
        (-20, ramp("10%@0d,50%@10d", -20), false),
    ] {
        let store = MemoryStore::default();
        let before = on_day(store.clone(), days).await;
        ingest(&before, sample::uc_updates(500)).await.unwrap();
        start(&before, "wave", share.clone()).await;
        let found = kinds(&on_day(store, 0).await).await;
        assert_eq!(found.contains(&"rollout-stands-still"), is_found, "{days} {share:?}: {found:?}");
    }
}

#[tokio::test]
async fn a_paused_rollout_that_is_forgotten_names_its_reason() {
    let store = MemoryStore::default();
    let before = on_day(store.clone(), -20).await;
    ingest(&before, sample::uc_updates(500)).await.unwrap();
    start(&before, "wave", ramp("10%@0d,100%@30d", -20)).await;
    before.admin("ann").pause_rollout(sample::ip8540(), "wave".parse().unwrap(), "calls drop").await.unwrap();
    let checks = on_day(store, 0).await.examine(true).await;
    let mut findings = checks.iter().flat_map(|check| &check.findings);
    let found = findings.find(|finding| finding.kind == "rollout-stands-still").unwrap();
    assert_eq!(found.found, "rollout wave of 3.5.6907.0 is paused for 20 days or more: calls drop");
    assert!(
        found.remedy.contains("ucupdate rollout resume UCPhone/LG-Nortel/IP8540/A/ENU/CPE wave"),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_store_that_may_only_be_read_and_a_wrong_clock_are_problems() {
    let store = MemoryStore::default();
    ingest(&on_day(store.clone(), 0).await, sample::uc_updates(500)).await.unwrap();
    assert_eq!(kinds(&on_day(store.clone(), 1).await).await, ["clocks-differ"]);
    let checks = on_day(ReadOnly::new(store), 0).await.examine(true).await;
    assert_eq!(checks[0].name, "store rights");
    assert_eq!(checks[0].findings[0].severity, Severity::Problem);
    assert_eq!(checks[0].findings[0].kind, "store-operation-failed");
}

#[tokio::test]
async fn a_store_whose_rule_book_cannot_be_read_is_examined_too() {
    let store = MemoryStore::default();
    let service = on_day(store.clone(), 0).await;
    ingest(&service, sample::uc_updates(500)).await.unwrap();
    service.admin("ann").approve(vec![sample::ip8540()]).await.unwrap();
    let first = StoreKey::parse("state/revisions/00000000000000000001.json").unwrap();
    store.delete(&first).await.unwrap();
    let error = UpdateService::open(Arc::new(store.clone()), Options::default()).await.unwrap_err();
    let found = examine_unreadable(&store, &error, true, in_days(0)).await;
    let kinds: Vec<_> = found.findings.iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, ["rule-book-unreadable", "revision-missing", "package-gone"]);
}
