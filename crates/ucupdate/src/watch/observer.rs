//! What is watched, and how.

use crate::watch::options::WatchOptions;
use std::sync::{Mutex, MutexGuard, PoisonError};
use ucupdate_core::value::UnixTime;
use ucupdate_core::{Decision, Question};
use ucupdate_fleet::outcomes::Outcomes;

/// What is watched.
pub(crate) struct Watch {
    pub(crate) outcomes: Mutex<Outcomes>,
    /// Up to when the audit logs were read; nobody reads them twice at once.
    pub(crate) read: tokio::sync::Mutex<Option<UnixTime>>,
    /// From when on they matter.
    pub(crate) since: UnixTime,
}

impl Watch {
    pub(crate) fn new(options: WatchOptions, opened: UnixTime) -> Self {
        // What was kept may be older than what happened since.
        let since = options.outcomes.in_flight_since().map_or(opened, |since| since.min(opened));
        Self { outcomes: Mutex::new(options.outcomes), read: tokio::sync::Mutex::default(), since }
    }

    /// Takes in what was asked and decided. No waiting but for those who do the same.
    pub(crate) fn saw(&self, question: &Question<'_>, decision: &Decision<'_>, now: UnixTime) {
        let mut outcomes = self.outcomes();
        outcomes.asked(question, now);
        outcomes.offered(question, decision, now);
    }

    /// Outcomes count what they were told; whoever panicked while telling has left them whole.
    pub(crate) fn outcomes(&self) -> MutexGuard<'_, Outcomes> {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
