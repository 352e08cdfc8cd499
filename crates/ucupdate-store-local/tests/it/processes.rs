//! Tests several processes with one folder, and the files that a killed process leaves.
//!
//! The child processes run this same test program. An environment variable selects their task.

use crate::key;
use bytes::Bytes;
use futures_util::StreamExt;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use ucupdate_store::{ImageStore, ImageStoreExt, StoreError};
use ucupdate_store_local::LocalStore;

const ROLE: &str = "UCUPDATE_TEST_CHILD";
const KEYS: usize = 40;
const CHILDREN: usize = 4;

fn child(role: &str, folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::child_process", "--nocapture"])
        .env(ROLE, role)
        .env("UCUPDATE_TEST_FOLDER", folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The tasks of the child processes. This is not a test.
#[tokio::test]
async fn child_process() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let store = match LocalStore::open(std::env::var("UCUPDATE_TEST_FOLDER").unwrap()) {
        Err(error) if role == "create" => return println!("\nrefused {error}"),
        opened => opened.unwrap(),
    };
    match role.as_str() {
        "create" => match store.create(&key("a/b/new"), vec![b'n'; 5000].into()).await {
            Ok(()) => println!("\nacknowledged"),
            Err(error) => println!("\nrefused {error}"),
        },
        "stage" => {
            let first = futures_util::stream::iter([Ok(Bytes::from(vec![b'n'; 400_000]))]);
            let report = first.chain(futures_util::stream::poll_fn(|_| {
                println!("\nstaged");
                std::task::Poll::Pending
            }));
            store.put(&key("a/never"), Box::pin(report)).await.unwrap();
        }
        name => {
            for n in 0..KEYS {
                match store.create(&key(&format!("race/{n}")), name.to_owned().into()).await {
                    Ok(()) => println!("\nwon {n}"),
                    Err(StoreError::AlreadyExists { .. }) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
        }
    }
}

fn lines_of(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap)
}

fn staged(folder: &Path) -> usize {
    let names = std::fs::read_dir(folder.join(".staging")).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| !name.to_str().unwrap().ends_with(".lock")).count()
}

#[tokio::test]
async fn of_creates_in_several_processes_exactly_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::open(folder.path()).unwrap();
    let mut children: Vec<_> =
        (0..CHILDREN).map(|number| child(&format!("child-{number}"), folder.path())).collect();
    let mut winners = vec![Vec::new(); KEYS];
    for (number, child) in children.iter_mut().enumerate() {
        for line in lines_of(child) {
            if let Some(n) = line.strip_prefix("won ") {
                winners[n.parse::<usize>().unwrap()].push(format!("child-{number}"));
            }
        }
        assert!(child.wait().unwrap().success());
    }
    for (n, winners) in winners.iter().enumerate() {
        let [winner] = winners.as_slice() else { panic!("race/{n} was won by {winners:?}") };
        assert_eq!(store.get_bytes(&key(&format!("race/{n}")), 99).await.unwrap(), *winner);
    }
    assert_eq!(staged(folder.path()), 0);
}

#[tokio::test]
async fn what_a_killed_process_staged_is_cleared_away_and_what_a_living_one_stages_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = child("stage", folder.path());
    assert!(lines_of(&mut child).any(|line| line == "staged"));
    assert_eq!(staged(folder.path()), 1);

    let store = LocalStore::open(folder.path()).unwrap();
    assert_eq!(staged(folder.path()), 1, "the living one's is left alone");
    assert!(store.list_all("", 9).await.unwrap().is_empty(), "and not seen");
    store.put_bytes(&key("a/other"), "x").await.unwrap();

    child.kill().unwrap();
    child.wait().unwrap();
    let _second = LocalStore::open(folder.path()).unwrap();
    assert_eq!(staged(folder.path()), 0, "the killed one's is cleared away");
    assert_eq!(store.list_all("", 9).await.unwrap().len(), 1);
    let locks = std::fs::read_dir(folder.path().join(".staging")).unwrap().count();
    assert_eq!(locks, 2, "and so is its lock, but not ours");
    drop(store);
    drop(_second);
    assert_eq!(std::fs::read_dir(folder.path().join(".staging")).unwrap().count(), 0);
}

/// A power cut may keep a staged file and lose its lock file.
#[tokio::test]
async fn what_is_staged_without_a_lock_is_cleared_away() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(".staging")).unwrap();
    let name = format!("s{:032x}", 7);
    std::fs::write(folder.path().join(format!(".staging/{name}.0")), "x").unwrap();
    std::fs::write(folder.path().join(".staging/README"), "not ours").unwrap();
    let _store = LocalStore::open(folder.path()).unwrap();
    assert!(!folder.path().join(format!(".staging/{name}.0")).exists());
    assert!(folder.path().join(".staging/README").exists());
}

/// A person removed a folder below a running store.
#[tokio::test]
async fn a_staging_folder_that_was_removed_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::open(folder.path()).unwrap();
    store.put_bytes(&key("a"), "old").await.unwrap();
    std::fs::remove_dir_all(folder.path().join(".staging")).unwrap();
    assert!(matches!(store.put_bytes(&key("a"), "new").await, Err(StoreError::Backend { .. })));
    assert_eq!(store.get_bytes(&key("a"), 9).await.unwrap(), "old");
    let store = LocalStore::open(folder.path()).unwrap();
    store.put_bytes(&key("a"), "new").await.unwrap();
}

/// Runs the child that creates an object under `strace`, which lets its `fsync` calls fail from number `first` on. Returns
/// whether the child acknowledged, or `None` when `strace` cannot be used.
#[cfg(target_os = "linux")]
fn acknowledged_with_failing_fsync(first: usize) -> Option<bool> {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync"])
        .args(["-e", &format!("inject=fsync:error=EIO:when={first}+")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "processes::child_process", "--nocapture"])
        .env(ROLE, "create")
        .env("UCUPDATE_TEST_FOLDER", folder.path().join("store"))
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = text.lines().find(|line| line.starts_with("refused ") || *line == "acknowledged")?;
    Some(said == "acknowledged")
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_whose_fsync_fails_acknowledges_nothing() {
    const MANY: usize = 1000;
    if acknowledged_with_failing_fsync(MANY) != Some(true) {
        let skipped = b"skipped: strace cannot be used, so no fsync of the system failed\n";
        let _ = std::io::Write::write_all(&mut std::io::stderr(), skipped);
        return;
    }
    // If the first call to fail is after the last call, the child acknowledges.
    let calls = (1..MANY).find(|first| acknowledged_with_failing_fsync(*first) == Some(true)).unwrap() - 1;
    // strace counts the calls of each thread. One thread syncs the bytes and each folder above them.
    assert!(calls >= 4, "the bytes and each folder above are synced, but only {calls} calls were made");
}

/// A file system that stops while a sync waits may report success. It opens nothing from then on.
#[cfg(target_os = "linux")]
#[test]
fn a_process_opens_something_after_its_last_sync_and_before_it_acknowledges() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let ran = Command::new("strace")
        .args(["-f", "-qq", "-e", "trace=fsync,openat,openat2,write", "-o"])
        .arg(&trace)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "processes::child_process", "--nocapture"])
        .env(ROLE, "create")
        .env("UCUPDATE_TEST_FOLDER", folder.path().join("store"))
        .output();
    let calls = std::fs::read_to_string(trace).unwrap_or_default();
    let Some((before, _)) = calls.split_once("acknowledged").filter(|_| ran.is_ok()) else {
        let skipped = b"skipped: strace cannot be used\n";
        let _ = std::io::Write::write_all(&mut std::io::stderr(), skipped);
        return;
    };
    let (_, after_sync) = before.rsplit_once("fsync").unwrap();
    assert!(after_sync.contains("open"), "{after_sync}");
}
