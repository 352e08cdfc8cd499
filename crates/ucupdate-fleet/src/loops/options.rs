//! [`LoopOptions`]: the options of a loop guard.

use std::time::Duration;

/// The limits of a [`LoopGuard`](super::LoopGuard), and the time between requests that count separately.
///
/// ```
/// use std::time::Duration;
/// use ucupdate_fleet::loops::{LoopGuard, LoopOptions};
/// let guard = LoopGuard::new(LoopOptions::default().with_devices(1000).with_apart(Duration::from_secs(600)));
/// assert_eq!(guard.devices(), 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct LoopOptions {
    pub(super) devices: usize,
    pub(super) asks: usize,
    pub(super) apart: Duration,
}

impl Default for LoopOptions {
    /// Returns the defaults: at most 100,000 devices and 16 requests of each device. Requests
    /// within one hour count once for [`LoopKind::Unchanged`](super::LoopKind::Unchanged).
    fn default() -> Self {
        Self { devices: 100_000, asks: 16, apart: Duration::from_secs(60 * 60) }
    }
}

impl LoopOptions {
    /// Sets the maximum number of devices that are remembered. A device counts once for each update type in its requests.
    /// Default: 100,000.
    ///
    /// If there are more devices, the guard forgets the device that has not asked for the longest
    /// time.
    pub const fn with_devices(self, most: usize) -> Self {
        Self { devices: most, ..self }
    }

    /// Sets the maximum number of requests that are remembered for each device. The minimum is 4. Default: 16.
    ///
    /// If there are more, the guard removes a request that has the same versions and server as the
    /// requests before and after it. If there is no such request, it removes the oldest one.
    pub const fn with_asks(self, most: usize) -> Self {
        Self { asks: most, ..self }
    }

    /// Sets the time within which several requests of a device count as one request for
    /// [`LoopKind::Unchanged`](super::LoopKind::Unchanged). Default: one hour.
    pub const fn with_apart(self, time: Duration) -> Self {
        Self { apart: time, ..self }
    }
}
