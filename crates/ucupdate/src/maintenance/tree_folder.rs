//! The folder of an exported tree. Only one process at a time writes to it.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Write as _};
use std::path::Path;
use ucupdate_core::value::{Sha256Digest, Sha256Hasher};
use ucupdate_folder::{Folder, Staged};

/// The folder for unfinished files, below the folder of the tree.
const STAGING: &str = ".ucupdate-export";

/// The lock file in the staging folder.
const LOCK: &str = ".ucupdate-export/lock";

/// The largest number of files in the staging folder that are reported because no export made
/// them.
const MAX_LEFT: usize = 10;

/// The size of one read in bytes.
const PIECE_BYTES: usize = 256 * 1024;

/// A folder that is open for writing a tree. Its functions block.
#[derive(Debug)]
pub(crate) struct TreeFolder {
    pub(crate) folder: Folder,
    /// The lock ends when the file is closed.
    _lock: File,
}

impl TreeFolder {
    /// Opens the folder at `path`, and creates it if it does not exist. Returns `None` while another process writes into it.
    pub(crate) fn open(path: &Path) -> io::Result<Option<Self>> {
        let folder = Folder::open_or_create(path)?;
        let lock = folder.open_unstaged(LOCK)?;
        match fs4::FileExt::try_lock(&lock) {
            Ok(()) => {}
            Err(fs4::TryLockError::WouldBlock) => return Ok(None),
            Err(fs4::TryLockError::Error(error)) => return Err(error),
        }
        // Files that a killed process left are removed.
        let mut leftovers = Vec::new();
        folder.visit_files(STAGING, &mut |path| {
            if is_leftover(path) {
                leftovers.push(path.to_owned());
            }
        })?;
        for path in leftovers {
            let _stays = folder.remove(&path);
        }
        Ok(Some(Self { folder, _lock: lock }))
    }

    /// Stages a hard link to a file in another folder. Returns `None` if the link cannot be made.
    pub(crate) fn stage_link(&self, from: &Folder, path: &str) -> Option<Staged<'_>> {
        self.folder.stage_link(STAGING, from, path).ok()
    }

    /// Writes the bytes that `pieces` returns to a new file in the staging folder, until it returns
    /// `None`. Returns the file, and the hasher that has the size in bytes and the SHA-256.
    pub(crate) fn stage(
        &self,
        mut pieces: impl FnMut() -> Option<io::Result<bytes::Bytes>>,
    ) -> io::Result<(Staged<'_>, Sha256Hasher)> {
        let mut staged = self.folder.stage(STAGING)?;
        let mut hasher = Sha256Hasher::default();
        while let Some(piece) = pieces() {
            let piece = piece?;
            staged.write_all(&piece)?;
            hasher.update(&piece);
        }
        Ok((staged, hasher))
    }

    /// Counts the files in the folder that are not in `ours`. The paths in `ours` are in lower
    /// case. Also returns the paths of the counted files that are in the staging folder, at most
    /// [`MAX_LEFT`].
    pub(crate) fn others(&self, ours: &HashSet<String>) -> io::Result<(u64, Vec<String>)> {
        let (mut count, mut left) = (0, Vec::new());
        self.folder.visit_files("", &mut |path| {
            let is_staged = path.split('/').next() == Some(STAGING);
            if path == LOCK || is_leftover(path) || ours.contains(&path.to_ascii_lowercase()) {
                return;
            }
            count += 1;
            if is_staged && left.len() < MAX_LEFT {
                left.push(path.to_owned());
            }
        })?;
        left.sort();
        Ok((count, left))
    }
}

/// Returns whether a path is that of an unfinished file of an export.
fn is_leftover(path: &str) -> bool {
    path.rsplit_once('/').is_some_and(|(folder, name)| folder == STAGING && Folder::is_staged_name(name))
}

pub(crate) fn digest(file: File) -> io::Result<Sha256Digest> {
    let mut hasher = Sha256Hasher::default();
    io::copy(&mut BufReader::with_capacity(PIECE_BYTES, file), &mut hasher)?;
    Ok(hasher.digest())
}
