//! Tests disks that are full, or that fail at any one step.

use crate::key;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use ucupdate_store::{ImageStore, ImageStoreExt, StoreError};
use ucupdate_store_local::Disk as _;
use ucupdate_store_local::LocalStore;
use ucupdate_testkit::crash::{CrashDisk, FailingDisk, ForeignLocks, LoweringDisk};

const OLD: &str = "the old object";
const NEW: &str = "the new object, which is longer";

/// Returns a disk with one durable object.
async fn disk_with_one_object() -> CrashDisk {
    let disk = CrashDisk::default();
    let store = LocalStore::with_disk(Arc::new(disk.clone())).unwrap();
    store.put_bytes(&key("a/b/old"), OLD).await.unwrap();
    drop(store);
    disk.settle();
    disk
}

async fn call(store: &LocalStore, name: &str) -> Result<(), StoreError> {
    match name {
        "create" => store.create(&key("a/c/new"), NEW.into()).await,
        "put" => store.put_bytes(&key("a/c/new"), NEW).await.map(drop),
        "replace" => store.put_bytes(&key("a/b/old"), NEW).await.map(drop),
        "delete" => store.delete(&key("a/b/old")).await,
        _ => unreachable!("{name}"),
    }
}

/// Asserts that each key holds one of the expected objects as a whole, or nothing.
async fn assert_whole(store: &LocalStore, why: &str) {
    for meta in store.list_all("", 9).await.unwrap() {
        let bytes = store.get_bytes(&meta.key, 99).await.unwrap();
        assert!(bytes == OLD || bytes == NEW, "{why}: half an object at {}", meta.key);
    }
}

async fn fail_at_every_effect(kind: ErrorKind, check: impl Fn(StoreError, &str)) {
    for name in ["create", "put", "replace", "delete"] {
        for number in 0.. {
            let why = format!("{name} with {kind:?} at effect {number}");
            let disk = disk_with_one_object().await;
            // Opening has effects too, which are not part of this test.
            let opening = FailingDisk::new(disk.clone(), usize::MAX, kind);
            let counter = opening.counter();
            drop(LocalStore::with_disk(Arc::new(opening)).unwrap());
            let first = counter.load(Ordering::SeqCst) - 1;

            let failing = FailingDisk::new(disk.clone(), first + number, kind);
            let counter = failing.counter();
            let store = LocalStore::with_disk(Arc::new(failing)).unwrap();
            let end = call(&store, name).await;
            let has_failed = counter.load(Ordering::SeqCst) > first + number;
            let at = if matches!(name, "create" | "put") { "a/c/new" } else { "a/b/old" };
            if let Err(error) = end {
                assert_whole(&store, &why).await;
                if !error.may_have_written() {
                    let old = if at == "a/b/old" { Some(OLD.into()) } else { None };
                    assert_eq!(
                        store.get_bytes(&key(at), 99).await.ok(),
                        old,
                        "{why}: said that nothing happened"
                    );
                }
                check(error, &why);
                // With free space, the same call succeeds.
                let again = call(&store, name).await;
                assert!(
                    matches!(again, Ok(()) | Err(StoreError::AlreadyExists { .. })),
                    "{why}: again {again:?}"
                );
            }
            drop(store);

            let store = LocalStore::with_disk(Arc::new(disk.clone())).unwrap();
            assert_whole(&store, &why).await;
            let holds = if name == "delete" { None } else { Some(NEW.into()) };
            assert_eq!(store.get_bytes(&key(at), 99).await.ok(), holds, "{why}");
            drop(store);
            let staged: Vec<_> =
                disk.files().into_keys().filter(|path| path.starts_with(".staging")).collect();
            assert_eq!(staged, [""; 0], "{why}: what was staged is cleared away");
            if !has_failed {
                assert!(number >= 3, "{name} has at least three effects");
                break;
            }
        }
    }
}

#[tokio::test]
async fn no_room_at_any_step_is_said_and_leaves_old_or_new() {
    fail_at_every_effect(ErrorKind::StorageFull, |error, why| {
        let StoreError::Unavailable { what, source } = &error else { panic!("{why}: {error:?}") };
        assert!(what.starts_with("no space left while "), "{why}: {what}");
        assert!(source.to_string().ends_with("no storage space"), "{why}: {source}");
    })
    .await;
}

#[tokio::test]
async fn a_failing_step_is_said_and_leaves_old_or_new() {
    fail_at_every_effect(ErrorKind::Other, |error, why| {
        let StoreError::Backend { what, .. } = &error else { panic!("{why}: {error:?}") };
        assert!(what.contains("`a/"), "{why}: {what} names no key");
    })
    .await;
}

#[tokio::test]
async fn a_disk_that_became_read_only_is_told_apart_while_nothing_has_happened() {
    let report = std::cell::Cell::new((0, 0));
    fail_at_every_effect(ErrorKind::ReadOnlyFilesystem, |error, why| match error {
        StoreError::ReadOnly { .. } => report.set((report.get().0 + 1, report.get().1)),
        StoreError::Backend { what, .. } => {
            assert!(what.starts_with("making what was done at"), "{why}: {what}");
            report.set((report.get().0, report.get().1 + 1));
        }
        error => panic!("{why}: {error:?}"),
    })
    .await;
    assert!(report.get().0 > 4 && report.get().1 > 4, "both were met: {report:?}");
}

#[tokio::test]
async fn an_append_that_fails_keeps_the_bytes_before_and_a_put_makes_the_object_whole() {
    const BOTH: &str = "the old object and more";
    let (key, at, more) = (key("a/b/old"), OLD.len() as u64, &BOTH[OLD.len()..]);
    for kind in [ErrorKind::StorageFull, ErrorKind::Other, ErrorKind::ReadOnlyFilesystem] {
        // The write fails after its first half, and then the sync.
        for (number, left) in [(0, "the old object and"), (1, BOTH)] {
            let disk = disk_with_one_object().await;
            let opening = FailingDisk::new(disk.clone(), usize::MAX, kind);
            let counter = opening.counter();
            drop(LocalStore::with_disk(Arc::new(opening)).unwrap());
            let first = counter.load(Ordering::SeqCst) - 1;
            let store =
                LocalStore::with_disk(Arc::new(FailingDisk::new(disk, first + number, kind))).unwrap();
            let error = store.append(&key, at, more.into()).await.unwrap_err();
            assert!(error.may_have_written(), "{kind:?}: {error:?}");
            let found = store.get_bytes(&key, 99).await.unwrap();
            assert!(found.starts_with(OLD.as_bytes()) && left.as_bytes().starts_with(&found), "{found:?}");
            assert!(matches!(store.append(&key, at, more.into()).await, Err(StoreError::Refused { .. })));
            store.put_bytes(&key, BOTH).await.unwrap();
            assert_eq!(store.get_bytes(&key, 99).await.unwrap(), BOTH);
        }
    }
}

/// A small file system in memory. Dropping the value unmounts it. Mounting needs root.
#[cfg(target_os = "linux")]
struct SmallDisk(tempfile::TempDir);

#[cfg(target_os = "linux")]
impl SmallDisk {
    fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", size, "tmpfs"])
            .arg(folder.path())
            .stderr(std::process::Stdio::null())
            .status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(folder))
    }
}

#[cfg(target_os = "linux")]
impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(self.0.path()).status();
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_really_full_disk_is_said_and_leaves_the_old_object() {
    let Some(disk) = SmallDisk::mount("size=256k") else {
        // Printing past the test harness makes the text visible, since the harness hides what a passing test prints.
        let said =
            b"skipped: no small file system could be mounted (it takes root), so none was really full\n";
        let _ = std::io::Write::write_all(&mut std::io::stderr(), said);
        return;
    };
    let store = LocalStore::open(disk.0.path()).unwrap();
    let (small, large) = (key("a/small"), key("b/large"));
    store.put_bytes(&small, vec![b'o'; 1000]).await.unwrap();

    for end in [
        store.create(&large, vec![b'n'; 600_000].into()).await,
        store.put_bytes(&large, vec![b'n'; 600_000]).await.map(drop),
        store.put_bytes(&small, vec![b'n'; 600_000]).await.map(drop),
    ] {
        let Err(StoreError::Unavailable { what, .. }) = end else { panic!("a full disk gave {end:?}") };
        assert!(what.starts_with("no space left while writing"), "{what}");
    }
    let listed = store.list_all("", 9).await.unwrap();
    assert_eq!(listed.len(), 1, "nothing half-written is seen: {listed:?}");
    assert_eq!(store.get_bytes(&small, 1000).await.unwrap(), vec![b'o'; 1000]);
    // The staged file was removed, so there is free space again.
    store.put_bytes(&large, vec![b'n'; 150_000]).await.unwrap();
}

#[tokio::test]
async fn a_folder_that_may_only_be_read_is_a_store_for_reading() {
    for kind in [ErrorKind::PermissionDenied, ErrorKind::ReadOnlyFilesystem] {
        let disk = disk_with_one_object().await;
        let failing = FailingDisk::new(disk, 0, kind).lasting();
        let store = LocalStore::with_disk(Arc::new(failing)).unwrap();
        assert_eq!(store.get_bytes(&key("a/b/old"), 99).await.unwrap(), OLD);
        for name in ["create", "put", "replace"] {
            let refused = call(&store, name).await.unwrap_err();
            assert!(matches!(refused, StoreError::ReadOnly { .. }), "{name}: {refused:?}");
        }
        assert_eq!(store.list_all("", 9).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_store_that_was_read_only_when_it_was_opened_takes_writes_once_it_may_be_written() {
    let disk = disk_with_one_object().await;
    let failing = FailingDisk::new(disk, 0, ErrorKind::PermissionDenied);
    let store = LocalStore::with_disk(Arc::new(failing)).unwrap();
    store.put_bytes(&key("a/c/new"), NEW).await.unwrap();
}

#[tokio::test]
async fn the_lock_file_of_another_user_does_not_keep_a_store_from_being_written() {
    let disk = disk_with_one_object().await;
    for name in ["of-root.lock", "of-root.0"] {
        disk.create(&format!(".staging/{name}")).unwrap();
    }
    let store = LocalStore::with_disk(Arc::new(ForeignLocks::new(disk.clone(), "of-root"))).unwrap();
    store.put_bytes(&key("a/c/new"), NEW).await.unwrap();
    store.self_test().unwrap();
    assert!(disk.entry(".staging/of-root.0").is_ok(), "the other process may be running");
}

#[tokio::test]
async fn a_store_without_room_for_its_lock_opens_for_reading_and_writes_once_there_is_room() {
    for number in 0..3 {
        let disk = disk_with_one_object().await;
        let full = FailingDisk::new(disk, number, ErrorKind::StorageFull);
        let store = LocalStore::with_disk(Arc::new(full)).unwrap();
        store.self_test().unwrap();
        assert_eq!(store.get_bytes(&key("a/b/old"), 99).await.unwrap(), OLD, "effect {number}");
        assert!(matches!(store.head(&key("none")).await, Err(StoreError::NotFound { .. })));
        store.put_bytes(&key("a/c/new"), NEW).await.unwrap();
    }
}

#[cfg(unix)]
#[tokio::test]
async fn stray_folders_and_files_in_the_staging_folder_do_not_keep_a_store_from_opening() {
    let root = tempfile::tempdir().unwrap();
    let staging = root.path().join(".staging");
    for folder in ["stray", "s1.lock", "s1.0", "s2.7/deep"] {
        std::fs::create_dir_all(staging.join(folder)).unwrap();
    }
    std::fs::write(staging.join("s2.lock"), "").unwrap();
    std::os::unix::fs::symlink("/", staging.join("s3.lock")).unwrap();
    let store = LocalStore::open(root.path()).unwrap();
    store.put_bytes(&key("a"), NEW).await.unwrap();
    assert_eq!(store.list_all("", 9).await.unwrap().len(), 1);
    assert!(!staging.join("s2.lock").exists(), "the lock file of an ended process is removed");
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_in_place_of_the_staging_folder_is_named_by_each_write_and_reading_goes_on() {
    let root = tempfile::tempdir().unwrap();
    LocalStore::open(root.path()).unwrap().put_bytes(&key("a"), OLD).await.unwrap();
    let staging = root.path().join(".staging");
    for target in ["/nowhere", "a", "/tmp"] {
        let _folder_of_the_store = std::fs::remove_dir_all(&staging);
        let _link_of_before = std::fs::remove_file(&staging);
        std::os::unix::fs::symlink(target, &staging).unwrap();
        let store = LocalStore::open(root.path()).unwrap();
        assert_eq!(store.get_bytes(&key("a"), 99).await.unwrap(), OLD);
        let refused = ucupdate_store::error_chain(&store.put_bytes(&key("b"), NEW).await.unwrap_err());
        assert!(refused.contains("`.staging` is not a folder"), "{refused}");
    }
}

#[tokio::test]
async fn a_disk_without_hard_links_renames_or_syncs_is_refused_with_the_operation_and_the_path() {
    let disk = CrashDisk::default();
    let opening = FailingDisk::new(disk.clone(), usize::MAX, ErrorKind::Unsupported);
    let counter = opening.counter();
    let store = LocalStore::with_disk(Arc::new(opening)).unwrap();
    let opened = counter.load(Ordering::SeqCst);
    store.self_test().unwrap();
    let tested = counter.load(Ordering::SeqCst);
    drop(store);
    assert!(disk.files().is_empty(), "the self-test leaves nothing behind: {:?}", disk.files());

    let mut refused = Vec::new();
    for number in opened..tested {
        let failing = FailingDisk::new(CrashDisk::default(), number, ErrorKind::Unsupported);
        let store = LocalStore::with_disk(Arc::new(failing)).unwrap();
        if let Err(error) = store.self_test() {
            assert!(matches!(error, StoreError::Backend { .. }), "{error:?}");
            refused.push(ucupdate_store::error_chain(&error));
        }
    }
    for expected in ["making the hard link `.staging/", "renaming to `.staging/", "syncing `.staging`"] {
        assert!(refused.iter().any(|text| text.contains(expected)), "{expected}: {refused:#?}");
    }
}

#[test]
fn a_disk_that_changes_the_letters_of_names_is_refused() {
    // Keys with large letters would be lost, although each write of them succeeds.
    let store = LocalStore::with_disk(Arc::new(LoweringDisk::default())).unwrap();
    let refused = ucupdate_store::error_chain(&store.self_test().unwrap_err());
    assert!(refused.contains("the file system changes names: `.staging/"), "{refused}");
    let folding = LocalStore::with_disk(Arc::new(CrashDisk::folding_case())).unwrap();
    folding.self_test().unwrap();
}

#[test]
fn what_cannot_be_opened_is_said_with_its_path() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = LocalStore::open(&file).unwrap_err();
    assert!(error.to_string().contains(&*file.to_string_lossy()), "{error}");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_to_its_end_is_not_a_store_that_does_not_answer() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::open(folder.path()).unwrap();
    store.put_bytes(&key("a/large"), vec![7; 3 << 20]).await.unwrap();
    let whole = store.get(&key("a/large"), None).await.unwrap();
    let part = store.get(&key("a/large"), Some(0..2 << 20)).await.unwrap();
    std::fs::OpenOptions::new().write(true).open(folder.path().join("a/large")).unwrap().set_len(9).unwrap();
    for object in [whole, part] {
        let error = object.into_bytes(3 << 20).await.unwrap_err();
        assert!(matches!(error, StoreError::Backend { .. }), "{error:?}");
        assert!(ucupdate_store::error_chain(&error).contains("reading `a/large`: file ended "), "{error:?}");
    }
}
