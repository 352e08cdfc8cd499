//! The history of the rule book: dense revisions in a store, made one at a time by any number of servers.
//!
//! A change is made by *creating* the next revision. Of two servers one wins; the other reads what the winner wrote and
//! makes its change on that, if its precondition still holds. There is no leader, no lock and no listing that
//! correctness depends on.

use crate::digest::sha256;
use crate::error::{ChangeError, StateError};
use crate::keys;
use crate::state::document::{self, ChangeId, Checkpoint, DocumentError, RevisionDocument};
use crate::state::recorded_command::RecordedCommand;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use ucupdate_core::RuleBook;
use ucupdate_core::book::{Note, Outcome, Refusal};
use ucupdate_core::value::{Sha256Digest, UnixTime};
use ucupdate_store::{ImageStore, ImageStoreExt, StoreError, StoreKey};

/// The most bytes a revision has.
pub(crate) const MAX_REVISION_BYTES: usize = 1024 * 1024;

/// The most bytes of a checkpoint that are read.
pub(crate) const MAX_CHECKPOINT_BYTES: usize = 512 * 1024 * 1024;

/// How often a write whose answer is unclear is settled and tried again.
const MAX_UNCLEAR: u32 = 5;

/// A checkpoint is made at each multiple.
const CHECKPOINT_EVERY: u64 = 64;

/// The rule book as this process knows it, and where it stands in the history.
#[derive(Debug)]
pub(crate) struct RuleHistory {
    store: Arc<dyn ImageStore>,
    book: RuleBook,
    revision: u64,
    /// The SHA-256 of that revision.
    sha256: Sha256Digest,
}

/// A change that was made, or found to change nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changed {
    /// The revision the change made; none when nothing changes.
    pub revision: Option<u64>,
    /// What is worth telling, in the order it happened.
    pub notes: Vec<Note>,
}

/// One revision, as the history tells it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Revision {
    /// Its number, from 1.
    pub number: u64,
    /// When it was made.
    pub at: UnixTime,
    /// Who made it.
    pub author: String,
    /// What was asked.
    pub command: RecordedCommand,
    /// What was told, a line each.
    pub notes: Vec<String>,
}

impl ChangeId {
    /// One that nobody else draws.
    pub(crate) fn random() -> Result<Self, StateError> {
        Ok(Self(sha256(&random_bytes()?)))
    }
}

impl RuleHistory {
    /// Reads the newest checkpoint and the revisions after it.
    pub(crate) async fn open(store: Arc<dyn ImageStore>) -> Result<Self, StateError> {
        let mut history = Self::empty(store);
        history.start_from_checkpoint(u64::MAX).await?;
        history.catch_up().await?;
        // A store that cannot list says nothing of gaps; what is read is right all the same.
        let later = history.store.list(keys::REVISIONS, Some(&keys::revision(history.revision))).await;
        // Whatever else somebody put there is none of the history.
        if later.is_ok_and(|later| later.iter().any(|meta| keys::revision_number(&meta.key).is_some())) {
            history.refuse_gap().await?;
        }
        Ok(history)
    }

    /// The history up to a revision that is there, and no further.
    pub(crate) async fn open_at(store: Arc<dyn ImageStore>, revision: u64) -> Result<Self, StateError> {
        let mut history = Self::empty(store);
        history.start_from_checkpoint(revision).await?;
        while history.revision < revision {
            let Some((document, sha256)) = history.read_next().await? else {
                let key = keys::revision(history.revision + 1).to_string();
                return Err(DocumentError::Missing { key }.into());
            };
            history.take(&document, sha256);
        }
        Ok(history)
    }

    fn empty(store: Arc<dyn ImageStore>) -> Self {
        Self { store, book: RuleBook::default(), revision: 0, sha256: sha256(b"") }
    }

    /// There is a revision after the next one: then the next is there by now, or somebody removed it.
    async fn refuse_gap(&mut self) -> Result<(), StateError> {
        if self.catch_up().await? {
            return Ok(());
        }
        Err(DocumentError::Missing { key: keys::revision(self.revision + 1).to_string() }.into())
    }

    pub(crate) fn book(&self) -> &RuleBook {
        &self.book
    }

    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Takes the newest checkpoint up to a revision that can be read. That none can costs only time; one that a newer
    /// program wrote is an error, since its revisions cannot be read either.
    async fn start_from_checkpoint(&mut self, most: u64) -> Result<(), StateError> {
        let Ok(mut found) = self.store.list_all(keys::CHECKPOINTS, usize::MAX).await else { return Ok(()) };
        found.retain(|meta| keys::checkpoint_number(&meta.key).is_some_and(|number| number <= most));
        for meta in found.iter().rev() {
            let Some(checkpoint) = read_checkpoint(&*self.store, &meta.key).await? else { continue };
            // A checkpoint is believed only as far as the history bears it out.
            let revision =
                self.store.get_bytes(&keys::revision(checkpoint.revision), MAX_REVISION_BYTES).await;
            if Some(checkpoint.revision) != keys::checkpoint_number(&meta.key)
                || !revision.is_ok_and(|bytes| sha256(&bytes) == checkpoint.sha256)
            {
                continue;
            }
            self.book = checkpoint.book;
            self.revision = checkpoint.revision;
            self.sha256 = checkpoint.sha256;
            return Ok(());
        }
        Ok(())
    }

    /// Reads the revisions others made since; gives whether there were any.
    pub(crate) async fn catch_up(&mut self) -> Result<bool, StateError> {
        let mut moved = false;
        while let Some((document, sha256)) = self.read_next().await? {
            self.take(&document, sha256);
            moved = true;
        }
        Ok(moved)
    }

    async fn read_next(&self) -> Result<Option<(RevisionDocument, Sha256Digest)>, StateError> {
        let Some((document, sha256)) = read_revision(&*self.store, self.revision + 1).await? else {
            return Ok(None);
        };
        self.check_follows(&document)?;
        Ok(Some((document, sha256)))
    }

    /// A revision names the one before it.
    fn check_follows(&self, document: &RevisionDocument) -> Result<(), DocumentError> {
        if document.previous == self.sha256 {
            return Ok(());
        }
        let key = keys::revision(document.revision).to_string();
        Err(DocumentError::Chain { key, said: document.previous, found: self.sha256 })
    }

    fn take(&mut self, document: &RevisionDocument, sha256: Sha256Digest) {
        self.book.apply(&document.delta);
        self.revision = document.revision;
        self.sha256 = sha256;
    }

    /// Tries to make a change, of which `make` says what it would do on a book and its revision. None when another server
    /// was first: then the change may be tried again, on the book as that server left it, which this history knows by then.
    /// Before the first try it is to [`catch_up`](Self::catch_up); before another it need not: so whoever lost comes sooner
    /// than whoever begins.
    pub(crate) async fn try_change(
        &mut self,
        change: ChangeId,
        author: &str,
        at: UnixTime,
        command: &RecordedCommand,
        make: impl Fn(&RuleBook, u64) -> Result<Outcome, Refusal>,
    ) -> Result<Option<Changed>, ChangeError> {
        let new_store = (self.revision == 0).then(RuleBook::of_new_store);
        let mut outcome = make(new_store.as_ref().unwrap_or(&self.book), self.revision)?;
        if outcome.delta.is_empty() {
            return Ok(Some(Changed { revision: None, notes: outcome.notes }));
        }
        if let Some(new_store) = new_store {
            outcome.delta.settings.get_or_insert_with(|| new_store.settings().clone());
        }
        let document = RevisionDocument {
            format: document::oldest_format(command, &outcome.delta),
            revision: self.revision + 1,
            change,
            previous: self.sha256,
            at,
            author: author.to_owned(),
            command: command.clone(),
            notes: outcome.notes.iter().map(ToString::to_string).collect(),
            delta: outcome.delta,
        };
        if self.store.exists(&keys::revision(self.revision + 2)).await? {
            self.refuse_gap().await?;
            return Ok(None);
        }
        let bytes = Bytes::from(document::write_sealed(&document));
        if bytes.len() > MAX_REVISION_BYTES {
            return Err(ChangeError::TooLarge { found: bytes.len(), limit: MAX_REVISION_BYTES });
        }
        if let Some((winner, sha256)) = self.create(&document, bytes.clone()).await? {
            self.check_follows(&winner)?;
            self.take(&winner, sha256);
            return Ok(None);
        }
        self.take(&document, sha256(&bytes));
        self.make_checkpoint().await;
        Ok(Some(Changed { revision: Some(self.revision), notes: outcome.notes }))
    }

    /// Creates the next revision, or returns the one that another server created.
    ///
    /// After an unclear answer the creation is tried again. Only `AlreadyExists` proves that the existing revision is durable;
    /// its change id then tells whose it is. A revision that is visible may still be lost: the sync of its folder may have
    /// failed.
    async fn create(
        &self,
        document: &RevisionDocument,
        bytes: Bytes,
    ) -> Result<Option<(RevisionDocument, Sha256Digest)>, StateError> {
        let key = keys::revision(document.revision);
        let mut unclear = 0;
        loop {
            let error = match self.store.create(&key, bytes.clone()).await {
                Ok(()) => return Ok(None),
                Err(error) => error,
            };
            let exists = matches!(error, StoreError::AlreadyExists { .. });
            if !exists && !error.is_retryable() && !error.may_have_written() {
                return Err(error.into());
            }
            match read_revision(&*self.store, document.revision).await {
                Ok(Some((there, _))) if there.change == document.change => {
                    if exists {
                        return Ok(None);
                    }
                    if unclear >= MAX_UNCLEAR {
                        return Err(error.into());
                    }
                }
                Ok(winner @ Some(_)) => return Ok(winner),
                Ok(None) | Err(StateError::Store(_)) if unclear < MAX_UNCLEAR => {}
                Ok(None) => return Err(error.into()),
                Err(failed) => return Err(failed),
            }
            unclear += 1;
            tokio::time::sleep(jitter(unclear)).await;
        }
    }

    /// Keeps the whole book now and then, so that a start reads few revisions. Losing one costs only time, so a store
    /// that fails here fails nothing.
    async fn make_checkpoint(&self) {
        if !self.revision.is_multiple_of(CHECKPOINT_EVERY) {
            return;
        }
        let checkpoint = Checkpoint { revision: self.revision, sha256: self.sha256, book: self.book.clone() };
        let bytes = checkpoint.write();
        let kept = self.store.put_bytes(&keys::checkpoint(self.revision), bytes).await.is_ok();
        // The two newest are enough: the older of them is for the day the newer is damaged.
        if let Some(old) = self.revision.checked_sub(2 * CHECKPOINT_EVERY).filter(|old| kept && *old > 0) {
            let _left = self.store.delete(&keys::checkpoint(old)).await;
        }
    }

    /// The revisions from `first` on, at most `limit` of them, oldest first.
    pub(crate) async fn read(
        store: &dyn ImageStore,
        first: u64,
        limit: usize,
    ) -> Result<Vec<Revision>, StateError> {
        let mut revisions = Vec::new();
        let mut number = first.max(1);
        while revisions.len() < limit {
            let Some((document, _)) = read_revision(store, number).await? else { break };
            revisions.push(Revision {
                number,
                at: document.at,
                author: document.author,
                command: document.command,
                notes: document.notes,
            });
            number += 1;
        }
        Ok(revisions)
    }
}

/// Reads a checkpoint; none when the store does not give it, or it is not what was written.
async fn read_checkpoint(
    store: &dyn ImageStore,
    key: &StoreKey,
) -> Result<Option<Checkpoint>, DocumentError> {
    let Ok(bytes) = store.get_bytes(key, MAX_CHECKPOINT_BYTES).await else { return Ok(None) };
    let key = key.to_string();
    let reading = tokio::task::spawn_blocking(move || Checkpoint::read(&key, &bytes));
    match reading.await {
        Ok(Err(newer @ DocumentError::Newer { .. })) => Err(newer),
        Ok(Ok(checkpoint)) => Ok(checkpoint),
        Ok(Err(_)) | Err(_) => Ok(None),
    }
}

/// Reads a revision; none when it is not there.
pub(crate) async fn read_revision(
    store: &dyn ImageStore,
    number: u64,
) -> Result<Option<(RevisionDocument, Sha256Digest)>, StateError> {
    let key = keys::revision(number);
    let bytes = match store.get_bytes(&key, MAX_REVISION_BYTES).await {
        Ok(bytes) => bytes,
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let document: RevisionDocument = document::read_sealed(key.as_str(), &bytes)?;
    if document.revision != number {
        return Err(DocumentError::Number { key: key.to_string(), said: document.revision }.into());
    }
    Ok(Some((document, sha256(&bytes))))
}

/// Random bytes that no other server draws.
pub(crate) fn random_bytes() -> Result<[u8; 16], StateError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| StoreError::backend("drawing random bytes", std::io::Error::other(error)))?;
    Ok(bytes)
}

/// A pause that grows with the tries and differs between servers.
fn jitter(tries: u32) -> Duration {
    let most = 5_u64 << tries.min(6);
    let random =
        random_bytes().map_or(u64::from(tries), |bytes| u64::from(bytes[0]) << 8 | u64::from(bytes[1]));
    Duration::from_millis(1 + random % most)
}
