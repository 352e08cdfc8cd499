//! The folder `.staging/` in the root of the store, where objects are written before they get their names. The folder
//! is in the same file system, so one rename or link moves an object to its key. Its name is not valid in a key.
//!
//! Each open store has a random name here and holds the lock of `<name>.lock`. Its staged files are `<name>.<number>`.
//! A lock ends with its process. Therefore the next process that opens the store can distinguish the files of an ended
//! process from those of a running one, without waiting and without a clock.

use crate::disk::{Disk, DiskEntry, EntryKind, Lock, WriteFile};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fmt, io};

pub(crate) const STAGING: &str = ".staging";

/// The largest number of tries to take a name. A try fails only if the name is taken, or if another
/// process removes our lock file before we hold its lock.
const MAX_TRIES: usize = 16;

/// The files in the staging folder that belong to one open store.
pub(crate) struct Staging {
    disk: Arc<dyn Disk>,
    name: String,
    next: AtomicU64,
    _lock: Box<dyn Lock>,
}

impl Staging {
    /// Creates the staging folder if it does not exist, removes the files of ended processes, and
    /// takes a new name and its lock.
    pub(crate) fn open(disk: Arc<dyn Disk>) -> io::Result<Arc<Self>> {
        match disk.create_dir(STAGING) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(in_doing("creating", STAGING, &error));
            }
            // A link is not followed. Without this check the error would say that permission is denied.
            Err(_) if disk.entry(STAGING)?.kind != EntryKind::Folder => {
                return Err(io::Error::other(format!(
                    "`{STAGING}` is not a folder, expected one or nothing there; move it out of the store"
                )));
            }
            // If this fails, the next process that opens the store tries again.
            _ => drop(clear_leftovers(&*disk)),
        }
        for _ in 0..MAX_TRIES {
            let name = random_name()?;
            let path = lock_path(&name);
            match disk.create(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                created => drop(created.map_err(|error| in_doing("creating", &path, &error))?),
            }
            let lock = match disk.lock(&path) {
                Ok(Some(lock)) => lock,
                Ok(None) => continue,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(in_doing("locking", &path, &error)),
            };
            // Only the holder of the lock removes a lock file, so the file stays from now on. But
            // another process may have held the lock before, and have removed the file.
            if !is_there(&*disk, &path)? {
                continue;
            }
            return Ok(Arc::new(Self { disk, name, next: AtomicU64::new(0), _lock: lock }));
        }
        Err(io::Error::other(format!("no lock could be kept in `{STAGING}` in {MAX_TRIES} tries")))
    }

    /// Checks that the disk has what the store needs: syncs, hard links that refuse a taken name,
    /// renames that replace a file, and names that are listed as they were written.
    pub(crate) fn self_test(self: &Arc<Self>) -> io::Result<()> {
        let (mut first, mut second) = (self.stage()?, self.stage()?);
        let linked = format!("{STAGING}/{}.Link", self.name);
        first.write(b"self-test").and_then(|()| first.finish())?;
        second.finish()?;
        let tested = self.test_names(&first, &second, &linked);
        let removed = ok_if_missing(self.disk.unlink(&linked));
        tested.and(removed)?;
        self.disk.sync_dir(STAGING).map_err(|error| in_doing("syncing", STAGING, &error))
    }

    fn test_names(&self, first: &StagedFile, second: &StagedFile, linked: &str) -> io::Result<()> {
        let link = || self.disk.link(first.path(), linked);
        link().map_err(|error| in_doing("making the hard link", linked, &error))?;
        match link() {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(in_doing("making a second hard link", linked, &error)),
            Ok(()) => return Err(io::Error::other("a hard link replaced an existing file")),
        }
        let mut is_listed = false;
        let listed = self.disk.entries(STAGING, &mut |name, _| {
            is_listed |= linked.rsplit('/').next() == Some(name);
        });
        listed.map_err(|error| in_doing("listing", STAGING, &error))?;
        if !is_listed {
            return Err(io::Error::other(format!(
                "the file system changes names: `{linked}` is not listed with the letters that it was written with"
            )));
        }
        let rename = self.disk.rename(linked, second.path());
        rename.map_err(|error| in_doing("renaming to", second.path(), &error))?;
        match self.disk.entry(second.path())?.size {
            0 => Err(io::Error::other("a rename did not replace the existing file")),
            _ => Ok(()),
        }
    }

    /// Returns the path of the lock file. The file exists until this value is dropped.
    pub(crate) fn lock_path(&self) -> String {
        lock_path(&self.name)
    }

    pub(crate) fn stage(self: &Arc<Self>) -> io::Result<StagedFile> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = format!("{STAGING}/{}.{number}", self.name);
        let file = self.disk.create(&path).map_err(|error| in_doing("creating", &path, &error))?;
        Ok(StagedFile { path, file: Some(file), staging: Arc::clone(self), moved: false })
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // If this fails, the next process that opens the store removes the file.
        let _ = self.disk.unlink(&lock_path(&self.name));
    }
}

impl fmt::Debug for Staging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Staging").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A file in the staging folder. Dropping it removes the file, unless it was moved to its key.
pub(crate) struct StagedFile {
    path: String,
    file: Option<Box<dyn WriteFile>>,
    staging: Arc<Staging>,
    moved: bool,
}

impl StagedFile {
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file()?.write_all(bytes)
    }

    /// Makes the bytes durable, closes the file, and returns its metadata.
    pub(crate) fn finish(&mut self) -> io::Result<DiskEntry> {
        let file = self.file()?;
        file.sync()?;
        let entry = file.entry()?;
        self.file = None;
        Ok(entry)
    }

    /// Marks the file as moved to its key, so that dropping this value removes nothing.
    pub(crate) fn moved(&mut self) {
        self.moved = true;
    }

    fn file(&mut self) -> io::Result<&mut Box<dyn WriteFile>> {
        self.file.as_mut().ok_or_else(|| io::Error::other("staged file was finished before"))
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        // Close the file first: Windows does not remove an open file.
        self.file = None;
        if !self.moved {
            // If this fails, the next process that opens the store removes the file.
            let _ = self.staging.disk.unlink(&self.path);
        }
    }
}

/// Removes the files of ended processes. Leaves folders, and files that cannot be locked or
/// removed, such as those of another user.
fn clear_leftovers(disk: &dyn Disk) -> io::Result<()> {
    let mut names = BTreeSet::new();
    let mut files = Vec::new();
    disk.entries(STAGING, &mut |file, kind| {
        if let Some((name, number)) = file.rsplit_once('.').filter(|_| kind == EntryKind::File) {
            names.insert(name.to_owned());
            if number != "lock" {
                files.push(file.to_owned());
            }
        }
    })?;
    for name in names {
        let lock_path = lock_path(&name);
        let lock = match disk.lock(&lock_path) {
            Ok(None) => continue,
            Ok(Some(lock)) => Some(lock),
            // A store keeps its lock file until it has removed its staged files. So staged files
            // without a lock file belong to no running process.
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(_) => continue,
        };
        let own = files.iter().filter(|file| file.rsplit_once('.').is_some_and(|(of, _)| of == name));
        for file in own {
            let _left = disk.unlink(&format!("{STAGING}/{file}"));
        }
        if lock.is_some() {
            let _left = disk.unlink(&lock_path);
        }
    }
    Ok(())
}

/// Converts the result of a removal. A file that another process has already removed counts as removed.
fn ok_if_missing(unlinked: io::Result<()>) -> io::Result<()> {
    match unlinked {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        end => end,
    }
}

/// Adds the operation and the path to an error.
fn in_doing(doing: &str, path: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{doing} `{path}`: {error}"))
}

/// Returns whether the file system ignores case: then `.STAGING` is found too. Returns `false` if
/// there is no staging folder.
pub(crate) fn folds_case(disk: &dyn Disk) -> io::Result<bool> {
    Ok(is_there(disk, STAGING)? && is_there(disk, &STAGING.to_ascii_uppercase())?)
}

fn is_there(disk: &dyn Disk, path: &str) -> io::Result<bool> {
    match disk.entry(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn lock_path(name: &str) -> String {
    format!("{STAGING}/{name}.lock")
}

fn random_name() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(format!("s{:032x}", u128::from_be_bytes(bytes)))
}
