//! A folder on disk, and the files below it.

use crate::staged::Staged;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, FileType, Metadata, OpenOptions};
use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// The largest number of temporary names that are tried for a staged file.
const MAX_TRIES: u32 = 1000;

/// The start of a temporary name. A random number of 16 hexadecimal digits, `-` and a decimal
/// number follow.
const STAGED_BEGIN: &str = ".ucupdate-";

/// The end of a temporary name.
const STAGED_END: &str = ".partial";

/// A folder on disk, in which files are read and written. Paths with `..` and links that lead out
/// of the folder are refused.
#[derive(Debug)]
pub struct Folder {
    dir: Dir,
    path: PathBuf,
    /// A random number in the temporary names of this handle. It prevents that two handles use the
    /// same name, because one of them would then remove the file of the other. A process ID is not
    /// enough: processes in containers often have the same ID, and one process may have two
    /// handles.
    staged_by: u64,
    next_staged: AtomicU32,
    syncs_names: bool,
}

/// A plain file that exists in a [`Folder`].
#[derive(Clone, Copy, Debug)]
pub struct FoundFile {
    size: u64,
    has_other_names: bool,
}

impl FoundFile {
    /// Returns the size of the file in bytes.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Returns whether the file has further names (hard links). Returns `false` where the system
    /// does not report this.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let place = tempfile::tempdir()?;
    /// std::fs::write(place.path().join("CPE.nbt"), "image")?;
    /// let folder = ucupdate_folder::Folder::open(place.path())?;
    /// assert!(!folder.find("CPE.nbt")?.unwrap().has_other_names());
    /// # Ok(()) }
    /// ```
    pub fn has_other_names(&self) -> bool {
        self.has_other_names
    }
}

impl Folder {
    /// Opens the folder at `path`. The empty path is the current folder.
    ///
    /// # Errors
    /// Fails when the path cannot be opened, or is not a folder.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let dir = Dir::open_ambient_dir(or_current(path), ambient_authority())?;
        let staged_by = RandomState::new().build_hasher().finish();
        Ok(Self { dir, path: path.to_owned(), staged_by, next_staged: AtomicU32::new(0), syncs_names: true })
    }

    /// Opens the folder at `path`. If it does not exist, creates it and makes it durable.
    ///
    /// # Errors
    /// Fails when the path cannot be created or opened, or is not a folder.
    pub fn open_or_create(path: impl AsRef<Path>) -> io::Result<Self> {
        create_durably(path.as_ref())?;
        Self::open(path)
    }

    /// Sets whether the names of new files and folders are synced. Default: `true`.
    ///
    /// With `false`, a power cut may lose the files that were written last, but leaves no incomplete file. Writing
    /// thousands of files and folders is then several times faster.
    #[must_use]
    pub fn with_synced_names(self, syncs_names: bool) -> Self {
        Self { syncs_names, ..self }
    }

    /// Returns the path of the folder as it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the plain file at a path, or `None` if nothing exists there.
    ///
    /// # Errors
    /// Fails when a folder of the path is a file, a link or a special file, and when the path
    /// itself is a folder, a link or a special file.
    pub fn find(&self, path: &str) -> io::Result<Option<FoundFile>> {
        let (folder, name) = split(path);
        match self.dir_at(folder, false)? {
            Some(dir) => find_in(&dir, name),
            None => Ok(None),
        }
    }

    /// Opens a plain file for reading.
    ///
    /// # Errors
    /// Fails when nothing exists at the path, and in the cases of [`find`](Self::find).
    pub fn read(&self, path: &str) -> io::Result<File> {
        self.open_plain(path, false, OpenOptions::new().read(true))
    }

    /// Opens a plain file for reading and writing, from its start. If it does not exist, creates it empty.
    ///
    /// The file is not staged, so it may stay incomplete. Use this for a file that is continued later.
    ///
    /// # Errors
    /// Fails in the cases of [`find`](Self::find).
    pub fn open_unstaged(&self, path: &str) -> io::Result<File> {
        self.open_plain(path, true, OpenOptions::new().read(true).write(true).create(true).truncate(false))
    }

    /// Works like [`open_unstaged`](Self::open_unstaged), but refuses a file that has further names
    /// (hard links). A write would change the file under these names too. Where the system does not
    /// report the number of names, no file is refused.
    ///
    /// # Errors
    /// Fails when the file has other names, and in the cases of [`find`](Self::find).
    pub fn open_unlinked(&self, path: &str) -> io::Result<File> {
        let file = self.open_unstaged(path)?;
        if has_other_names(&Metadata::from_file(&file)?) {
            let (_, name) = split(path);
            return Err(io::Error::other(format!(
                "`{name}` is a hard link, expected a file without another name; remove it"
            )));
        }
        Ok(file)
    }

    /// Creates a file with a temporary name in `folder`. [`Staged::create`] or [`Staged::replace`]
    /// gives the file its final name.
    ///
    /// # Errors
    /// Fails when the folder or the file cannot be created.
    pub fn stage(&self, folder: &str) -> io::Result<Staged<'_>> {
        self.stage_with(folder, |dir, name| {
            let file = dir.open_with(name, OpenOptions::new().write(true).create_new(true))?;
            Ok(Some(file.into_std()))
        })
    }

    /// Works like [`stage`](Self::stage), but only the user of the process may read and write the
    /// file. On Windows the file has the permissions of its folder.
    ///
    /// # Errors
    /// Fails when the folder or the file cannot be created.
    pub fn stage_private(&self, folder: &str) -> io::Result<Staged<'_>> {
        self.stage_with(folder, |dir, name| {
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            cap_std::fs::OpenOptionsExt::mode(&mut options, 0o600);
            Ok(Some(dir.open_with(name, &options)?.into_std()))
        })
    }

    /// Creates a hard link with a temporary name in `folder`, to the file at `path` below `from`.
    /// [`Staged::create`] or [`Staged::replace`] gives the link its final name.
    ///
    /// # Errors
    /// Fails when the file does not exist, when the folder cannot be created, or when the file
    /// system cannot link the file.
    pub fn stage_link(&self, folder: &str, from: &Self, path: &str) -> io::Result<Staged<'_>> {
        self.stage_with(folder, |dir, name| from.dir.hard_link(path, dir, name).map(|()| None))
    }

    /// Returns whether a name has the form of the temporary names of [`stage`](Self::stage). A
    /// killed process leaves files with such names.
    ///
    /// ```
    /// use ucupdate_folder::Folder;
    /// assert!(Folder::is_staged_name(".ucupdate-00000000000000af-7.partial"));
    /// assert!(!Folder::is_staged_name("notes.partial"));
    /// ```
    pub fn is_staged_name(name: &str) -> bool {
        let numbers = name.strip_prefix(STAGED_BEGIN).and_then(|rest| rest.strip_suffix(STAGED_END));
        numbers.and_then(|numbers| numbers.split_once('-')).is_some_and(|(by, number)| {
            by.len() == 16
                && by.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
                && !number.is_empty()
                && number.bytes().all(|digit| digit.is_ascii_digit())
        })
    }

    /// Renames a plain file, and replaces a plain file at the new path. The new name is durable
    /// after [`sync`](Self::sync).
    ///
    /// # Errors
    /// Fails when nothing exists at `from`, or when `to` is a folder, a link or a special file.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.find(to)?;
        self.dir.rename(from, &self.dir, to)
    }

    /// Removes a file or a link. A file that does not exist counts as removed.
    ///
    /// # Errors
    /// Fails when the file cannot be removed.
    pub fn remove(&self, path: &str) -> io::Result<()> {
        match self.dir.remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Makes the names in a folder durable. On Windows this does nothing.
    ///
    /// A file system that stops during the sync may report success. To notice this, the call opens
    /// a file of the folder for writing, if there is one.
    ///
    /// # Errors
    /// Fails when the folder does not exist, or the disk reports a failure.
    pub fn sync(&self, folder: &str) -> io::Result<()> {
        if cfg!(windows) {
            return Ok(());
        }
        let path = or_current(Path::new(folder));
        self.dir.open(path)?.sync_all()?;
        let dir = self.dir.open_dir(path)?;
        for entry in dir.entries()? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                return check_works(&dir, entry.file_name());
            }
        }
        Ok(())
    }

    /// Calls `each` with the path of everything below `folder` that is not a folder: files, links
    /// and special files. Calls it also with the path of a folder that cannot be opened.
    ///
    /// # Errors
    /// Fails when the names of an open folder cannot be read.
    pub fn visit_files(&self, folder: &str, each: &mut dyn FnMut(&str)) -> io::Result<()> {
        let mut folders: Vec<_> =
            self.dir_at(folder, false)?.map(|dir| (folder.to_owned(), dir)).into_iter().collect();
        while let Some((path, dir)) = folders.pop() {
            let Ok(entries) = dir.entries() else {
                each(&path);
                continue;
            };
            for entry in entries {
                let entry = entry?;
                let name = entry.file_name();
                let shown = name.to_string_lossy();
                let below = if path.is_empty() { shown.into_owned() } else { format!("{path}/{shown}") };
                let inside = if entry.file_type()?.is_dir() { dir.open_dir(&name).ok() } else { None };
                match inside {
                    Some(inside) => folders.push((below, inside)),
                    None => each(&below),
                }
            }
        }
        Ok(())
    }

    fn open_plain(&self, path: &str, creates: bool, options: &OpenOptions) -> io::Result<File> {
        let (folder, name) = split(path);
        let dir = self.dir_at(folder, creates)?.ok_or(io::ErrorKind::NotFound)?;
        find_in(&dir, name)?;
        let file = dir.open_with(name, options)?;
        // Another process may have made a link with this name in the meantime.
        find_in(&dir, name)?;
        Ok(file.into_std())
    }

    fn stage_with(
        &self,
        folder: &str,
        make: impl Fn(&Dir, &str) -> io::Result<Option<File>>,
    ) -> io::Result<Staged<'_>> {
        let dir = self.dir_at(folder, true)?.ok_or(io::ErrorKind::NotFound)?;
        for _ in 0..MAX_TRIES {
            let number = self.next_staged.fetch_add(1, Ordering::Relaxed);
            let name = format!("{STAGED_BEGIN}{:016x}-{number}{STAGED_END}", self.staged_by);
            match make(&dir, &name) {
                // Another process, or another handle of the folder, has used this name.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                Ok(file) => return Ok(Staged::new(self, dir, name, file)),
            }
        }
        Err(io::Error::other(format!(
            "all {MAX_TRIES} names that were tried for a temporary file are taken, expected a free one; remove old temporary files"
        )))
    }

    /// Makes the names in a folder durable, unless [`with_synced_names`](Self::with_synced_names)
    /// is `false`. On Windows this does nothing.
    pub(crate) fn sync_names(&self, dir: &Dir) -> io::Result<()> {
        if cfg!(windows) || !self.syncs_names { Ok(()) } else { dir.open(".")?.sync_all() }
    }

    /// Opens a folder below this one. If the folder does not exist and `creates` is `true`, creates
    /// it and its missing parents, and makes their names durable
    /// ([`sync_names`](Self::sync_names)). If `creates` is `false`, returns `None` for a missing
    /// folder.
    pub(crate) fn dir_at(&self, folder: &str, creates: bool) -> io::Result<Option<Dir>> {
        let mut dir = self.dir.try_clone()?;
        for part in folder.split('/').filter(|part| !part.is_empty()) {
            match dir.symlink_metadata(part) {
                Ok(found) if found.is_dir() => {}
                Ok(found) => return Err(not_expected(part, found.file_type(), "a folder")),
                Err(error) if error.kind() == io::ErrorKind::NotFound && creates => {
                    dir.create_dir(part)?;
                    self.sync_names(&dir)?;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            }
            dir = dir.open_dir(part)?;
        }
        Ok(Some(dir))
    }
}

/// Returns the plain file with this name in the folder, or `None` if nothing exists there.
pub(crate) fn find_in(dir: &Dir, name: &str) -> io::Result<Option<FoundFile>> {
    match dir.symlink_metadata(name) {
        Ok(found) if found.is_file() => {
            Ok(Some(FoundFile { size: found.len(), has_other_names: has_other_names(&found) }))
        }
        Ok(found) => Err(not_expected(name, found.file_type(), "a plain file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

pub(crate) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// Creates a folder and its missing parents, and makes the name of each durable. On Windows the
/// names are not made durable.
fn create_durably(path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    let Some(above) = path.parent() else { return Ok(()) };
    create_durably(above)?;
    match std::fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists || !path.is_dir() => Err(error),
        _ if cfg!(windows) => Ok(()),
        _ => File::open(or_current(above))?.sync_all(),
    }
}

/// Checks that the file system of a file still works after a sync, by opening the file for writing.
///
/// A file system that stops while a sync waits may let the sync end without an error. A stopped XFS
/// opens nothing, and a stopped ext4 opens folders, but no file. An ext4 whose journal failed opens
/// files only for reading. If the file does not exist or may not be opened, nothing is proved, and
/// the result is `Ok`.
pub(crate) fn check_works(dir: &Dir, name: impl AsRef<Path>) -> io::Result<()> {
    match dir.open_with(name, OpenOptions::new().append(true)) {
        Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
            Err(error)
        }
        _ => Ok(()),
    }
}

fn or_current(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

/// Returns the error for an entry of another kind than expected. The message does not advise to
/// remove the entry: it may be a device of the system.
fn not_expected(name: &str, found: FileType, expected: &str) -> io::Error {
    let found = kind(found);
    io::Error::other(format!("`{name}` is {found}, expected {expected}; use another path"))
}

fn kind(found: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use cap_std::fs::FileTypeExt as _;
        if found.is_char_device() || found.is_block_device() {
            return "a device";
        }
        if found.is_fifo() {
            return "a named pipe";
        }
        if found.is_socket() {
            return "a socket";
        }
    }
    match (found.is_symlink(), found.is_dir(), found.is_file()) {
        (true, ..) => "a symbolic link",
        (_, true, _) => "a folder",
        (_, _, true) => "a file",
        _ => "a special file",
    }
}

#[cfg(unix)]
fn has_other_names(found: &Metadata) -> bool {
    use cap_std::fs::MetadataExt as _;
    found.nlink() > 1
}

#[cfg(not(unix))]
fn has_other_names(_found: &Metadata) -> bool {
    false
}
