//! [`StoreAccess`]: the folders of a store that this process may not write. This module also reads
//! the clock of the store.

use crate::keys;
use crate::maintenance::problem::StoreProblem;
use crate::maintenance::strays::look_at_strays;
use crate::state::rule_history::random_bytes;
use bytes::Bytes;
use std::io;
use ucupdate_audit::LogKind;
use ucupdate_core::value::UnixTime;
use ucupdate_store::{ImageStore, ImageStoreExt as _, StoreError, StoreKey, error_chain};

/// The folders in which a server creates objects.
const FOLDERS: [&str; 4] = [keys::REVISIONS, keys::IMAGES, LOG_FOLDERS[0], LOG_FOLDERS[1]];

const LOG_FOLDERS: [&str; 2] = [LogKind::Audit.folder(), LogKind::Access.folder()];

/// The content of a probe. It is not empty, because a full disk may accept an empty object.
const PROBE: &[u8] = b"probe\n";

/// The result of [`check_access`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreAccess {
    /// The folders that this process may not write, each with the reason.
    pub refused: Vec<(String, String)>,
    /// The folders that could not be written for another reason, such as a full disk. They may be writable later.
    pub failed: Vec<(String, String)>,
    /// The entries of the store that prevent later changes, each as a sentence. An example is a folder with the name of the next
    /// revision. A change fails when it needs the name of such an entry.
    pub in_the_way: Vec<String>,
}

impl StoreAccess {
    /// Returns whether the store is read-only for this process, at least in part.
    pub fn is_read_only(&self) -> bool {
        !self.refused.is_empty()
    }

    async fn probe(&mut self, store: &dyn ImageStore, folder: &str) {
        let Err(error) = probe(store, folder).await else { return };
        let entry = (folder.to_owned(), error_chain(&error));
        if may_not_write(&error) { self.refused.push(entry) } else { self.failed.push(entry) }
    }

    async fn look_for_strays(&mut self, store: &dyn ImageStore) {
        let mut problems = Vec::new();
        look_at_strays(store, &mut problems).await;
        let sentence = |problem: &StoreProblem| format!("{problem}; {}", problem.repair());
        self.in_the_way = problems.iter().map(sentence).collect();
    }
}

/// Checks whether this process may write each folder of a store in which a server makes objects. It writes a small object to each
/// folder and deletes it. It also looks for entries that prevent later changes, such as a folder with the name of the next
/// revision.
///
/// A folder may belong to another user, for example because a command was run as root once. Then changes or log rows of
/// this process are lost, so call this before a server starts.
///
/// ```
/// use ucupdate::{check_access, store::{MemoryStore, ReadOnly}};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// assert!(!check_access(&MemoryStore::default()).await.is_read_only());
/// let access = check_access(&ReadOnly::new(MemoryStore::default())).await;
/// assert_eq!(access.refused[0].0, "state/revisions/");
/// # });
/// ```
pub async fn check_access(store: &dyn ImageStore) -> StoreAccess {
    let mut access = StoreAccess::default();
    for folder in FOLDERS {
        access.probe(store, folder).await;
    }
    access.look_for_strays(store).await;
    access
}

/// Checks whether this process may write the folders of the logs, as [`check_access`] does for all folders. Also looks for
/// entries that prevent later changes.
pub async fn check_log_access(store: &dyn ImageStore) -> StoreAccess {
    let mut access = StoreAccess::default();
    for folder in LOG_FOLDERS {
        access.probe(store, folder).await;
    }
    access.look_for_strays(store).await;
    access
}

/// Returns the current time by the clock of the store, which is the time that the store gives to a new object.
///
/// If the store cannot be written now, for example because its disk is full, the time of its newest
/// object is returned. If `now`, the time of this server, is earlier, `now` is returned. So objects
/// look younger than they are, and none is deleted too early.
pub(crate) async fn store_time(store: &dyn ImageStore, now: UnixTime) -> Result<UnixTime, StoreError> {
    match probe(store, keys::PROBES).await {
        Err(error @ StoreError::Unavailable { .. }) => {
            newest_time(store).await.map(|time| time.min(now)).ok_or(error)
        }
        probed => probed,
    }
}

/// Returns the time of the newest object in the store. `None` if there is no object, or the store
/// cannot be listed.
async fn newest_time(store: &dyn ImageStore) -> Option<UnixTime> {
    let (mut pages, mut newest) = (store.pages(""), None);
    while let Some(page) = pages.next().await.ok()? {
        newest = page.iter().map(|meta| UnixTime::from(meta.modified)).max().max(newest);
    }
    newest
}

/// Writes a small object, deletes it, and returns the time that the store gave it.
async fn probe(store: &dyn ImageStore, folder: &str) -> Result<UnixTime, StoreError> {
    let random = random_bytes().map_err(|error| StoreError::backend("drawing random bytes", error))?;
    let name = format!("{folder}probe-{:032x}", u128::from_be_bytes(random));
    let key = StoreKey::parse(&name).map_err(|error| StoreError::backend("naming a probe", error))?;
    let written = store.put_bytes(&key, Bytes::from_static(PROBE)).await?;
    store.delete(&key).await?;
    Ok(UnixTime::from(written.modified))
}

/// Returns whether an error, or one of its sources, says that this process may not write.
fn may_not_write(error: &StoreError) -> bool {
    if matches!(error, StoreError::ReadOnly { .. }) {
        return true;
    }
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        let kind = error.downcast_ref().map(io::Error::kind);
        if matches!(kind, Some(io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)) {
            return true;
        }
        source = error.source();
    }
    false
}
