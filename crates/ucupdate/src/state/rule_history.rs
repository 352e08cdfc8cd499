//! The history of the rule book. It consists of revisions without gaps in a store. Any number of servers can make
//! revisions.
//!
//! A change is made by creating the next revision. If two servers do so at the same time, one wins. The other one reads
//! the winner's revision and tries again, if its change is still allowed. There is no leader and no lock, and nothing
//! depends on a listing.

use crate::error::{ChangeError, StateError};
use crate::keys;
use crate::state::document::{self, ChangeId, Checkpoint, DocumentError, RevisionDocument, StoredBook};
use crate::state::recorded_command::RecordedCommand;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
use ucupdate_core::RuleBook;
use ucupdate_core::book::{BookChange, Delta, Note, Refusal};
use ucupdate_core::value::{Sha256Digest, UnixTime};
use ucupdate_store::{ImageStore, ImageStoreExt, MAX_CREATE_BYTES, ObjectMeta, StoreError, StoreKey};

/// The maximum size of a revision in bytes. It is the largest object that a store can create
/// atomically. By default the number of files of a package is limited. A revision that ingests the
/// largest such package takes less than half of this size, if the file names have a usual length.
pub(crate) const MAX_REVISION_BYTES: usize = MAX_CREATE_BYTES;

/// The size in bytes above which the newest revision is read again only if its metadata changed.
const LARGE_REVISION_BYTES: usize = 64 * 1024;

/// The maximum size of a checkpoint in bytes.
pub(crate) const MAX_CHECKPOINT_BYTES: usize = 512 * 1024 * 1024;

/// The largest number of repeats of a write whose outcome is unclear. No repeat begins after
/// [`UNCLEAR_TIME`], because one attempt may take as long as a user waits for an answer.
const MAX_UNCLEAR: u32 = 5;
const UNCLEAR_TIME: Duration = Duration::from_secs(10);

/// A checkpoint is made at each revision whose number is a multiple of this number.
pub(crate) const CHECKPOINT_EVERY: u64 = 64;

/// Some revisions do not state the digest of the rule book. To trust a checkpoint of such a
/// revision, a start of the service reads the revisions up to it instead. This is the largest
/// number of revisions that it reads for that. [`MAX_PROOF_BYTES`] limits their total size.
const MAX_PROOF_REVISIONS: u64 = 4 * CHECKPOINT_EVERY;
const MAX_PROOF_BYTES: u64 = 4 * 1024 * 1024;

/// The number of revisions that are kept for [`RuleHistory::take_news`]. If there are more, the oldest are skipped.
const MAX_NEWS: usize = 256;

/// The rule book that this process knows, and its revision.
#[derive(Debug)]
pub(crate) struct RuleHistory {
    store: Arc<dyn ImageStore>,
    book: RuleBook,
    revision: u64,
    /// The SHA-256 of the revision `revision`.
    sha256: Sha256Digest,
    /// `true` if a revision that was read is sealed: it states its own SHA-256. Later revisions
    /// must be sealed too.
    is_sealed: bool,
    /// The revisions that were not reported yet, at most [`MAX_NEWS`]. `None` if they are not kept.
    news: Option<VecDeque<Revision>>,
    /// The metadata that the newest known revision had in the store when its SHA-256 was last
    /// compared. `None` for a small revision, which is compared each time.
    compared: Option<ObjectMeta>,
    /// The revision that is being created. It stays set if the future that creates it is dropped.
    unsettled: Option<u64>,
}

/// The revision that a change made, and notes about its effects.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changed {
    /// The number of the revision. `None` if nothing changed.
    pub revision: Option<u64>,
    /// Notes about the change, in the order of its effects.
    pub notes: Vec<Note>,
}

/// One change of the rule book, as the history keeps it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Revision {
    /// The number of the revision. The first revision of a store is 1, and each later one has the next number.
    pub number: u64,
    /// The time of the change, by the clock of the server that made it.
    pub at: UnixTime,
    /// The name of the author, as passed to [`UpdateService::admin`](crate::UpdateService::admin).
    pub author: String,
    /// The command that was executed.
    pub command: RecordedCommand,
    /// Notes about the change, one sentence each.
    pub notes: Vec<String>,
}

impl Revision {
    fn of(document: &RevisionDocument) -> Self {
        Self {
            number: document.revision,
            at: document.at,
            author: document.author.clone(),
            command: document.command.clone(),
            notes: document.notes.clone(),
        }
    }
}

impl ChangeId {
    /// Returns a random id. Another server draws the same one with negligible probability.
    pub(crate) fn random() -> Result<Self, StateError> {
        Ok(Self(Sha256Digest::of(random_bytes()?)))
    }
}

impl RuleHistory {
    /// Reads the newest checkpoint and the revisions after it.
    pub(crate) async fn open(store: Arc<dyn ImageStore>) -> Result<Self, StateError> {
        let mut history = Self::empty(store);
        history.start_from_checkpoint(u64::MAX).await?;
        history.catch_up().await?;
        // If the store cannot list, gaps are not detected. The revisions that were read are correct anyway.
        let later = history.store.list(keys::REVISIONS, Some(&keys::revision(history.revision))).await;
        // Other objects in the folder do not belong to the history.
        if later.is_ok_and(|later| later.iter().any(|meta| keys::revision_number(&meta.key).is_some())) {
            history.refuse_gap().await?;
        }
        Ok(history)
    }

    /// Reads the history up to an existing revision.
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
        Self {
            store,
            book: RuleBook::default(),
            revision: 0,
            sha256: Sha256Digest::of(b""),
            is_sealed: false,
            compared: None,
            unsettled: None,
            news: None,
        }
    }

    /// Handles a gap: a revision exists after a missing one. Returns an error unless the missing
    /// revision has appeared in the meantime.
    async fn refuse_gap(&mut self) -> Result<(), StateError> {
        if self.catch_up().await? {
            return Ok(());
        }
        Err(DocumentError::Missing { key: keys::revision(self.revision + 1).to_string() }.into())
    }

    /// Returns the rule book of the newest revision. Before the first revision it is the book of a new store, on which the
    /// first change is made.
    pub(crate) fn book(&self) -> &RuleBook {
        static NEW_STORE: LazyLock<RuleBook> = LazyLock::new(RuleBook::of_new_store);
        if self.revision == 0 { &NEW_STORE } else { &self.book }
    }

    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Starts from the newest checkpoint at or before revision `most` that agrees with the history.
    /// Without a checkpoint, reading takes longer. A checkpoint of a newer program is an error,
    /// because its revisions cannot be read either.
    ///
    /// The revision of a checkpoint states the digest of its rule book, so a checkpoint cannot add
    /// anything that the history does not have. Revisions of older programs state no digest. For
    /// such a revision, the rule book is made from the revisions if they are few. If they are many,
    /// the book of the checkpoint is used without a proof; only a check of the store compares it
    /// with the history.
    async fn start_from_checkpoint(&mut self, most: u64) -> Result<(), StateError> {
        let Ok(checkpoints) = self.store.list_all(keys::CHECKPOINTS, usize::MAX).await else { return Ok(()) };
        let Ok(continued) = self.store.list_all(keys::CONTINUED, usize::MAX).await else { return Ok(()) };
        let mut found: Vec<(u64, StoreKey)> = Vec::new();
        for meta in checkpoints.into_iter().chain(continued) {
            let number = keys::checkpoint_number(&meta.key).or_else(|| keys::continued_number(&meta.key));
            // No program makes a checkpoint of another revision.
            let is_one = |number: &u64| *number <= most && number.is_multiple_of(CHECKPOINT_EVERY);
            found.extend(number.filter(is_one).map(|number| (number, meta.key)));
        }
        found.sort();
        for (number, key) in found.iter().rev() {
            let Some(checkpoint) = read_checkpoint(&*self.store, key).await? else { continue };
            if checkpoint.revision != *number {
                continue;
            }
            let Ok(Some((document, sha256))) = read_revision(&*self.store, *number).await else { continue };
            if sha256 != checkpoint.sha256 || !document.allows(&checkpoint) {
                #[cfg(feature = "tracing")]
                tracing::warn!(%key, "a checkpoint differs from its revision and is not used; check the store");
                continue;
            }
            self.book = match document.book_sha256 {
                Some(_) => checkpoint.book,
                None => self.read_short(*number, sha256).await.unwrap_or(checkpoint.book),
            };
            self.revision = checkpoint.revision;
            self.sha256 = checkpoint.sha256;
            self.is_sealed = document.is_sealed();
            return Ok(());
        }
        Ok(())
    }

    /// Reads the rule book at a revision from the first revision. Returns `None` if that takes too many reads, or the
    /// history cannot be read.
    async fn read_short(&self, revision: u64, sha256: Sha256Digest) -> Option<RuleBook> {
        if revision > MAX_PROOF_REVISIONS {
            return None;
        }
        let listed = self.store.list(keys::REVISIONS, None).await.ok()?;
        let before =
            |meta: &&ObjectMeta| keys::revision_number(&meta.key).is_some_and(|number| number <= revision);
        let bytes: u64 = listed.iter().filter(before).map(|meta| meta.size).fold(0, u64::saturating_add);
        if bytes > MAX_PROOF_BYTES {
            return None;
        }
        let mut history = Self::empty(Arc::clone(&self.store));
        while history.revision < revision {
            let (document, sha256) = history.read_next().await.ok()??;
            history.take(&document, sha256);
        }
        (history.sha256 == sha256).then_some(history.book)
    }

    /// Reads the revisions that other servers made. Returns whether there were any.
    pub(crate) async fn catch_up(&mut self) -> Result<bool, StateError> {
        let mut moved = false;
        while let Some((document, sha256)) = self.read_next().await? {
            self.take(&document, sha256);
            moved = true;
        }
        Ok(moved)
    }

    /// Reads the next revision of other servers, and checks that the store still holds the newest known revision. Returns
    /// whether there was a next one. [`catch_up`](Self::catch_up) reads the revisions after it.
    pub(crate) async fn look(&mut self) -> Result<bool, StateError> {
        let (next, compared) = tokio::join!(self.read_next(), self.compare_newest());
        self.compared = compared?;
        let Some((document, sha256)) = next? else { return Ok(false) };
        // A revision contains the SHA-256 of the one before it, so their order is proved.
        self.take(&document, sha256);
        Ok(true)
    }

    /// Looks for revisions of other servers, and reads all of them.
    pub(crate) async fn look_to_newest(&mut self) -> Result<(), StateError> {
        if self.look().await? {
            self.catch_up().await?;
        }
        Ok(())
    }

    /// Checks that the store still has the newest known revision, unchanged. A large revision is read
    /// only if its metadata changed since the last check. Returns the metadata for the next check, or
    /// `None` if the revision is small.
    async fn compare_newest(&self) -> Result<Option<ObjectMeta>, StateError> {
        if self.revision == 0 {
            return Ok(None);
        }
        let key = keys::revision(self.revision);
        let found = async {
            if let Some(compared) = &self.compared
                && self.store.head(&key).await? == *compared
            {
                return Ok(Some(self.compared.clone()));
            }
            let object = self.store.get(&key, None).await?;
            let meta = object.meta.clone();
            let bytes = object.into_bytes(MAX_REVISION_BYTES).await?;
            let is_large = bytes.len() > LARGE_REVISION_BYTES;
            Ok((Sha256Digest::of(&bytes) == self.sha256).then_some(is_large.then_some(meta)))
        };
        let what = match found.await {
            Ok(Some(compared)) => return Ok(compared),
            Ok(None) | Err(StoreError::TooLarge { .. } | StoreError::Integrity { .. }) => {
                "differs from what was read before"
            }
            Err(StoreError::NotFound { .. }) => "is missing, but was read before",
            Err(error) => return Err(error.into()),
        };
        Err(StateError::Replaced { key: key.to_string(), what })
    }

    async fn read_next(&self) -> Result<Option<(RevisionDocument, Sha256Digest)>, StateError> {
        let Some((document, sha256)) = read_revision(&*self.store, self.revision + 1).await? else {
            return Ok(None);
        };
        self.check_follows(&document)?;
        Ok(Some((document, sha256)))
    }

    /// Checks that a revision contains the SHA-256 of the one before it, and is sealed if an
    /// earlier revision is.
    fn check_follows(&self, document: &RevisionDocument) -> Result<(), DocumentError> {
        document.check_follows(Some(self.sha256), self.is_sealed)
    }

    fn take(&mut self, document: &RevisionDocument, sha256: Sha256Digest) {
        self.book.apply(&document.delta);
        self.revision = document.revision;
        self.sha256 = sha256;
        self.is_sealed |= document.is_sealed();
        self.compared = None;
        if let Some(news) = &mut self.news {
            if news.len() == MAX_NEWS {
                news.pop_front();
            }
            news.push_back(Revision::of(document));
        }
    }

    /// Sets whether revisions are kept for [`take_news`](Self::take_news).
    pub(crate) fn keep_news(&mut self, kept: bool) {
        self.news = kept.then(VecDeque::new);
    }

    /// Returns the revisions since the last call, from the oldest to the newest.
    pub(crate) fn take_news(&mut self) -> VecDeque<Revision> {
        self.news.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Tries to make a change. `make` returns the change for a book and its revision.
    ///
    /// Returns `None` if another server was faster. This history then knows the book of that server, and the change may
    /// be tried again. Call [`catch_up`](Self::catch_up) before the first attempt, but not before later ones, so that a
    /// server that lost an attempt is faster than one that begins.
    pub(crate) async fn try_change(
        &mut self,
        id: ChangeId,
        author: &str,
        at: UnixTime,
        command: &RecordedCommand,
        make: impl Fn(&RuleBook, u64) -> Result<BookChange, Refusal>,
    ) -> Result<Option<Changed>, ChangeError> {
        let mut change = make(self.book(), self.revision)?;
        if change.delta.is_empty() {
            return Ok(Some(Changed { revision: None, notes: change.notes }));
        }
        if self.revision == 0 {
            let settings = self.book().settings().clone();
            change.delta.settings.get_or_insert(settings);
        }
        let revision = self.revision + 1;
        let stored_book = revision.is_multiple_of(CHECKPOINT_EVERY).then(|| self.book_with(&change.delta));
        let document = RevisionDocument {
            format: document::oldest_format(command, &change.delta),
            revision,
            change: id,
            previous: self.sha256,
            at,
            author: author.to_owned(),
            command: command.clone(),
            notes: change.notes.iter().map(ToString::to_string).collect(),
            book_sha256: stored_book.as_ref().map(|book| book.sha256),
            delta: change.delta,
        };
        let after_next = keys::revision(self.revision + 2);
        let (is_gap, compared) = tokio::join!(self.store.exists(&after_next), self.compare_newest());
        self.compared = compared?;
        if is_gap? {
            self.refuse_gap().await?;
            return Ok(None);
        }
        let bytes = Bytes::from(document::write_sealed(&document));
        check_size(bytes.len())?;
        if let Some((winner, sha256)) = self.create(&document, bytes.clone()).await? {
            self.check_follows(&winner)?;
            self.take(&winner, sha256);
            return Ok(None);
        }
        self.take(&document, Sha256Digest::of(&bytes));
        self.make_checkpoint(stored_book).await;
        Ok(Some(Changed { revision: Some(self.revision), notes: change.notes }))
    }

    /// Makes the next revision from its stored form. Returns `false` if another server was faster. The caller has checked the
    /// content, and has called [`look`](Self::look) before.
    pub(crate) async fn adopt(
        &mut self,
        document: &RevisionDocument,
        bytes: Bytes,
    ) -> Result<bool, ChangeError> {
        self.check_follows(document)?;
        if bytes.len() > MAX_REVISION_BYTES {
            return Err(ChangeError::TooLarge { found: bytes.len(), limit: MAX_REVISION_BYTES });
        }
        if self.store.exists(&keys::revision(document.revision + 1)).await? {
            self.refuse_gap().await?;
            return Ok(false);
        }
        let is_due = document.revision.is_multiple_of(CHECKPOINT_EVERY);
        let stored_book = is_due.then(|| self.book_with(&document.delta));
        if let Some((winner, sha256)) = self.create(document, bytes.clone()).await? {
            self.check_follows(&winner)?;
            self.take(&winner, sha256);
            return Ok(false);
        }
        self.take(document, Sha256Digest::of(&bytes));
        self.make_checkpoint(stored_book).await;
        Ok(true)
    }

    /// Creates the next revision, or returns the one that another server created.
    ///
    /// After an unclear answer the creation is tried again. A revision that can be read may still
    /// be lost, because the sync of its folder may have failed. Only the answer `AlreadyExists`
    /// proves that the existing revision is durable. The change id in this revision shows whether
    /// this server created it.
    async fn create(
        &mut self,
        document: &RevisionDocument,
        bytes: Bytes,
    ) -> Result<Option<(RevisionDocument, Sha256Digest)>, ChangeError> {
        let key = keys::revision(document.revision);
        let begun = Instant::now();
        let (mut unclear, mut may_exist) = (0, false);
        self.unsettled = Some(document.revision);
        let created = loop {
            let error = match self.store.create(&key, bytes.clone()).await {
                Ok(()) => break Ok(None),
                Err(error) => error,
            };
            let exists = matches!(error, StoreError::AlreadyExists { .. });
            may_exist |= error.may_have_written();
            if !exists && !error.is_retryable() && !error.may_have_written() {
                break Err(error.into());
            }
            let may_repeat = unclear < MAX_UNCLEAR && begun.elapsed() < UNCLEAR_TIME;
            match read_revision(&*self.store, document.revision).await {
                Ok(Some((there, _))) if there.change == document.change && exists => break Ok(None),
                Ok(Some((there, _))) if there.change == document.change => may_exist = true,
                Ok(winner @ Some(_)) => break Ok(winner),
                Ok(None) => may_exist = false,
                Err(StateError::Store(_)) => {}
                Err(failed) => break Err(failed),
            }
            if !may_repeat {
                break Err(error.into());
            }
            unclear += 1;
            tokio::time::sleep(jitter(unclear)).await;
        };
        self.unsettled = None;
        created.map_err(|source| match may_exist {
            true => ChangeError::Unclear { revision: document.revision, source },
            false => source.into(),
        })
    }

    /// Returns the revision that was being created when the future that created it was dropped. The
    /// next call returns `None`.
    pub(crate) fn take_unsettled(&mut self) -> Option<u64> {
        self.unsettled.take()
    }

    /// Returns the stored form of the rule book after a change.
    fn book_with(&self, delta: &Delta) -> StoredBook {
        let mut book = self.book.clone();
        book.apply(delta);
        StoredBook::of(&book)
    }

    /// Returns the digest of the rule book that a revision must state after a change with this
    /// delta. `None` if the revision gets no checkpoint.
    pub(crate) fn book_sha256(&self, revision: u64, delta: &Delta) -> Option<Sha256Digest> {
        revision.is_multiple_of(CHECKPOINT_EVERY).then(|| self.book_with(delta).sha256)
    }

    /// Writes a checkpoint with the book of the newest revision, so that a start reads few revisions. A failure is
    /// ignored, because a checkpoint is only a cache.
    async fn make_checkpoint(&self, stored_book: Option<StoredBook>) {
        let Some(book) = stored_book else { return };
        let bytes = book.checkpoint(self.revision, self.sha256, None);
        let kept = self.store.put_bytes(&keys::checkpoint(self.revision), bytes).await.is_ok();
        // The two newest checkpoints are kept. The older one is used if the newer one is damaged.
        if let Some(old) = self.revision.checked_sub(2 * CHECKPOINT_EVERY).filter(|old| kept && *old > 0) {
            let _left = self.store.delete(&keys::checkpoint(old)).await;
        }
    }

    /// Returns revisions in order, beginning with `first`, at most `limit` of them. If a revision
    /// is missing but later ones exist, the missing one is skipped.
    pub(crate) async fn read(
        store: &dyn ImageStore,
        first: u64,
        limit: usize,
    ) -> Result<Vec<Revision>, StateError> {
        let mut revisions = Vec::new();
        let mut number = first.max(1);
        while revisions.len() < limit {
            let Some((document, _)) = read_revision(store, number).await? else {
                let later = store.list(keys::REVISIONS, Some(&keys::revision(number))).await?;
                let Some(next) = later.iter().find_map(|meta| keys::revision_number(&meta.key)) else {
                    break;
                };
                number = next;
                continue;
            };
            revisions.push(Revision::of(&document));
            let Some(next) = number.checked_add(1) else { break };
            number = next;
        }
        Ok(revisions)
    }
}

/// Checks that a change fits into a revision.
pub(crate) fn check_size(found: usize) -> Result<(), ChangeError> {
    match found {
        0..=MAX_REVISION_BYTES => Ok(()),
        found => Err(ChangeError::TooLarge { found, limit: MAX_REVISION_BYTES }),
    }
}

/// Reads a checkpoint. Returns `None` if the store fails, or the checkpoint is damaged.
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

/// Reads a revision. Returns `None` if it does not exist.
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
        return Err(DocumentError::Number { key: key.to_string(), stated: document.revision }.into());
    }
    Ok(Some((document, Sha256Digest::of(&bytes))))
}

pub(crate) fn random_bytes() -> Result<[u8; 16], StateError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| StoreError::backend("drawing random bytes", std::io::Error::other(error)))?;
    Ok(bytes)
}

/// Returns a random pause that grows with the number of attempts.
fn jitter(tries: u32) -> Duration {
    let most = 5_u64 << tries.min(6);
    let random =
        random_bytes().map_or(u64::from(tries), |bytes| u64::from(bytes[0]) << 8 | u64::from(bytes[1]));
    Duration::from_millis(1 + random % most)
}
