//! Copies the state and the images of a store into another store, byte for byte, so that every digest stays valid.
//!
//! The images are copied first, and the revisions after them. So no revision in the target store
//! ever names a missing file. An object that exists already with the same digest is skipped, so an
//! interrupted copy can be continued.
//!
//! Revisions are written in order, [`AT_ONCE`] at the same time. If the process ends before all
//! are written, the target store may miss a revision and have a later one. No server opens such a store until
//! the copy is continued. If a revision cannot be written, for example because another program made
//! it, the copy deletes the later ones that it made, and fails.
//!
//! The rule book is replayed from the first revision. No checkpoint of the source is used or
//! copied, because a checkpoint may differ from the history. The target store gets a checkpoint of
//! the replayed book. Where revisions are recorded as lost, the record and its book are copied.

use crate::error::StateError;
use crate::keys;
use crate::maintenance::replay::{Replay, replay};
use crate::packages::description::{self, Description};
use crate::packages::read_back::{self, FileState};
use crate::state::document::{self, DocumentError, RevisionDocument};
use crate::state::rule_history::{MAX_CHECKPOINT_BYTES, MAX_REVISION_BYTES};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use ucupdate_core::book::{IngestedPackage, StoredFile};
use ucupdate_core::value::{Sha256Digest, Sha256Hasher};
use ucupdate_store::{ByteStream, ImageStore, ImageStoreExt as _, StoreError, StoreKey};

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
    /// The target store failed while revisions were written. `copied` is the newest revision that
    /// the target store has, or 0. A service can open the target store at this revision, and the
    /// copy can be continued.
    #[error("cannot write to the target store; {}", newest_copied(*copied))]
    Stopped { copied: u64, source: StoreError },
    /// The histories of the two stores differ at `revision`.
    #[error(
        "the target store has another history: its revision {revision} differs from that of the source; use an empty store"
    )]
    OtherHistory { revision: u64 },
    /// The target store has the same history, and later revisions.
    #[error("the target store is ahead: it has revision {found}, but the source store ends at {newest}")]
    Further { found: u64, newest: u64 },
    /// A file in the source store is missing or damaged.
    #[error(
        "`{key}` is missing in the source store, or differs from what was ingested; check the store and repair it first"
    )]
    Damaged { key: String },
}

fn newest_copied(copied: u64) -> String {
    match copied {
        0 => "it has no revision yet".to_owned(),
        copied => format!("it has the revisions up to {copied}"),
    }
}

/// Copies the history of a store and the files of the packages in its rule book into another store, and writes a checkpoint
/// there.
///
/// The target store must be empty, or hold the beginning of the same history. Then only later revisions are copied.
/// Logs, and objects that the rule book does not name, are not copied. `progress` is called after each object. The
/// memory use does not depend on the size of images.
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
/// When the target store has another history, a file is damaged, or a store fails.
pub async fn carry(
    from: &Arc<dyn ImageStore>,
    to: &Arc<dyn ImageStore>,
    mut progress: impl FnMut(Carried) + Send,
) -> Result<Carried, CarryError> {
    let Replay { numbers, losses, book, checkpoint } = replay(&**from).await.map_err(CarryError::From)?;
    let Some(newest) = numbers.last().copied() else { return Err(CarryError::Empty) };
    let there = agree(from, to, &numbers).await?;
    let mut carried = Carried { revision: newest, ..Carried::default() };
    for package in book.packages() {
        let mut seen = BTreeSet::new();
        for file in package.files().filter(|file| seen.insert(file.key.as_str())) {
            carry_object(&**from, &**to, file, &mut carried).await?;
            progress(carried);
        }
        carry_description(&**from, &**to, package, &mut carried).await?;
        progress(carried);
    }
    carried.skipped += there as u64;
    // The record of a loss comes before the revisions after the loss, which cannot be read without it.
    for loss in losses {
        carry_loss(&**from, &**to, &keys::continued(loss)).await?;
    }
    let mut previous = None;
    let mut copied = there.checked_sub(1).map_or(0, |last| numbers[last]);
    for numbers in numbers[there..].chunks(AT_ONCE) {
        let read: Vec<_> = numbers.iter().map(|number| read_revision(&**from, *number)).collect();
        let read: Vec<CarriedRevision> = stream::iter(read).buffered(AT_ONCE).try_collect().await?;
        check_chain(&read, &mut previous)?;
        let written: Vec<_> = read.iter().map(|revision| write_revision(&**to, revision)).collect();
        // All of them end before an error is returned, so that what they made is known.
        let written: Vec<_> = stream::iter(written).buffered(AT_ONCE).collect().await;
        if written.iter().any(Result::is_err) {
            copied = take_back_behind_gap(&**to, &read, &written).await?.unwrap_or(copied);
        }
        for is_new in written {
            let is_new = is_new.map_err(|error| match error {
                CarryError::To(source) => CarryError::Stopped { copied, source },
                error => error,
            });
            if is_new? {
                carried.revisions += 1;
            } else {
                carried.skipped += 1;
            }
            progress(carried);
        }
        copied = numbers.last().copied().unwrap_or(copied);
    }
    if let Some(checkpoint) = checkpoint {
        let key = keys::checkpoint(checkpoint.revision);
        to.put_bytes(&key, checkpoint.write()).await.map_err(CarryError::To)?;
    }
    Ok(carried)
}

/// Finds the first of `revisions` that this copy could not write: the gap. Deletes the later
/// revisions that this copy wrote. No program has accepted the later revisions, because the
/// revision at the gap is missing or different. No program would open a store with a gap. Returns
/// the last revision before the gap. `None` if the gap is at the first of `revisions`.
async fn take_back_behind_gap(
    to: &dyn ImageStore,
    revisions: &[CarriedRevision],
    written: &[Result<bool, CarryError>],
) -> Result<Option<u64>, CarryError> {
    let (mut newest, mut is_behind_gap, mut deleted) = (None, false, Ok(()));
    for (revision, result) in revisions.iter().zip(written) {
        // After an unclear answer the store may have the revision.
        let is_unclear = matches!(result, Err(CarryError::To(error)) if error.may_have_written());
        let is_there = result.is_ok() || (is_unclear && holds(to, revision).await);
        if !is_behind_gap {
            is_behind_gap = !is_there;
            newest = if is_there { Some(revision.number) } else { newest };
        } else if is_there && !matches!(result, Ok(false)) {
            deleted = deleted.and(to.delete(&revision.key).await);
        }
    }
    deleted.map_err(CarryError::To)?;
    Ok(newest)
}

/// Returns whether a store has a revision with the same bytes as the source store.
async fn holds(store: &dyn ImageStore, revision: &CarriedRevision) -> bool {
    store.get_bytes(&revision.key, MAX_REVISION_BYTES).await.is_ok_and(|there| there == revision.bytes)
}

/// Returns how many of the source's revisions the target store has without a gap. Fails if they
/// differ, or if the target store has more. After a gap, the target store may only have revisions
/// that equal those of the source, from an interrupted copy.
///
/// Each revision names the SHA-256 of the one before it. So if two histories have one equal
/// revision, all revisions before it are equal, back to the last loss. Therefore only the newest
/// common revision before each loss is compared.
async fn agree(
    from: &Arc<dyn ImageStore>,
    to: &Arc<dyn ImageStore>,
    numbers: &[u64],
) -> Result<usize, CarryError> {
    let listed = to.list_all(keys::REVISIONS, usize::MAX).await.map_err(CarryError::To)?;
    let mut there: Vec<u64> = listed.iter().filter_map(|meta| keys::revision_number(&meta.key)).collect();
    there.sort_unstable();
    let unbroken = numbers.iter().zip(&there).take_while(|(here, there)| here == there).count();
    let common = &numbers[..unbroken];
    for unbroken in common.chunk_by(|before, after| before + 1 == *after) {
        if let Some(revision) = first_difference(from, to, unbroken).await? {
            return Err(CarryError::OtherHistory { revision });
        }
    }
    for later in &there[unbroken..] {
        if unbroken == numbers.len() {
            return Err(CarryError::Further { found: *later, newest: numbers[numbers.len() - 1] });
        }
        if numbers.binary_search(later).is_err() || !is_equal(from, to, *later).await? {
            return Err(CarryError::OtherHistory { revision: *later });
        }
    }
    Ok(unbroken)
}

/// Returns the first of these revisions that differs between the stores, or `None` if all are
/// equal. `numbers` has no gaps.
async fn first_difference(
    from: &Arc<dyn ImageStore>,
    to: &Arc<dyn ImageStore>,
    numbers: &[u64],
) -> Result<Option<u64>, CarryError> {
    let Some((newest, mut before)) = numbers.split_last() else { return Ok(None) };
    if is_equal(from, to, *newest).await? {
        return Ok(None);
    }
    let mut differs = *newest;
    while let Some(middle) = before.get(before.len() / 2) {
        if is_equal(from, to, *middle).await? {
            before = &before[before.len() / 2 + 1..];
        } else {
            (differs, before) = (*middle, &before[..before.len() / 2]);
        }
    }
    Ok(Some(differs))
}

/// Returns whether a revision has the same bytes in both stores.
async fn is_equal(
    from: &Arc<dyn ImageStore>,
    to: &Arc<dyn ImageStore>,
    number: u64,
) -> Result<bool, CarryError> {
    let key = keys::revision(number);
    let here = from.get_bytes(&key, MAX_REVISION_BYTES).await.map_err(unread)?;
    let there = to.get_bytes(&key, MAX_REVISION_BYTES).await.map_err(CarryError::To)?;
    Ok(here == there)
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
    carried.bytes = carried.bytes.saturating_add(written.size);
    Ok(())
}

async fn carry_object(
    from: &dyn ImageStore,
    to: &dyn ImageStore,
    file: &StoredFile,
    carried: &mut Carried,
) -> Result<(), CarryError> {
    let key = &keys::object(&file.key);
    match read_back::state(to, file).await.map_err(CarryError::To)? {
        FileState::Whole => {
            carried.skipped += 1;
            return Ok(());
        }
        FileState::Gone | FileState::Other => {}
    }
    let object = match from.get(key, None).await {
        Ok(object) if object.meta.size == file.size => object,
        Ok(_) | Err(StoreError::NotFound { .. } | StoreError::Integrity { .. }) => {
            return Err(CarryError::Damaged { key: key.to_string() });
        }
        Err(error) => return Err(unread(error)),
    };
    let bytes = checked(object.bytes, file.sha256);
    match to.put(key, bytes).await {
        Ok(written) => {
            carried.objects += 1;
            carried.bytes = carried.bytes.saturating_add(written.size);
            Ok(())
        }
        Err(StoreError::Input { source, .. }) if source.kind() == io::ErrorKind::InvalidData => {
            Err(CarryError::Damaged { key: key.to_string() })
        }
        Err(StoreError::Input { source, .. }) => Err(unread(StoreError::of_bytes(key, source))),
        Err(error) => Err(CarryError::To(error)),
    }
}

/// Returns a stream of the same bytes. It ends with an error if their SHA-256 is not `digest`, so
/// that nothing is written.
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

/// The largest number of attempts to create a revision while the answers of the store are unclear.
const CREATE_TRIES: u32 = 3;

/// The number of revisions that are read or written at the same time. A disk can sync concurrent
/// writes together, which is faster.
const AT_ONCE: usize = 16;

/// A revision as it is in the source store.
struct CarriedRevision {
    number: u64,
    key: StoreKey,
    bytes: Bytes,
    /// The SHA-256 of the revision before, as this one states it.
    previous: Sha256Digest,
}

async fn read_revision(from: &dyn ImageStore, number: u64) -> Result<CarriedRevision, CarryError> {
    let key = keys::revision(number);
    let bytes = from.get_bytes(&key, MAX_REVISION_BYTES).await.map_err(unread)?;
    let document: RevisionDocument = document::read_sealed(key.as_str(), &bytes).map_err(damaged)?;
    Ok(CarriedRevision { number, key, bytes, previous: document.previous })
}

/// Checks that each revision follows the one before it. `previous` is the number and the SHA-256 of
/// the last revision so far.
fn check_chain(
    revisions: &[CarriedRevision],
    previous: &mut Option<(u64, Sha256Digest)>,
) -> Result<(), CarryError> {
    for CarriedRevision { number, key, bytes, previous: stated } in revisions {
        if let Some((_, found)) = previous.filter(|(before, found)| before + 1 == *number && found != stated)
        {
            return Err(damaged(DocumentError::Chain { key: key.to_string(), stated: *stated, found }));
        }
        *previous = Some((*number, Sha256Digest::of(bytes)));
    }
    Ok(())
}

/// Writes a revision as it is. Returns `false` if the target store had it already.
async fn write_revision(to: &dyn ImageStore, revision: &CarriedRevision) -> Result<bool, CarryError> {
    let CarriedRevision { number, key, bytes, .. } = revision;
    let mut tries = 1;
    loop {
        match to.create(key, bytes.clone()).await {
            Ok(()) => return Ok(true),
            // Another program or an earlier try wrote the revision. Only this error proves that the revision is
            // durable.
            Err(error @ StoreError::AlreadyExists { .. }) => {
                settle(to, key, bytes, *number, error).await?;
                return Ok(tries > 1);
            }
            Err(error) if error.may_have_written() && tries < CREATE_TRIES => tries += 1,
            Err(error) => return Err(CarryError::To(error)),
        }
    }
}

/// Checks that the existing revision equals the one that should be written.
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

/// Copies the record of a loss, unless the target store has the same record.
async fn carry_loss(from: &dyn ImageStore, to: &dyn ImageStore, key: &StoreKey) -> Result<(), CarryError> {
    let bytes = from.get_bytes(key, MAX_CHECKPOINT_BYTES).await.map_err(unread)?;
    match to.get_bytes(key, MAX_CHECKPOINT_BYTES).await {
        Ok(there) if there == bytes => Ok(()),
        Ok(_) | Err(StoreError::NotFound { .. }) => {
            to.put_bytes(key, bytes).await.map(|_| ()).map_err(CarryError::To)
        }
        Err(error) => Err(CarryError::To(error)),
    }
}

fn unread(error: StoreError) -> CarryError {
    CarryError::From(error.into())
}

fn damaged(error: DocumentError) -> CarryError {
    CarryError::From(error.into())
}
