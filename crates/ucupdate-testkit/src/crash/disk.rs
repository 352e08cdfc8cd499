//! A disk in memory that knows what a power cut would lose.

use super::cuts::UnsyncedBytes;
use std::collections::BTreeMap;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use ucupdate_store_local::{Disk, DiskEntry, EntryKind, Lock, ReadFile, WriteFile};

/// A [`Disk`] in memory that separates what is visible from what is durable. Clones share the disk.
#[derive(Clone, Debug, Default)]
pub struct CrashDisk {
    shared: Arc<Mutex<SharedDisk>>,
}

#[derive(Debug, Default)]
struct SharedDisk {
    state: DiskState,
    locks: Vec<usize>,
    /// The state before the first recorded effect, and the state after each effect. An effect is a
    /// call that changes or syncs a file or a folder. `None` if no recording runs.
    recording: Option<Vec<DiskState>>,
    has_stopped: bool,
}

/// The state of the disk at one moment.
#[derive(Clone, Debug)]
pub(super) struct DiskState {
    nodes: Vec<Node>,
    /// Changes of entries that no sync has made durable yet, the oldest first.
    pub(super) pending: Vec<DiskChange>,
    folds_case: bool,
    time: u64,
}

#[derive(Clone, Debug)]
enum Node {
    File { bytes: Vec<u8>, synced: Vec<u8>, modified: u64 },
    Folder { entries: Entries, synced: Entries },
}

type Entries = BTreeMap<String, usize>;

/// The entries that one call changed together (a rename changes two).
#[derive(Clone, Debug)]
pub(super) struct DiskChange {
    entries: Vec<(usize, String, Option<usize>)>,
}

const ROOT: usize = 0;

impl Default for DiskState {
    fn default() -> Self {
        Self { nodes: vec![folder()], pending: Vec::new(), folds_case: false, time: 1_300_000_000 }
    }
}

fn folder() -> Node {
    Node::Folder { entries: Entries::new(), synced: Entries::new() }
}

impl CrashDisk {
    /// Creates a disk that treats `a` and `A` as one name and keeps the first spelling, like those of Windows and macOS.
    pub fn folding_case() -> Self {
        let disk = Self::default();
        disk.shared().state.folds_case = true;
        disk
    }

    /// Makes every write and every entry durable.
    pub fn settle(&self) {
        self.shared().state.settle();
    }

    /// Returns every visible file with its bytes, by path.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.shared().state.files()
    }

    /// Returns the disk after a power cut that keeps only what was synced.
    pub fn after_power_cut(&self) -> Self {
        Self::of(self.shared().state.cut(&[], UnsyncedBytes::Lost))
    }

    /// Stops the disk. From now on effects are still visible, but a power cut loses all of them.
    pub(super) fn stop(&self) {
        self.shared().has_stopped = true;
    }

    pub(super) fn has_stopped(&self) -> bool {
        self.shared().has_stopped
    }

    pub(super) fn of(state: DiskState) -> Self {
        Self { shared: Arc::new(Mutex::new(SharedDisk { state, ..SharedDisk::default() })) }
    }

    pub(super) fn record(&self) {
        let mut shared = self.shared();
        shared.recording = Some(vec![shared.state.clone()]);
    }

    /// Returns whether entries of this folder have changed since its last sync.
    pub(super) fn is_unsynced(&self, folder: &str) -> bool {
        let state = &self.shared().state;
        let of = |node| state.pending.iter().any(|change| change.entries.iter().any(|(of, ..)| *of == node));
        state.find(folder).is_ok_and(of)
    }

    /// Returns the number of effects recorded so far: the calls that changed or synced a file or a
    /// folder.
    pub(super) fn effects(&self) -> usize {
        self.shared().recording.as_ref().map_or(0, |states| states.len() - 1)
    }

    pub(super) fn recorded(&self) -> Vec<DiskState> {
        self.shared().recording.take().unwrap_or_default()
    }

    fn shared(&self) -> MutexGuard<'_, SharedDisk> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes one change or sync. Records the state of the disk after it, if a recording runs and
    /// the disk has not stopped.
    fn effect<T>(&self, effect: impl FnOnce(&mut DiskState) -> io::Result<T>) -> io::Result<T> {
        let mut shared = self.shared();
        let end = effect(&mut shared.state)?;
        let SharedDisk { state, recording, has_stopped, .. } = &mut *shared;
        if let Some(states) = recording
            && !*has_stopped
        {
            states.push(state.clone());
        }
        Ok(end)
    }
}

impl DiskState {
    fn settle(&mut self) {
        self.pending.clear();
        for node in &mut self.nodes {
            match node {
                Node::File { bytes, synced, .. } => synced.clone_from(bytes),
                Node::Folder { entries, synced } => synced.clone_from(entries),
            }
        }
    }

    /// Returns the disk after a power cut. The changes at the indices `kept` of
    /// [`pending`](Self::pending) survive it. `fate` says what becomes of unsynced bytes.
    pub(super) fn cut(&self, kept: &[usize], fate: UnsyncedBytes) -> Self {
        let mut cut = self.clone();
        for node in &mut cut.nodes {
            match node {
                Node::File { bytes, synced, .. } => *bytes = fate.of(bytes, synced),
                Node::Folder { entries, synced } => entries.clone_from(synced),
            }
        }
        for change in kept.iter().filter_map(|&at| self.pending.get(at)) {
            for (folder, name, node) in &change.entries {
                if let Some(Node::Folder { entries, .. }) = cut.nodes.get_mut(*folder) {
                    set(entries, name, *node);
                }
            }
        }
        cut.settle();
        cut
    }

    /// Returns the length in bytes of the longest file with unsynced bytes, or 0. Such a file can
    /// be torn at any offset below this length.
    pub(super) fn unsynced_bytes(&self) -> usize {
        let of = |node: &Node| match node {
            Node::File { bytes, synced, .. } if bytes != synced => bytes.len().max(synced.len()),
            _ => 0,
        };
        self.nodes.iter().map(of).max().unwrap_or(0)
    }

    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.tree().into_iter().filter_map(|(path, bytes)| Some((path, bytes?))).collect()
    }

    /// Returns every file with its bytes, and every folder with `None`, by path.
    pub(super) fn tree(&self) -> BTreeMap<String, Option<Vec<u8>>> {
        let mut tree = BTreeMap::new();
        let mut paths = vec![(String::new(), ROOT)];
        while let Some((path, node)) = paths.pop() {
            let bytes = match self.nodes.get(node) {
                Some(Node::File { bytes, .. }) => Some(bytes.clone()),
                Some(Node::Folder { entries, .. }) => {
                    paths.extend(entries.iter().map(|(name, &node)| {
                        let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
                        (path, node)
                    }));
                    None
                }
                None => None,
            };
            tree.insert(path, bytes);
        }
        tree
    }

    fn find(&self, path: &str) -> io::Result<usize> {
        let mut node = ROOT;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let entries = self.entries_of(node)?;
            let name = self.spelling(entries, name);
            node = *entries.get(&name).ok_or(io::ErrorKind::NotFound)?;
        }
        Ok(node)
    }

    fn entries_of(&self, node: usize) -> io::Result<&Entries> {
        match self.nodes.get(node) {
            Some(Node::Folder { entries, .. }) => Ok(entries),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// Returns `name` as the entry of a folder spells it. On a disk that ignores case, the entry
    /// may be `CPE.nbt` for the name `cpe.nbt`. Returns `name` itself if there is no such entry.
    fn spelling(&self, entries: &Entries, name: &str) -> String {
        if !self.folds_case {
            return name.to_owned();
        }
        let folded = name.to_lowercase();
        let found = entries.keys().find(|found| found.to_lowercase() == folded);
        found.cloned().unwrap_or_else(|| name.to_owned())
    }

    /// Splits a path. Returns the index of its folder in `nodes`, and the last part of the path.
    fn parent<'a>(&self, path: &'a str) -> io::Result<(usize, &'a str)> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let folder = self.find(folder)?;
        self.entries_of(folder)?;
        Ok((folder, name))
    }

    fn free_place<'a>(&self, path: &'a str) -> io::Result<(usize, &'a str)> {
        let place = self.parent(path)?;
        match self.find(path) {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => Ok(place),
        }
    }

    fn change(&mut self, entries: Vec<(usize, String, Option<usize>)>) {
        for (folder, name, node) in &entries {
            if let Some(Node::Folder { entries, .. }) = self.nodes.get_mut(*folder) {
                set(entries, name, *node);
            }
        }
        self.pending.push(DiskChange { entries });
    }

    fn add(&mut self, path: &str, node: Node) -> io::Result<usize> {
        let (folder, name) = self.free_place(path)?;
        let at = self.nodes.len();
        self.nodes.push(node);
        self.change(vec![(folder, name.to_owned(), Some(at))]);
        Ok(at)
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        let (folder, name) = self.parent(path)?;
        let name = self.spelling(self.entries_of(folder)?, name);
        self.change(vec![(folder, name, None)]);
        Ok(())
    }

    fn sync_entries(&mut self, folder: usize) -> io::Result<()> {
        let Some(Node::Folder { entries, synced }) = self.nodes.get_mut(folder) else {
            return Err(io::ErrorKind::NotADirectory.into());
        };
        synced.clone_from(entries);
        for change in &mut self.pending {
            change.entries.retain(|(of, ..)| *of != folder);
        }
        self.pending.retain(|change| !change.entries.is_empty());
        Ok(())
    }

    fn entry(&self, node: usize) -> io::Result<DiskEntry> {
        match self.nodes.get(node) {
            Some(Node::File { bytes, modified, .. }) => Ok(DiskEntry {
                kind: EntryKind::File,
                size: u64::try_from(bytes.len()).map_err(io::Error::other)?,
                modified: SystemTime::UNIX_EPOCH + Duration::from_secs(*modified),
                write_mark: 0,
                identity: 0,
            }),
            Some(Node::Folder { .. }) => Ok(DiskEntry {
                kind: EntryKind::Folder,
                size: 0,
                modified: SystemTime::UNIX_EPOCH,
                write_mark: 0,
                // The node of a removed folder is not used again, and the first node is the root.
                identity: node as u64,
            }),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn listed(&self, folder: &str) -> io::Result<Vec<(String, EntryKind)>> {
        let entries = self.entries_of(self.find(folder)?)?;
        entries.iter().map(|(name, &node)| Ok((name.clone(), self.entry(node)?.kind))).collect()
    }

    fn is_file(&self, node: usize) -> bool {
        matches!(self.nodes.get(node), Some(Node::File { .. }))
    }
}

fn set(entries: &mut Entries, name: &str, node: Option<usize>) {
    match node {
        Some(node) => entries.insert(name.to_owned(), node),
        None => entries.remove(name),
    };
}

impl Disk for CrashDisk {
    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        let node = self.effect(|state| {
            let modified = state.time;
            state.add(path, Node::File { bytes: Vec::new(), synced: Vec::new(), modified })
        })?;
        Ok(Box::new(Writing { disk: self.clone(), node }))
    }

    fn append(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        let state = &self.shared().state;
        let node = state.find(path)?;
        if !state.is_file(node) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(Box::new(Writing { disk: self.clone(), node }))
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn ReadFile>> {
        let state = &self.shared().state;
        let node = state.find(path)?;
        match state.nodes.get(node) {
            Some(Node::File { bytes, .. }) => {
                Ok(Box::new(DiskRead { bytes: Cursor::new(bytes.clone()), entry: state.entry(node)? }))
            }
            _ => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    fn entry(&self, path: &str) -> io::Result<DiskEntry> {
        let state = &self.shared().state;
        state.entry(state.find(path)?)
    }

    fn entries(&self, folder: &str, each: &mut dyn FnMut(&str, EntryKind)) -> io::Result<()> {
        // The listing is complete before `each` is called, because `each` may call the disk again.
        let listed = self.shared().state.listed(folder)?;
        listed.iter().for_each(|(name, kind)| each(name, *kind));
        Ok(())
    }

    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.effect(|state| state.add(path, folder()).map(drop))
    }

    fn link(&self, from: &str, to: &str) -> io::Result<()> {
        self.effect(|state| {
            let node = state.find(from)?;
            let (folder, name) = state.free_place(to)?;
            state.change(vec![(folder, name.to_owned(), Some(node))]);
            Ok(())
        })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.effect(|state| {
            let node = state.find(from)?;
            let (from_folder, from_name) = state.parent(from)?;
            let (to_folder, to_name) = state.parent(to)?;
            if state.find(to).is_ok_and(|there| !state.is_file(there)) {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            let to_name = state.spelling(state.entries_of(to_folder)?, to_name);
            state.change(vec![(to_folder, to_name, Some(node)), (from_folder, from_name.to_owned(), None)]);
            Ok(())
        })
    }

    fn unlink(&self, path: &str) -> io::Result<()> {
        self.effect(|state| match state.find(path)? {
            node if state.is_file(node) => state.remove(path),
            _ => Err(io::ErrorKind::IsADirectory.into()),
        })
    }

    fn remove_dir(&self, path: &str) -> io::Result<()> {
        self.effect(|state| {
            let node = state.find(path)?;
            match state.entries_of(node)?.is_empty() {
                true if node != ROOT => state.remove(path),
                _ => Err(io::ErrorKind::DirectoryNotEmpty.into()),
            }
        })
    }

    fn sync_dir(&self, folder: &str) -> io::Result<()> {
        self.effect(|state| {
            let folder = state.find(folder)?;
            state.sync_entries(folder)
        })
    }

    fn lock(&self, path: &str) -> io::Result<Option<Box<dyn Lock>>> {
        let mut shared = self.shared();
        let node = shared.state.find(path)?;
        if shared.locks.contains(&node) {
            return Ok(None);
        }
        shared.locks.push(node);
        Ok(Some(Box::new(Locked { disk: self.clone(), node })))
    }
}

struct Writing {
    disk: CrashDisk,
    node: usize,
}

impl Write for Writing {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        self.disk.effect(|state| {
            state.time += 1;
            let now = state.time;
            let Some(Node::File { bytes, modified, .. }) = state.nodes.get_mut(self.node) else {
                return Err(io::ErrorKind::NotFound.into());
            };
            bytes.extend_from_slice(more);
            *modified = now;
            Ok(more.len())
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl WriteFile for Writing {
    fn sync(&mut self) -> io::Result<()> {
        self.disk.effect(|state| {
            if let Some(Node::File { bytes, synced, .. }) = state.nodes.get_mut(self.node) {
                synced.clone_from(bytes);
            }
            Ok(())
        })
    }

    fn entry(&self) -> io::Result<DiskEntry> {
        self.disk.shared().state.entry(self.node)
    }
}

struct DiskRead {
    bytes: Cursor<Vec<u8>>,
    entry: DiskEntry,
}

impl Read for DiskRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.bytes.read(buffer)
    }
}

impl Seek for DiskRead {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}

impl ReadFile for DiskRead {
    fn entry(&self) -> io::Result<DiskEntry> {
        Ok(self.entry)
    }
}

struct Locked {
    disk: CrashDisk,
    node: usize,
}

impl Lock for Locked {}

impl Drop for Locked {
    fn drop(&mut self) {
        self.disk.shared().locks.retain(|&node| node != self.node);
    }
}
