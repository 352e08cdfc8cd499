//! Tests running servers whose history is replaced, or whose store cannot be reached.

use crate::fixtures::*;

fn revision(number: u64) -> StoreKey {
    StoreKey::parse(&format!("state/revisions/{number:020}.json")).unwrap()
}

async fn approved(store: &MemoryStore) -> UpdateService {
    let service = with_sample(store.clone()).await;
    service.admin("ann").approve(vec![sample::ip8540()]).await.unwrap();
    service
}

async fn serving(store: &MemoryStore, options: Options) -> UpdateService {
    UpdateService::open(Arc::new(store.clone()), options).await.unwrap()
}

/// Replaces the history by its first `number` revisions.
async fn put_back_to(store: &MemoryStore, number: u64) {
    for meta in store.list_all("state/revisions/", 1000).await.unwrap() {
        if meta.key > revision(number) {
            store.delete(&meta.key).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_server_notices_that_an_older_history_was_put_back_and_offers_nothing() {
    let store = MemoryStore::default();
    approved(&store).await;
    let server = serving(&store, options()).await;
    let going_on = serving(&store, options().with_offers_after_replacement(true)).await;
    assert!(server.refresh().await.is_ok() && server.health().is_ready());
    assert_eq!(offered(&server, &sample::ip8540(), "1.0.522.103"), "3.5.6907.0");

    put_back_to(&store, 1).await;
    for service in [&server, &going_on] {
        let error = service.refresh().await.unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "the history in the store was replaced: `{}` is missing, but was read before; restore the history, or \
                 restart every server of this store",
                revision(2)
            )
        );
        let health = service.health();
        assert!(health.history_replaced && !health.is_ready(), "{health:?}");
        assert_eq!(health.problem, Some(error));
    }
    assert!(server.health().offers_stopped && !going_on.health().offers_stopped);
    assert_eq!(offered(&server, &sample::ip8540(), "1.0.522.103"), "-");
    assert_eq!(offered(&going_on, &sample::ip8540(), "1.0.522.103"), "3.5.6907.0");
}

#[tokio::test]
async fn a_history_of_the_same_length_is_told_apart_by_its_digest() {
    let (store, other) = (MemoryStore::default(), MemoryStore::default());
    let (server, _other_server) = (approved(&store).await, approved(&other).await);
    let foreign = other.get_bytes(&revision(2), 1 << 20).await.unwrap();
    store.put_bytes(&revision(2), foreign).await.unwrap();
    let error = server.refresh().await.unwrap_err().to_string();
    assert!(error.contains("differs from what was read before"), "{error}");
    assert!(server.health().history_replaced);
}

#[tokio::test]
async fn a_kill_switch_in_a_history_that_was_put_back_does_not_go_unnoticed() {
    let store = MemoryStore::default();
    approved(&store).await;
    let server = serving(&store, options()).await;
    server.admin("ann").add_test_device(lab_phone()).await.unwrap();
    put_back_to(&store, 2).await;
    // Another server starts on the older history. Its new revision has a number that the first server has already
    // passed.
    let late = open(store.clone()).await;
    late.admin("bob").kill(StopScope::All, "calls drop").await.unwrap();
    assert!(server.refresh().await.is_err());
    assert_eq!(offered(&server, &sample::ip8540(), "1.0.522.103"), "-");
}

#[tokio::test]
async fn a_history_that_is_restored_heals_the_server() {
    let store = MemoryStore::default();
    approved(&store).await;
    let server = serving(&store, options()).await;
    let newest = store.get_bytes(&revision(2), 1 << 20).await.unwrap();
    store.delete(&revision(2)).await.unwrap();
    assert!(server.refresh().await.is_err());
    store.put_bytes(&revision(2), newest).await.unwrap();
    assert_eq!(server.refresh().await.unwrap(), 2);
    assert!(server.health().is_ready());
    assert_eq!(offered(&server, &sample::ip8540(), "1.0.522.103"), "3.5.6907.0");
}

#[tokio::test]
async fn no_revision_is_written_over_a_gap() {
    let store = MemoryStore::default();
    let server = approved(&store).await;
    store.delete(&revision(2)).await.unwrap();
    let refused = server.admin("ann").add_test_device(lab_phone()).await.unwrap_err().to_string();
    assert!(refused.starts_with("the history in the store was replaced"), "{refused}");
    assert!(!store.exists(&revision(3)).await.unwrap(), "the store can still be opened");
    assert_eq!(open(store).await.snapshot().revision(), 1);
}

#[tokio::test]
async fn a_base_that_disappears_just_before_the_revision_is_made_is_noticed() {
    // The newest revision exists when the change begins, but not when the next one is created.
    let store = Arc::new(Faulty::new(MemoryStore::default()));
    let server = UpdateService::open(store.clone(), options()).await.unwrap();
    server.admin("ann").add_test_device(lab_phone()).await.unwrap();
    store.on(StoreCall::Get).below(revision(1).as_str()).after(1).once(StoreFault::EndsEarly(0));
    assert!(server.admin("ann").kill(StopScope::All, "calls drop").await.is_err());
    assert!(!store.exists(&revision(2)).await.unwrap());
}

#[tokio::test]
async fn a_large_newest_revision_is_read_again_only_when_it_changed() {
    let store = Arc::new(Faulty::new(MemoryStore::default()));
    let service = UpdateService::open(store.clone(), options()).await.unwrap();
    let reason = "x".repeat(100);
    let members: Vec<_> = (0..1500)
        .map(|number| ucupdate::device::DeviceId::Serial(format!("{reason}{number}").parse().unwrap()))
        .collect();
    let group: ucupdate::book::GroupName = "lab".parse().unwrap();
    let admin = service.admin("ann");
    let put = ucupdate::book::Group { name: group.clone(), predicate: None };
    admin.command(&ucupdate::book::BookCommand::PutGroup(put)).await.unwrap();
    let add = ucupdate::book::BookCommand::ChangeMembers { group, add: members, remove: Vec::new() };
    admin.command(&add).await.unwrap();
    let size = store.head(&revision(2)).await.unwrap().size;
    assert!(size > 64 * 1024, "{size}");

    service.refresh().await.unwrap();
    let before = store.calls(StoreCall::Get);
    for _ in 0..10 {
        service.refresh().await.unwrap();
    }
    assert_eq!(store.calls(StoreCall::Get) - before, 10, "only the next revision is looked for");
    store.put_bytes(&revision(2), vec![b' '; usize::try_from(size).unwrap()]).await.unwrap();
    assert!(service.refresh().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_makes_a_probing_server_unready_and_by_option_stops_offers() {
    let inner = MemoryStore::default();
    approved(&inner).await;
    let store = Arc::new(Faulty::new(inner));
    let probing = options().with_probe(Some(Duration::from_secs(1)));
    let open = |options: Options| UpdateService::open(store.clone(), options);
    let going_on = open(probing.clone()).await.unwrap();
    let ending = open(probing.with_offers_while_unreachable(Some(Duration::from_secs(30)))).await.unwrap();
    store.on(StoreCall::Get).always(StoreFault::Hangs);
    let phone = sample::ip8540();
    for (second, is_ready, offers) in [(2, true, true), (10, false, true), (40, false, false)] {
        tokio::time::sleep_until(tokio::time::Instant::now() + Duration::from_secs(second)).await;
        assert_eq!(going_on.health().is_ready(), is_ready, "after {second} s");
        assert_eq!(offered(&going_on, &phone, "1.0.522.103"), "3.5.6907.0");
        let expected = if offers { "3.5.6907.0" } else { "-" };
        assert_eq!(offered(&ending, &phone, "1.0.522.103"), expected, "after {second} s");
    }
    store.heal();
    tokio::time::sleep(Duration::from_secs(70)).await;
    assert!(ending.health().is_ready(), "{:?}", ending.health());
    assert_eq!(offered(&ending, &phone, "1.0.522.103"), "3.5.6907.0");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_reported_within_seconds_and_not_after_its_time_limit() {
    let inner = MemoryStore::default();
    approved(&inner).await;
    let store = Arc::new(Faulty::new(inner));
    let options = options().with_probe(Some(Duration::from_secs(1)));
    let service = UpdateService::open(store.clone(), options).await.unwrap();
    store.on(StoreCall::Get).always(StoreFault::Hangs);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(service.health().problem, None);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let problem = service.health().problem.unwrap();
    assert!(problem.starts_with("store unavailable: looking for changes"), "{problem}");
    store.heal();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(service.health().problem, None);
}

#[tokio::test]
async fn the_health_of_a_server_says_whether_its_logs_are_written() {
    let store = Arc::new(Faulty::new(MemoryStore::default()));
    let logs = log_options().with_flush_time(Duration::from_millis(300));
    let service = UpdateService::open(store.clone(), options().with_logs(logs)).await.unwrap();
    assert_eq!(service.health().log_problem, None);
    store.on(StoreCall::Create).below("Logs/").always(StoreFault::Backend);
    ask(&service, &sample::ip8540(), "0.0.0.0");
    assert!(service.flush_logs().await.is_err());
    let health = service.health();
    assert!(health.log_problem.is_some() && health.is_ready());
    let problem = health.log_problem.unwrap();
    assert!(problem.starts_with("the audit log has 1 row that cannot be written: "), "{problem}");
    store.heal();
    service.flush_logs().await.unwrap();
    assert_eq!(service.health().log_problem, None);
}

#[cfg(all(feature = "local", unix))]
#[tokio::test]
async fn a_server_notices_that_its_folder_was_swapped() {
    use ucupdate::local::LocalStore;
    let parent = tempfile::tempdir().unwrap();
    let (folder, aside) = (parent.path().join("store"), parent.path().join("aside"));
    let server = with_sample(LocalStore::open(&folder).unwrap()).await;
    std::fs::rename(&folder, &aside).unwrap();
    let gone = server.refresh().await.unwrap_err().to_string();
    assert!(
        gone.starts_with(&format!("the store was replaced: no folder at `{}`", folder.display())),
        "{gone}"
    );
    assert!(server.health().history_replaced);

    // The new folder has the same objects, but it is another folder.
    std::fs::create_dir(&folder).unwrap();
    let other = server.refresh().await.unwrap_err().to_string();
    let expected = format!(
        "the store was replaced: `{}` is another folder than the one that was opened",
        folder.display()
    );
    assert_eq!(other, expected);
    let refused = server.admin("ann").add_test_device(lab_phone()).await.unwrap_err().to_string();
    assert_eq!(refused, expected);

    std::fs::remove_dir(&folder).unwrap();
    std::fs::rename(&aside, &folder).unwrap();
    server.refresh().await.unwrap();
    assert!(server.health().is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_file_that_the_store_does_not_send_ends_in_an_error() {
    let inner = MemoryStore::default();
    approved(&inner).await;
    let store = Arc::new(Faulty::new(inner));
    let service = UpdateService::open(store.clone(), options()).await.unwrap();
    let snapshot = service.snapshot();
    let file = snapshot.files().iter().next().unwrap();
    store.on(StoreCall::Get).below("images/").always(StoreFault::Hangs);
    let began = tokio::time::Instant::now();
    let late = service.open_file(&file, None).await.map(drop).unwrap_err();
    assert!(matches!(late, ucupdate::store::StoreError::Unavailable { .. }), "{late}");
    assert_eq!(began.elapsed(), Duration::from_secs(30));
}
