//! Tests copies of state and images between stores. The copy must give the same answers.

use crate::fixtures::*;
use crate::meanwhile::Meanwhile;
use bytes::Bytes;

fn shared(store: impl ImageStore) -> Arc<dyn ImageStore> {
    Arc::new(store)
}

/// Returns a store with two packages, one of them approved, and 70 revisions, so that there is a checkpoint.
async fn full() -> MemoryStore {
    let store = MemoryStore::default();
    let service = with_sample(store.clone()).await;
    service.admin("ann").approve(vec![sample::ip8540()]).await.unwrap();
    ingest(&service, newer_package()).await.unwrap();
    for number in 0..67 {
        service.admin("ann").add_test_device(tester(number)).await.unwrap();
    }
    store
}

async fn answers(store: &MemoryStore) -> Vec<UpdateResponse> {
    let service = open(store.clone()).await;
    let versions = ["0.0.0.0", "1.0.522.34", "1.0.522.103", "3.5.6907.0", "9.9.9.9", "odd"];
    let rules = [sample::ip8540(), sample::cx700()];
    rules.iter().flat_map(|rule| versions.map(|version| ask(&service, rule, version))).collect()
}

/// Returns all objects that a copy includes, with their bytes.
async fn state_and_images(store: &MemoryStore) -> Vec<(String, bytes::Bytes)> {
    let mut all = Vec::new();
    for prefix in ["images/", "state/"] {
        for meta in store.list_all(prefix, 1000).await.unwrap() {
            // The rule book does not name the manifest, so it is not copied.
            if meta.key.as_str().ends_with("-updateInfo.xml") {
                continue;
            }
            all.push((meta.key.to_string(), store.get_bytes(&meta.key, 1 << 24).await.unwrap()));
        }
    }
    all
}

/// Returns the number of image objects that a copy includes.
async fn images(store: &MemoryStore) -> usize {
    state_and_images(store).await.iter().filter(|(key, _)| key.starts_with("images/")).count()
}

#[tokio::test]
async fn the_other_store_gives_the_same_answers_byte_for_byte() {
    let (one, other) = (full().await, MemoryStore::default());
    let mut report = 0;
    let carried = carry(&shared(one.clone()), &shared(other.clone()), |_| report += 1).await.unwrap();
    assert_eq!((carried.revision, carried.revisions, carried.skipped), (70, 70, 0));
    assert_eq!(state_and_images(&one).await, state_and_images(&other).await);
    assert_eq!(answers(&one).await, answers(&other).await);
    assert_eq!(report, carried.objects + carried.revisions);
    // The target store can be changed independently.
    open(other).await.admin("bob").approve(vec![sample::ip8540()]).await.unwrap();

    // Copying back changes nothing, because the first store has no further revisions.
    let back = carry(&shared(one.clone()), &shared(one), |_| {}).await.unwrap();
    assert_eq!((back.revisions, back.objects), (0, 0));
}

#[tokio::test]
async fn what_broke_off_goes_on_where_it_was() {
    let one = full().await;
    let all = images(&one).await;
    for (call, fault) in [
        (StoreCall::Put, StoreFault::Unavailable),
        (StoreCall::Put, StoreFault::BreaksOff(100)),
        (StoreCall::Put, StoreFault::LostAnswer),
        (StoreCall::Create, StoreFault::Unavailable),
        (StoreCall::Create, StoreFault::LostAnswer),
        (StoreCall::Get, StoreFault::Unavailable),
    ] {
        let other = MemoryStore::default();
        let faulty = Arc::new(Faulty::new(other.clone()));
        let to: Arc<dyn ImageStore> = faulty.clone();
        let mut broke_off = 0;
        for after in [0, 1, 3, 6] {
            // A creation is tried three times, and 16 revisions are created at the same time.
            let times =
                if (call, fault) == (StoreCall::Create, StoreFault::Unavailable) { 3 * 16 } else { 1 };
            faulty.on(call).after(after).times(times, fault);
            broke_off += u32::from(carry(&shared(one.clone()), &to, |_| {}).await.is_err());
            faulty.heal();
            let images = images(&other).await;
            let revisions = other.list_all("state/revisions/", 1000).await.unwrap().len();
            assert!(revisions == 0 || images == all, "the images come first");
        }
        // After a lost response the creation is tried again, and finds its own revision.
        assert!(
            broke_off > 0 || (call, fault) == (StoreCall::Create, StoreFault::LostAnswer),
            "{call:?} {fault:?}"
        );
        let last = carry(&shared(one.clone()), &to, |_| {}).await.unwrap();
        assert!(last.skipped > 0, "{call:?} {fault:?}");
        assert_eq!(state_and_images(&one).await, state_and_images(&other).await, "{call:?} {fault:?}");
    }
}

#[tokio::test]
async fn a_copy_that_broke_off_with_a_missing_revision_is_not_opened_and_goes_on() {
    let (one, other) = (full().await, MemoryStore::default());
    let to = shared(other.clone());
    carry(&shared(one.clone()), &to, |_| {}).await.unwrap();
    // Sixteen revisions are written at the same time, and a checkpoint comes last.
    for number in (17..=70).chain([4]) {
        other.delete(&format!("state/revisions/{number:020}.json").parse().unwrap()).await.unwrap();
    }
    other.delete(&"state/checkpoints/00000000000000000064.json".parse().unwrap()).await.unwrap();
    let revisions = || async { other.list_all("state/revisions/", 1000).await.unwrap() };
    assert!(UpdateService::open(Arc::new(other.clone()), options()).await.is_err());

    // A later revision of another history is no part of the copy.
    let last: StoreKey = "state/revisions/00000000000000000016.json".parse().unwrap();
    let bytes = other.get_bytes(&last, 1 << 24).await.unwrap();
    other.put_bytes(&last, "{}").await.unwrap();
    let refused = carry(&shared(one.clone()), &to, |_| {}).await.unwrap_err();
    assert!(matches!(refused, CarryError::OtherHistory { revision: 16 }), "{refused}");
    assert_eq!(revisions().await.len(), 15, "nothing is written");
    other.put_bytes(&last, bytes).await.unwrap();

    let last = carry(&shared(one.clone()), &to, |_| {}).await.unwrap();
    assert_eq!((last.revision, last.revisions), (70, 55));
    assert_eq!(state_and_images(&one).await, state_and_images(&other).await);
}

#[tokio::test]
async fn a_store_that_is_behind_is_brought_up_and_one_that_is_further_is_left() {
    let (one, other) = (full().await, MemoryStore::default());
    carry(&shared(one.clone()), &shared(other.clone()), |_| {}).await.unwrap();
    open(one.clone()).await.admin("ann").approve(vec![sample::ip8540()]).await.unwrap();
    let more = carry(&shared(one.clone()), &shared(other.clone()), |_| {}).await.unwrap();
    assert_eq!((more.revision, more.revisions, more.objects), (71, 1, 0));
    assert_eq!(answers(&one).await, answers(&other).await);

    open(other.clone()).await.admin("bob").reject(sample::cx700()).await.unwrap();
    let refused = carry(&shared(one), &shared(other), |_| {}).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the target store is ahead: it has revision 72, but the source store ends at 71"
    );
}

#[tokio::test]
async fn a_store_with_another_history_is_left_as_it_is() {
    let one = full().await;
    let other = MemoryStore::default();
    with_sample(other.clone()).await;
    let before = state_and_images(&other).await;
    let refused = carry(&shared(one.clone()), &shared(other.clone()), |_| {}).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the target store has another history: its revision 1 differs from that of the source; use an empty store"
    );
    assert_eq!(state_and_images(&other).await, before);

    let gap = MemoryStore::default();
    gap.put_bytes(&"state/revisions/00000000000000000005.json".parse().unwrap(), "{}").await.unwrap();
    let refused = carry(&shared(one), &shared(gap), |_| {}).await.unwrap_err();
    assert!(matches!(refused, CarryError::OtherHistory { revision: 5 }), "{refused}");
    let nothing = carry(&shared(MemoryStore::default()), &shared(MemoryStore::default()), |_| {}).await;
    assert_eq!(
        nothing.unwrap_err().to_string(),
        "the source store has no history, so there is nothing to copy"
    );
}

#[tokio::test]
async fn a_damaged_image_is_not_carried() {
    for damage in [None, Some(vec![0; IMAGE_BYTES])] {
        let (one, other) = (full().await, MemoryStore::default());
        let service: UpdateService = open(one.clone()).await;
        let key = service.snapshot().files().find("OCInterim/ENU/CPE.nbt").unwrap().key.clone();
        match damage {
            None => one.delete(&key).await.unwrap(),
            Some(bytes) => drop(one.put_bytes(&key, bytes).await.unwrap()),
        }
        let refused = carry(&shared(one), &shared(other.clone()), |_| {}).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!(
                "`{key}` is missing in the source store, or differs from what was ingested; check the store and repair it first"
            )
        );
        assert!(!other.exists(&key).await.unwrap());
        assert_eq!(open(other).await.snapshot().revision(), 0);
    }
}

#[tokio::test]
async fn what_describes_a_package_is_never_carried_damaged_over_a_whole_one() {
    for damage in [None, Some(("3.5.6907.0", "3.5.6907.1"))] {
        let (one, other) = (full().await, MemoryStore::default());
        let whole = state_and_images(&one).await;
        carry(&shared(one.clone()), &shared(other.clone()), |_| {}).await.unwrap();
        for (key, bytes) in whole.iter().filter(|(key, _)| key.ends_with("/package.json")) {
            match damage {
                None => one.delete(&key.parse().unwrap()).await.unwrap(),
                Some((from, to)) => {
                    let text = String::from_utf8(bytes.to_vec()).unwrap().replace(from, to);
                    one.put_bytes(&key.parse().unwrap(), text).await.unwrap();
                }
            }
        }
        let again = carry(&shared(one.clone()), &shared(other.clone()), |_| {}).await.unwrap();
        assert_eq!((again.objects, state_and_images(&other).await), (0, whole.clone()), "{damage:?}");
        // A description is written for an empty target store too, from the rule book.
        let fresh = MemoryStore::default();
        carry(&shared(one), &shared(fresh.clone()), |_| {}).await.unwrap();
        assert_eq!(state_and_images(&fresh).await, whole, "{damage:?}");
    }
}

#[tokio::test]
async fn an_image_that_is_there_with_other_bytes_is_written_over() {
    let (one, other) = (full().await, MemoryStore::default());
    let service = open(one.clone()).await;
    let key = service.snapshot().files().find("OCInterim/ENU/CPE.nbt").unwrap().key.clone();
    other.put_bytes(&key, vec![0; IMAGE_BYTES]).await.unwrap();
    carry(&shared(one.clone()), &shared(other.clone()), |_| {}).await.unwrap();
    assert_eq!(state_and_images(&one).await, state_and_images(&other).await);
}

/// Returns the revision that a server makes on a history that ends before it.
async fn made_elsewhere(history: &MemoryStore, number: u64) -> Bytes {
    let store = MemoryStore::default();
    let revision = |number: u64| format!("state/revisions/{number:020}.json").parse::<StoreKey>().unwrap();
    for before in 1..number {
        let bytes = history.get_bytes(&revision(before), 1 << 20).await.unwrap();
        store.put_bytes(&revision(before), bytes).await.unwrap();
    }
    let tester =
        TestDevice { name: "lobby".parse().unwrap(), id: DeviceId::Serial("S lobby".parse().unwrap()) };
    open(store.clone()).await.admin("bob").add_test_device(tester).await.unwrap();
    store.get_bytes(&revision(number), 1 << 20).await.unwrap()
}

#[tokio::test]
async fn a_copy_that_a_change_overtakes_takes_back_what_it_wrote_after_it() {
    let one = full().await;
    for overtaken in [1, 2, 16, 17, 70] {
        let other = Meanwhile::default();
        let key = format!("state/revisions/{overtaken:020}.json");
        let change = made_elsewhere(&one, overtaken).await;
        let place: StoreKey = key.parse().unwrap();
        other.before(StoreCall::Create, &key, move |store| async move {
            store.create(&place, change).await.unwrap();
        });
        let failed = carry(&shared(one.clone()), &shared(other.clone()), |_| {}).await.unwrap_err();
        assert!(
            matches!(failed, CarryError::OtherHistory { revision } if revision == overtaken),
            "{overtaken}: {failed}"
        );
        // A server opens the store with the change as the newest revision.
        assert_eq!(open(other).await.snapshot().revision(), overtaken);
    }
}

#[tokio::test]
async fn a_copy_whose_write_fails_opens_at_the_newest_revision_that_it_has() {
    let one = full().await;
    for (failing, fault, copied) in [
        (1, StoreFault::Backend, 0),
        (5, StoreFault::Backend, 4),
        (16, StoreFault::Backend, 15),
        (17, StoreFault::Unavailable, 16),
        (70, StoreFault::Unavailable, 69),
    ] {
        let (memory, revision) = (MemoryStore::default(), format!("state/revisions/{failing:020}.json"));
        let other = Arc::new(Faulty::new(memory.clone()));
        other.on(StoreCall::Create).below(&revision).always(fault);
        let to: Arc<dyn ImageStore> = other;
        let failed = carry(&shared(one.clone()), &to, |_| {}).await.unwrap_err();
        let expected = match copied {
            0 => "cannot write to the target store; it has no revision yet".to_owned(),
            _ => format!("cannot write to the target store; it has the revisions up to {copied}"),
        };
        assert_eq!(failed.to_string(), expected);
        assert_eq!(
            memory.list_all("state/revisions/", 1000).await.unwrap().len() as u64,
            copied,
            "{failing}"
        );
        assert_eq!(open(memory.clone()).await.snapshot().revision(), copied, "{failing}");
        let last = carry(&shared(one.clone()), &shared(memory.clone()), |_| {}).await.unwrap();
        assert_eq!((last.revision, last.revisions), (70, 70 - copied));
        assert_eq!(state_and_images(&one).await, state_and_images(&memory).await, "{failing}");
    }
}

#[tokio::test]
async fn what_an_earlier_copy_wrote_stays_when_a_later_one_fails() {
    let (one, other) = (full().await, MemoryStore::default());
    carry(&shared(one.clone()), &shared(other.clone()), |_| {}).await.unwrap();
    let revision = |number: u64| format!("state/revisions/{number:020}.json").parse::<StoreKey>().unwrap();
    for number in [60, 61, 63] {
        other.delete(&revision(number)).await.unwrap();
    }
    let failing = Arc::new(Faulty::new(other.clone()));
    failing.on(StoreCall::Create).below(revision(61).as_str()).always(StoreFault::Backend);
    let to: Arc<dyn ImageStore> = failing;
    let failed = carry(&shared(one.clone()), &to, |_| {}).await.unwrap_err();
    assert!(matches!(failed, CarryError::Stopped { copied: 60, .. }), "{failed}");
    for (number, is_there) in [(60, true), (61, false), (62, true), (63, false), (64, true), (70, true)] {
        assert_eq!(other.exists(&revision(number)).await.unwrap(), is_there, "{number}");
    }
}

#[tokio::test]
async fn a_checkpoint_that_approves_what_the_history_never_approved_is_not_carried() {
    let (one, other) = (full().await, MemoryStore::default());
    // The checkpoint is of another history, but has the digest of this one. It has 9.9.9.9 approved.
    let foreign = full().await;
    let approving = open(foreign.clone()).await;
    let checkpoint = "state/checkpoints/00000000000000000064.json";
    approving.admin("eve").approve(vec![sample::ip8540()]).await.unwrap();
    for number in 100..160 {
        approving.admin("eve").add_test_device(tester(number)).await.unwrap();
    }
    let evil = foreign
        .get_bytes(&"state/checkpoints/00000000000000000128.json".parse().unwrap(), 1 << 20)
        .await
        .unwrap();
    let good = one.get_bytes(&checkpoint.parse().unwrap(), 1 << 20).await.unwrap();
    let (evil, good) = (String::from_utf8(evil.to_vec()).unwrap(), String::from_utf8(good.to_vec()).unwrap());
    let digest = |text: &str| text.split("\"sha256\":\"").nth(1).unwrap()[..64].to_owned();
    let forged = evil.replace(&digest(&evil), &digest(&good)).replace("\"revision\":128", "\"revision\":64");
    one.put_bytes(&checkpoint.parse().unwrap(), forged).await.unwrap();
    carry(&shared(one), &shared(other.clone()), |_| {}).await.unwrap();
    let copy = other.get_bytes(&checkpoint.parse().unwrap(), 1 << 20).await.unwrap();
    assert_eq!(copy, good, "the target has the checkpoint of the replayed history");
    assert_eq!(offered(&open(other).await, &sample::ip8540(), "1.0.522.103"), "3.5.6907.0");
}

#[tokio::test]
async fn what_no_rule_book_names_is_not_carried() {
    let (one, other) = (full().await, MemoryStore::default());
    let ingest = open(one.clone()).await.snapshot().book().packages().next().unwrap().ingest;
    let before = state_and_images(&one).await;
    for stray in [format!("images/{ingest}/99-evil.exe"), format!("images/{:032x}/0-CPE.nbt", 7)] {
        one.put_bytes(&stray.parse().unwrap(), "stray").await.unwrap();
    }
    carry(&shared(one), &shared(other.clone()), |_| {}).await.unwrap();
    assert_eq!(state_and_images(&other).await, before);
}

#[tokio::test]
async fn a_later_copy_reads_only_the_newest_common_revision_of_the_target() {
    let (one, other) = (full().await, MemoryStore::default());
    carry(&shared(one.clone()), &shared(other.clone()), |_| {}).await.unwrap();
    open(one.clone()).await.admin("ann").approve(vec![sample::ip8540()]).await.unwrap();
    let counted = Arc::new(Faulty::new(other.clone()));
    let to: Arc<dyn ImageStore> = counted.clone();
    let more = carry(&shared(one.clone()), &to, |_| {}).await.unwrap();
    assert_eq!((more.revision, more.revisions, more.objects), (71, 1, 0));
    let files = images(&one).await;
    assert_eq!(counted.calls(StoreCall::Get), files + 1, "each image once, and one revision");
}

#[cfg(all(feature = "local", unix))]
#[tokio::test]
async fn a_newest_revision_that_is_a_link_is_an_error_and_not_left_out() {
    use ucupdate::local::LocalStore;
    let folder = tempfile::tempdir().unwrap();
    let service = with_sample(LocalStore::open(folder.path()).unwrap()).await;
    service.admin("ann").approve(vec![sample::ip8540()]).await.unwrap();
    drop(service);
    let newest = folder.path().join("state/revisions/00000000000000000002.json");
    let elsewhere = folder.path().join("elsewhere");
    std::fs::rename(&newest, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &newest).unwrap();
    let from = shared(LocalStore::open(folder.path()).unwrap());
    let error = carry(&from, &shared(MemoryStore::default()), |_| {}).await.unwrap_err();
    assert!(matches!(error, CarryError::From(_)), "{error:?}");
    std::fs::remove_file(&newest).unwrap();
    std::fs::rename(&elsewhere, &newest).unwrap();
    let carried = carry(&from, &shared(MemoryStore::default()), |_| {}).await.unwrap();
    assert_eq!(carried.revision, 2);
}
