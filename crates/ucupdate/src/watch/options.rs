//! [`WatchOptions`]: how rollouts are watched.

use std::time::Duration;
use ucupdate_fleet::outcomes::Outcomes;

/// How guarded rollouts are watched.
///
/// Each server judges by the devices to which it offered a version itself. Before it counts a device as lost, it looks for
/// the device in the audit logs of all servers on the store. It does so only if it writes audit logs itself.
///
/// What a server knows is in memory. To continue after a restart, keep what
/// [`UpdateService::outcomes`](crate::UpdateService::outcomes) returns, and pass it to [`with_outcomes`](Self::with_outcomes).
#[derive(Clone, Debug)]
pub struct WatchOptions {
    pub(crate) outcomes: Outcomes,
    pub(crate) period: Option<Duration>,
}

impl Default for WatchOptions {
    /// Nothing known yet, room for 100,000 devices, a look every ten seconds.
    fn default() -> Self {
        Self { outcomes: Outcomes::default(), period: Some(Duration::from_secs(10)) }
    }
}

impl WatchOptions {
    /// Continues with outcomes from before a restart. They also say how many devices are remembered.
    #[must_use]
    pub fn with_outcomes(self, outcomes: Outcomes) -> Self {
        Self { outcomes, ..self }
    }

    /// Sets how often a background task looks at the guards. `None` looks only when
    /// [`UpdateService::pause_failing_rollouts`](crate::UpdateService::pause_failing_rollouts) is called.
    #[must_use]
    pub fn with_period(self, period: Option<Duration>) -> Self {
        Self { period, ..self }
    }
}
