//! Disks with faults. They prove that the crash kit finds faults, and test how a store handles errors.

use super::disk::CrashDisk;
use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use ucupdate_store_local::{Disk, DiskEntry, EntryKind, Lock, ReadFile, WriteFile};

/// Forwards the named methods to the wrapped disk.
macro_rules! as_the_disk_behind {
    (= $method:ident($($argument:ident: $kind:ty),*) -> $end:ty) => {
        fn $method(&self, $($argument: $kind),*) -> $end {
            self.disk.$method($($argument),*)
        }
    };
    (@create) => { as_the_disk_behind!(= create(path: &str) -> io::Result<Box<dyn WriteFile>>); };
    (@append) => { as_the_disk_behind!(= append(path: &str) -> io::Result<Box<dyn WriteFile>>); };
    (@open) => { as_the_disk_behind!(= open(path: &str) -> io::Result<Box<dyn ReadFile>>); };
    (@entry) => { as_the_disk_behind!(= entry(path: &str) -> io::Result<DiskEntry>); };
    (@entries) => { as_the_disk_behind!(= entries(folder: &str, each: &mut dyn FnMut(&str, EntryKind)) -> io::Result<()>); };
    (@create_dir) => { as_the_disk_behind!(= create_dir(path: &str) -> io::Result<()>); };
    (@link) => { as_the_disk_behind!(= link(from: &str, to: &str) -> io::Result<()>); };
    (@rename) => { as_the_disk_behind!(= rename(from: &str, to: &str) -> io::Result<()>); };
    (@unlink) => { as_the_disk_behind!(= unlink(path: &str) -> io::Result<()>); };
    (@remove_dir) => { as_the_disk_behind!(= remove_dir(path: &str) -> io::Result<()>); };
    (@sync_dir) => { as_the_disk_behind!(= sync_dir(folder: &str) -> io::Result<()>); };
    (@lock) => { as_the_disk_behind!(= lock(path: &str) -> io::Result<Option<Box<dyn Lock>>>); };
    ($($method:ident)*) => { $(as_the_disk_behind!(@$method);)* };
}

pub(super) use as_the_disk_behind;

/// A disk that ignores case and lists each name in small letters.
#[derive(Debug)]
pub struct LoweringDisk {
    disk: CrashDisk,
}

impl Default for LoweringDisk {
    fn default() -> Self {
        Self { disk: CrashDisk::folding_case() }
    }
}

impl Disk for LoweringDisk {
    as_the_disk_behind!(create append open entry create_dir link rename unlink remove_dir sync_dir lock);

    fn entries(&self, folder: &str, each: &mut dyn FnMut(&str, EntryKind)) -> io::Result<()> {
        self.disk.entries(folder, &mut |name, kind| each(&name.to_lowercase(), kind))
    }
}

/// A disk that reports a folder as synced and does not sync it, like a process that is killed before the sync.
#[derive(Debug)]
pub struct NoDirSync {
    disk: CrashDisk,
}

impl NoDirSync {
    /// Wraps `disk`.
    pub fn new(disk: CrashDisk) -> Self {
        Self { disk }
    }
}

impl Disk for NoDirSync {
    as_the_disk_behind!(create append open entry entries create_dir link rename unlink remove_dir lock);

    fn sync_dir(&self, folder: &str) -> io::Result<()> {
        self.disk.entry(folder).map(drop)
    }
}

/// A disk on which each folder has the same identity. So a folder that was removed and made again
/// seems to be the one that was synced before.
#[derive(Debug)]
pub struct SameFolders {
    disk: CrashDisk,
}

impl SameFolders {
    /// Wraps `disk`.
    pub fn new(disk: CrashDisk) -> Self {
        Self { disk }
    }
}

impl Disk for SameFolders {
    as_the_disk_behind!(create append open entries create_dir link rename unlink remove_dir sync_dir lock);

    fn entry(&self, path: &str) -> io::Result<DiskEntry> {
        Ok(DiskEntry { identity: 1, ..self.disk.entry(path)? })
    }
}

/// A disk that syncs each folder only once while the folder has no files in it. Every later sync of
/// this folder reports success and does nothing, even if the one sync failed. Folders with files
/// are always synced.
#[derive(Debug)]
pub struct SyncsOnce {
    disk: Arc<dyn Disk>,
    synced: Mutex<HashSet<String>>,
}

impl SyncsOnce {
    /// Wraps `disk`.
    pub fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk, synced: Mutex::default() }
    }
}

impl Disk for SyncsOnce {
    as_the_disk_behind!(create append open entry entries create_dir link rename unlink remove_dir lock);

    fn sync_dir(&self, folder: &str) -> io::Result<()> {
        let mut has_files = false;
        self.disk.entries(folder, &mut |_, kind| has_files |= kind == EntryKind::File)?;
        match has_files || locked(&self.synced).insert(folder.to_owned()) {
            true => self.disk.sync_dir(folder),
            false => Ok(()),
        }
    }
}

/// A disk that hides from a store that the disk has stopped. A store opens its lock file after a
/// sync, to see whether the disk still works. On this disk the lock file can always be opened, so
/// the store trusts every sync that reports success.
#[derive(Debug)]
pub struct NeverChecked {
    disk: Arc<dyn Disk>,
    opened: AtomicUsize,
}

impl NeverChecked {
    /// Wraps `disk`.
    pub fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk, opened: AtomicUsize::new(0) }
    }
}

impl Disk for NeverChecked {
    as_the_disk_behind!(create open entry entries create_dir link rename unlink remove_dir sync_dir lock);

    fn append(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        match self.disk.append(path) {
            // Another file is opened in its place, which is correct because nothing is written to
            // it.
            Err(_) if path.ends_with(".lock") => self.disk.create(&format!("{path}.{}", next(&self.opened))),
            end => end,
        }
    }
}

/// A disk that skips one sync of a file or a folder. The sync is chosen by its number, counted from 0.
#[derive(Debug)]
pub struct SkippedSync {
    disk: CrashDisk,
    number: usize,
    syncs: Arc<AtomicUsize>,
    trace: Arc<Mutex<Vec<SyncEvent>>>,
}

/// A call that a [`SkippedSync`] received. From the calls before and after the skipped sync, a
/// proof decides whether a power cut can show that this sync is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "the effects that make something durable or named")]
pub enum SyncEvent {
    /// A sync of the file that was created or opened at this path.
    SyncFile(String),
    /// A sync of this folder. The flag is `true` if the folder had entries that were not durable.
    SyncFolder(String, bool),
    /// A link or rename that gave a file this name.
    Named(String),
    /// The file with this name was removed.
    Removed(String),
}

impl SyncEvent {
    /// Returns whether this is a sync, which can be skipped.
    pub fn is_sync(&self) -> bool {
        matches!(self, Self::SyncFile(_) | Self::SyncFolder(..))
    }
}

impl SkippedSync {
    /// Wraps `disk` and skips sync number `number`.
    pub fn new(disk: CrashDisk, number: usize) -> Self {
        Self { disk, number, syncs: Arc::default(), trace: Arc::default() }
    }

    /// Returns the counter of syncs. It still counts after this disk was moved into a store.
    pub fn counter(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.syncs)
    }

    /// Returns the list of calls, oldest first. It still grows after the disk was moved into a
    /// store.
    pub fn trace(&self) -> Arc<Mutex<Vec<SyncEvent>>> {
        Arc::clone(&self.trace)
    }

    /// Wraps a file so that its syncs are counted and the chosen one is skipped.
    fn counted(&self, path: &str, file: Box<dyn WriteFile>) -> Box<dyn WriteFile> {
        let (number, syncs) = (self.number, self.counter());
        let (trace, path) = (self.trace(), path.to_owned());
        let on_sync = move || {
            locked(&trace).push(SyncEvent::SyncFile(path.clone()));
            Ok(next(&syncs) != number)
        };
        Box::new(Sabotaged { file, on_write: || Ok(()), on_sync })
    }

    fn note(&self, asked: SyncEvent) {
        locked(&self.trace).push(asked);
    }
}

impl Disk for SkippedSync {
    as_the_disk_behind!(open entry entries create_dir remove_dir lock);

    fn unlink(&self, path: &str) -> io::Result<()> {
        self.note(SyncEvent::Removed(path.to_owned()));
        self.disk.unlink(path)
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        Ok(self.counted(path, self.disk.create(path)?))
    }

    fn append(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        Ok(self.counted(path, self.disk.append(path)?))
    }

    fn link(&self, from: &str, to: &str) -> io::Result<()> {
        self.note(SyncEvent::Named(to.to_owned()));
        self.disk.link(from, to)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.note(SyncEvent::Named(to.to_owned()));
        self.disk.rename(from, to)
    }

    fn sync_dir(&self, folder: &str) -> io::Result<()> {
        self.note(SyncEvent::SyncFolder(folder.to_owned(), self.disk.is_unsynced(folder)));
        match next(&self.syncs) == self.number {
            true => self.disk.entry(folder).map(drop),
            false => self.disk.sync_dir(folder),
        }
    }
}

/// A disk on which some lock files belong to another user, so that this process may not even open them.
#[derive(Debug)]
pub struct ForeignLocks {
    disk: CrashDisk,
    part: String,
}

impl ForeignLocks {
    /// Wraps `disk`. The lock files whose path contains `part` belong to another user.
    pub fn new(disk: CrashDisk, part: &str) -> Self {
        Self { disk, part: part.to_owned() }
    }
}

impl Disk for ForeignLocks {
    as_the_disk_behind!(create append open entry entries create_dir link rename unlink remove_dir sync_dir);

    fn lock(&self, path: &str) -> io::Result<Option<Box<dyn Lock>>> {
        if path.contains(&self.part) {
            Err(io::ErrorKind::PermissionDenied.into())
        } else {
            self.disk.lock(path)
        }
    }
}

/// The choice whether only one effect fails, or all effects from this one on. An effect is a call
/// that changes or syncs a file or a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repetition {
    Once,
    FromThenOn,
}

/// A disk on which one effect fails with an error of the given kind. An effect is a call that
/// changes or syncs a file or a folder. The failed effect does not happen, except that a write
/// writes the first half of its bytes. Later effects succeed, unless the failure is
/// [lasting](Self::lasting).
#[derive(Debug)]
pub struct FailingDisk {
    disk: CrashDisk,
    number: usize,
    repetition: Repetition,
    kind: io::ErrorKind,
    effects: Arc<AtomicUsize>,
}

impl FailingDisk {
    /// Wraps `disk`. Effect number `number`, counted from 0, fails.
    pub fn new(disk: CrashDisk, number: usize, kind: io::ErrorKind) -> Self {
        Self { disk, number, repetition: Repetition::Once, kind, effects: Arc::default() }
    }

    /// Lets all later effects fail too.
    #[must_use]
    pub fn lasting(self) -> Self {
        Self { repetition: Repetition::FromThenOn, ..self }
    }

    /// Returns the counter of effects: calls that change or sync a file or a folder. The counter
    /// still counts after the disk was moved into a store.
    pub fn counter(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.effects)
    }

    fn failing(&self, file: Box<dyn WriteFile>) -> Box<dyn WriteFile> {
        let (on_write, on_sync) = (self.fails(), self.fails());
        Box::new(Sabotaged { file, on_write, on_sync: move || on_sync().map(|()| true) })
    }

    fn effect(&self) -> io::Result<()> {
        self.fails()()
    }

    /// Returns a function that counts an effect, and returns an error if this effect must fail.
    fn fails(&self) -> impl Fn() -> io::Result<()> + Send + use<> {
        let (effects, first, repetition, kind) = (self.counter(), self.number, self.repetition, self.kind);
        move || {
            let number = next(&effects);
            let fails = match repetition {
                Repetition::Once => number == first,
                Repetition::FromThenOn => number >= first,
            };
            if fails { Err(kind.into()) } else { Ok(()) }
        }
    }
}

impl Disk for FailingDisk {
    as_the_disk_behind!(open entry entries lock);

    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        self.effect()?;
        Ok(self.failing(self.disk.create(path)?))
    }

    fn append(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        Ok(self.failing(self.disk.append(path)?))
    }

    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.effect()?;
        self.disk.create_dir(path)
    }

    fn link(&self, from: &str, to: &str) -> io::Result<()> {
        self.effect()?;
        self.disk.link(from, to)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.effect()?;
        self.disk.rename(from, to)
    }

    fn unlink(&self, path: &str) -> io::Result<()> {
        self.effect()?;
        self.disk.unlink(path)
    }

    fn remove_dir(&self, path: &str) -> io::Result<()> {
        self.effect()?;
        self.disk.remove_dir(path)
    }

    fn sync_dir(&self, folder: &str) -> io::Result<()> {
        self.effect()?;
        self.disk.sync_dir(folder)
    }
}

fn next(counter: &AtomicUsize) -> usize {
    counter.fetch_add(1, Ordering::SeqCst)
}

/// A file whose writes may fail halfway and whose syncs may fail or be skipped. `on_write` is
/// called before each write, which fails if it returns an error. `on_sync` is called before each
/// sync, which fails if it returns an error, and is skipped if it returns `false`.
pub(super) struct Sabotaged<W, S> {
    pub(super) file: Box<dyn WriteFile>,
    pub(super) on_write: W,
    pub(super) on_sync: S,
}

impl<W: Fn() -> io::Result<()>, S> Write for Sabotaged<W, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Err(error) = (self.on_write)() {
            self.file.write_all(bytes.get(..bytes.len() / 2).unwrap_or_default())?;
            return Err(error);
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl<W, S> WriteFile for Sabotaged<W, S>
where
    W: Fn() -> io::Result<()> + Send,
    S: Fn() -> io::Result<bool> + Send,
{
    fn sync(&mut self) -> io::Result<()> {
        if (self.on_sync)()? { self.file.sync() } else { Ok(()) }
    }

    fn entry(&self) -> io::Result<DiskEntry> {
        self.file.entry()
    }
}

/// A disk that names files before it writes them. It holds back the bytes of a file until the file
/// is linked or renamed, and then writes and syncs them.
#[derive(Debug)]
pub struct NameFirst {
    disk: CrashDisk,
    held: Arc<Mutex<HashMap<String, HeldFile>>>,
}

struct HeldFile {
    file: Box<dyn WriteFile>,
    bytes: Vec<u8>,
}

impl std::fmt::Debug for HeldFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Held({} bytes)", self.bytes.len())
    }
}

impl NameFirst {
    /// Wraps `disk`.
    pub fn new(disk: CrashDisk) -> Self {
        Self { disk, held: Arc::default() }
    }

    fn write_now(&self, path: &str) -> io::Result<()> {
        let Some(mut held) = locked(&self.held).remove(path) else { return Ok(()) };
        held.file.write_all(&held.bytes)?;
        held.file.sync()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Disk for NameFirst {
    as_the_disk_behind!(append open entry entries create_dir unlink remove_dir sync_dir lock);

    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        let held = HeldFile { file: self.disk.create(path)?, bytes: Vec::new() };
        locked(&self.held).insert(path.to_owned(), held);
        Ok(Box::new(HoldingBack { held: Arc::clone(&self.held), path: path.to_owned() }))
    }

    fn link(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.link(from, to)?;
        self.write_now(from)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)?;
        self.write_now(from)
    }
}

struct HoldingBack {
    held: Arc<Mutex<HashMap<String, HeldFile>>>,
    path: String,
}

impl Write for HoldingBack {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if let Some(held) = locked(&self.held).get_mut(&self.path) {
            held.bytes.extend_from_slice(more);
        }
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl WriteFile for HoldingBack {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn entry(&self) -> io::Result<DiskEntry> {
        let held = locked(&self.held);
        let held = held.get(&self.path).ok_or(io::ErrorKind::NotFound)?;
        let size = u64::try_from(held.bytes.len()).map_err(io::Error::other)?;
        Ok(DiskEntry { size, ..held.file.entry()? })
    }
}
