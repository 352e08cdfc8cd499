//! Tests stores that earlier programs wrote. See `tests/vectors/README.md`.

use crate::fixtures::*;
use crate::stored::summary::summary;
use std::path::{Path, PathBuf};

const FORMATS: [&str; 5] = ["1.0", "1.1", "1.2", "1.3", "1.4"];

/// The time at which the expected answers were written: 2026-12-04 00:00:00 UTC.
pub(crate) const ASKED_AT: UnixTime = UnixTime::from_seconds(1_796_342_400);

#[tokio::test]
async fn stores_written_by_earlier_formats_still_open_with_the_meaning_they_had() {
    for format in FORMATS {
        let store = stored(format).await;
        let service = open(store.clone()).await;
        assert_eq!(summary(&service, ASKED_AT).await, expected(format), "format {format}");
        for key in keys(&store, "state/checkpoints/").await {
            store.delete(&key).await.unwrap();
        }
        let replayed = open(store).await;
        assert_eq!(
            replayed.snapshot().book(),
            service.snapshot().book(),
            "format {format}, without checkpoints"
        );
    }
}

#[tokio::test]
async fn stores_written_by_earlier_formats_go_on_with_changes_of_this_program() {
    for format in FORMATS {
        let store = stored(format).await;
        let service = open(store.clone()).await;
        let before = service.snapshot().revision();
        let changed = service.admin("ann").add_test_device(lab_phone()).await;
        // The store has a test device with this address under another name.
        assert!(changed.is_err(), "format {format}");
        service.admin("ann").remove_test_device("lab-phone".parse().unwrap()).await.unwrap();
        let added = service.admin("ann").add_test_device(lab_phone()).await.unwrap();
        assert_eq!(added.revision, Some(before + 2), "format {format}");
        let again = open(store).await;
        assert_eq!(again.snapshot().book(), service.snapshot().book(), "format {format}");
    }
}

#[tokio::test]
async fn every_document_of_an_earlier_format_passes_the_check_of_a_store() {
    for format in FORMATS {
        let store = stored(format).await;
        let checked = check_store(&store, &CheckOptions::default(), ASKED_AT).await.unwrap();
        // The vectors leave out the images, one package was retired while a kept revision used it, and their stones are wide.
        let known = ["file-gone", "package-gone", "stone-too-wide"];
        let damaged: Vec<_> =
            checked.problems.iter().filter(|problem| !known.contains(&problem.kind())).collect();
        assert!(damaged.is_empty(), "format {format}: {damaged:?}");
        assert_eq!(checked.checkpoints, 1, "format {format}");
    }
}

#[tokio::test]
async fn a_store_of_an_earlier_program_with_a_ban_of_an_empty_version_opens_and_the_ban_can_be_lifted() {
    let store = stored("1.3").await;
    let service = open(store.clone()).await;
    let before = service.snapshot();
    let rules = "UCPhone/Polycom/*/*/*/*";
    let scope: BanScope = format!("{rules} 9.9.9.9").parse().unwrap();
    let revision = service.admin("ann").ban(Ban::new(scope, "calls drop")).await.unwrap().revision.unwrap();
    // The earlier program accepted an empty version, and wrote the same document without it.
    let key: StoreKey = format!("state/revisions/{revision:020}.json").parse().unwrap();
    let document = store.get_bytes(&key, usize::MAX).await.unwrap();
    let forged = forged(&document, &format!("{rules} 9.9.9.9"), &format!("{rules} "));
    store.put_bytes(&key, forged).await.unwrap();

    let opened = open(store.clone()).await;
    let snapshot = opened.snapshot();
    let empty: Vec<&Ban> = snapshot.book().bans().filter(|ban| ban.scope.is_empty()).collect();
    assert_eq!((snapshot.revision(), empty.len()), (revision, 1));
    assert_eq!(empty[0].scope.to_string(), format!("{rules} "));
    assert_eq!(snapshot.book().bans().count(), before.book().bans().count() + 1);
    let checked = check_store(&store, &CheckOptions::default(), ASKED_AT).await.unwrap();
    assert!(checked.problems.iter().any(|problem| problem.kind() == "ban-empty"), "{:?}", checked.problems);

    opened.admin("ann").lift_ban(empty[0].scope.clone()).await.unwrap();
    assert_eq!(opened.snapshot().book(), before.book());
    assert_eq!(open(store).await.snapshot().book(), before.book());
}

fn folder(format: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/vectors/format-{format}"))
}

fn expected(format: &str) -> String {
    std::fs::read_to_string(folder(format).join("expected.txt")).unwrap()
}

/// Returns a copy of a stored vector in memory.
pub(crate) async fn stored(format: &str) -> MemoryStore {
    let store = MemoryStore::default();
    let root = folder(format);
    let mut folders = vec![root.join("state"), root.join("images")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let parts: Vec<_> =
                path.strip_prefix(&root).unwrap().iter().map(|part| part.to_str().unwrap()).collect();
            let key: StoreKey = parts.join("/").parse().unwrap();
            store.put_bytes(&key, std::fs::read(&path).unwrap()).await.unwrap();
        }
    }
    store
}

async fn keys(store: &MemoryStore, prefix: &str) -> Vec<StoreKey> {
    store.list_all(prefix, usize::MAX).await.unwrap().into_iter().map(|meta| meta.key).collect()
}
