//! [`LoopOptions`]: bounds of a loop guard.

use std::time::Duration;

/// How many devices and requests a [`LoopGuard`](super::LoopGuard) remembers.
///
/// ```
/// use std::time::Duration;
/// use ucupdate_fleet::loops::{LoopGuard, LoopOptions};
/// let guard = LoopGuard::new(LoopOptions::default().with_devices(1000).with_apart(Duration::from_secs(600)));
/// assert_eq!(guard.devices(), 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopOptions {
    pub(super) devices: usize,
    pub(super) asks: usize,
    pub(super) apart: Duration,
}

impl Default for LoopOptions {
    /// 100,000 devices, 16 requests of each, requests one hour apart.
    fn default() -> Self {
        Self { devices: 100_000, asks: 16, apart: Duration::from_secs(60 * 60) }
    }
}

impl LoopOptions {
    /// Sets how many devices are remembered. A device counts once for each update type it asks about.
    ///
    /// Beyond this number the device that has not asked for the longest time is forgotten.
    #[must_use]
    pub const fn with_devices(mut self, most: usize) -> Self {
        self.devices = most;
        self
    }

    /// Sets how many requests of each device are remembered. The minimum is 4.
    ///
    /// Beyond this number, first a request is left out that says the same as the requests before and after it. If there is no
    /// such request, the oldest is left out.
    #[must_use]
    pub const fn with_asks(mut self, most: usize) -> Self {
        self.asks = most;
        self
    }

    /// Sets the time within which several requests count once towards
    /// [`LoopKind::Unchanged`](super::LoopKind::Unchanged).
    #[must_use]
    pub const fn with_apart(mut self, time: Duration) -> Self {
        self.apart = time;
        self
    }
}
