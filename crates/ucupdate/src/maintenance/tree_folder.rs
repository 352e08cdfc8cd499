//! A folder in which a tree of files is kept up to date. Each file is either unchanged or complete, and nothing outside the
//! folder is touched.

use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata, OpenOptions};
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use ucupdate_core::value::{Sha256Digest, Sha256Hasher};

/// The folder for unfinished files, below the folder of the tree.
pub(crate) const STAGING: &str = ".ucupdate-export";

/// The lock file in the staging folder.
const LOCK: &str = "lock";

/// The size of one read in bytes.
const PIECE_BYTES: usize = 256 * 1024;

/// A folder that is open for writing a tree. Its functions block.
#[derive(Debug)]
pub(crate) struct TreeFolder {
    root: Dir,
    staging: Dir,
    next: AtomicU64,
    /// The lock ends when the file is closed.
    _lock: File,
}

/// A file in the staging folder. It is removed unless it gets its name.
#[derive(Debug)]
pub(crate) struct StagedFile<'a> {
    folder: &'a TreeFolder,
    name: String,
}

impl TreeFolder {
    /// Opens the folder at `path`, and creates it if it does not exist. Returns `None` while another process writes into it.
    pub(crate) fn open(path: &Path) -> io::Result<Option<Self>> {
        std::fs::create_dir_all(path)?;
        let root = Dir::open_ambient_dir(path, ambient_authority())?;
        let staging = plain_folder(&root, STAGING)?;
        if staging.symlink_metadata(LOCK).is_ok_and(|there| !there.is_file()) {
            return Err(not_plain(LOCK));
        }
        let mut options = OpenOptions::new();
        let lock = staging.open_with(LOCK, options.write(true).create(true))?.into_std();
        match fs4::FileExt::try_lock(&lock) {
            Ok(()) => {}
            Err(fs4::TryLockError::WouldBlock) => return Ok(None),
            Err(fs4::TryLockError::Error(error)) => return Err(error),
        }
        let folder = Self { root, staging, next: AtomicU64::new(0), _lock: lock };
        folder.clear_staging()?;
        Ok(Some(folder))
    }

    /// Removes what a killed process left.
    fn clear_staging(&self) -> io::Result<()> {
        for entry in self.staging.entries()? {
            let entry = entry?;
            if entry.file_name() != LOCK && !entry.file_type()?.is_dir() {
                self.staging.remove_file(entry.file_name())?;
            }
        }
        Ok(())
    }

    /// Returns the file at a path, whose parts are divided by `/`. `None` if there is none.
    ///
    /// Fails if a part is a link, or not a plain file or folder.
    pub(crate) fn find(&self, path: &str) -> io::Result<Option<Metadata>> {
        let (folders, name) = split(path);
        let mut folder = self.root.try_clone()?;
        for part in folders {
            folder = match folder.symlink_metadata(part) {
                Ok(there) if there.is_dir() => folder.open_dir(part)?,
                Ok(_) => return Err(not_plain(part)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            };
        }
        match folder.symlink_metadata(name) {
            Ok(there) if there.is_file() => Ok(Some(there)),
            Ok(_) => Err(not_plain(name)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the SHA-256 of a file that was [found](Self::find).
    pub(crate) fn digest(&self, path: &str) -> io::Result<Sha256Digest> {
        digest(self.root.open(path)?)
    }

    /// Stages a hard link to a file in another folder. Returns `None` if the file system cannot do that.
    pub(crate) fn stage_link(&self, from: &Dir, path: &str) -> Option<StagedFile<'_>> {
        let staged = self.staged();
        from.hard_link(path, &self.staging, &staged.name).is_ok().then_some(staged)
    }

    /// Stages a new file and returns it for writing.
    pub(crate) fn stage(&self) -> io::Result<(StagedFile<'_>, cap_std::fs::File)> {
        let staged = self.staged();
        let mut options = OpenOptions::new();
        let file = self.staging.open_with(&staged.name, options.write(true).create_new(true))?;
        Ok((staged, file))
    }

    fn staged(&self) -> StagedFile<'_> {
        StagedFile { folder: self, name: self.next.fetch_add(1, Ordering::Relaxed).to_string() }
    }

    /// Counts the files of the tree that are not in `ours`, whose paths are in lower case.
    pub(crate) fn count_others(&self, ours: &HashSet<String>) -> io::Result<u64> {
        let mut count = 0;
        let mut folders = vec![(PathBuf::new(), self.root.try_clone()?)];
        while let Some((path, folder)) = folders.pop() {
            // One that cannot be looked into, such as `lost+found`, is none of ours, and no reason to fail.
            let Ok(entries) = folder.entries() else {
                count += 1;
                continue;
            };
            for entry in entries {
                let entry = entry?;
                let name = entry.file_name();
                let below = path.join(&name);
                if name == STAGING && path.as_os_str().is_empty() {
                    continue;
                }
                let inside = match entry.file_type()?.is_dir() {
                    true => folder.open_dir(&name).ok(),
                    false => None,
                };
                if let Some(inside) = inside {
                    folders.push((below, inside));
                } else {
                    let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
                    count += u64::from(!ours.contains(&parts.join("/").to_ascii_lowercase()));
                }
            }
        }
        Ok(count)
    }
}

impl StagedFile<'_> {
    /// Returns the SHA-256 of the staged file.
    pub(crate) fn digest(&self) -> io::Result<Sha256Digest> {
        digest(self.folder.staging.open(&self.name)?)
    }

    /// Moves the file to its path, and replaces what was there. When this function returns, the file is durable.
    pub(crate) fn name(self, path: &str) -> io::Result<()> {
        let (folders, name) = split(path);
        let mut folder = self.folder.root.try_clone()?;
        for part in folders {
            folder = plain_folder(&folder, part)?;
        }
        match folder.symlink_metadata(name) {
            Ok(there) if !there.is_file() => return Err(not_plain(name)),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        self.folder.staging.rename(&self.name, &folder, name)?;
        sync(&folder)
        // Where both were names of one file already, renaming did nothing, and the staged name is removed here.
    }
}

impl Drop for StagedFile<'_> {
    fn drop(&mut self) {
        // It has its place, or is cleared away at the latest by the next who opens the folder.
        let _gone = self.folder.staging.remove_file(&self.name);
    }
}

/// Opens a folder in another folder. Creates and syncs it if it does not exist. Follows no link.
fn plain_folder(above: &Dir, name: &str) -> io::Result<Dir> {
    match above.symlink_metadata(name) {
        Ok(there) if there.is_dir() => return above.open_dir(name),
        Ok(_) => return Err(not_plain(name)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    above.create_dir(name)?;
    sync(above)?;
    above.open_dir(name)
}

fn split(path: &str) -> (impl Iterator<Item = &str>, &str) {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    (folder.split('/').filter(|part| !part.is_empty()), name)
}

fn not_plain(name: &str) -> io::Error {
    io::Error::other(format!("`{name}` is a link or a special file, expected a plain file or folder"))
}

/// Syncs a folder. On Windows the entries of a folder cannot be synced.
fn sync(folder: &Dir) -> io::Result<()> {
    if cfg!(windows) { Ok(()) } else { folder.open(".")?.sync_all() }
}

fn digest(file: impl Read) -> io::Result<Sha256Digest> {
    let mut hash = Sha256Hasher::default();
    io::copy(&mut BufReader::with_capacity(PIECE_BYTES, file), &mut hash)?;
    Ok(hash.digest())
}

/// Writes pieces as they come. Returns their size and SHA-256 once they are durable.
pub(crate) fn fill(
    file: cap_std::fs::File,
    mut pieces: impl FnMut() -> Option<io::Result<bytes::Bytes>>,
) -> io::Result<(u64, Sha256Digest)> {
    let mut file = file.into_std();
    let mut hash = Sha256Hasher::default();
    while let Some(piece) = pieces() {
        let piece = piece?;
        file.write_all(&piece)?;
        hash.update(&piece);
    }
    file.sync_all()?;
    Ok((hash.size(), hash.digest()))
}

/// Whether both are names of one file.
#[cfg(unix)]
pub(crate) fn is_same_file(one: &Metadata, other: &Metadata) -> bool {
    use cap_std::fs::MetadataExt as _;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Whether both are names of one file. This system does not tell, so the answer is `false`.
#[cfg(not(unix))]
pub(crate) fn is_same_file(_one: &Metadata, _other: &Metadata) -> bool {
    false
}
