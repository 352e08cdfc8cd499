//! [`WatchOptions`]: the options of watching rollouts.

use std::time::Duration;

/// The options of watching guarded rollouts.
///
/// A server finds out what became of offers from the audit logs and the access logs of all servers on its store. So a guard
/// counts the whole fleet, and a restart forgets nothing. A look reads only what was added to the logs since the look before.
/// All servers may watch. One of them pauses a rollout, and the others find it paused.
///
/// A rollout is paused at most this time after the log row of the failure that exceeds its guard: the time until the row is in
/// the store ([`RollOptions`](ucupdate_audit::RollOptions), a second by default), the time for rows of other servers, the
/// period, and the time for reading.
///
/// # What a guard counts
///
/// A device counts only if it downloaded an image of the rollout from one of the servers, after the offer and from the address
/// of the offer. Requests are not authenticated, so anybody can invent devices; the download makes that expensive. What remains
/// possible:
///
/// - Whoever downloads the whole image once for each invented device can make a rollout pause, or can hide failures.
/// - A person behind the same address as devices (a NAT, or a proxy that is not trusted) can take the place of as many devices
///   as download there.
/// - A person who knows the MAC address of a device can report that it has the version. The old version is believed only from the
///   address at which the device was offered the version.
/// - Downloads by parts count once for each address and image, so of several devices behind one address that continue broken
///   downloads only one counts.
/// - If servers redirect downloads to a bucket, the redirect counts, and that costs nothing.
/// - Devices that get their image from a cache in front of the servers do not count, except the one whose download filled the
///   cache.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct WatchOptions {
    pub(crate) devices: usize,
    pub(crate) period: Option<Duration>,
    pub(crate) wait: Duration,
}

impl Default for WatchOptions {
    /// Returns the default: no known devices, a limit of 100,000 devices, and a check every ten seconds.
    fn default() -> Self {
        Self { devices: 100_000, period: Some(Duration::from_secs(10)), wait: Duration::from_secs(3) }
    }
}

impl WatchOptions {
    /// Sets how many devices are remembered. A device counts once for each rollout it is in.
    pub fn with_devices(self, devices: usize) -> Self {
        Self { devices, ..self }
    }

    /// Sets the period of the background task that checks the guards. With `None`, guards are checked only when
    /// [`UpdateService::pause_failing_rollouts`](crate::UpdateService::pause_failing_rollouts) is called.
    pub fn with_period(self, period: Option<Duration>) -> Self {
        Self { period, ..self }
    }

    /// Sets how long rows wait for earlier rows of other servers. It should be longer than the time until a row is in the store.
    pub fn with_wait(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }
}
