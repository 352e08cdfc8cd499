//! [`SyncedFolders`]: the folders that this store has synced, so that they survive a power cut.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The largest number of folders that are remembered.
const MAX_FOLDERS: usize = 1024;

/// Remembers the folders that this store has synced together with all folders above them. A write
/// into such a folder then syncs this folder alone.
///
/// A folder is recognised by its path and its [identity](crate::DiskEntry::identity), because another process may remove a folder and
/// make it again without a sync.
#[derive(Debug, Default)]
pub(crate) struct SyncedFolders {
    identities: Mutex<HashMap<String, u64>>,
}

impl SyncedFolders {
    /// Returns whether all these folders, given by path and identity, are remembered.
    pub(crate) fn has(&self, folders: &[(&str, u64)]) -> bool {
        let known = self.identities();
        folders.iter().all(|(path, identity)| *identity != 0 && known.get(*path) == Some(identity))
    }

    /// Remembers these folders, given by path and identity. Call it after all of them were synced,
    /// with all folders of one path. A folder whose identity is not known (0) counts as not
    /// remembered. If there would be more than [`MAX_FOLDERS`], forgets all other folders first.
    pub(crate) fn remember(&self, folders: &[(&str, u64)]) {
        let mut known = self.identities();
        if known.len() + folders.len() > MAX_FOLDERS {
            known.clear();
        }
        known.extend(folders.iter().map(|(path, identity)| ((*path).to_owned(), *identity)));
    }

    /// Forgets a folder that was removed.
    pub(crate) fn forget(&self, folder: &str) {
        self.identities().remove(folder);
    }

    /// Forgets all folders, after a sync that failed.
    pub(crate) fn forget_all(&self) {
        self.identities().clear();
    }

    /// Locks the map from the path of a folder to its identity. The entries do not depend on each
    /// other, so the map is valid even after a panic.
    fn identities(&self) -> MutexGuard<'_, HashMap<String, u64>> {
        self.identities.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_known_only_if_each_of_its_folders_is_the_one_that_was_synced() {
        let folders = SyncedFolders::default();
        folders.remember(&[("a/b", 2), ("a", 1)]);
        assert!(folders.has(&[("a/b", 2), ("a", 1)]) && folders.has(&[("a", 1)]));
        assert!(!folders.has(&[("a/b", 2), ("a", 3)]) && !folders.has(&[("a/c", 2), ("a", 1)]));
        folders.forget("a");
        assert!(!folders.has(&[("a/b", 2), ("a", 1)]));
        folders.remember(&[("a", 0)]);
        assert!(!folders.has(&[("a", 0)]));
    }

    #[test]
    fn the_number_of_folders_is_bounded() {
        let folders = SyncedFolders::default();
        for number in 1..=MAX_FOLDERS as u64 + 1 {
            folders.remember(&[(&number.to_string(), number)]);
            assert!(folders.identities().len() <= MAX_FOLDERS);
        }
        assert!(folders.has(&[("1025", 1025)]) && !folders.has(&[("1", 1)]));
    }
}
