//! What [`LocalStore`](crate::LocalStore) asks of a disk: small, so that a test can stand in for it and cut the power at
//! each effect.

use std::fmt;
use std::io::{self, Read, Seek, Write};
use std::time::SystemTime;

/// A tree of files and folders below one root.
///
/// Paths are relative to the root, divided by `/`, without `.` and `..`; the root itself is the empty path. No symbolic
/// link is followed out of the root. Every call may block.
///
/// Effects become *visible* to other calls at once and *durable* only by a sync: the bytes of a file by
/// [`WriteFile::sync`], an entry of a folder (made, renamed or removed) by [`sync_dir`](Self::sync_dir) of that folder. In
/// between, a power cut may keep or lose each of them.
///
/// # Errors
/// Of the error's kind only these are relied on: `NotFound` where something a path names is not there, `AlreadyExists`
/// where `create`, `create_dir` and `link` find their place taken, and those that say that there is no room.
pub trait Disk: fmt::Debug + Send + Sync + 'static {
    /// Makes a new, empty file.
    ///
    /// # Errors
    /// `AlreadyExists` when something has this path; `NotFound` when its folder is not there.
    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>>;

    /// Opens a file for reading. Replacing or unlinking its path later does not change what is read.
    ///
    /// # Errors
    /// `NotFound` when no file has this path.
    fn open(&self, path: &str) -> io::Result<Box<dyn ReadFile>>;

    /// What lies at a path. A symbolic link there is not followed.
    ///
    /// # Errors
    /// `NotFound` when nothing does.
    fn entry(&self, path: &str) -> io::Result<DiskEntry>;

    /// Calls `each` with the name and kind of each entry of a folder, in any order. Names that are not UTF-8 are left out.
    ///
    /// # Errors
    /// `NotFound` when the folder is not there.
    fn entries(&self, folder: &str, each: &mut dyn FnMut(&str, EntryKind)) -> io::Result<()>;

    /// Makes a folder.
    ///
    /// # Errors
    /// `AlreadyExists` when something has this path; `NotFound` when the folder above is not there.
    fn create_dir(&self, path: &str) -> io::Result<()>;

    /// Gives the file at `from` a second name, `to`, in one step.
    ///
    /// # Errors
    /// `AlreadyExists` when something has the path `to`, which is left as it was.
    fn link(&self, from: &str, to: &str) -> io::Result<()>;

    /// Gives the file at `from` the name `to` instead, in one step, replacing a file that has it.
    ///
    /// # Errors
    /// When `from` is not there, or `to` is a folder.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes the name of a file.
    ///
    /// # Errors
    /// `NotFound` when nothing has this path; another when it is a folder.
    fn unlink(&self, path: &str) -> io::Result<()>;

    /// Removes an empty folder.
    ///
    /// # Errors
    /// When it is not empty, not a folder, or not there.
    fn remove_dir(&self, path: &str) -> io::Result<()>;

    /// Makes the entries of a folder durable.
    ///
    /// # Errors
    /// `NotFound` when the folder is not there.
    fn sync_dir(&self, folder: &str) -> io::Result<()>;

    /// Takes the lock of a file, without waiting: `None` when somebody else has it. It ends when it is dropped, and with
    /// the process at the latest.
    ///
    /// # Errors
    /// `NotFound` when no file has this path.
    fn lock(&self, path: &str) -> io::Result<Option<Box<dyn Lock>>>;
}

/// A new file being written.
pub trait WriteFile: Write + Send {
    /// Makes the bytes written so far durable, and the file's size with them.
    ///
    /// # Errors
    /// When the disk says that it cannot.
    fn sync(&mut self) -> io::Result<()>;

    /// What is known of the file now.
    ///
    /// # Errors
    /// When the disk cannot tell.
    fn entry(&self) -> io::Result<DiskEntry>;
}

/// A file being read.
pub trait ReadFile: Read + Seek + Send {
    /// What is known of the file that was opened, whatever its path has become.
    ///
    /// # Errors
    /// When the disk cannot tell.
    fn entry(&self) -> io::Result<DiskEntry>;
}

/// A lock that lasts until it is dropped.
pub trait Lock: Send + Sync {}

/// What lies at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "whoever implements Disk makes them")]
pub struct DiskEntry {
    /// File, folder, or something else.
    pub kind: EntryKind,
    /// The bytes of a file; nothing is meant by it for the others.
    pub size: u64,
    /// When the bytes of a file were last written.
    pub modified: SystemTime,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "what is neither is Other")]
pub enum EntryKind {
    /// A plain file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, a device, a socket, a pipe.
    Other,
}
