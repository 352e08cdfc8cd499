//! The rule book as it was: for replaying a decision, and for saying what has changed since.

use crate::error::StateError;
use crate::service::UpdateService;
use crate::state::rule_history::RuleHistory;
use crate::state::snapshot::Snapshot;
use std::sync::Arc;
use ucupdate_core::RuleBook;

impl UpdateService {
    /// The rule book as it was at a revision; at 0 it is that of a new store.
    ///
    /// It is read from the store: from the last checkpoint before it, if one is kept, and else from the first revision.
    ///
    /// # Errors
    /// [`StateError::NoRevision`] when it is not that far yet; otherwise when it cannot be read.
    pub async fn book_at(&self, revision: u64) -> Result<RuleBook, StateError> {
        let mut newest = self.snapshot().revision();
        if revision > newest {
            newest = self.refresh().await?;
        }
        if revision > newest {
            return Err(StateError::NoRevision { revision, newest });
        }
        let history = RuleHistory::open_at(Arc::clone(self.store()), revision).await?;
        Ok(history.book().clone())
    }

    /// The same, compiled for answering.
    ///
    /// # Errors
    /// Those of [`book_at`](Self::book_at).
    pub async fn snapshot_at(&self, revision: u64) -> Result<Arc<Snapshot>, StateError> {
        let now = self.snapshot();
        if now.revision() == revision {
            return Ok(now);
        }
        let book = self.book_at(revision).await?;
        Ok(Arc::new(Snapshot::compile(book, revision).await))
    }
}
