//! [`ComparedFiles`]: the served files whose bytes were compared with the ingested ones.

use crate::packages::files::ServedFile;
use crate::packages::timed::get_in_time;
use futures_util::StreamExt as _;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use ucupdate_core::value::{Sha256Digest, Sha256Hasher};
use ucupdate_store::{ImageStore, ObjectMeta, StoreError, StoreKey};

/// Largest number of files that are remembered. If there are more, all are forgotten and compared again.
const MAX_FILES: usize = 10_000;

/// The SHA-256 of served files, with the time and the [`write_mark`](ObjectMeta::write_mark) of
/// each file's last write. A file is read once after each write, before its first byte is sent.
///
/// Damage that changes neither the time nor the mark, as by a failing disk, is found only after a
/// restart of the server.
#[derive(Debug, Default)]
pub(crate) struct ComparedFiles {
    files: Mutex<HashMap<StoreKey, Arc<tokio::sync::Mutex<Option<Compared>>>>>,
}

#[derive(Clone, Copy, Debug)]
struct Compared {
    modified: SystemTime,
    write_mark: u64,
    sha256: Sha256Digest,
}

impl Compared {
    /// Returns whether the object was not written after its bytes were compared.
    fn is_of(&self, meta: &ObjectMeta) -> bool {
        (self.modified, self.write_mark) == (meta.modified, meta.write_mark)
    }
}

impl ComparedFiles {
    /// Compares a file with the ingested one, unless that was done since its last write. Concurrent
    /// requests for one file wait for one comparison. A file that cannot be read to its end gives
    /// no error here, because sending it will fail in the same way.
    ///
    /// # Errors
    /// [`StoreError::Integrity`] when the file has other bytes.
    pub(crate) async fn compare(
        &self,
        store: &dyn ImageStore,
        file: &ServedFile,
        meta: &ObjectMeta,
    ) -> Result<(), StoreError> {
        let compared = self.of(&file.key);
        let mut compared = compared.lock().await;
        if compared.is_none_or(|known| !known.is_of(meta)) {
            *compared = read(store, file).await;
        }
        match *compared {
            Some(Compared { sha256, .. }) if sha256 != file.sha256 => {
                let found = format!("SHA-256 {sha256}, expected {}", file.sha256);
                Err(StoreError::Integrity { key: file.key.clone(), found: found.into() })
            }
            _ => Ok(()),
        }
    }

    fn of(&self, key: &StoreKey) -> Arc<tokio::sync::Mutex<Option<Compared>>> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if files.len() >= MAX_FILES && !files.contains_key(key) {
            files.clear();
        }
        Arc::clone(files.entry(key.clone()).or_default())
    }
}

async fn read(store: &dyn ImageStore, file: &ServedFile) -> Option<Compared> {
    let object = get_in_time(store, &file.key, None).await.ok()?;
    let ObjectMeta { modified, write_mark, .. } = object.meta;
    let mut hasher = Sha256Hasher::default();
    let mut bytes = object.bytes;
    while let Some(piece) = bytes.next().await {
        hasher.update(&piece.ok()?);
    }
    (hasher.size() == file.size).then(|| Compared { modified, write_mark, sha256: hasher.digest() })
}
