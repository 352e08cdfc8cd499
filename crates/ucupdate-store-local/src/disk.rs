//! The operations that [`LocalStore`](crate::LocalStore) needs from a disk. The trait is small, so
//! that a test can replace the disk and cut the power after each change or sync.

use std::fmt;
use std::io::{self, Read, Seek, Write};
use std::time::SystemTime;

/// A tree of files and folders below one root.
///
/// Paths are relative to the root, use `/`, and contain neither `.` nor `..`. The empty path is the root. No call follows a
/// symbolic link out of the root. Every call may block.
///
/// An effect is *visible* to other calls at once, and becomes *durable* only by a sync: the bytes of a file by
/// [`WriteFile::sync`], an entry that was made, renamed or removed by [`sync_dir`](Self::sync_dir) of its folder. Before the
/// sync, a power cut may keep or lose the effect. A sync that fails makes nothing durable. After the sync of a file has failed, another
/// sync of the same open file proves nothing. A later [`sync_dir`](Self::sync_dir) that succeeds makes all entries of its
/// folder durable.
///
/// A file system that stops while a sync waits, as ext4 and XFS may, can let that sync report
/// success. From then on it opens no regular file. So the store trusts a sync only if it can open a
/// file after it.
///
/// # Errors
/// The store distinguishes these kinds: `NotFound` when a part of the path does not exist, or
/// `NotADirectory` when it is a file; `AlreadyExists` when `create`, `create_dir` or `link` find
/// the path taken; `InvalidInput` from [`append`](Self::append); `PermissionDenied` and
/// `ReadOnlyFilesystem` when the program may not write; and the kinds that report missing space or
/// a temporary failure.
pub trait Disk: fmt::Debug + Send + Sync + 'static {
    /// Creates a new, empty file.
    ///
    /// # Errors
    /// `AlreadyExists` when the path is taken; `NotFound` when its folder does not exist.
    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>>;

    /// Opens a file for writing at its end. A symbolic link is not followed. If the path is
    /// replaced or removed later, writes still go to the opened file.
    ///
    /// # Errors
    /// `NotFound` when there is no file at the path; `InvalidInput` when the file must not be changed in place, because it has a
    /// second name (a hard link) or is no regular file.
    fn append(&self, path: &str) -> io::Result<Box<dyn WriteFile>>;

    /// Opens a file for reading. If the path is replaced or removed later, reads still return the
    /// bytes of the opened file.
    ///
    /// # Errors
    /// `NotFound` when there is no file at the path.
    fn open(&self, path: &str) -> io::Result<Box<dyn ReadFile>>;

    /// Returns the metadata of the entry at a path. A symbolic link is not followed.
    ///
    /// # Errors
    /// `NotFound` when nothing is there.
    fn entry(&self, path: &str) -> io::Result<DiskEntry>;

    /// Calls `each` with the name and the kind of each entry of a folder, in any order. Skips names
    /// that are not UTF-8.
    ///
    /// # Errors
    /// `NotFound` when the folder does not exist.
    fn entries(&self, folder: &str, each: &mut dyn FnMut(&str, EntryKind)) -> io::Result<()>;

    /// Creates a folder.
    ///
    /// # Errors
    /// `AlreadyExists` when the path is taken; `NotFound` when the folder above does not exist.
    fn create_dir(&self, path: &str) -> io::Result<()>;

    /// Gives the file at `from` the second name `to` in one step (a hard link).
    ///
    /// # Errors
    /// `AlreadyExists` when the path `to` is taken: the entry there stays as it was. `NotFound`
    /// when `from` or the folder of `to` does not exist.
    fn link(&self, from: &str, to: &str) -> io::Result<()>;

    /// Renames the file at `from` to `to` in one step and replaces a file at `to`.
    ///
    /// # Errors
    /// `NotFound` when `from` or the folder of `to` does not exist; another kind when `to` is a
    /// folder.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file by its path.
    ///
    /// # Errors
    /// `NotFound` when nothing is at the path; another kind when it is a folder.
    fn unlink(&self, path: &str) -> io::Result<()>;

    /// Removes an empty folder.
    ///
    /// # Errors
    /// When the folder is not empty, is not a folder, or does not exist.
    fn remove_dir(&self, path: &str) -> io::Result<()>;

    /// Makes the entries of a folder durable.
    ///
    /// # Errors
    /// `NotFound` when the folder does not exist.
    fn sync_dir(&self, folder: &str) -> io::Result<()>;

    /// Checks that the root is still at the path where it was opened. The default implementation never fails, which is
    /// right for a disk that cannot be replaced.
    ///
    /// # Errors
    /// `NotFound` when no folder is at the path of the root; `Other` when another folder is there.
    fn check_root(&self) -> io::Result<()> {
        Ok(())
    }

    /// Takes the lock of a file without waiting. Returns `None` when another holder has it. The lock ends when the returned
    /// value is dropped, and at the latest with the process.
    ///
    /// # Errors
    /// `NotFound` when there is no file at the path.
    fn lock(&self, path: &str) -> io::Result<Option<Box<dyn Lock>>>;
}

/// A file that is being written.
pub trait WriteFile: Write + Send {
    /// Makes the bytes written so far and the size of the file durable.
    ///
    /// # Errors
    /// When the disk reports a failure.
    fn sync(&mut self) -> io::Result<()>;

    /// Makes the bytes written so far and the size of the file durable, but not necessarily its
    /// times. The default implementation calls [`sync`](Self::sync).
    ///
    /// # Errors
    /// When the disk reports a failure.
    fn sync_data(&mut self) -> io::Result<()> {
        self.sync()
    }

    /// Returns the current metadata of the file.
    ///
    /// # Errors
    /// When the disk reports a failure.
    fn entry(&self) -> io::Result<DiskEntry>;
}

/// A file that is being read.
pub trait ReadFile: Read + Seek + Send {
    /// Returns the metadata of the opened file, even if another file is at its path now.
    ///
    /// # Errors
    /// When the disk reports a failure.
    fn entry(&self) -> io::Result<DiskEntry>;
}

/// A lock. It is held until the value is dropped.
pub trait Lock: Send + Sync {}

/// The metadata of one entry of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "each implementation of Disk makes them")]
pub struct DiskEntry {
    /// The kind of the entry: a file, a folder, or another kind.
    pub kind: EntryKind,
    /// The size of a file in bytes. It has no meaning for other kinds.
    pub size: u64,
    /// The time at which the bytes of a file were last written.
    pub modified: SystemTime,
    /// A number that changes with each write to a file, even if the time of the last write is set
    /// back. It is 0 if the disk knows no such number.
    pub write_mark: u64,
    /// A number that identifies a folder. A folder that is made later at the same path has another
    /// number. It is 0 for files, and for a folder whose number is not known.
    pub identity: u64,
}

/// The type of an entry of a folder. A symbolic link is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "what is neither is Other")]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder (directory).
    Folder,
    /// A symbolic link, a device, a socket or a pipe.
    Other,
}
