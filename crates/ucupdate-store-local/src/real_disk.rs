//! The disk of the machine, restricted to one folder.

use crate::disk::{Disk, DiskEntry, EntryKind, Lock, ReadFile, WriteFile};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata, OpenOptions};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::time::Duration;
use std::time::SystemTime;
use ucupdate_folder::Folder;

/// The age below which [`identity`] returns 0 for a folder. The clock of a file system, which may
/// stand still for some milliseconds, advances several times in this time.
#[cfg(unix)]
const STILL_CLOCK: Duration = Duration::from_secs(1);

/// A folder on the disk of the machine. Neither `..` nor a symbolic link leads out of this folder,
/// even if another user makes the link.
///
/// On Windows the entries of a folder cannot be synced: [`sync_dir`](Disk::sync_dir) does nothing there.
#[derive(Debug)]
pub struct RealDisk {
    root: Dir,
    path: PathBuf,
}

impl RealDisk {
    /// Opens the folder at `path`. If it does not exist, creates it and makes it durable.
    ///
    /// # Errors
    /// When the path cannot be created or opened, or is not a folder.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        // An absolute path stays valid if the process changes its working directory.
        let path = std::path::absolute(path.as_ref())?;
        Folder::open_or_create(&path)?;
        let root = Dir::open_ambient_dir(&path, ambient_authority())?;
        Ok(Self { root, path })
    }

    /// Returns the absolute path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Restricts the file `from` to its owner (mode 600) if it is about to get a private path `to`:
    /// see [`is_private`].
    #[cfg(unix)]
    fn protect(&self, from: &str, to: &str) -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        if !is_private(to) {
            return Ok(());
        }
        let of_owner = cap_std::fs::Permissions::from_std(std::fs::Permissions::from_mode(0o600));
        self.root.set_permissions(from, of_owner)
    }

    #[cfg(not(unix))]
    #[allow(clippy::unused_self, clippy::unnecessary_wraps, reason = "the same form as on Unix")]
    fn protect(&self, _from: &str, _to: &str) -> io::Result<()> {
        Ok(())
    }
}

/// Returns whether a path is `Logs/Client` or below it. Only the owner of the store may read these
/// files: request bodies and device logs contain personal data.
#[cfg(unix)]
fn is_private(path: &str) -> bool {
    const FOLDER: &str = "Logs/Client";
    path.strip_prefix(FOLDER).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Disk for RealDisk {
    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        let file = self.root.open_with(path, OpenOptions::new().write(true).create_new(true))?;
        Ok(Box::new(RealFile(file)))
    }

    fn append(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        let found = self.root.symlink_metadata(path)?;
        // Opening a pipe would wait for its reader.
        if !found.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let file = self.root.open_with(path, OpenOptions::new().append(true))?;
        check_appendable(&found, &file.metadata()?)?;
        Ok(Box::new(RealFile(file)))
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn ReadFile>> {
        Ok(Box::new(RealFile(self.root.open(path)?)))
    }

    fn entry(&self, path: &str) -> io::Result<DiskEntry> {
        self.root.symlink_metadata(or_root(path)).and_then(|metadata| entry_of(&metadata))
    }

    fn entries(&self, folder: &str, each: &mut dyn FnMut(&str, EntryKind)) -> io::Result<()> {
        for entry in self.root.read_dir(or_root(folder))? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let mut file_type = entry.file_type()?;
            if !(file_type.is_file() || file_type.is_dir() || file_type.is_symlink()) {
                // Some file systems do not report the type together with the name.
                match entry.metadata() {
                    Ok(metadata) => file_type = metadata.file_type(),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                }
            }
            each(name, kind_of(file_type));
        }
        Ok(())
    }

    #[cfg(unix)]
    fn create_dir(&self, path: &str) -> io::Result<()> {
        use cap_std::fs::{DirBuilder, DirBuilderExt as _};
        let mut builder = DirBuilder::new();
        if is_private(path) {
            builder.mode(0o700);
        }
        self.root.create_dir_with(path, &builder)
    }

    #[cfg(not(unix))]
    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.root.create_dir(path)
    }

    fn link(&self, from: &str, to: &str) -> io::Result<()> {
        self.protect(from, to)?;
        self.root.hard_link(from, &self.root, to)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.protect(from, to)?;
        self.root.rename(from, &self.root, to)
    }

    fn unlink(&self, path: &str) -> io::Result<()> {
        self.root.remove_file(path)
    }

    fn remove_dir(&self, path: &str) -> io::Result<()> {
        self.root.remove_dir(path)
    }

    fn sync_dir(&self, folder: &str) -> io::Result<()> {
        if cfg!(windows) {
            return Ok(());
        }
        self.root.open(or_root(folder))?.sync_all()
    }

    #[cfg(unix)]
    fn check_root(&self) -> io::Result<()> {
        use cap_std::fs::MetadataExt as _;
        use std::os::unix::fs::MetadataExt as _;
        let opened = self.root.dir_metadata()?;
        let path = self.path.display();
        let found = match std::fs::metadata(&self.path) {
            Ok(found) => found,
            Err(error) => {
                return Err(io::Error::new(error.kind(), format!("no folder at `{path}`: {error}")));
            }
        };
        if (found.dev(), found.ino()) == (opened.dev(), opened.ino()) {
            return Ok(());
        }
        Err(io::Error::other(format!("`{path}` is another folder than the one that was opened")))
    }

    fn lock(&self, path: &str) -> io::Result<Option<Box<dyn Lock>>> {
        let writable = self.root.open_with(path, OpenOptions::new().read(true).write(true));
        let file = match writable {
            // A lock file of another user can be locked without permission to write it.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => self.root.open(path)?,
            opened => opened?,
        };
        let file = file.into_std();
        match fs4::FileExt::try_lock(&file) {
            Ok(()) => Ok(Some(Box::new(RealLock(file)))),
            Err(fs4::TryLockError::WouldBlock) => Ok(None),
            Err(fs4::TryLockError::Error(error)) => Err(error),
        }
    }
}

fn or_root(path: &str) -> &str {
    if path.is_empty() { "." } else { path }
}

fn entry_of(metadata: &Metadata) -> io::Result<DiskEntry> {
    Ok(DiskEntry {
        kind: kind_of(metadata.file_type()),
        size: metadata.len(),
        modified: metadata.modified().map_or(SystemTime::UNIX_EPOCH, cap_std::time::SystemTime::into_std),
        write_mark: write_mark(metadata),
        identity: if metadata.is_dir() { identity(metadata) } else { 0 },
    })
}

/// Returns a hash of the inode number and the change time of a file. A program cannot set back the
/// change time.
#[cfg(unix)]
fn write_mark(metadata: &Metadata) -> u64 {
    use cap_std::fs::MetadataExt as _;
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    (metadata.ino(), metadata.ctime(), metadata.ctime_nsec()).hash(&mut hasher);
    hasher.finish()
}

#[cfg(not(unix))]
fn write_mark(_metadata: &Metadata) -> u64 {
    0
}

/// Checks that the opened file is the one that was found at the path before, and that it has no
/// second hard link. Someone may have copied the store by hard links: an append must not change the
/// copy.
#[cfg(unix)]
fn check_appendable(found: &Metadata, opened: &Metadata) -> io::Result<()> {
    use cap_std::fs::MetadataExt as _;
    let problem = if (found.dev(), found.ino()) != (opened.dev(), opened.ino()) {
        "a link, or replaced at this moment"
    } else if opened.nlink() != 1 {
        "the file has a second name (a hard link)"
    } else {
        return Ok(());
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, problem))
}

#[cfg(not(unix))]
fn check_appendable(_found: &Metadata, opened: &Metadata) -> io::Result<()> {
    if opened.is_file() { Ok(()) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

/// Returns a hash of the device, the inode and the creation time of a folder.
///
/// A file system may give the inode number of a removed folder to a new folder. The clock of the
/// file system may stand still for some milliseconds, so both folders may have the same creation
/// time. Therefore a folder has the identity 0 until it is older than [`STILL_CLOCK`]: a folder
/// that replaces it after this time has another creation time.
#[cfg(unix)]
fn identity(metadata: &Metadata) -> u64 {
    use cap_std::fs::MetadataExt as _;
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let Ok(created) = metadata.created() else { return 0 };
    let created = created.into_std();
    if SystemTime::now().duration_since(created).is_ok_and(|age| age >= STILL_CLOCK) {
        let mut hasher = DefaultHasher::new();
        (metadata.dev(), metadata.ino(), created).hash(&mut hasher);
        hasher.finish()
    } else {
        0
    }
}

#[cfg(not(unix))]
fn identity(_metadata: &Metadata) -> u64 {
    0
}

fn kind_of(file_type: cap_std::fs::FileType) -> EntryKind {
    if file_type.is_file() {
        EntryKind::File
    } else if file_type.is_dir() {
        EntryKind::Folder
    } else {
        EntryKind::Other
    }
}

struct RealFile(cap_std::fs::File);

impl Read for RealFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Seek for RealFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

impl Write for RealFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl WriteFile for RealFile {
    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_all()
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.0.sync_data()?;
        // If the journal of ext4 has failed meanwhile, a change of the metadata lets the kernel
        // notice it, and the next write is refused. The permissions are set to what they were, so
        // it does not matter whether this is allowed.
        if let Ok(metadata) = self.0.metadata() {
            let _ = self.0.set_permissions(metadata.permissions());
        }
        self.0.write(&[]).map(drop)
    }

    fn entry(&self) -> io::Result<DiskEntry> {
        self.0.metadata().and_then(|metadata| entry_of(&metadata))
    }
}

impl ReadFile for RealFile {
    fn entry(&self) -> io::Result<DiskEntry> {
        self.0.metadata().and_then(|metadata| entry_of(&metadata))
    }
}

/// A lock that is held until the file is closed.
struct RealLock(#[allow(dead_code, reason = "held for its end")] File);

impl Lock for RealLock {}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_an_identity_when_it_is_older_than_a_tick_of_the_clock() {
        let here = RealDisk::open(env!("CARGO_MANIFEST_DIR")).unwrap();
        let identity = |path| here.entry(path).unwrap().identity;
        let knows_creation = std::fs::metadata(here.path()).is_ok_and(|found| found.created().is_ok());
        assert_eq!(identity("src") != 0, knows_creation);
        assert_eq!(identity("src"), identity("src"));
        assert_eq!(identity("src") != identity("tests"), knows_creation);
        assert_eq!(identity("Cargo.toml"), 0, "a file");

        let new = tempfile::tempdir().unwrap();
        let disk = RealDisk::open(new.path()).unwrap();
        disk.create_dir("a").unwrap();
        assert_eq!(disk.entry("a").unwrap().identity, 0);
    }
}
