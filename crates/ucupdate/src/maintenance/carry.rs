//! Copies the state and the images of a store into another store, byte for byte, so that every digest stays valid.
//!
//! The images are copied first, and the revisions after them in order. So no revision in the target store ever names a
//! missing file. An object that exists already with the same digest is skipped, so an interrupted copy can be continued.

use crate::error::StateError;
use crate::keys;
use crate::packages::description::{self, Description};
use crate::packages::read_back;
use crate::state::document::{self, DocumentError, RevisionDocument};
use crate::state::rule_history::{MAX_CHECKPOINT_BYTES, MAX_REVISION_BYTES, RuleHistory};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use ucupdate_core::book::{IngestId, IngestedPackage};
use ucupdate_core::value::{Sha256Digest, Sha256Hasher};
use ucupdate_store::{ByteStream, ImageStore, ImageStoreExt as _, ObjectMeta, StoreError, StoreKey};

/// The progress of a copy, and its result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Carried {
    /// The newest revision of the target store after the copy.
    pub revision: u64,
    /// The number of revisions that were written.
    pub revisions: u64,
    /// The number of image objects that were written.
    pub objects: u64,
    /// The size of the written image objects in bytes.
    pub bytes: u64,
    /// The number of revisions and image objects that existed already with the same content.
    pub skipped: u64,
}

/// Error of copying a store. Everything that was written until then is complete, and the copy can be continued.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message documents the field")]
#[non_exhaustive]
pub enum CarryError {
    /// The source store cannot be read.
    #[error("cannot read the source store")]
    From(#[source] StateError),
    /// The source store has no history.
    #[error("the source store has no history, so there is nothing to copy")]
    Empty,
    /// The target store failed.
    #[error("cannot write to the target store")]
    To(#[source] StoreError),
    /// The target store has another history.
    #[error(
        "the target store has another history: its revision {revision} differs from that of the source; use an empty store"
    )]
    OtherHistory { revision: u64 },
    /// The target store has the same history, and later revisions.
    #[error("the target store is ahead: it has revision {found}, but the source store ends at {newest}")]
    Further { found: u64, newest: u64 },
    /// A file in the source store is missing, or differs from what was ingested.
    #[error(
        "`{key}` is missing in the source store, or differs from what was ingested; check the store and repair it first"
    )]
    Damaged { key: String },
}

/// Copies the history of a store, its newest checkpoint, and the images of the packages in its rule book into another store.
///
/// The target store must be empty, or hold the beginning of the same history. Logs are not copied. `progress` is called
/// after each object. The memory in use does not depend on the size of images.
///
/// ```
/// use std::sync::Arc;
/// use ucupdate::cab::package::sample;
/// use ucupdate::store::{ImageStore, MemoryStore, stream_of};
/// use ucupdate::{Options, UpdateService, carry};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let one: Arc<dyn ImageStore> = Arc::new(MemoryStore::default());
/// let service = UpdateService::open(Arc::clone(&one), Options::default()).await?;
/// service.admin("ann").ingest("UCUpdates.cab", stream_of(sample::uc_updates(500)), |_| {}).await?;
///
/// let other: Arc<dyn ImageStore> = Arc::new(MemoryStore::default());
/// let carried = carry(&one, &other, |_| {}).await?;
/// assert_eq!((carried.revision, carried.revisions), (1, 1));
/// let copy = UpdateService::open(other, Options::default()).await?;
/// assert_eq!(copy.snapshot().book(), service.snapshot().book());
/// # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
///
/// # Errors
/// When the target store holds something else, a file is damaged, or a store fails.
pub async fn carry(
    from: &Arc<dyn ImageStore>,
    to: &Arc<dyn ImageStore>,
    mut progress: impl FnMut(Carried) + Send,
) -> Result<Carried, CarryError> {
    let history = RuleHistory::open(Arc::clone(from)).await.map_err(CarryError::From)?;
    let newest = history.revision();
    if newest == 0 {
        return Err(CarryError::Empty);
    }
    let there = agree(from, to, newest).await?;
    let mut carried = Carried { revision: newest, ..Carried::default() };
    for package in history.book().packages() {
        let mut digests: BTreeMap<&str, Sha256Digest> =
            package.files().map(|file| (file.key.as_str(), file.sha256)).collect();
        for meta in members(&**from, package.ingest).await? {
            let digest = digests.remove(meta.key.as_str());
            carry_object(&**from, &**to, &meta, digest, &mut carried).await?;
            progress(carried);
        }
        if let Some(key) = digests.into_keys().next() {
            return Err(CarryError::Damaged { key: key.to_owned() });
        }
        carry_description(&**from, &**to, package, &mut carried).await?;
        progress(carried);
    }
    carried.skipped += there;
    let mut previous = None;
    for number in there + 1..=newest {
        carry_revision(&**from, &**to, number, &mut previous).await?;
        carried.revisions += 1;
        progress(carried);
    }
    carry_checkpoint(&**from, &**to, newest).await?;
    Ok(carried)
}

/// Returns the number of revisions that both stores have. Fails if they differ, or if the target store has more revisions.
async fn agree(from: &Arc<dyn ImageStore>, to: &Arc<dyn ImageStore>, newest: u64) -> Result<u64, CarryError> {
    for number in 1.. {
        let key = keys::revision(number);
        let there = match to.get_bytes(&key, MAX_REVISION_BYTES).await {
            Ok(bytes) => bytes,
            Err(StoreError::NotFound { .. }) => {
                let page = to.list(keys::REVISIONS, Some(&key)).await.map_err(CarryError::To)?;
                return match page.iter().find_map(|meta| keys::revision_number(&meta.key)) {
                    Some(later) => Err(CarryError::OtherHistory { revision: later }),
                    None => Ok(number - 1),
                };
            }
            Err(error) => return Err(CarryError::To(error)),
        };
        if number > newest {
            return Err(CarryError::Further { found: number, newest });
        }
        let here = from.get_bytes(&key, MAX_REVISION_BYTES).await.map_err(unread)?;
        if here != there {
            return Err(CarryError::OtherHistory { revision: number });
        }
    }
    Ok(newest)
}

/// Returns the objects of one ingest, except the description.
async fn members(from: &dyn ImageStore, ingest: IngestId) -> Result<Vec<ObjectMeta>, CarryError> {
    let description = keys::package(ingest);
    let prefix = keys::ingest(ingest);
    let mut members = from.list_all(&prefix, usize::MAX).await.map_err(unread)?;
    members.retain(|meta| meta.key != description);
    Ok(members)
}

/// Copies the description of a package. If it is missing or damaged, it is written from the rule book.
async fn carry_description(
    from: &dyn ImageStore,
    to: &dyn ImageStore,
    package: &IngestedPackage,
    carried: &mut Carried,
) -> Result<(), CarryError> {
    let bytes = match description::look_at(from, package).await.map_err(unread)? {
        Description::Whole(bytes) => bytes,
        Description::Gone | Description::Damaged => description::write(package).into(),
    };
    let there = description::look_at(to, package).await.map_err(CarryError::To)?;
    if there == Description::Whole(bytes.clone()) {
        carried.skipped += 1;
        return Ok(());
    }
    let written = to.put_bytes(&keys::package(package.ingest), bytes).await.map_err(CarryError::To)?;
    carried.objects += 1;
    carried.bytes += written.size;
    Ok(())
}

async fn carry_object(
    from: &dyn ImageStore,
    to: &dyn ImageStore,
    meta: &ObjectMeta,
    digest: Option<Sha256Digest>,
    carried: &mut Carried,
) -> Result<(), CarryError> {
    let key = &meta.key;
    match to.head(key).await {
        Ok(there) if there.size == meta.size => {
            let (_, found) = read_back::digest(to, key).await.map_err(CarryError::To)?;
            // What no rule book names a digest of is compared with what is to be carried.
            let expected = match digest {
                Some(digest) => digest,
                None => read_back::digest(from, key).await.map_err(unread)?.1,
            };
            if found == expected {
                carried.skipped += 1;
                return Ok(());
            }
        }
        Ok(_) | Err(StoreError::NotFound { .. }) => {}
        Err(error) => return Err(CarryError::To(error)),
    }
    let object = from.get(key, None).await.map_err(unread)?;
    let bytes = match digest {
        Some(digest) => checked(object.bytes, digest),
        None => object.bytes,
    };
    match to.put(key, bytes).await {
        Ok(written) => {
            carried.objects += 1;
            carried.bytes += written.size;
            Ok(())
        }
        Err(StoreError::Input { source, .. }) if source.kind() == io::ErrorKind::InvalidData => {
            Err(CarryError::Damaged { key: key.to_string() })
        }
        Err(StoreError::Input { source, .. }) => {
            Err(unread(StoreError::unavailable(format!("reading `{key}`"), source)))
        }
        Err(error) => Err(CarryError::To(error)),
    }
}

/// Passes bytes on, and ends with an error if their digest differs. Then nothing is written.
fn checked(bytes: ByteStream, digest: Sha256Digest) -> ByteStream {
    let state = Some((bytes, Sha256Hasher::default()));
    Box::pin(stream::unfold(state, move |state| async move {
        let (mut bytes, mut hash) = state?;
        match bytes.next().await {
            Some(Ok(piece)) => {
                hash.update(&piece);
                Some((Ok(piece), Some((bytes, hash))))
            }
            Some(Err(error)) => Some((Err(error), None)),
            None if hash.digest() == digest => None,
            None => Some((
                Err(io::Error::new(io::ErrorKind::InvalidData, "other bytes than were ingested")),
                None,
            )),
        }
    }))
}

/// Number of tries to create a revision whose answer is unclear.
const CREATE_TRIES: u32 = 3;

/// Writes a revision as it is, after checking that it follows the one before.
async fn carry_revision(
    from: &dyn ImageStore,
    to: &dyn ImageStore,
    number: u64,
    previous: &mut Option<Sha256Digest>,
) -> Result<(), CarryError> {
    let key = keys::revision(number);
    let bytes = from.get_bytes(&key, MAX_REVISION_BYTES).await.map_err(unread)?;
    let document: RevisionDocument = document::read_sealed(key.as_str(), &bytes).map_err(damaged)?;
    if let Some(found) = previous.filter(|found| *found != document.previous) {
        return Err(damaged(DocumentError::Chain { key: key.to_string(), stated: document.previous, found }));
    }
    *previous = Some(Sha256Digest::of(&bytes));
    let mut tries = 1;
    loop {
        match to.create(&key, bytes.clone()).await {
            Ok(()) => return Ok(()),
            // Another program wrote it, or an earlier try did. Only this answer says that it is durable.
            Err(error @ StoreError::AlreadyExists { .. }) => {
                return settle(to, &key, &bytes, number, error).await;
            }
            Err(error) if error.may_have_written() && tries < CREATE_TRIES => tries += 1,
            Err(error) => return Err(CarryError::To(error)),
        }
    }
}

/// Compares the revision that exists with the one that was to be written.
async fn settle(
    to: &dyn ImageStore,
    key: &StoreKey,
    bytes: &Bytes,
    number: u64,
    error: StoreError,
) -> Result<(), CarryError> {
    match to.get_bytes(key, MAX_REVISION_BYTES).await {
        Ok(there) if there == *bytes => Ok(()),
        Ok(_) => Err(CarryError::OtherHistory { revision: number }),
        Err(_) => Err(CarryError::To(error)),
    }
}

/// Copies the newest checkpoint. It is only a cache, so a failed read of it does not fail the copy.
async fn carry_checkpoint(from: &dyn ImageStore, to: &dyn ImageStore, newest: u64) -> Result<(), CarryError> {
    let Ok(found) = from.list_all(keys::CHECKPOINTS, usize::MAX).await else { return Ok(()) };
    let newest = found
        .iter()
        .rev()
        .find(|meta| keys::checkpoint_number(&meta.key).is_some_and(|number| number > 0 && number <= newest));
    let Some(newest) = newest else { return Ok(()) };
    if let Ok(bytes) = from.get_bytes(&newest.key, MAX_CHECKPOINT_BYTES).await {
        to.put_bytes(&newest.key, bytes).await.map_err(CarryError::To)?;
    }
    Ok(())
}

fn unread(error: StoreError) -> CarryError {
    CarryError::From(error.into())
}

fn damaged(error: DocumentError) -> CarryError {
    CarryError::From(error.into())
}
