//! Reads the rule book at an earlier revision, for replays of decisions and for comparisons.

use crate::error::StateError;
use crate::service::UpdateService;
use crate::state::rule_history::RuleHistory;
use crate::state::snapshot::Snapshot;
use std::sync::Arc;
use ucupdate_core::RuleBook;

impl UpdateService {
    /// Returns the rule book at a revision. Revision 0 is the empty book of a new store.
    ///
    /// The book is read from the store: from the last checkpoint at or before the revision, or from
    /// the first revision if there is no checkpoint.
    ///
    /// # Errors
    /// [`StateError::NoRevision`] when the revision does not exist yet. Also when the history cannot be read.
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

    /// Returns the compiled rule book at a revision.
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
