//! The health of an open service.

use crate::service::UpdateService;
use crate::state::health::Health;
use std::sync::atomic::Ordering;

impl UpdateService {
    /// Returns the state of this service. It does not read the store, and never waits.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use ucupdate::{Options, UpdateService, store::MemoryStore};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let service = UpdateService::open(Arc::new(MemoryStore::default()), Options::default()).await?;
    /// assert!(service.health().is_ready());
    /// # Ok(()) }
    /// ```
    pub fn health(&self) -> Health {
        let logs = self.inner.logs.as_ref();
        let looks = &self.inner.looks;
        Health {
            revision: self.snapshot().revision(),
            store_reachable: looks.is_reachable(self.inner.options.probe),
            history_replaced: looks.is_replaced.load(Ordering::Relaxed),
            log_problem: logs.and_then(|logs| logs.problem(self.now())),
            dropped_log_rows: self.dropped_log_rows(),
            offers_stopped: looks.stops_offers(&self.inner.options),
            problem: looks.state().problem.clone(),
        }
    }
}
