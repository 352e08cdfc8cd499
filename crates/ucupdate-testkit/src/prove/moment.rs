//! Moments that processes of one machine can compare.
//!
//! [`std::time::Instant`] gives no number and [`std::time::SystemTime`] may be set back, so this is the system's monotonic
//! clock itself: it counts from the machine's start, the same in every process, and never goes back.

use std::time::Duration;

/// Nanoseconds since the machine started.
#[cfg(unix)]
pub(crate) fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let (seconds, nanoseconds) = (u64::try_from(time.tv_sec), u64::try_from(time.tv_nsec));
    seconds.unwrap_or_default() * 1_000_000_000 + nanoseconds.unwrap_or_default()
}

/// Nanoseconds since 1970: there is nothing better here, so nobody may set the clock during a proof.
#[cfg(not(unix))]
pub(crate) fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    nanoseconds(since.unwrap_or_default())
}

/// A span in the unit of [`now`].
pub(crate) fn nanoseconds(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// The span of so many nanoseconds, as the table shows it: `1.25 s`.
pub(crate) fn shown(nanoseconds: u64) -> String {
    let micros = nanoseconds / 1000;
    match micros {
        0..1000 => format!("{micros} us"),
        1000..1_000_000 => format!("{} ms", micros / 1000),
        _ => format!("{}.{:02} s", micros / 1_000_000, micros / 10_000 % 100),
    }
}
