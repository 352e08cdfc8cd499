//! [`WatchOptions`]: the options of watching rollouts.

use std::time::Duration;

/// The options of watching guarded rollouts.
///
/// A server reads the results of offers from the audit logs and the access logs of all servers on its store. So a guard counts
/// the whole fleet, and a restart of the server loses nothing. Each check of the guards reads only the rows that were added to
/// the logs since the previous check. All servers may watch. One of them pauses a rollout, and the others find that it is paused.
///
/// A rollout is paused some time after the log row of the failure that exceeds its guard. This time is at most the sum of four
/// times: the time until the row is in the store ([`RollOptions`](ucupdate_audit::RollOptions), a second by default), the time of
/// [`with_wait`](Self::with_wait), the time of [`with_period`](Self::with_period), and the time for reading the logs.
///
/// # What a guard counts
///
/// A device counts only if it downloaded an image of the rollout from one of the servers, after the offer and from the address of
/// the offer. Requests are not authenticated, so anybody can invent devices. The required download makes that expensive. These
/// attacks and wrong counts remain possible:
///
/// - A person who downloads the whole image once for each invented device can make a rollout pause, or can hide failures.
/// - A person behind the same address as devices (a NAT, or a proxy that is not trusted) can use the downloads of these devices
///   for as many invented devices.
/// - A person who knows the MAC address of a device can report that it has the offered version. A report that it still has the old
///   version counts only if it comes from the address at which the device was offered the version.
/// - Downloads of parts count once for each address and image. If several devices behind one address continue broken downloads,
///   only one of them counts.
/// - If servers redirect downloads to a bucket, the redirect counts as the download, and a redirect is not expensive.
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
    /// Returns the defaults: at most 100,000 devices, a check of the guards every ten seconds, and a wait of three seconds for
    /// rows of other servers.
    fn default() -> Self {
        Self { devices: 100_000, period: Some(Duration::from_secs(10)), wait: Duration::from_secs(3) }
    }
}

impl WatchOptions {
    /// Sets the largest number of devices that are remembered. A device counts once for each rollout it is in. Default: 100,000.
    pub fn with_devices(self, devices: usize) -> Self {
        Self { devices, ..self }
    }

    /// Sets the period of the background task that checks the guards. Default: ten seconds. With `None`, guards are checked only
    /// when [`UpdateService::pause_failing_rollouts`](crate::UpdateService::pause_failing_rollouts) is called.
    pub fn with_period(self, period: Option<Duration>) -> Self {
        Self { period, ..self }
    }

    /// Sets the age that a row must have before it is counted, so that earlier rows of other
    /// servers can arrive first. The wait should be longer than the time until a row is in the
    /// store. Default: three seconds.
    pub fn with_wait(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }
}
