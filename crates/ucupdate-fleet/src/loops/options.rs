//! [`LoopOptions`]: bounds of a loop guard.

use std::time::Duration;

/// How a [`LoopGuard`] looks at what it is fed.
///
/// ```
/// use std::time::Duration;
/// use ucupdate_fleet::loops::LoopOptions;
/// let options = LoopOptions::default().with_apart(Duration::from_secs(600));
/// assert_eq!((options.apart.as_secs(), options.devices), (600, 100_000));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoopOptions {
    /// How many devices are remembered, one for each update type they ask about; beyond it those that have not asked for
    /// longest are forgotten. 100,000 by default.
    pub devices: usize,
    /// How many asks of each are remembered; beyond it those that say what both their neighbours say are left out first, then
    /// the oldest. At least 4; 16 by default.
    pub asks: usize,
    /// Asks that follow one another within this time count once towards [`LoopKind::Unchanged`]. An hour by default.
    pub apart: Duration,
}

impl Default for LoopOptions {
    fn default() -> Self {
        Self { devices: 100_000, asks: 16, apart: Duration::from_secs(60 * 60) }
    }
}

impl LoopOptions {
    /// The same with so many devices remembered.
    #[must_use]
    pub const fn with_devices(mut self, most: usize) -> Self {
        self.devices = most;
        self
    }

    /// The same with so many asks of each remembered; fewer than 4 are taken for 4.
    #[must_use]
    pub const fn with_asks(mut self, most: usize) -> Self {
        self.asks = most;
        self
    }

    /// The same with another time within which asks count once.
    #[must_use]
    pub const fn with_apart(mut self, time: Duration) -> Self {
        self.apart = time;
        self
    }
}
