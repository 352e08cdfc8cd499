//! The source of time. The crates that this crate uses take the time as an argument.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;
use ucupdate_core::value::UnixTime;

/// A source of time.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Returns the current time.
    fn now(&self) -> UnixTime;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixTime {
        SystemTime::now().into()
    }
}

/// A clock that shows a fixed time until it is set, for tests and replays.
///
/// ```
/// use ucupdate::{Clock, SettableClock};
/// use ucupdate_core::value::UnixTime;
/// let clock = SettableClock::at(UnixTime::from_seconds(10));
/// clock.set(UnixTime::from_seconds(11));
/// assert_eq!(clock.now(), UnixTime::from_seconds(11));
/// ```
#[derive(Debug, Default)]
pub struct SettableClock(AtomicI64);

impl SettableClock {
    /// Returns a clock that shows `now`.
    pub fn at(now: UnixTime) -> Self {
        Self(AtomicI64::new(now.as_millis()))
    }

    /// Sets the time that the clock shows.
    pub fn set(&self, now: UnixTime) {
        self.0.store(now.as_millis(), Ordering::Release);
    }
}

impl Clock for SettableClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_millis(self.0.load(Ordering::Acquire))
    }
}
