//! Tests what an examination of a service finds in its rules.

use crate::changes::interim::{package_for, with_interim};
use crate::fixtures::*;

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

/// Returns the only finding of a kind.
async fn found(service: &UpdateService, kind: &str) -> Finding {
    let checks = service.examine(true).await;
    let mut findings = checks.into_iter().flat_map(|check| check.findings).filter(|found| found.kind == kind);
    let found = findings.next().unwrap_or_else(|| panic!("no {kind}"));
    assert_eq!(findings.next(), None);
    found
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
    assert_eq!(checks[0].findings[0].severity, FindingSeverity::Problem);
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

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named() {
    let store = Faulty::new(MemoryStore::default());
    store.on(StoreCall::Put).below("Logs/").always(StoreFault::Backend);
    let checks = on_day(store, 0).await.examine(true).await;
    let findings = checks[0].findings.iter().map(|finding| (finding.kind, finding.subject.as_str()));
    let folders = ["Logs/Server/Audit/imageUpdates/", "Logs/Server/Access/"];
    assert_eq!(findings.collect::<Vec<_>>(), folders.map(|folder| ("folder-not-writable", folder)));
}

#[tokio::test]
async fn a_store_that_stops_answering_is_a_problem() {
    let store = Faulty::new(MemoryStore::default());
    let service = on_day(store.clone(), 0).await;
    ingest(&service, sample::uc_updates(500)).await.unwrap();
    store.on(StoreCall::List).below("images/").always(StoreFault::Unavailable);
    let found = found(&service, "store-unreadable").await;
    assert_eq!(found.severity, FindingSeverity::Problem);
    assert!(found.found.ends_with("the script said so"), "{found:?}");
}

#[tokio::test]
async fn a_version_that_no_package_has_is_a_problem_of_its_rule() {
    let store = MemoryStore::default();
    let service = on_day(store.clone(), 0).await;
    ingest(&service, sample::uc_updates(500)).await.unwrap();
    service.admin("ann").approve(vec![sample::ip8540()]).await.unwrap();
    let approval = StoreKey::parse("state/revisions/00000000000000000002.json").unwrap();
    let document = store.get_bytes(&approval, 100_000).await.unwrap();
    store.put_bytes(&approval, forged(&document, "3.5.6907.0", "3.5.6907.1")).await.unwrap();
    let found = found(&on_day(store, 0).await, "rule-without-image").await;
    assert_eq!((found.severity, found.subject), (FindingSeverity::Problem, sample::ip8540().to_string()));
    assert_eq!(
        found.found,
        "3.5.6907.1 is given to all devices of this rule, but no package of the store has it"
    );
    assert_eq!(found.remedy, "ingest the package with 3.5.6907.1 again, or roll the rule back");
}

#[tokio::test]
async fn a_pending_interim_image_is_a_problem_once_a_release_behind_it_is_approved() {
    let service = open(MemoryStore::default()).await;
    let release = package_for(sample::ip8540(), "3.5.6907.0");
    ingest(&service, with_interim(PackageBuilder::new(), "1.0.522.103")).await.unwrap();
    assert_eq!(found(&service, "interim-unapproved").await.severity, FindingSeverity::Warning);
    ingest(&service, release.build().unwrap()).await.unwrap();
    service.admin("ann").approve(vec![sample::ip8540()]).await.unwrap();
    let problem = found(&service, "interim-unapproved").await;
    assert_eq!(problem.severity, FindingSeverity::Problem);
    let what = "too old for the approved version of UCPhone/LG-Nortel/IP8540/A/ENU/CPE get nothing";
    assert!(problem.found.ends_with(what), "{problem:?}");
    service.admin("ann").approve_interim("ENU".parse().unwrap(), "CPE".parse().unwrap(), None).await.unwrap();
    let checks = service.examine(true).await;
    assert!(checks.iter().flat_map(|check| &check.findings).all(|found| found.kind != "interim-unapproved"));
}

#[tokio::test]
async fn an_approved_interim_image_beside_a_stone_of_another_version_is_a_problem() {
    let service = on_day(MemoryStore::default(), 0).await;
    ingest(&service, sample::uc_updates(500)).await.unwrap();
    service.admin("ann").approve(vec![sample::ip8540()]).await.unwrap();
    let mut stone = service.snapshot().book().settings().stones[0].clone();
    let name = stone.name.clone();
    stone.by = "1.0.522.110".parse().unwrap();
    service.admin("ann").replace_stone(name, vec![stone]).await.unwrap();
    let found = found(&service, "other-interim-version").await;
    assert_eq!(found.severity, FindingSeverity::Problem);
    assert!(found.remedy.starts_with("type `ucupdate stone set ocs-interim --by 1.0.522.103`"), "{found:?}");
}
