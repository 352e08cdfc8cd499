//! Following the history of the rule book, and making the next revision.

use crate::error::{ChangeError, StateError};
use crate::service::UpdateService;
use crate::state::document::ChangeId;
use crate::state::recorded_command::RecordedCommand;
use crate::state::rule_history::{Changed, Revision, RuleHistory, random_bytes};
use crate::state::snapshot::Snapshot;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use ucupdate_core::RuleBook;
use ucupdate_core::book::{Outcome, Refusal};
use ucupdate_store::StoreError;

impl UpdateService {
    /// Looks for changes other servers made, and gives the revision that holds now.
    ///
    /// # Errors
    /// When the rule book cannot be read; the old snapshot goes on answering.
    pub async fn refresh(&self) -> Result<u64, StateError> {
        let mut history = self.inner.history.lock().await;
        // What could be read holds, whatever comes after it.
        let caught_up = in_time("looking for changes", history.catch_up()).await;
        self.publish(&history).await;
        caught_up?;
        Ok(history.revision())
    }

    /// Makes the snapshot that of the history. Compiling, and freeing what was compiled before, is left to threads for such
    /// work: whoever answers meanwhile reads the old snapshot, waits for nothing, and is not the one who frees it.
    async fn publish(&self, history: &RuleHistory) {
        if self.inner.snapshot.load().revision() == history.revision() {
            return;
        }
        let (book, revision) = (history.book().clone(), history.revision());
        let compiled = tokio::task::spawn_blocking(move || Snapshot::new(book, revision)).await;
        // Compiling neither blocks nor panics, so this fails only when the runtime is going down.
        if let Ok(snapshot) = compiled {
            let old = self.inner.snapshot.swap(Arc::new(snapshot));
            tokio::spawn(retire(old));
        }
    }

    pub(crate) async fn change(
        &self,
        author: &str,
        command: &RecordedCommand,
        make: impl Fn(&RuleBook, u64) -> Result<Outcome, Refusal>,
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
                    history.catch_up().await?;
                }
                history.try_change(id, author, self.now(), command, &make).await
            });
            let tried = tried.await;
            // What others made meanwhile is answered by at once, however long this change has to wait for its turn.
            self.publish(&history).await;
            if let Some(changed) = tried? {
                return Ok(changed);
            }
            pause = pause_after(tries, begun.elapsed())?;
            tries += 1;
        }
        Err(ChangeError::Contended { tries })
    }

    /// The history of the rule book from revision `first` on, at most `limit` of it, oldest first.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn history(&self, first: u64, limit: usize) -> Result<Vec<Revision>, StateError> {
        RuleHistory::read(&*self.inner.store, first, limit).await
    }
}

/// How often, and for how long, a change is tried at least while others are first: a store far away gives few tries in that
/// time, and one at hand many.
const MIN_TRIES: u32 = 40;
const MIN_PATIENCE: Duration = Duration::from_secs(2);

/// A random pause after a try that took so long and was lost. It keeps servers that lost together apart, and halves with
/// each try: that one lost means that another won, so a pause lets nobody through sooner, and whoever waits for longest has to
/// come before those who begin.
fn pause_after(tries: u32, took: Duration) -> Result<Duration, StateError> {
    let share = f64::from(random_bytes()?[0]) / f64::from(u8::MAX);
    Ok(took.mul_f64(share) / (2 << tries.min(20)))
}

/// How long the store may take over a change or a look for changes before somebody else has his turn.
const STORE_TIME: Duration = Duration::from_secs(60);

/// What comes of work on the history, or the store's silence as an error. Work that is dropped half-way leaves the
/// history whole: what it may have written is found by the next look.
async fn in_time<T, E: From<StoreError>>(
    what: &'static str,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    match tokio::time::timeout(STORE_TIME, work).await {
        Ok(done) => done,
        Err(late) => Err(StoreError::unavailable(what, late).into()),
    }
}

/// Holds a snapshot until nobody answers from it any more, and frees it on a thread for such work: with a large book that
/// takes long. Whoever keeps one for longer than this waits frees it himself.
async fn retire(old: Arc<Snapshot>) {
    for _ in 0..RETIRE_TRIES {
        if Arc::strong_count(&old) == 1 {
            break;
        }
        tokio::time::sleep(RETIRE_PAUSE).await;
    }
    tokio::task::spawn_blocking(move || drop(old));
}

/// How often, and with what pauses, a retired snapshot is looked at. An answer takes microseconds.
const RETIRE_TRIES: u32 = 100;
const RETIRE_PAUSE: Duration = Duration::from_millis(20);
