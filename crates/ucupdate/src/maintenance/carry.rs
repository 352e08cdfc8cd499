//! Carrying a store's state and images into another: byte for byte, so that every digest holds there too.
//!
//! The images come first and the revisions after them in their order, so that at no time a revision in the other store
//! names what is not there. What is there already with the same digest is passed over: what broke off is done again, and
//! goes on where it was.

use crate::digest::{Sha256Stream, sha256};
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
use ucupdate_core::value::Sha256Digest;
use ucupdate_store::{ByteStream, ImageStore, ImageStoreExt as _, ObjectMeta, StoreError, StoreKey};

/// What was carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Carried {
    /// The revision the other store is at now.
    pub revision: u64,
    /// Revisions that were written.
    pub revisions: u64,
    /// Objects of images that were written.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Revisions and objects of images that were there already, and are the same.
    pub passed_over: u64,
}

/// Why a store was not carried into another. What was written until then is whole, and doing it again goes on from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CarryError {
    /// The store to be carried cannot be read.
    #[error("cannot read what is to be carried")]
    From(#[source] StateError),
    /// The store to be carried has no history.
    #[error("there is no history to be carried")]
    Empty,
    /// The other store does not do what is asked.
    #[error("cannot write to the other store")]
    To(#[source] StoreError),
    /// The other store has a history of its own.
    #[error("the other store has another history: its revision {revision} is not the one to be carried")]
    OtherHistory {
        /// The first revision that differs.
        revision: u64,
    },
    /// The other store's history is the same and goes on.
    #[error(
        "the other store is further: it has revision {found}, and what is to be carried ends at {newest}"
    )]
    Further {
        /// A revision that the other store has.
        found: u64,
        /// The newest of the store to be carried.
        newest: u64,
    },
    /// An image in the store to be carried is not what was ingested.
    #[error("`{key}` is gone, or is not what was ingested; verify the store and repair it first")]
    Damaged {
        /// Where it lies.
        key: String,
    },
}

/// Carries the whole history of a store, its newest checkpoint and the images of the packages in its rule book into
/// another one, which must be empty or hold the beginning of the same history. Logs stay. `progress` is told after each
/// object.
///
/// The memory it takes does not grow with the size of images.
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
/// When the other store holds something else, an image is damaged, or a store fails.
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
    carried.passed_over += there;
    let mut previous = None;
    for number in there + 1..=newest {
        carry_revision(&**from, &**to, number, &mut previous).await?;
        carried.revisions += 1;
        progress(carried);
    }
    carry_checkpoint(&**from, &**to, newest).await?;
    Ok(carried)
}

/// How many revisions both have, from the first; an error when they are not the same, or the other store has more.
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

/// The objects of one ingest but what describes them.
async fn members(from: &dyn ImageStore, ingest: IngestId) -> Result<Vec<ObjectMeta>, CarryError> {
    let description = keys::package(ingest);
    let prefix = keys::ingest(ingest);
    let mut members = from.list_all(&prefix, usize::MAX).await.map_err(unread)?;
    members.retain(|meta| meta.key != description);
    Ok(members)
}

/// What describes a package, as it is; where it is gone or damaged, as the rule book has it.
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
        carried.passed_over += 1;
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
                carried.passed_over += 1;
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

/// The same bytes, and at their end an error when they are not those of the digest: then nothing is written.
fn checked(bytes: ByteStream, digest: Sha256Digest) -> ByteStream {
    let state = Some((bytes, Sha256Stream::default()));
    Box::pin(stream::unfold(state, move |state| async move {
        let (mut bytes, mut hash) = state?;
        match bytes.next().await {
            Some(Ok(piece)) => {
                hash.take_in(&piece);
                Some((Ok(piece), Some((bytes, hash))))
            }
            Some(Err(error)) => Some((Err(error), None)),
            None if hash.end().1 == digest => None,
            None => Some((
                Err(io::Error::new(io::ErrorKind::InvalidData, "other bytes than were ingested")),
                None,
            )),
        }
    }))
}

/// Number of tries to create a revision whose answer is unclear.
const CREATE_TRIES: u32 = 3;

/// Writes a revision as it is, once it is seen to follow the one before.
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
        return Err(damaged(DocumentError::Chain { key: key.to_string(), said: document.previous, found }));
    }
    *previous = Some(sha256(&bytes));
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

/// The newest checkpoint, as it is. It is only a cache, so that what goes wrong with it goes wrong with nothing else.
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
