//! Tests how the store uses the runtime, and how it reads.

use crate::key;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use ucupdate_store::{ImageStore, ImageStoreExt};
use ucupdate_store_local::{Disk, DiskEntry, EntryKind, LocalStore, Lock, ReadFile, WriteFile};
use ucupdate_testkit::crash::CrashDisk;

/// A disk whose folder syncs wait until the test lets them continue, and whose read bytes are counted.
#[derive(Debug)]
struct WaitingDisk {
    disk: CrashDisk,
    go_on: Arc<(Mutex<bool>, Condvar)>,
    /// The number of syncs that had to wait.
    waited: Arc<AtomicUsize>,
    read: Arc<AtomicU64>,
}

impl WaitingDisk {
    fn new(goes_on: bool) -> Self {
        let go_on = Arc::new((Mutex::new(goes_on), Condvar::new()));
        Self { disk: CrashDisk::default(), go_on, waited: Arc::default(), read: Arc::default() }
    }
}

struct CountedFile {
    file: Box<dyn ReadFile>,
    read: Arc<AtomicU64>,
}

impl Read for CountedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.file.read(buffer)?;
        self.read.fetch_add(bytes as u64, Ordering::SeqCst);
        Ok(bytes)
    }
}

impl Seek for CountedFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

impl ReadFile for CountedFile {
    fn entry(&self) -> io::Result<DiskEntry> {
        self.file.entry()
    }
}

impl Disk for WaitingDisk {
    fn sync_dir(&self, folder: &str) -> io::Result<()> {
        let (go_on, changed) = &*self.go_on;
        let go_on = go_on.lock().unwrap();
        self.waited.fetch_add(usize::from(!*go_on), Ordering::SeqCst);
        let waited = changed.wait_timeout_while(go_on, Duration::from_secs(20), |go_on| !*go_on);
        if waited.unwrap().1.timed_out() {
            return Err(io::Error::other("nobody came: the runtime was blocked"));
        }
        self.disk.sync_dir(folder)
    }
    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        self.disk.create(path)
    }
    fn append(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        self.disk.append(path)
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn ReadFile>> {
        Ok(Box::new(CountedFile { file: self.disk.open(path)?, read: Arc::clone(&self.read) }))
    }
    fn entry(&self, path: &str) -> io::Result<DiskEntry> {
        self.disk.entry(path)
    }
    fn entries(&self, folder: &str, each: &mut dyn FnMut(&str, EntryKind)) -> io::Result<()> {
        self.disk.entries(folder, each)
    }
    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.disk.create_dir(path)
    }
    fn link(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.link(from, to)
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn unlink(&self, path: &str) -> io::Result<()> {
        self.disk.unlink(path)
    }
    fn remove_dir(&self, path: &str) -> io::Result<()> {
        self.disk.remove_dir(path)
    }
    fn lock(&self, path: &str) -> io::Result<Option<Box<dyn Lock>>> {
        self.disk.lock(path)
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_slow_disk_does_not_hold_up_the_runtime() {
    let disk = WaitingDisk::new(false);
    let go_on = Arc::clone(&disk.go_on);
    let store = LocalStore::with_disk(Arc::new(disk)).unwrap();
    let let_it = tokio::spawn(async move {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        *go_on.0.lock().unwrap() = true;
        go_on.1.notify_all();
    });
    store.create(&key("a/created"), "x".into()).await.unwrap();
    store.put_bytes(&key("a/put"), "x").await.unwrap();
    store.delete(&key("a/put")).await.unwrap();
    let_it.await.unwrap();
}

#[test]
fn objects_are_read_although_more_writes_hang_than_there_are_threads() {
    const THREADS: usize = 4;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(THREADS)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let disk = WaitingDisk::new(true);
        let (go_on, waited) = (Arc::clone(&disk.go_on), Arc::clone(&disk.waited));
        let store = LocalStore::with_disk(Arc::new(disk)).unwrap();
        store.put_bytes(&key("a/old"), "old").await.unwrap();
        *go_on.0.lock().unwrap() = false;
        for number in 0..2 * THREADS {
            let (at, store) = (key(&format!("a/{number}")), store.clone());
            let putting = tokio::spawn(async move { store.put_bytes(&at, "new").await });
            tokio::time::sleep(Duration::from_millis(1)).await;
            while waited.load(Ordering::SeqCst) < 2.min(number + 1) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            // The caller gives up, but its thread hangs.
            putting.abort();
        }
        assert_eq!(store.get_bytes(&key("a/old"), 3).await.unwrap(), "old");
        assert_eq!(waited.load(Ordering::SeqCst), 2);
        *go_on.0.lock().unwrap() = true;
        go_on.1.notify_all();
        store.put_bytes(&key("a/old"), "new").await.unwrap();
    });
}

#[tokio::test]
async fn an_open_read_goes_on_with_the_old_object() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::open(folder.path()).unwrap();
    let at = key("a/b");
    store.put_bytes(&at, vec![b'o'; 2_000_000]).await.unwrap();
    let replaced = store.get(&at, None).await.unwrap();
    store.put_bytes(&at, "new").await.unwrap();
    assert_eq!(replaced.into_bytes(2_000_000).await.unwrap(), vec![b'o'; 2_000_000]);
    let deleted = store.get(&at, None).await.unwrap();
    store.delete(&at).await.unwrap();
    assert_eq!(deleted.into_bytes(9).await.unwrap(), "new");
}

#[tokio::test]
async fn a_file_that_is_cut_while_it_is_read_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::open(folder.path()).unwrap();
    let at = key("a");
    store.put_bytes(&at, vec![b'o'; 2_000_000]).await.unwrap();
    let object = store.get(&at, None).await.unwrap();
    std::fs::OpenOptions::new()
        .write(true)
        .open(folder.path().join("a"))
        .unwrap()
        .set_len(1_000_000)
        .unwrap();
    let pieces: Vec<_> = object.bytes.collect().await;
    let read: usize = pieces.iter().flatten().map(Bytes::len).sum();
    assert!(read < 1_000_000 && pieces.last().unwrap().is_err(), "{read} bytes came");
}

#[tokio::test]
async fn objects_are_read_and_written_in_pieces_of_bounded_size() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::open(folder.path()).unwrap();
    let at = key("a");
    let tiny = stream::iter((0..20_000_u32).map(|n| Ok(Bytes::copy_from_slice(&n.to_be_bytes()))));
    assert_eq!(store.put(&at, Box::pin(tiny)).await.unwrap().size, 80_000);
    let all = store.get_bytes(&at, 80_000).await.unwrap();
    assert!(all.chunks(4).zip(0..).all(|(four, n): (_, u32)| four == n.to_be_bytes()));

    store.put_bytes(&at, vec![7; 1_000_000]).await.unwrap();
    let pieces: Vec<_> = store.get(&at, None).await.unwrap().bytes.collect().await;
    assert!(pieces.len() > 2 && pieces.iter().flatten().all(|piece| piece.len() <= 256 * 1024));
}

#[tokio::test]
async fn only_a_read_without_a_range_is_one_piece_ahead_of_its_reader() {
    let disk = WaitingDisk::new(true);
    let read = Arc::clone(&disk.read);
    let store = LocalStore::with_disk(Arc::new(disk)).unwrap();
    for at in [key("images/a"), key("a")] {
        let bytes: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        store.put_bytes(&at, bytes.clone()).await.unwrap();
        for (range, pieces) in [(None, 2), (Some(0..u64::MAX), 1)] {
            read.store(0, Ordering::SeqCst);
            let mut object = store.get(&at, range.clone()).await.unwrap();
            let first = object.bytes.next().await.unwrap().unwrap();
            let expected = pieces * first.len() as u64;
            while read.load(Ordering::SeqCst) < expected {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert_eq!(read.load(Ordering::SeqCst), expected, "{at} {range:?}");
            let rest: Vec<_> = object.bytes.map(Result::unwrap).collect().await;
            assert_eq!([vec![first], rest].concat().concat(), bytes, "{at} {range:?}");
        }
    }
}
