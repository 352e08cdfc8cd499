//! Moments that several processes on one machine can compare.
//!
//! [`std::time::Instant`] gives no number, and [`std::time::SystemTime`] may be set back. Therefore this module reads
//! the monotonic clock of the system. That clock counts from the start of the machine, is the same in every process,
//! and never goes back.

use std::time::Duration;

/// Returns the nanoseconds since the machine started.
#[cfg(unix)]
pub(crate) fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let (seconds, nanoseconds) = (u64::try_from(time.tv_sec), u64::try_from(time.tv_nsec));
    seconds.unwrap_or_default() * 1_000_000_000 + nanoseconds.unwrap_or_default()
}

/// Returns the nanoseconds since 1970. This system has no better clock, so the clock must not be set during a proof.
#[cfg(not(unix))]
pub(crate) fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    nanoseconds(since.unwrap_or_default())
}

/// Converts a duration to the unit of [`now`].
pub(crate) fn nanoseconds(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// Returns a duration in nanoseconds as text for the table, such as `1.25 s`.
pub(crate) fn shown(nanoseconds: u64) -> String {
    let micros = nanoseconds / 1000;
    match micros {
        0..1000 => format!("{micros} us"),
        1000..1_000_000 => format!("{} ms", micros / 1000),
        _ => format!("{}.{:02} s", micros / 1_000_000, micros / 10_000 % 100),
    }
}
