//! Reads the changes of other servers, and makes new revisions.

use crate::error::{ChangeError, StateError};
use crate::events::event::Event;
use crate::service::UpdateService;
use crate::state::document::{ChangeId, RevisionDocument};
use crate::state::health::LEAST_TIME;
use crate::state::recorded_command::RecordedCommand;
use crate::state::rule_history::{Changed, Revision, RuleHistory, random_bytes};
use crate::state::snapshot::Snapshot;
use crate::state::submitted::SubmitError;
use bytes::Bytes;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use ucupdate_core::RuleBook;
use ucupdate_core::book::{BookChange, Refusal};
use ucupdate_store::StoreError;

impl UpdateService {
    /// Reads the changes that other servers made, and checks that the newest known revision is still in the store.
    /// Returns the newest revision. [`health`](Self::health) shows the result.
    ///
    /// # Errors
    /// When the rule book cannot be read, and [`StateError::Replaced`] when the store holds another history. The old
    /// snapshot continues to answer.
    pub async fn refresh(&self) -> Result<u64, StateError> {
        let mut history = self.inner.history.lock().await;
        // The revisions that could be read are valid, even if a later one cannot be read.
        let mut looked = self.look(&mut history).await;
        self.publish(&mut history).await;
        if let Ok(true) = looked {
            // The first new revision is published before the others are read. It may be the kill
            // switch, and a store may need a second for each read.
            looked = in_time("looking for changes", history.catch_up()).await;
            self.publish(&mut history).await;
        }
        self.inner.looks.record(looked.as_ref().err(), &self.inner.options.events);
        looked?;
        Ok(history.revision())
    }

    /// Reads the next revision, and returns whether there was one. If the store does not answer
    /// within [`LEAST_TIME`], the health of the service already shows a failed read. The store may
    /// report its own error up to a minute later.
    async fn look(&self, history: &mut RuleHistory) -> Result<bool, StateError> {
        let mut looking = pin!(in_time("looking for changes", history.look()));
        match tokio::time::timeout(LEAST_TIME, &mut looking).await {
            Ok(looked) => looked,
            Err(late) => {
                let error = StateError::from(StoreError::unavailable("looking for changes", late));
                self.inner.looks.record(Some(&error), &self.inner.options.events);
                looking.await
            }
        }
    }

    /// Replaces the snapshot if the history has a newer revision. The snapshot is compiled, and the old one is freed,
    /// on threads for blocking work. A request that runs at the same time reads the old snapshot, and neither waits nor
    /// frees it.
    async fn publish(&self, history: &mut RuleHistory) {
        if self.inner.snapshot.load().revision() == history.revision() {
            return;
        }
        let (book, revision) = (history.book().clone(), history.revision());
        let compiled = tokio::task::spawn_blocking(move || Snapshot::new(book, revision)).await;
        // Compiling does not panic, so this fails only when the runtime shuts down.
        if let Ok(snapshot) = compiled {
            let old = self.inner.snapshot.swap(Arc::new(snapshot));
            tokio::spawn(retire(old));
        }
        for revision in history.take_news() {
            self.emit(&Event::ChangeMade { revision: &revision });
        }
    }

    /// Makes a revision from the result of `make` for the newest book. Tries again if another
    /// server makes the next revision first.
    pub(crate) async fn change(
        &self,
        author: &str,
        command: &RecordedCommand,
        make: impl Fn(&RuleBook, u64) -> Result<BookChange, Refusal>,
    ) -> Result<Changed, ChangeError> {
        let id = ChangeId::random()?;
        let mut pause = Duration::ZERO;
        let (asked, mut tries) = (Instant::now(), 0);
        while tries < MIN_TRIES || asked.elapsed() < MIN_PATIENCE {
            tokio::time::sleep(pause).await;
            let begun = Instant::now();
            let mut history = self.inner.history.lock().await;
            let tried = in_time("changing the rule book", async {
                if tries == 0 {
                    history.look_to_newest().await?;
                }
                history.try_change(id, author, self.now(), command, &make).await
            });
            let tried = unless_unsettled(tried.await, &mut history);
            // The changes of other servers are published at once, even if this change has to wait.
            self.publish(&mut history).await;
            if let Err(ChangeError::State(error) | ChangeError::Unclear { source: error, .. }) = &tried {
                self.inner.looks.record(Some(error), &self.inner.options.events);
            }
            if let Some(changed) = tried? {
                return Ok(changed);
            }
            pause = pause_after(tries, begun.elapsed())?;
            tries += 1;
        }
        Err(ChangeError::Contended { tries })
    }

    /// Makes a revision that another program computed, if `check` accepts it for the newest book.
    pub(crate) async fn adopt(
        &self,
        document: &RevisionDocument,
        bytes: Bytes,
        check: impl Fn(&RuleBook) -> Result<(), SubmitError>,
    ) -> Result<(), SubmitError> {
        let mut history = self.inner.history.lock().await;
        let adopted = in_time("changing the rule book", async {
            history.look_to_newest().await.map_err(ChangeError::from)?;
            if history.revision() + 1 != document.revision {
                return Err(SubmitError::Exists { revision: document.revision });
            }
            check(history.book())?;
            let (found, base) = (document.book_sha256, history.revision());
            if found.is_some() && found != history.book_sha256(document.revision, &document.delta) {
                return Err(SubmitError::OtherResult {
                    base,
                    what: "it has another digest of the rule book",
                });
            }
            match history.adopt(document, bytes).await? {
                true => Ok(()),
                false => Err(SubmitError::Exists { revision: document.revision }),
            }
        });
        let adopted = match adopted.await {
            Err(SubmitError::Change(error)) => unless_unsettled(Err(error), &mut history).map_err(Into::into),
            adopted => adopted,
        };
        self.publish(&mut history).await;
        adopted
    }

    /// Returns revisions in order, beginning with `first`, at most `limit` of them.
    ///
    /// # Errors
    /// When a revision cannot be read.
    pub async fn history(&self, first: u64, limit: usize) -> Result<Vec<Revision>, StateError> {
        RuleHistory::read(&*self.inner.store, first, limit).await
    }
}

/// A change is tried at least this number of times, and for at least [`MIN_PATIENCE`]. A remote
/// store allows few tries in that time, and a local store many.
const MIN_TRIES: u32 = 40;
const MIN_PATIENCE: Duration = Duration::from_secs(2);

/// Returns a random pause after an attempt that failed because another server made the next
/// revision. The pause is random, so that several such servers do not try again at the same time.
/// It becomes shorter with each attempt, so that a server that has waited long is faster than one
/// that begins.
fn pause_after(tries: u32, took: Duration) -> Result<Duration, StateError> {
    let share = f64::from(random_bytes()?[0]) / f64::from(u8::MAX);
    Ok(took.mul_f64(share) / (2 << tries.min(20)))
}

/// The time limit for a change or for reading changes, so that other callers are not blocked.
const STORE_TIME: Duration = Duration::from_secs(60);

/// Runs work on the history with a time limit. If the work is dropped, the history stays valid, and the next read finds
/// any revision that was written.
async fn in_time<T, E: From<StoreError>>(
    what: &'static str,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    match tokio::time::timeout(STORE_TIME, work).await {
        Ok(done) => done,
        Err(late) => Err(StoreError::unavailable(what, late).into()),
    }
}

/// Converts the error of a change to [`ChangeError::Unclear`] if the time limit was reached while
/// the revision of the change was being created. The revision may exist in this case. Other results
/// are returned as they are.
fn unless_unsettled<T>(changed: Result<T, ChangeError>, history: &mut RuleHistory) -> Result<T, ChangeError> {
    match (changed, history.take_unsettled()) {
        (Err(ChangeError::State(source)), Some(revision)) => Err(ChangeError::Unclear { revision, source }),
        (changed, _) => changed,
    }
}

/// Waits until no request uses an old snapshot, and frees it on a thread for blocking work, because freeing a large book
/// takes long. If a caller keeps the snapshot for longer, that caller frees it.
async fn retire(old: Arc<Snapshot>) {
    for _ in 0..RETIRE_TRIES {
        if Arc::strong_count(&old) == 1 {
            break;
        }
        tokio::time::sleep(RETIRE_PAUSE).await;
    }
    tokio::task::spawn_blocking(move || drop(old));
}

/// The number of checks whether an old snapshot is still used, and the pause between two checks. An
/// answer uses the snapshot for microseconds.
const RETIRE_TRIES: u32 = 100;
const RETIRE_PAUSE: Duration = Duration::from_millis(20);
