//! The blocking work on the folder of a store. Each step is one change or one sync on the [`Disk`].
//!
//! The order of the steps ensures that an object is whole or absent after a power cut. First the
//! bytes are synced, then the object gets its name, then the folders above it are synced. Only then
//! success is reported.
//!
//! The folder of the object is synced each time. The folders above that one are synced too, because
//! another process may have made one of them without a sync. Folders that this store has already
//! synced since they were made are left out.

use crate::disk::{Disk, DiskEntry, EntryKind, ReadFile};
use crate::staging::{STAGING, StagedFile, Staging, folds_case};
use crate::synced::SyncedFolders;
use bytes::Bytes;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use ucupdate_store::{ObjectMeta, StoreError, StoreKey};

/// The largest number of tries of a step. A step is repeated if another process made or removed a
/// folder of the path at the same time.
const MAX_TRIES: usize = 64;

#[derive(Debug)]
pub(crate) struct StoreFolder {
    pub(crate) disk: Arc<dyn Disk>,
    staging: Mutex<StagingState>,
    /// `true` if the file system treats `a` and `A` as one name.
    folds_case: bool,
    /// `true` if the staging folder existed when the store was opened. If the staging folder is
    /// missing later, the whole folder of the store counts as removed, and calls fail.
    has_staging: bool,
    synced: SyncedFolders,
}

/// The state of the staging folder. Only writes need the folder.
#[derive(Debug)]
enum StagingState {
    Open(Arc<Staging>),
    /// The folder could not be used when the store was opened: the disk was full, or this process may not write. Each write
    /// tries again.
    Later,
}

/// The entry at the path of a key or of one of its folders.
enum Occupant {
    Nothing,
    Folder,
    Object(DiskEntry),
    /// A link, a pipe, a socket or a device. This store never makes such entries.
    Foreign,
    /// An entry whose name is spelled differently from the key, on a file system that ignores case.
    /// Example: `CPE.nbt` for the key `cpe.nbt`. Contains the path of the entry.
    OtherName(String),
}

impl StoreFolder {
    pub(crate) fn open(disk: Arc<dyn Disk>) -> io::Result<Self> {
        // Reading needs no staging folder, so only a root that cannot be read fails here.
        disk.entries("", &mut |_, _| {})?;
        let staging = match Staging::open(Arc::clone(&disk)) {
            Ok(staging) => StagingState::Open(staging),
            Err(_) => StagingState::Later,
        };
        let has_staging = disk.entry(STAGING).is_ok();
        let folds_case = folds_case(&*disk)?;
        Ok(Self {
            disk,
            staging: Mutex::new(staging),
            folds_case,
            has_staging,
            synced: SyncedFolders::default(),
        })
    }

    /// Checks that the disk has the operations that the store needs. A store that cannot write at
    /// the moment is not checked.
    pub(crate) fn self_test(&self) -> io::Result<()> {
        let StagingState::Open(staging) = &*self.staging() else { return Ok(()) };
        match staging.self_test() {
            Err(error) if is_lacking(&error) => Err(error),
            // A full or failing disk can still be read, and each write reports its own error.
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn staging(&self) -> MutexGuard<'_, StagingState> {
        self.staging.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn stage(&self, key: &StoreKey) -> Result<StagedFile, StoreError> {
        self.is_here()?;
        let staging = self.open_staging().map_err(|error| writing(key, error))?;
        staging.stage().map_err(|error| writing(key, error))
    }

    fn open_staging(&self) -> io::Result<Arc<Staging>> {
        let mut state = self.staging();
        if let StagingState::Open(staging) = &*state {
            return Ok(Arc::clone(staging));
        }
        let opened = Staging::open(Arc::clone(&self.disk))?;
        *state = StagingState::Open(Arc::clone(&opened));
        Ok(opened)
    }

    /// Checks that the disk still works after a sync. A file system that stops while a sync waits
    /// may let that sync return without an error, so a sync alone proves nothing.
    fn check_works(&self) -> io::Result<()> {
        match self.open_staging() {
            // A stopped ext4 opens folders, but no file. An ext4 whose journal failed opens files
            // only for reading.
            Ok(staging) => self.disk.append(&staging.lock_path()).map(drop),
            // There is no lock file to open, for example because the disk was full. A new sync
            // fails if the file system has stopped before it.
            Err(_) => self.disk.sync_dir(""),
        }
    }

    pub(crate) fn create(&self, key: &StoreKey, bytes: &Bytes) -> Result<(), StoreError> {
        self.make_folders(key)?;
        if let Occupant::Object(_) = self.occupant(key.as_str()).map_err(|error| writing(key, error))? {
            return self.exists_already(key);
        }
        let mut staged = self.stage(key)?;
        staged.write(bytes).and_then(|()| staged.finish()).map_err(|error| writing(key, error))?;
        for _ in 0..MAX_TRIES {
            match self.disk.link(staged.path(), key.as_str()) {
                Ok(()) => return self.sync_folders(key),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.is_still_staged(key, &staged)?;
                    self.make_folders(key)?;
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    if let Occupant::Object(_) = self.make_room(key)? {
                        return self.exists_already(key);
                    }
                }
                Err(error) => {
                    self.make_folders(key)?;
                    return Err(writing(key, error));
                }
            }
        }
        Err(gave_up(key))
    }

    /// Returns [`StoreError::AlreadyExists`], after it made the existing object durable. The caller
    /// may have created this object itself, in an earlier call whose answer was lost.
    fn exists_already(&self, key: &StoreKey) -> Result<(), StoreError> {
        self.sync_folders(key)?;
        Err(StoreError::AlreadyExists { key: key.clone() })
    }

    /// Moves a staged object to its key, and replaces an object that is already there.
    pub(crate) fn replace(&self, key: &StoreKey, mut staged: StagedFile) -> Result<ObjectMeta, StoreError> {
        let entry = staged.finish().map_err(|error| writing(key, error))?;
        for _ in 0..MAX_TRIES {
            self.make_folders(key)?;
            self.make_room(key)?;
            match self.disk.rename(staged.path(), key.as_str()) {
                Ok(()) => {
                    staged.moved();
                    // The rename changes the write mark of the file, so the mark is read again.
                    let write_mark = self.disk.entry(key.as_str()).map_or(0, |entry| entry.write_mark);
                    self.sync_folders(key)?;
                    return Ok(meta(key, &DiskEntry { write_mark, ..entry }));
                }
                // Another process made or removed a folder in the meantime, so the step is repeated.
                Err(error) if self.has_changed(key, &error) => self.is_still_staged(key, &staged)?,
                Err(error) => return Err(writing(key, error)),
            }
        }
        Err(gave_up(key))
    }

    /// Adds bytes to the end of an object. Refuses if the object does not have `at` bytes.
    pub(crate) fn append(&self, key: &StoreKey, at: u64, bytes: &[u8]) -> Result<(), StoreError> {
        self.is_here()?;
        self.find(key)?;
        let mut file = self.disk.append(key.as_str()).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StoreError::NotFound { key: key.clone() },
            io::ErrorKind::InvalidInput => {
                StoreError::Refused { reason: format!("`{key}` is not appended to: {error}").into() }
            }
            _ => writing(key, error),
        })?;
        let size = file.entry().map_err(|error| writing(key, error))?.size;
        if size != at {
            return Err(StoreError::other_size(key, size, at));
        }
        // A part of the bytes may have been written, so the error must not mean that nothing was
        // written.
        let written = file.write_all(bytes).and_then(|()| file.sync_data());
        let written = written.and_then(|()| self.check_works());
        written.map_err(|error| io_error(None, format!("appending to `{key}`"), error))
    }

    fn has_changed(&self, key: &StoreKey, error: &io::Error) -> bool {
        error.kind() == io::ErrorKind::NotFound || matches!(self.occupant(key.as_str()), Ok(Occupant::Folder))
    }

    fn is_still_staged(&self, key: &StoreKey, staged: &StagedFile) -> Result<(), StoreError> {
        let looked = self.disk.entry(staged.path()).map(drop);
        looked.map_err(|error| {
            io_error(None, format!("writing `{key}`: looking for `{}`", staged.path()), error)
        })
    }

    pub(crate) fn head(&self, key: &StoreKey) -> Result<ObjectMeta, StoreError> {
        let entry = self.find(key)?;
        Ok(meta(key, &entry))
    }

    /// Opens an object. Returns its metadata, the range without the part beyond the end of the
    /// object, and the file positioned at the start of the range.
    #[allow(clippy::type_complexity, reason = "three things, named where they are taken")]
    pub(crate) fn open_object(
        &self,
        key: &StoreKey,
        range: Option<Range<u64>>,
    ) -> Result<(ObjectMeta, Range<u64>, Box<dyn ReadFile>), StoreError> {
        self.find(key)?;
        let opened = self.disk.open(key.as_str()).and_then(|file| Ok((file.entry()?, file)));
        let (entry, mut file) = opened.map_err(|error| reading(key, error))?;
        let meta = meta(key, &entry);
        let range = meta.resolve(range)?;
        file.seek(io::SeekFrom::Start(range.start)).map_err(|error| reading(key, error))?;
        Ok((meta, range, file))
    }

    pub(crate) fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        let deleting = |error| io_error(Some(key), format!("deleting `{key}`"), error);
        match self.find(key) {
            Ok(_) => match self.disk.unlink(key.as_str()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(deleting(error)),
                _ => {}
            },
            // Another process may have removed the object without a sync, so the removal is synced here.
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        self.sync_removal(key).map_err(|error| not_durable(key, error))?;
        for folder in folders_from_within(key) {
            // The removal fails when the folder is not empty. If an empty folder stays, it does no
            // harm.
            if self.disk.remove_dir(folder).is_err() {
                break;
            }
            self.synced.forget(folder);
        }
        Ok(())
    }

    /// Returns the entry of the object at a key. Each folder of the key must be a real folder, not
    /// a link to one.
    fn find(&self, key: &StoreKey) -> Result<DiskEntry, StoreError> {
        let not_found = || match self.is_here() {
            Ok(()) => StoreError::NotFound { key: key.clone() },
            Err(error) => error,
        };
        let look = |path| self.occupant(path).map_err(|error| reading(key, error));
        for folder in key.folders() {
            match look(folder)? {
                Occupant::Folder => {}
                Occupant::Foreign => return Err(foreign(key, folder)),
                Occupant::Nothing | Occupant::Object(_) | Occupant::OtherName(_) => return Err(not_found()),
            }
        }
        match look(key.as_str())? {
            Occupant::Object(entry) => Ok(entry),
            Occupant::Foreign => Err(foreign(key, key.as_str())),
            Occupant::Nothing | Occupant::Folder | Occupant::OtherName(_) => Err(not_found()),
        }
    }

    /// Returns whether the folder exists with exactly that name. If it or a folder above it is
    /// replaced by a link or a pipe, returns an error, because the objects below cannot be known.
    pub(crate) fn has_folder(&self, folder: &StoreKey) -> Result<bool, StoreError> {
        for path in folder.folders().chain([folder.as_str()]) {
            match self.occupant(path).map_err(|error| listing(folder.as_str(), error))? {
                Occupant::Folder => {}
                Occupant::Nothing | Occupant::Object(_) | Occupant::OtherName(_) => return Ok(false),
                Occupant::Foreign => return Err(foreign(folder, path)),
            }
        }
        Ok(true)
    }

    fn occupant(&self, path: &str) -> io::Result<Occupant> {
        for _ in 0..MAX_TRIES {
            let entry = match self.disk.entry(path) {
                Ok(entry) => entry,
                Err(error) if is_nothing(&error) => return Ok(Occupant::Nothing),
                Err(error) => return Err(error),
            };
            if self.folds_case {
                match self.spelling(path)? {
                    Some(found) if found == path => {}
                    Some(other) => return Ok(Occupant::OtherName(other)),
                    // The entry disappeared before its folder was listed, so the step is repeated.
                    None => continue,
                }
            }
            return Ok(match entry.kind {
                EntryKind::File => Occupant::Object(entry),
                EntryKind::Folder => Occupant::Folder,
                EntryKind::Other => Occupant::Foreign,
            });
        }
        // Each try found an entry at this path, but its folder lists no such name: the file system
        // uses another normal form.
        Ok(Occupant::OtherName(path.to_owned()))
    }

    /// Returns the path, but with the last part as the folder spells it. Example: `a/CPE.nbt` for
    /// `a/cpe.nbt`. Returns `None` if the folder lists no such name in any case of letters.
    fn spelling(&self, path: &str) -> io::Result<Option<String>> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut spelling = None;
        let folded = name.to_lowercase();
        let read = self.disk.entries(folder, &mut |found, _| {
            if found == name || (spelling.is_none() && found.to_lowercase() == folded) {
                spelling = Some(found.to_owned());
            }
        });
        match read {
            Err(error) if !is_nothing(&error) => return Err(error),
            _ => {}
        }
        let full = |found| if folder.is_empty() { found } else { format!("{folder}/{found}") };
        Ok(spelling.map(full))
    }

    /// Checks that the root still exists at its path. A root that was removed, replaced or
    /// unmounted must not look like an empty store.
    pub(crate) fn is_here(&self) -> Result<(), StoreError> {
        self.disk.check_root().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::Other => {
                StoreError::Replaced { found: error.to_string().into() }
            }
            _ => StoreError::backend("looking for the folder of the store", error),
        })?;
        match self.disk.entry(STAGING) {
            Ok(_) => Ok(()),
            Err(_) if !self.has_staging => Ok(()),
            Err(error) => Err(StoreError::backend(
                format!("looking for `{STAGING}`, which every open store has"),
                error,
            )),
        }
    }

    /// Makes the missing folders of a key. They are not durable yet.
    fn make_folders(&self, key: &StoreKey) -> Result<(), StoreError> {
        for _ in 0..MAX_TRIES {
            match self.make_each_folder(key) {
                // Another process removed or made a folder in the meantime.
                Err(MakeError::Io(error))
                    if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists) => {}
                Err(MakeError::Io(error)) => return Err(writing(key, error)),
                Err(MakeError::Store(error)) => return Err(error),
                Ok(()) => return Ok(()),
            }
        }
        Err(gave_up(key))
    }

    fn make_each_folder(&self, key: &StoreKey) -> Result<(), MakeError> {
        for folder in key.folders() {
            match self.occupant(folder).map_err(MakeError::Io)? {
                Occupant::Folder => {}
                Occupant::Nothing => self.disk.create_dir(folder).map_err(MakeError::Io)?,
                Occupant::Object(_) => return Err(MakeError::Store(conflict(key, folder))),
                Occupant::OtherName(other) => return Err(MakeError::Store(conflict(key, &other))),
                Occupant::Foreign => return Err(MakeError::Store(foreign(key, folder))),
            }
        }
        Ok(())
    }

    /// Makes sure that an object can be written at the key. Removes an empty folder there; a folder
    /// with objects is a conflict. Returns the object at the key, or [`Occupant::Nothing`].
    fn make_room(&self, key: &StoreKey) -> Result<Occupant, StoreError> {
        let place = self.occupant(key.as_str()).map_err(|error| writing(key, error))?;
        match place {
            Occupant::Folder if self.remove_empty(key.as_str()) => Ok(Occupant::Nothing),
            Occupant::Folder => Err(conflict(key, &format!("{key}/"))),
            Occupant::OtherName(other) => Err(conflict(key, &other)),
            Occupant::Foreign => Err(foreign(key, key.as_str())),
            Occupant::Nothing | Occupant::Object(_) => Ok(place),
        }
    }

    /// Removes a folder if there is no file in it or below it, and returns whether it was removed.
    /// An interrupted deletion leaves such folders behind.
    fn remove_empty(&self, folder: &str) -> bool {
        let mut within = Vec::new();
        let mut all_folders = true;
        let read = self.disk.entries(folder, &mut |name, kind| {
            all_folders &= kind == EntryKind::Folder;
            if all_folders {
                within.push(format!("{folder}/{name}"));
            }
        });
        read.is_ok()
            && all_folders
            && within.iter().all(|folder| self.remove_empty(folder))
            && self.disk.remove_dir(folder).is_ok()
    }

    /// Makes the entry of an object and the entry of each folder above it durable.
    fn sync_folders(&self, key: &StoreKey) -> Result<(), StoreError> {
        self.sync_entries(key).map_err(|error| {
            // It is not known which entries the failed sync has lost.
            self.synced.forget_all();
            not_durable(key, error)
        })
    }

    fn sync_entries(&self, key: &StoreKey) -> io::Result<()> {
        // The object exists, so from here on its folders cannot be removed and made again, unless
        // the object is deleted.
        let identity = |folder| Ok((folder, self.disk.entry(folder)?.identity));
        let folders: io::Result<Vec<_>> = folders_from_within(key).map(identity).collect();
        let folders = folders.unwrap_or_default();
        let is_known = !folders.is_empty() && self.synced.has(&folders);
        let unsynced = folders_from_within(key).chain([""]).take(if is_known { 1 } else { usize::MAX });
        let mut all_exist = true;
        for folder in unsynced {
            match self.disk.sync_dir(folder) {
                // The object was deleted in the meantime, and its folder with it.
                Err(error) if is_nothing(&error) => all_exist = false,
                end => end?,
            }
        }
        self.check_works()?;
        if all_exist {
            self.synced.remember(&folders);
        }
        Ok(())
    }

    /// Makes the removal of an object durable. Syncs its folder or, if that does not exist any
    /// more, the next existing folder above.
    fn sync_removal(&self, key: &StoreKey) -> io::Result<()> {
        for folder in folders_from_within(key).chain([""]) {
            match self.disk.sync_dir(folder) {
                Err(error) if is_nothing(&error) => {}
                end => return end.and_then(|()| self.check_works()),
            }
        }
        Ok(())
    }
}

enum MakeError {
    Io(io::Error),
    Store(StoreError),
}

/// Returns the folders of a key, the innermost first.
fn folders_from_within(key: &StoreKey) -> impl Iterator<Item = &str> {
    std::iter::successors(key.folder(), |folder| folder.rsplit_once('/').map(|(above, _)| above))
}

/// Returns whether an error means that nothing exists at the path: there is no entry, or a file where a folder is
/// needed.
fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn conflict(key: &StoreKey, other: &str) -> StoreError {
    StoreError::Conflict { key: key.clone(), other: other.into() }
}

fn foreign(key: &StoreKey, path: &str) -> StoreError {
    let found = format!(
        "`{path}` is neither a file nor a folder, and links are not followed; move it away, or put the file or folder itself there"
    );
    StoreError::Integrity { key: key.clone(), found: found.into() }
}

/// Converts the metadata of a file to the metadata of the object at `key`.
pub(crate) fn meta(key: &StoreKey, entry: &DiskEntry) -> ObjectMeta {
    ObjectMeta::new(key.clone(), entry.size, entry.modified).with_write_mark(entry.write_mark)
}

fn gave_up(key: &StoreKey) -> StoreError {
    let why = format!("its folders came and went {MAX_TRIES} times");
    StoreError::unavailable(format!("writing `{key}`"), why)
}

fn writing(key: &StoreKey, error: io::Error) -> StoreError {
    if error.kind() == io::ErrorKind::PermissionDenied {
        return StoreError::ReadOnly { key: key.clone() };
    }
    io_error(Some(key), format!("writing `{key}`"), error)
}

/// Converts an error of the disk to a [`StoreError`]. The error occurred while the objects below
/// `prefix` were listed.
pub(crate) fn listing(prefix: &str, error: io::Error) -> StoreError {
    io_error(None, format!("listing `{prefix}`"), error)
}

/// Returns whether an error of the self-test says that the file system lacks an operation.
fn is_lacking(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(error.kind(), Kind::Unsupported | Kind::InvalidInput | Kind::PermissionDenied | Kind::Other)
}

/// Converts an error of a sync after a write. Other calls may see the write already, so the error
/// must not mean that nothing was written.
fn not_durable(key: &StoreKey, error: io::Error) -> StoreError {
    io_error(None, format!("making what was done at `{key}` durable"), error)
}

pub(crate) fn reading(key: &StoreKey, error: io::Error) -> StoreError {
    if is_nothing(&error) {
        return StoreError::NotFound { key: key.clone() };
    }
    io_error(Some(key), format!("reading `{key}`"), error)
}

/// Converts an error of the disk to the [`StoreError`] that says what the caller can do. `what` is
/// the operation that failed. A read-only file system is [`StoreError::ReadOnly`] if `key` is
/// given, else [`StoreError::Backend`].
pub(crate) fn io_error(key: Option<&StoreKey>, what: String, error: io::Error) -> StoreError {
    use io::ErrorKind as Kind;
    match (error.kind(), key) {
        (Kind::StorageFull | Kind::QuotaExceeded, _) => {
            StoreError::unavailable(format!("no space left while {what}"), error)
        }
        (
            Kind::Interrupted | Kind::WouldBlock | Kind::TimedOut | Kind::ResourceBusy | Kind::OutOfMemory,
            _,
        ) => StoreError::unavailable(what, error),
        (Kind::ReadOnlyFilesystem, Some(key)) => StoreError::ReadOnly { key: key.clone() },
        _ => StoreError::backend(what, error),
    }
}
