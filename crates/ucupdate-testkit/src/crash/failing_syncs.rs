//! Disks whose syncs fail, and the proof that a store never acknowledges a write after a failed
//! sync.

use super::disk::CrashDisk;
use super::recording::{BrokenPromise, CrashReport, Recording};
use super::run::{CrashScenario, look};
use super::sabotage::{Sabotaged, as_the_disk_behind};
use async_trait::async_trait;
use bytes::Bytes;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use ucupdate_store::{ByteStream, ImageStore, ImageStoreExt, Object, ObjectMeta, StoreError, StoreKey};
use ucupdate_store_local::{Disk, DiskEntry, EntryKind, Lock, ReadFile, WriteFile};

/// The way in which the syncs of a [`FailingSyncs`] go wrong. The caller chooses the number of the
/// first sync that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "the proofs try each of them")]
pub enum SyncFault {
    /// The chosen sync returns an error. All other syncs succeed.
    ErrorOnce,
    /// The chosen sync and all syncs after it return an error.
    ErrorsFromThenOn,
    /// The disk stops at the chosen sync. From then on nothing becomes durable, and no file can be
    /// opened. All other calls report success, including syncs. Ext4 and XFS do so if they stop
    /// while a sync waits.
    Stop,
}

impl SyncFault {
    /// All faults.
    pub const ALL: [Self; 3] = [Self::ErrorOnce, Self::ErrorsFromThenOn, Self::Stop];
}

/// A disk on which syncs of files and folders go wrong.
///
/// A failed sync makes nothing durable. After the sync of a file has failed, later syncs of the
/// same open file report success and make nothing durable either. Linux does so: it reports an
/// error once and drops the pages. A later sync of a folder works again.
#[derive(Debug)]
pub struct FailingSyncs {
    disk: CrashDisk,
    faults: Faults,
}

#[derive(Clone, Debug)]
struct Faults {
    first: usize,
    fault: SyncFault,
    syncs: Arc<AtomicUsize>,
    /// The number of recorded changes and syncs of the disk before the first fault. It is
    /// [`usize::MAX`] while there was no fault.
    effects_before: Arc<AtomicUsize>,
}

impl Faults {
    /// Counts a sync. If this sync must go wrong, returns an error or stops the disk, as the
    /// [`SyncFault`] says.
    fn sync(&self, disk: &CrashDisk) -> io::Result<()> {
        let number = self.syncs.fetch_add(1, Ordering::SeqCst);
        if number == self.first {
            self.effects_before.store(disk.effects(), Ordering::SeqCst);
        }
        match self.fault {
            SyncFault::ErrorOnce if number == self.first => return Err(failed()),
            SyncFault::ErrorsFromThenOn if number >= self.first => return Err(failed()),
            SyncFault::Stop if number == self.first => disk.stop(),
            _ => {}
        }
        Ok(())
    }
}

impl FailingSyncs {
    /// Wraps `disk`. Sync number `first`, counted from 0, is the first to go wrong.
    pub fn new(disk: CrashDisk, first: usize, fault: SyncFault) -> Self {
        let effects_before = Arc::new(AtomicUsize::new(usize::MAX));
        Self { disk, faults: Faults { first, fault, syncs: Arc::default(), effects_before } }
    }

    /// Returns a handle on the number of recorded changes and syncs before the first fault. The
    /// number is [`usize::MAX`] while there was no fault. The handle can still be read after this
    /// disk was moved into a store.
    pub(crate) fn effects_before(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.faults.effects_before)
    }

    fn check_works(&self) -> io::Result<()> {
        if self.disk.has_stopped() { Err(failed()) } else { Ok(()) }
    }

    fn failing(&self, file: Box<dyn WriteFile>) -> Box<dyn WriteFile> {
        let (disk, faults) = (self.disk.clone(), self.faults.clone());
        let has_failed = AtomicBool::new(false);
        let on_sync = move || {
            faults.sync(&disk).inspect_err(|_| has_failed.store(true, Ordering::SeqCst))?;
            Ok(!has_failed.load(Ordering::SeqCst))
        };
        Box::new(Sabotaged { file, on_write: || Ok(()), on_sync })
    }
}

fn failed() -> io::Error {
    io::Error::other("input/output error")
}

impl Disk for FailingSyncs {
    as_the_disk_behind!(entry entries create_dir link rename unlink remove_dir lock);

    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        Ok(self.failing(self.disk.create(path)?))
    }

    fn append(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        self.check_works()?;
        Ok(self.failing(self.disk.append(path)?))
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn ReadFile>> {
        self.check_works()?;
        self.disk.open(path)
    }

    fn sync_dir(&self, folder: &str) -> io::Result<()> {
        self.disk.entry(folder)?;
        self.faults.sync(&self.disk)?;
        self.disk.sync_dir(folder)
    }
}

/// Runs a [`CrashScenario`] on a store once for each sync and each [`SyncFault`], and cuts the power at
/// every effect of each run.
///
/// A step that fails is tried again once, as a caller would. Every write that the store acknowledged must survive every
/// cut. After an error the key may hold the old or the new object, whole. `wrap` may wrap the store. The wrapper is
/// left out when the store is opened after a cut.
///
/// # Errors
/// [`BrokenPromise`] at the first cut that loses an acknowledged step. Its text names the sync that failed.
pub async fn every_failed_sync<S: ImageStore, W: ImageStore>(
    scenario: &CrashScenario,
    wrap: impl Fn(S) -> W,
    open: impl AsyncFn(Arc<dyn Disk>) -> Result<S, StoreError>,
) -> Result<CrashReport, BrokenPromise> {
    let mut all = CrashReport::default();
    for fault in SyncFault::ALL {
        all.add(every_sync_with(scenario, fault, &wrap, &open).await?);
    }
    Ok(all)
}

/// Works like [`every_failed_sync`], with one kind of fault.
///
/// # Errors
/// The errors of `every_failed_sync`.
///
/// # Panics
/// When the store does not open on a disk without a fault.
pub async fn every_sync_with<S: ImageStore, W: ImageStore>(
    scenario: &CrashScenario,
    fault: SyncFault,
    wrap: &impl Fn(S) -> W,
    open: &impl AsyncFn(Arc<dyn Disk>) -> Result<S, StoreError>,
) -> Result<CrashReport, BrokenPromise> {
    let mut all = CrashReport::default();
    for first in 0.. {
        let (report, met) = with_failed_syncs(scenario, first, fault, wrap, open).await?;
        all.add(report);
        if !met {
            break;
        }
    }
    Ok(all)
}

/// Runs the scenario with a fault at sync number `first`. The second value is `true` if the
/// scenario reached this sync.
async fn with_failed_syncs<S: ImageStore, W: ImageStore>(
    scenario: &CrashScenario,
    first: usize,
    fault: SyncFault,
    wrap: &impl Fn(S) -> W,
    open: &impl AsyncFn(Arc<dyn Disk>) -> Result<S, StoreError>,
) -> Result<(CrashReport, bool), BrokenPromise> {
    let (disk, mut allowed) = scenario.prepare(open).await;

    let failing = FailingSyncs::new(disk.clone(), first, fault);
    let effects_before = failing.effects_before();
    let store = wrap(open(Arc::new(failing)).await.expect("opening needs no sync"));
    let mut recording = Recording::of(&disk, (None, allowed.clone()));
    for step in &scenario.steps {
        let before = recording.effects() + 1;
        let mut in_flight = allowed.clone();
        step.begin(&mut in_flight);
        let mut end = step.run(&store).await;
        if end.is_err() {
            end = step.run(&store).await;
        }
        // The results that a failed step may have left are allowed until the step is repeated.
        let unfinished = end.as_ref().err().filter(|error| error.may_have_written()).map(|_| step);
        match end {
            Ok(()) => step.acknowledge(&mut allowed),
            Err(StoreError::AlreadyExists { .. }) => {
                allowed = in_flight.clone();
                step.acknowledge_what_is_there(&mut allowed);
            }
            Err(_) => allowed = in_flight.clone(),
        }
        if recording.effects() >= before {
            recording.promise(before, (Some(step), in_flight));
        }
        recording.promise(recording.effects(), (unfinished, allowed.clone()));
    }
    let effects_before = effects_before.load(Ordering::SeqCst);
    drop(store);
    let report = recording
        .cut_from(effects_before, async |left, (step, allowed)| {
            look(left, open, *step, allowed, &scenario.own_folders).await
        })
        .await
        .map_err(|broken| BrokenPromise {
            found: format!("{} (sync {first}, {fault:?})", broken.found),
            ..broken
        })?;
    Ok((report, effects_before < usize::MAX))
}

/// A mutant: a store that reads an object back after a failed `create` or `append`, and reports success when it finds its own bytes.
///
/// The name or the end of an object may be visible and still be lost in a power cut. So this store
/// is wrong, and [`every_failed_sync`] must find the fault.
#[derive(Debug)]
pub struct TrustsWhatItReads<S> {
    store: S,
}

impl<S> TrustsWhatItReads<S> {
    /// Wraps `store`.
    pub fn new(store: S) -> Self {
        Self { store }
    }
}

#[async_trait]
impl<S: ImageStore> ImageStore for TrustsWhatItReads<S> {
    async fn create(&self, key: &StoreKey, bytes: Bytes) -> Result<(), StoreError> {
        let end = self.store.create(key, bytes.clone()).await;
        match &end {
            Err(error) if error.may_have_written() => match self.store.get_bytes(key, bytes.len()).await {
                Ok(found) if found == bytes => Ok(()),
                _ => end,
            },
            _ => end,
        }
    }

    async fn put(&self, key: &StoreKey, bytes: ByteStream) -> Result<ObjectMeta, StoreError> {
        self.store.put(key, bytes).await
    }

    async fn get(&self, key: &StoreKey, range: Option<Range<u64>>) -> Result<Object, StoreError> {
        self.store.get(key, range).await
    }

    async fn head(&self, key: &StoreKey) -> Result<ObjectMeta, StoreError> {
        self.store.head(key).await
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        self.store.delete(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&StoreKey>) -> Result<Vec<ObjectMeta>, StoreError> {
        self.store.list(prefix, after).await
    }

    fn can_append(&self) -> bool {
        self.store.can_append()
    }

    async fn append(&self, key: &StoreKey, at: u64, bytes: Bytes) -> Result<(), StoreError> {
        let size = at + bytes.len() as u64;
        match self.store.append(key, at, bytes).await {
            Err(error) if error.may_have_written() => match self.store.head(key).await {
                Ok(found) if found.size == size => Ok(()),
                _ => Err(error),
            },
            end => end,
        }
    }
}
