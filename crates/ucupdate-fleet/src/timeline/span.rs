//! [`Span`]: a duration in words.

use std::fmt;
use ucupdate_core::value::UnixTime;

/// A duration in whole seconds, displayed in words: `80 s`, `5 min 57 s`, `3 h 20 min`, `4 days`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_structs, reason = "a number of seconds")]
pub struct Span(
    /// The number of seconds.
    pub u64,
);

impl Span {
    /// Returns the time from `earlier` to `later`, in whole seconds. Zero if `later` is before
    /// `earlier`.
    pub fn between(earlier: UnixTime, later: UnixTime) -> Self {
        Self(u64::try_from(later.as_seconds().saturating_sub(earlier.as_seconds())).unwrap_or(0))
    }

    pub(super) fn of_millis(millis: u64) -> Self {
        Self(millis / 1000 + u64::from(millis % 1000 >= 500))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let two =
            |f: &mut fmt::Formatter<'_>, large: u64, unit: &str, small: u64, small_unit: &str| match small {
                0 => write!(f, "{large} {unit}"),
                small => write!(f, "{large} {unit} {small} {small_unit}"),
            };
        match self.0 {
            seconds @ ..120 => write!(f, "{seconds} s"),
            seconds @ 120..7200 => two(f, seconds / 60, "min", seconds % 60, "s"),
            seconds @ 7200..172_800 => two(f, seconds / 3600, "h", seconds / 60 % 60, "min"),
            seconds => write!(f, "{} days", seconds / 86_400),
        }
    }
}
