//! Tests the problems that a check of a store finds, and their repairs.

use crate::fixtures::*;

/// Returns a store with the sample approved, and with enough revisions for a checkpoint.
async fn with_checkpoint() -> MemoryStore {
    let store = MemoryStore::default();
    let service = with_sample(store.clone()).await;
    service.admin("ann").approve(vec![sample::ip8540()]).await.unwrap();
    for number in 0..64 {
        service.admin("ann").add_test_device(tester(number)).await.unwrap();
    }
    store
}

async fn verify_shared(store: &Arc<dyn ImageStore>) -> StoreCheck {
    check_store(&**store, &CheckOptions::default(), NOW).await.unwrap()
}

async fn verify(store: &MemoryStore) -> StoreCheck {
    check_store(store, &CheckOptions::default(), NOW).await.unwrap()
}

fn kinds(found: &StoreCheck) -> Vec<&'static str> {
    found.problems.iter().map(|finding| finding.kind()).collect()
}

fn key(text: &str) -> StoreKey {
    StoreKey::parse(text).unwrap()
}

fn revision(number: u64) -> StoreKey {
    key(&format!("state/revisions/{number:020}.json"))
}

async fn image(store: &MemoryStore) -> StoreKey {
    let service = open(store.clone()).await;
    service.snapshot().files().find("OCInterim/ENU/CPE.nbt").unwrap().key.clone()
}

#[tokio::test]
async fn in_a_sound_store_nothing_is_found_and_all_is_counted() {
    let store = with_checkpoint().await;
    let found = verify(&store).await;
    assert_eq!(found.problems, []);
    assert_eq!((found.revisions, found.checkpoints, found.kept_from), (66, 1, 1));
    let files: Vec<u64> = open(store).await.snapshot().files().iter().map(|file| file.size).collect();
    assert_eq!((found.files, found.bytes), (files.len(), files.iter().sum()));
    assert_eq!(verify(&MemoryStore::default()).await, StoreCheck::default());
}

#[tokio::test]
async fn an_image_that_is_gone_or_damaged_is_named_and_ingesting_again_mends_it() {
    for (damage, kind, quick) in [
        (None, "file-gone", true),
        (Some(vec![0; 3]), "file-damaged", true),
        (Some(vec![0; IMAGE_BYTES]), "file-damaged", false),
    ] {
        let store = MemoryStore::default();
        let service = with_sample(store.clone()).await;
        let image = image(&store).await;
        match damage {
            None => store.delete(&image).await.unwrap(),
            Some(bytes) => drop(store.put_bytes(&image, bytes).await.unwrap()),
        }
        let found = verify(&store).await;
        assert_eq!(kinds(&found), [kind]);
        assert_eq!(found.problems[0].key(), Some(image.as_str()));
        let package = service.snapshot().book().packages().next().unwrap().id();
        let repair = found.problems[0].repair();
        assert_eq!(
            repair,
            format!("ingest package {package} (UCUpdates.cab) again, or restore the object from a copy")
        );
        let quickly = check_store(&store, &CheckOptions::default().with_quick(true), NOW).await.unwrap();
        assert_eq!(!quickly.problems.is_empty(), quick, "only reading finds other bytes of the same size");

        ingest(&service, sample::uc_updates(IMAGE_BYTES)).await.unwrap();
        let mended = verify(&store).await;
        assert_eq!(mended.problems, []);
        assert!(mended.orphans > 0, "what is left of the first ingest");
    }
}

#[tokio::test]
async fn a_revision_that_is_missing_or_changed_is_found_with_its_number() {
    let store = with_checkpoint().await;
    let whole = store.get_bytes(&revision(7), 1 << 20).await.unwrap();
    store.delete(&revision(7)).await.unwrap();
    let found = verify(&store).await;
    assert_eq!(
        found.problems[0].to_string(),
        format!("`{}` is missing, but later revisions exist", revision(7))
    );
    assert!(found.problems[0].repair().starts_with(&format!("restore `{}`", revision(7))));
    assert_eq!(
        kinds(&found),
        ["revision-missing"],
        "the checkpoint knows the book, and is not to be deleted"
    );

    let other = String::from_utf8(whole.to_vec()).unwrap().replace("\"ann\"", "\"eve\"");
    store.put_bytes(&revision(7), other).await.unwrap();
    let found = verify(&store).await;
    assert_eq!(
        found.problems[0].to_string(),
        format!("`{}` is damaged: its SHA-256 differs from its seal", revision(7))
    );
    assert_eq!(kinds(&found), ["revision-damaged"], "the one after it is blamed for nothing");

    store.put_bytes(&revision(7), forged(&whole, "\"ann\"", "\"eve\"")).await.unwrap();
    let found = verify(&store).await;
    assert_eq!(kinds(&found), ["chain-broken"]);
    assert!(found.problems[0].repair().starts_with(&format!(
        "restore `{}` or `{}`",
        revision(7),
        revision(8)
    )));
    let said = found.problems[0].to_string();
    assert!(said.starts_with(&format!("`{}` names ", revision(8))), "{said}");

    store.put_bytes(&revision(7), store.get_bytes(&revision(6), 1 << 20).await.unwrap()).await.unwrap();
    let found = verify(&store).await;
    assert_eq!(found.problems[0].to_string(), format!("`{}` holds revision 6", revision(7)));
    store.put_bytes(&revision(7), "{}").await.unwrap();
    let said = verify(&store).await.problems[0].to_string();
    assert!(said.starts_with(&format!("`{}` cannot be read: ", revision(7))), "{said}");

    store.put_bytes(&revision(7), whole).await.unwrap();
    assert_eq!(verify(&store).await.problems, []);
}

/// Programs that wrote no seals cannot read a history with seals, so none of them added a revision to it.
#[tokio::test]
async fn a_revision_whose_seal_was_removed_is_refused_by_its_number_behind_sealed_ones() {
    let store = with_checkpoint().await;
    for number in [66, 65, 2] {
        let sealed = store.get_bytes(&revision(number), 1 << 20).await.unwrap();
        let text = std::str::from_utf8(&sealed).unwrap();
        let (text, _) = text.rsplit_once(",\"seal\":").unwrap();
        let stripped = text.replace("\"format\":\"1.2.0\"", "\"format\":\"1.0.0\"") + "}";
        assert_eq!(stripped.len(), text.len() + 1);
        store.put_bytes(&revision(number), stripped).await.unwrap();
        let expected = format!(
            "`{}` has no seal, but revisions before it are sealed: it was changed after it was written",
            revision(number)
        );
        let found = verify(&store).await;
        let problem =
            found.problems.iter().find(|problem| problem.key() == Some(revision(number).as_str())).unwrap();
        assert_eq!((problem.kind(), problem.to_string()), ("revision-damaged", expected.clone()));
        let shared: Arc<dyn ImageStore> = Arc::new(store.clone());
        // A service that opens the store reads only what is behind its checkpoint, and a copy reads all.
        if number > 64 {
            let refused = UpdateService::open(shared.clone(), options()).await.unwrap_err();
            assert_eq!(refused.to_string(), expected);
        }
        let to: Arc<dyn ImageStore> = Arc::new(MemoryStore::default());
        let refused = ucupdate::carry(&shared, &to, |_| {}).await.unwrap_err();
        assert_eq!(
            ucupdate::store::error_chain(&refused),
            format!("cannot read the source store: {expected}")
        );
        store.put_bytes(&revision(number), sealed).await.unwrap();
        assert_eq!(verify(&store).await.problems, []);
    }
}

#[tokio::test]
async fn a_revision_of_a_newer_program_ends_the_look() {
    let store = with_checkpoint().await;
    store.put_bytes(&revision(67), r#"{"format":"9.0.0"}"#).await.unwrap();
    let found = verify(&store).await;
    assert_eq!(kinds(&found), ["newer"]);
    assert_eq!(found.problems[0].repair(), "use the program that wrote it, or a newer one");
}

#[tokio::test]
async fn a_checkpoint_that_differs_from_the_history_is_found_and_may_be_deleted() {
    let store = with_checkpoint().await;
    let checkpoint = key("state/checkpoints/00000000000000000064.json");
    let text = String::from_utf8(store.get_bytes(&checkpoint, 1 << 20).await.unwrap().to_vec()).unwrap();
    for (damaged, says) in [
        (text.replacen("\"revision\":64", "\"revision\":63", 1), "says that it belongs to revision 63"),
        (text.replacen("everybody", "test-devices", 1), "holds a damaged rule book"),
        (text[..100].to_owned(), "cannot be read: "),
    ] {
        store.put_bytes(&checkpoint, damaged).await.unwrap();
        let found = verify(&store).await;
        assert_eq!(kinds(&found), ["checkpoint-damaged"]);
        let said = found.problems[0].to_string();
        assert!(said.starts_with(&format!("`{checkpoint}` {says}")), "{said}");
        assert!(found.problems[0].repair().starts_with(&format!("delete `{checkpoint}`")));
    }
    store.put_bytes(&key("state/checkpoints/00000000000000000128.json"), text.clone()).await.unwrap();
    store.put_bytes(&checkpoint, text).await.unwrap();
    let found = verify(&store).await;
    assert_eq!(
        found.problems[0].to_string(),
        "`state/checkpoints/00000000000000000128.json` belongs to a revision that does not exist"
    );
}

#[tokio::test]
async fn of_a_broken_history_no_checkpoint_is_to_be_deleted() {
    let store = with_checkpoint().await;
    let first = store.get_bytes(&revision(1), 1 << 20).await.unwrap();
    for damage in [None, Some(&b"{}"[..]), Some(br#"{"format":"9.0.0"}"#)] {
        match damage {
            None => store.delete(&revision(1)).await.unwrap(),
            Some(bytes) => drop(store.put_bytes(&revision(1), bytes).await.unwrap()),
        }
        let found = verify(&store).await;
        assert_eq!(found.problems.len(), 1, "{:?}", found.problems);
        let advice = found.problems[0].repair();
        assert!(!advice.contains("checkpoints"), "{advice}");
    }
    // A starting server takes the book from the checkpoint, so its images are checked.
    store.delete(&revision(1)).await.unwrap();
    let image = image(&store).await;
    store.delete(&image).await.unwrap();
    assert_eq!(kinds(&verify(&store).await), ["revision-missing", "file-gone"]);
    store.put_bytes(&revision(1), first).await.unwrap();
    for number in 60..=66 {
        store.delete(&revision(number)).await.unwrap();
    }
    let found = verify(&store).await;
    assert_eq!(kinds(&found), ["checkpoint-ahead", "file-gone"], "revisions were lost at the end");
    assert!(found.problems[0].repair().starts_with("restore the revisions up to it from a copy"));
}

#[tokio::test]
async fn images_without_a_history_are_a_finding_and_a_rebuild_mends_it() {
    let store = with_checkpoint().await;
    for meta in store.list_all("state/", 1000).await.unwrap() {
        store.delete(&meta.key).await.unwrap();
    }
    let found = verify(&store).await;
    assert_eq!(kinds(&found), ["history-gone"]);
    assert_eq!(found.problems[0].to_string(), "the store has 1 ingested package, but no history");
    assert!(found.problems[0].repair().ends_with("rebuild from the images"));
    open(store.clone()).await.admin("ann").rebuild().await.unwrap();
    assert_eq!(verify(&store).await.problems, []);
}

#[tokio::test]
async fn a_damaged_description_is_found_and_ingesting_again_mends_it() {
    for damage in [None, Some(("3.5.6907.0", "3.5.6907.1")), Some(("UCUpdates", "VCUpdates"))] {
        let store = MemoryStore::default();
        let service = with_sample(store.clone()).await;
        let ingest = service.snapshot().book().packages().next().unwrap().ingest;
        let description = key(&format!("images/{ingest}/package.json"));
        let text = String::from_utf8(store.get_bytes(&description, 1 << 20).await.unwrap().to_vec()).unwrap();
        match damage {
            None => store.delete(&description).await.unwrap(),
            Some((from, to)) => {
                store.put_bytes(&description, text.replace(from, to)).await.unwrap();
                assert_eq!(kinds(&verify(&store).await), ["description-damaged"]);
                store.put_bytes(&description, forged(text.as_bytes(), from, to)).await.unwrap();
            }
        }
        let found = verify(&store).await;
        assert_eq!(kinds(&found), ["description-damaged"], "{damage:?}");
        assert_eq!(found.problems[0].key(), Some(description.as_str()));
        ingest_again(&service).await;
        assert_eq!(verify(&store).await.problems, [], "{damage:?}");
    }
}

async fn ingest_again(service: &ucupdate::UpdateService) {
    ingest(service, sample::uc_updates(IMAGE_BYTES)).await.unwrap();
}

#[tokio::test]
async fn orphans_are_counted_and_are_no_fault() {
    let store = with_checkpoint().await;
    store.put_bytes(&key(&format!("images/{:032x}/0-CPE.nbt", 7)), "left").await.unwrap();
    store.put_bytes(&key("images/mine/by-hand"), "not ours").await.unwrap();
    let found = verify(&store).await;
    assert_eq!((found.orphans, found.orphan_bytes), (1, 4));
    assert_eq!(found.problems, []);
}

#[tokio::test]
async fn a_stray_object_of_a_huge_number_costs_nothing() {
    for number in [u64::MAX - 1, u64::MAX] {
        let store = with_checkpoint().await;
        store.put_bytes(&revision(number), "{}").await.unwrap();
        assert_eq!(kinds(&verify(&store).await), ["revision-missing", "revision-damaged"]);
        let readable = store.get_bytes(&revision(7), usize::MAX).await.unwrap();
        store.put_bytes(&revision(number), readable).await.unwrap();
        assert_eq!(kinds(&verify(&store).await), ["revision-missing", "revision-damaged"]);
    }
}

#[tokio::test]
async fn an_object_of_the_history_that_cannot_be_read_is_a_finding_and_not_an_empty_file() {
    let store = Faulty::new(with_checkpoint().await);
    store.on(StoreCall::Get).below(revision(7).as_str()).always(StoreFault::Backend);
    let found = check_store(&store, &CheckOptions::default(), NOW).await.unwrap();
    assert_eq!(kinds(&found), ["unreadable"]);
    let text = found.problems[0].to_string();
    assert_eq!(
        text,
        format!("`{}` cannot be read: store failed: being faulty: the script said so", revision(7))
    );
    assert_eq!(found.revisions, 65, "the others are read");

    let store = with_checkpoint().await;
    store.put_bytes(&revision(7), vec![b'x'; 9 << 20]).await.unwrap();
    let found = verify(&store).await;
    assert_eq!(kinds(&found), ["unreadable"]);
    assert!(found.problems[0].to_string().contains("expected at most 8388608"), "{:?}", found.problems);
}

#[cfg(all(feature = "local", unix))]
#[tokio::test]
async fn a_link_in_place_of_a_folder_of_logs_is_one_finding() {
    use ucupdate::local::LocalStore;
    for linked in ["Logs", "Logs/Server/Access", "Logs/Client", "inventory"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        drop(with_sample(LocalStore::open(&path).unwrap()).await);
        let above = path.join(linked);
        std::fs::create_dir_all(above.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(folder.path(), above).unwrap();
        let store = LocalStore::open(&path).unwrap();
        let found = check_store(&store, &CheckOptions::default(), NOW).await.unwrap();
        assert_eq!(kinds(&found), ["unreadable"], "{linked}: {:?}", found.problems);
        let text = found.problems[0].to_string();
        assert!(text.contains(&format!("`{linked}` is neither a file nor a folder")), "{text}");
    }
}

/// An entry in the place of the next revision, or of one after it, stops all changes, also the kill switch.
#[cfg(all(feature = "local", unix))]
#[tokio::test]
async fn what_stands_in_the_place_of_a_later_object_of_the_state_is_found_and_moving_it_away_mends_it() {
    use std::os::unix::fs::symlink;
    use ucupdate::local::LocalStore;
    type Put = fn(&std::path::Path);
    let link: Put = |path| symlink("/nowhere", path).unwrap();
    let folder: Put = |path| {
        std::fs::create_dir_all(path.join("sub")).unwrap();
        std::fs::write(path.join("sub/x"), "x").unwrap();
    };
    let file: Put = |path| std::fs::write(path, "x").unwrap();
    for (path, put, kind) in [
        ("state/revisions/00000000000000000002.json", folder, "stray"),
        ("state/revisions/00000000000000000002.json", link, "unreadable"),
        ("state/revisions/00000000000000000003.json", folder, "stray"),
        ("state/revisions/00000000000000000003.json", link, "stray"),
        ("state/checkpoints/00000000000000000064.json", folder, "stray"),
        ("state/probes/sub", folder, "stray"),
        ("state/other", link, "stray"),
        ("state/probes", link, "unreadable"),
        ("state/probes", file, "unreadable"),
        (".staging", link, "stray"),
        (".staging", file, "stray"),
    ] {
        let root = tempfile::tempdir().unwrap();
        drop(with_sample(LocalStore::open(root.path()).unwrap()).await);
        let there = root.path().join(path);
        std::fs::create_dir_all(there.parent().unwrap()).unwrap();
        if path == ".staging" {
            std::fs::remove_dir_all(&there).unwrap();
        }
        put(&there);
        let store = LocalStore::open(root.path()).unwrap();
        for quick in [false, true] {
            let options = CheckOptions::default().with_quick(quick);
            let found = check_store(&store, &options, NOW).await.unwrap();
            assert_eq!(kinds(&found), [kind], "{path}: {:?}", found.problems);
            assert_eq!(found.problems[0].key(), Some(path));
            assert!(
                kind == "unreadable"
                    || found.problems[0].repair() == format!("move `{path}` away, out of the store")
            );
        }
        std::fs::rename(&there, root.path().join("Logs")).unwrap();
        let found = check_store(&store, &CheckOptions::default(), NOW).await.unwrap();
        assert!(
            !found.problems.iter().any(|problem| problem.key() == Some(path)),
            "{path}: {:?}",
            found.problems
        );
    }
}

#[cfg(all(feature = "local", unix))]
#[tokio::test]
async fn a_change_that_something_in_the_place_of_its_revision_stops_says_that_it_is_to_be_moved_away() {
    use ucupdate::local::LocalStore;
    for is_link in [false, true] {
        let root = tempfile::tempdir().unwrap();
        let service = with_sample(LocalStore::open(root.path()).unwrap()).await;
        let there = root.path().join(revision(2).as_str());
        if is_link {
            std::os::unix::fs::symlink("/nowhere", &there).unwrap();
        } else {
            std::fs::create_dir_all(there.join("sub")).unwrap();
            std::fs::write(there.join("sub/x"), "x").unwrap();
        }
        let refused = service.admin("ann").approve(vec![sample::ip8540()]).await.unwrap_err().to_string();
        let expected = if is_link {
            "; move it away, or put"
        } else {
            ": move `state/revisions/00000000000000000002.json/` out of the store"
        };
        assert!(refused.contains(expected), "{refused}");
    }
}

/// Writes other bytes of the same size into a file, and sets the time of its last write back.
#[cfg(all(feature = "local", unix))]
fn damage_in_place(path: &std::path::Path) {
    let before = std::fs::metadata(path).unwrap().modified().unwrap();
    let mut bytes = std::fs::read(path).unwrap();
    bytes[0] ^= 1;
    std::fs::write(path, bytes).unwrap();
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(before).unwrap();
}

#[cfg(all(feature = "local", unix))]
#[tokio::test]
async fn a_damaged_image_whose_time_was_set_back_is_not_served() {
    use ucupdate::local::LocalStore;
    use ucupdate::store::StoreError;
    for downloads in [1, 8] {
        let folder = tempfile::tempdir().unwrap();
        let service = with_sample(LocalStore::open(folder.path()).unwrap()).await;
        let snapshot = service.snapshot();
        let file = snapshot.files().iter().find(|file| file.name.as_str().ends_with(".nbt")).unwrap();
        // After three downloads the image is read into memory.
        for _ in 0..downloads {
            let bytes = service.open_file(&file, None).await.unwrap();
            assert_eq!(ucupdate::store::collect(bytes).await.unwrap().len() as u64, file.size);
        }
        // The time of a change has the resolution of the file system, and an image in memory is compared each second.
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
        damage_in_place(&folder.path().join(file.key.as_str()));
        let served = service.open_file(&file, None).await.map(drop);
        let Err(StoreError::Integrity { key, .. }) = served else { panic!("{downloads}: {served:?}") };
        assert_eq!(key, file.key);
    }
}

#[tokio::test]
async fn a_truncated_image_is_damaged_for_a_device_that_goes_on_behind_its_end_too() {
    let memory = MemoryStore::default();
    let service = with_sample(memory.clone()).await;
    let snapshot = service.snapshot();
    let file = snapshot.files().iter().find(|file| file.name.as_str().ends_with(".nbt")).unwrap();
    for size in [0_usize, 50] {
        memory.put_bytes(&file.key, vec![7; size]).await.unwrap();
        for range in [None, Some(0..file.size), Some(100..file.size), Some(100..100)] {
            let served = service.open_file(&file, range.clone()).await.map(drop);
            let Err(ucupdate::store::StoreError::Integrity { found, .. }) = served else {
                panic!("{size} {range:?}: {served:?}")
            };
            assert_eq!(found, format!("{size} bytes, expected {}", file.size));
        }
    }
}

#[cfg(all(feature = "local", unix))]
#[tokio::test]
async fn a_store_whose_state_is_a_link_is_checked_to_its_end() {
    use ucupdate::local::LocalStore;
    for linked in ["state", "state/revisions", "state/checkpoints"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let service = with_sample(LocalStore::open(&path).unwrap()).await;
        service.admin("ann").approve(vec![sample::ip8540()]).await.unwrap();
        drop(service);
        std::fs::create_dir_all(path.join("state/checkpoints")).unwrap();
        std::fs::rename(path.join(linked), folder.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), path.join(linked)).unwrap();
        let store = LocalStore::open(&path).unwrap();
        let found = check_store(&store, &CheckOptions::default(), NOW).await.unwrap();
        assert_eq!(kinds(&found), ["unreadable"], "{linked}: {:?}", found.problems);
        // The repair in the message is a plain folder instead of the link.
        std::fs::remove_file(path.join(linked)).unwrap();
        std::fs::rename(folder.path().join("elsewhere"), path.join(linked)).unwrap();
        let found = check_store(&store, &CheckOptions::default(), NOW).await.unwrap();
        assert_eq!(found.problems, [], "{linked}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_a_finding_and_the_rest_is_checked_all_the_same() {
    let memory = with_checkpoint().await;
    let images = keys(&open(memory.clone()).await, "images/").await;
    let (first, last) = (image(&memory).await, images.last().unwrap());
    memory.delete(&key(last)).await.unwrap();
    for (call, below) in [
        (StoreCall::Get, first.as_str()),
        (StoreCall::List, "state/checkpoints/"),
        (StoreCall::List, "state/continued/"),
        (StoreCall::List, "state/probes/"),
        (StoreCall::List, "inventory/"),
        (StoreCall::List, "images/"),
    ] {
        let store = Faulty::new(memory.clone());
        store.on(call).below(below).always(StoreFault::Backend);
        let found = check_store(&store, &CheckOptions::default(), NOW).await.unwrap();
        let keys: Vec<&str> = found.problems.iter().filter_map(|problem| problem.key()).collect();
        assert!(
            keys.contains(&below.trim_end_matches('/')) && keys.contains(&last.as_str()),
            "{below}: {keys:?}"
        );
        assert_eq!(keys.len(), 2, "{:?}", found.problems);
        assert!(kinds(&found).contains(&"unreadable"), "{:?}", found.problems);
    }
    let store = Faulty::new(memory.clone());
    store.on(StoreCall::Get).below(first.as_str()).always(StoreFault::BadSector(10));
    let found = check_store(&store, &CheckOptions::default(), NOW).await.unwrap();
    assert_eq!(kinds(&found), ["unreadable", "description-damaged"], "a bad sector ends only its image");
    let store = Faulty::new(memory.clone());
    memory.put_bytes(&key("inventory/ocs01.jsonl"), "x").await.unwrap();
    store.on(StoreCall::Get).below("inventory/").always(StoreFault::Backend);
    let found = check_store(&store, &CheckOptions::default(), NOW).await.unwrap();
    assert!(kinds(&found).contains(&"inventory-damaged"), "{:?}", found.problems);
    for (call, below) in [(StoreCall::Head, first.as_str()), (StoreCall::Head, "images/")] {
        let store = Faulty::new(memory.clone());
        store.on(call).below(below).always(StoreFault::Backend);
        let quick = check_store(&store, &CheckOptions::default().with_quick(true), NOW).await.unwrap();
        assert!(
            quick.problems.iter().any(|problem| problem.key() == Some(first.as_str())),
            "{:?}",
            quick.problems
        );
    }
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_an_error_and_no_finding() {
    for call in [StoreCall::Get, StoreCall::List] {
        let store = Faulty::new(with_checkpoint().await);
        store.on(call).after(2).once(StoreFault::Unavailable);
        assert!(check_store(&store, &CheckOptions::default(), NOW).await.is_err(), "{call:?}");
    }
}

/// Moves an object out of the store.
async fn set_aside(store: &MemoryStore, key: &StoreKey) {
    assert!(store.exists(key).await.unwrap());
    store.delete(key).await.unwrap();
}

/// Asserts that the check finds nothing and that the store can be opened. Returns the revision and the approved
/// version.
async fn assert_mended(store: &MemoryStore) -> (u64, Option<String>) {
    assert_eq!(verify(store).await.problems, []);
    let service = open(store.clone()).await;
    let snapshot = service.snapshot();
    let approved = snapshot.book().rule(&sample::ip8540()).and_then(|rule| rule.approved().cloned());
    (snapshot.revision(), approved.map(|candidate| candidate.version.to_string()))
}

#[tokio::test]
async fn a_torn_newest_revision_is_set_aside_alone() {
    for torn in ["", "{\"format\":\"1.2.0\",\"revis"] {
        let store = with_checkpoint().await;
        store.put_bytes(&revision(66), torn).await.unwrap();
        assert!(ucupdate::UpdateService::open(Arc::new(store.clone()), options()).await.is_err());
        let found = verify(&store).await;
        assert_eq!(kinds(&found), ["revision-damaged"]);
        let repair = found.problems[0].repair();
        assert!(repair.contains("move this object alone out of the store"), "{repair}");
        set_aside(&store, &revision(66)).await;
        assert_eq!(assert_mended(&store).await, (65, Some("3.5.6907.0".to_owned())));
    }
}

#[tokio::test]
async fn a_missing_revision_before_a_good_checkpoint_is_continued_by_a_recorded_step() {
    let store = with_checkpoint().await;
    assert_eq!(continue_after_loss(&store, "ann", NOW).await.unwrap(), None, "nothing is missing");
    for number in [7, 9, 10] {
        set_aside(&store, &revision(number)).await;
    }
    let found = verify(&store).await;
    assert_eq!(kinds(&found), ["revision-missing"; 2]);
    let repair = found.problems[0].repair();
    assert!(repair.ends_with("continue after the loss: a later checkpoint holds the rule book"), "{repair}");
    let continued = continue_after_loss(&store, "ann", NOW).await.unwrap().unwrap();
    assert_eq!((&continued.lost[..], continued.at), (&[(7, 7), (9, 10)][..], 64));
    assert_eq!(verify(&store).await.lost_revisions, 3);
    assert_eq!(assert_mended(&store).await, (66, Some("3.5.6907.0".to_owned())));
    let numbers: Vec<u64> = open(store.clone())
        .await
        .history(5, 5)
        .await
        .unwrap()
        .iter()
        .map(|revision| revision.number)
        .collect();
    assert_eq!(numbers, [5, 6, 8, 11, 12]);

    // A copy takes the record with it, also when it is continued, and a store with another beginning is refused.
    let (one, other): (Arc<dyn ImageStore>, Arc<dyn ImageStore>) =
        (Arc::new(store.clone()), Arc::new(MemoryStore::default()));
    for copied in [63, 0] {
        assert_eq!(carry(&one, &other, |_| {}).await.unwrap().revisions, copied);
        assert_eq!(verify_shared(&other).await.lost_revisions, 3);
        assert_eq!(verify_shared(&other).await.problems, []);
    }
    let stranger: Arc<dyn ImageStore> = Arc::new(MemoryStore::default());
    for number in 1..=6 {
        let bytes = store.get_bytes(&revision(number), 1 << 20).await.unwrap();
        stranger.put_bytes(&revision(number), if number < 3 { bytes } else { "other".into() }).await.unwrap();
    }
    let refused = carry(&one, &stranger, |_| {}).await.unwrap_err();
    assert!(refused.to_string().contains("its revision 3 differs"), "{refused}");

    // The record has the rule book, so the checkpoint is only a cache again.
    set_aside(&store, &key("state/checkpoints/00000000000000000064.json")).await;
    assert_eq!(assert_mended(&store).await, (66, Some("3.5.6907.0".to_owned())));
    // Another loss is a problem again, and such a store is not copied.
    set_aside(&store, &revision(20)).await;
    assert_eq!(kinds(&verify(&store).await), ["revision-missing"]);
    let empty: Arc<dyn ImageStore> = Arc::new(MemoryStore::default());
    assert!(carry(&one, &empty, |_| {}).await.is_err());
}

#[tokio::test]
async fn a_damaged_revision_before_a_good_checkpoint_is_set_aside_and_continued() {
    let store = with_checkpoint().await;
    let whole = store.get_bytes(&revision(7), 1 << 20).await.unwrap();
    for damaged in ["{}".to_owned(), forged(&whole, "\"ann\"", "\"eve\"")] {
        store.put_bytes(&revision(7), damaged).await.unwrap();
        let found = verify(&store).await;
        let repair = found.problems[0].repair();
        assert!(repair.contains("out of the store, and "), "{repair}");
        assert!(!repair.contains("rebuild"), "{repair}");
    }
    set_aside(&store, &revision(7)).await;
    continue_after_loss(&store, "ann", NOW).await.unwrap().unwrap();
    assert_eq!(assert_mended(&store).await, (66, Some("3.5.6907.0".to_owned())));
}

#[tokio::test]
async fn a_missing_revision_without_a_later_checkpoint_takes_back_only_what_came_after_it() {
    let store = with_checkpoint().await;
    set_aside(&store, &revision(65)).await;
    let found = verify(&store).await;
    assert_eq!(kinds(&found), ["revision-missing"]);
    let repair = found.problems[0].repair();
    assert!(repair.contains("move all revisions and checkpoints after"), "{repair}");
    assert!(continue_after_loss(&store, "ann", NOW).await.is_err(), "no checkpoint holds the rule book");
    set_aside(&store, &revision(66)).await;
    assert_eq!(assert_mended(&store).await, (64, Some("3.5.6907.0".to_owned())));
}

#[tokio::test]
async fn a_broken_chain_without_a_later_checkpoint_takes_back_only_what_came_after_it() {
    let store = with_checkpoint().await;
    let whole = store.get_bytes(&revision(65), 1 << 20).await.unwrap();
    store.put_bytes(&revision(65), forged(&whole, "\"ann\"", "\"eve\"")).await.unwrap();
    let found = verify(&store).await;
    assert_eq!(kinds(&found), ["chain-broken"]);
    let repair = found.problems[0].repair();
    assert!(repair.contains(&format!("move `{}` and all revisions", revision(66))), "{repair}");
    set_aside(&store, &revision(66)).await;
    assert_eq!(assert_mended(&store).await.0, 65);
}

#[tokio::test]
async fn a_check_runs_on_a_task_of_its_own() {
    let service = with_sample(MemoryStore::default()).await;
    let checked = tokio::spawn(async move {
        let options = CheckOptions::default();
        check_store(&**service.store(), &options, service.now()).await.unwrap().problems.len()
    });
    assert_eq!(checked.await.unwrap(), 0);
}
