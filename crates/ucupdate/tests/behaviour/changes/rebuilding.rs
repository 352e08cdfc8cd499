//! Tests histories that are rebuilt from images.

use crate::fixtures::*;

/// Returns a store whose history was lost, and the rule book before the loss.
async fn without_history() -> (MemoryStore, RuleBook) {
    let store = MemoryStore::default();
    let service = with_sample(store.clone()).await;
    service.admin("ann").approve(vec![sample::ip8540()]).await.unwrap();
    ingest(&service, newer_package()).await.unwrap();
    ingest(&service, sample::round_table(IMAGE_BYTES)).await.unwrap();
    service.admin("ann").add_test_device(lab_phone()).await.unwrap();
    for meta in store.list_all("state/", 100).await.unwrap() {
        store.delete(&meta.key).await.unwrap();
    }
    (store, service.snapshot().book().clone())
}

/// Returns the pending and the approved version of each rule. `-` means that there is none.
fn state(service: &UpdateService) -> Vec<String> {
    let snapshot = service.snapshot();
    let rows = snapshot.book().rules().map(|rule| {
        let version =
            |of: Option<&ucupdate::book::Candidate>| of.map_or("-".into(), |of| of.version.to_string());
        format!("{} {} {}", rule.key().kind().model, version(rule.pending()), version(rule.approved()))
    });
    rows.collect()
}

#[tokio::test]
async fn packages_are_known_again_the_newest_is_pending_and_nothing_is_approved() {
    let (store, before) = without_history().await;
    let service = open(store.clone()).await;
    let rebuilt = service.admin("ann").rebuild().await.unwrap();
    assert_eq!((rebuilt.revision, rebuilt.packages.len(), rebuilt.skipped.len()), (1, 3, 0));
    assert_eq!(state(&service), ["RTDevice 1.1.27.0 -", "IP8540 9.9.9.9 -", "CX700 3.5.6907.9 -"]);
    let book = service.snapshot().book().clone();
    assert!(book.packages().eq(before.packages()), "byte for byte what the ingests wrote");
    assert!(book.pending_interim_images().eq(before.interim_images()), "the approval is lost too");
    assert_eq!((book.interim_images().count(), book.pending_interim_images().count()), (0, 1));
    assert_eq!(book.test_devices().len(), 0);
    assert_eq!(service.check(false).await.unwrap().problems, []);
    service.admin("ann").approve(vec![sample::ip8540()]).await.unwrap();
    assert_eq!(offered(&service, &sample::ip8540(), "1.0.522.103"), "9.9.9.9");
}

#[tokio::test]
async fn a_store_with_a_history_is_not_rebuilt() {
    let service = with_sample(MemoryStore::default()).await;
    let refused = service.admin("ann").rebuild().await.unwrap_err().to_string();
    assert_eq!(
        refused,
        "the store has a history of 1 revision, so it is not rebuilt; rebuild only a store without a history"
    );

    let (store, _) = without_history().await;
    let service = open(store).await;
    service.admin("ann").rebuild().await.unwrap();
    assert_eq!(service.admin("ann").rebuild().await.unwrap().revision, 1, "again it changes nothing");
    service.admin("ann").add_test_device(lab_phone()).await.unwrap();
    assert!(service.admin("ann").rebuild().await.is_err());
    let empty = open(MemoryStore::default()).await;
    assert_eq!(empty.admin("ann").rebuild().await.unwrap().revision, 0);
}

#[tokio::test]
async fn what_is_not_whole_is_left_out_with_the_reason() {
    let (store, before) = without_history().await;
    let newer = before.packages().find(|package| package.releases[0].version.as_str() == "9.9.9.9").unwrap();
    let image = &newer.releases[0].files.image;
    store.put_bytes(&image.key.as_str().parse().unwrap(), vec![0; IMAGE_BYTES]).await.unwrap();
    let round_table =
        before.packages().find(|package| package.releases.len() == 1 && package.id() != newer.id());
    let described = format!("images/{}/package.json", round_table.unwrap().ingest);
    store.put_bytes(&described.parse().unwrap(), "{").await.unwrap();
    let other = format!("images/{:032x}/package.json", 7);
    let copied =
        store.get_bytes(&format!("images/{}/package.json", newer.ingest).parse().unwrap(), 1 << 20).await;
    store.put_bytes(&other.parse().unwrap(), copied.unwrap()).await.unwrap();

    let service = open(store).await;
    let rebuilt = service.admin("ann").rebuild().await.unwrap();
    assert_eq!(state(&service), ["IP8540 3.5.6907.0 -", "CX700 3.5.6907.9 -"]);
    let mut why: Vec<&str> = rebuilt.skipped.iter().map(|left| left.reason.as_str()).collect();
    why.sort();
    let expected = [
        format!("`{}` differs from what was ingested", image.key),
        format!("`{described}` cannot be read"),
        format!("`{other}` describes another ingest: {}", newer.ingest),
    ];
    let mut expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    expected.sort();
    assert_eq!(why, expected);
}

#[tokio::test]
async fn a_package_whose_description_changed_by_a_digit_is_not_taken_for_another_version() {
    let (store, _) = without_history().await;
    for meta in store.list_all("images/", 100).await.unwrap() {
        if meta.key.as_str().ends_with("/package.json") {
            let bytes = store.get_bytes(&meta.key, 1 << 20).await.unwrap();
            let text = String::from_utf8(bytes.to_vec()).unwrap().replace("9.9.9.9", "9.9.9.8");
            store.put_bytes(&meta.key, text).await.unwrap();
        }
    }
    let service = open(store).await;
    let rebuilt = service.admin("ann").rebuild().await.unwrap();
    assert_eq!(state(&service), ["RTDevice 1.1.27.0 -", "IP8540 3.5.6907.0 -", "CX700 3.5.6907.9 -"]);
    assert!(rebuilt.skipped[0].reason.ends_with("is damaged: its SHA-256 differs from its seal"));
}

#[tokio::test]
async fn of_a_package_that_was_ingested_twice_the_whole_one_is_taken() {
    let store = MemoryStore::default();
    let service = with_sample(store.clone()).await;
    let first = service.snapshot().book().packages().next().unwrap().clone();
    let image = first.releases[0].files.image.key.as_str().parse().unwrap();
    let bytes = store.get_bytes(&image, 1 << 20).await.unwrap();
    store.delete(&image).await.unwrap();
    ingest(&service, sample::uc_updates(IMAGE_BYTES)).await.unwrap();
    let second = service.snapshot().book().packages().next().unwrap().ingest;
    for meta in store.list_all("state/", 100).await.unwrap() {
        store.delete(&meta.key).await.unwrap();
    }
    let copy = MemoryStore::default();
    for meta in store.list_all("images/", 100).await.unwrap() {
        copy.put_bytes(&meta.key, store.get_bytes(&meta.key, 1 << 20).await.unwrap()).await.unwrap();
    }
    let service = open(store).await;
    assert_eq!(service.admin("ann").rebuild().await.unwrap().skipped.len(), 1);
    assert_eq!(service.snapshot().book().packages().next().unwrap().ingest, second);

    copy.put_bytes(&image, bytes).await.unwrap();
    let service = open(copy).await;
    let rebuilt = service.admin("ann").rebuild().await.unwrap();
    assert_eq!(rebuilt.skipped[0].reason, format!("package {} was ingested again later", first.id()));
    assert_eq!(service.check(false).await.unwrap().problems, []);
}

#[tokio::test]
async fn a_rebuild_that_broke_off_goes_on() {
    let (inner, _) = without_history().await;
    let store = Arc::new(Faulty::new(inner));
    let service = open(Arc::clone(&store)).await;
    for (call, fault) in [(StoreCall::List, StoreFault::Unavailable), (StoreCall::Get, StoreFault::Backend)] {
        store.on(call).after(1).once(fault);
        assert!(service.admin("ann").rebuild().await.is_err(), "{call:?}");
    }
    store.heal();
    store.on(StoreCall::Create).once(StoreFault::LostAnswer);
    assert_eq!(service.admin("ann").rebuild().await.unwrap().revision, 1);
}
