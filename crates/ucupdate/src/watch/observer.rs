//! [`Watch`]: the devices that a server watches.

use crate::watch::options::WatchOptions;
use std::sync::{Mutex, MutexGuard, PoisonError};
use ucupdate_core::value::UnixTime;
use ucupdate_core::{Decision, EligibilityIndex, Question};
use ucupdate_fleet::outcomes::Outcomes;

/// The devices that a server watches, and how far it has read the audit logs.
pub(crate) struct Watch {
    pub(crate) outcomes: Mutex<Outcomes>,
    /// The time up to which the audit logs were read. The lock keeps two tasks from reading them at the same time.
    pub(crate) read: tokio::sync::Mutex<Option<UnixTime>>,
    /// The time from which the audit logs matter.
    pub(crate) since: UnixTime,
}

impl Watch {
    pub(crate) fn new(options: WatchOptions, opened: UnixTime) -> Self {
        // What was kept may be older than what happened since.
        let since = options.outcomes.in_flight_since().map_or(opened, |since| since.min(opened));
        Self { outcomes: Mutex::new(options.outcomes), read: tokio::sync::Mutex::default(), since }
    }

    /// Adds a request and its decision. It waits only for others that do the same.
    pub(crate) fn saw(
        &self,
        index: &EligibilityIndex,
        question: &Question<'_>,
        decision: &Decision<'_>,
        now: UnixTime,
    ) {
        let mut outcomes = self.outcomes();
        outcomes.asked(index, question, now);
        outcomes.offered(index, question, decision, now);
    }

    /// Locks the outcomes. They are valid even if a thread panicked while it held the lock.
    pub(crate) fn outcomes(&self) -> MutexGuard<'_, Outcomes> {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
