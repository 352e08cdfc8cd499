//! What is watched, and how.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use ucupdate_core::value::UnixTime;
use ucupdate_core::{Decision, Question};
use ucupdate_fleet::outcomes::Outcomes;

/// How rollouts are watched.
///
/// Each server judges by the devices it offered a version itself. Before it counts one as not having come back, it looks for
/// it in the audit logs of all servers on the store, if it writes audit logs itself; one that writes none takes itself for
/// the only one. What it knows is in memory: a server that starts anew begins anew, unless it is given what
/// [`UpdateService::outcomes`](crate::UpdateService::outcomes) gave before.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WatchOptions {
    /// What is known from before, and within which bounds it is kept.
    pub outcomes: Outcomes,
    /// How often to look; none looks only when [`UpdateService::pause_failing_rollouts`](crate::UpdateService::pause_failing_rollouts) is called.
    pub period: Option<Duration>,
}

impl Default for WatchOptions {
    /// Nothing known, room for a hundred thousand devices, and a look each ten seconds.
    fn default() -> Self {
        Self { outcomes: Outcomes::default(), period: Some(Duration::from_secs(10)) }
    }
}

impl WatchOptions {
    /// Going on with what was known before.
    #[must_use]
    pub fn with_outcomes(self, outcomes: Outcomes) -> Self {
        Self { outcomes, ..self }
    }

    /// Looking so often; never by itself where that is none.
    #[must_use]
    pub fn with_period(self, period: Option<Duration>) -> Self {
        Self { period, ..self }
    }
}

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
