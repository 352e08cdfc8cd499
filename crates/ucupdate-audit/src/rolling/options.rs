//! [`RollOptions`]: when a log is flushed, when a new file begins, and how many rows may wait.

use std::time::Duration;

/// When a log is flushed, when a new file begins, and how many rows may wait.
///
/// ```
/// use std::time::Duration;
/// use ucupdate_audit::RollOptions;
/// let bucket = RollOptions::default().with_flush_interval(Duration::from_secs(60)).unwrap();
/// assert_eq!(bucket.flush_interval(), Duration::from_secs(60));
/// let refused = RollOptions::default().with_flush_interval(Duration::from_millis(99)).unwrap_err();
/// assert_eq!(refused.to_string(), "flush interval is 99, expected 100 to 3600000 milliseconds");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct RollOptions {
    pub(super) flush_millis: u32,
    pub(super) flush_bytes: usize,
    pub(super) roll_bytes: usize,
    pub(super) pending_rows: usize,
    pub(super) pending_bytes: usize,
    pub(super) day_bytes: u64,
    pub(super) append: bool,
}

impl Default for RollOptions {
    /// Returns the default options: a flush every second or at 512,000 bytes, a new file at 1,024,000 bytes, at most
    /// 100,000 or 16 MiB of waiting rows, and at most 4 GiB a day. The first two sizes are those of OCS.
    fn default() -> Self {
        Self {
            flush_millis: 1000,
            flush_bytes: 512_000,
            roll_bytes: 1_024_000,
            pending_rows: 100_000,
            pending_bytes: 16 * 1024 * 1024,
            day_bytes: 4 * 1024 * 1024 * 1024,
            append: false,
        }
    }
}

impl RollOptions {
    /// Returns the longest time that a row waits before it is written.
    pub fn flush_interval(&self) -> Duration {
        Duration::from_millis(self.flush_millis.into())
    }

    /// Sets the longest time that a row waits: 100 ms to 1 h.
    ///
    /// # Errors
    /// When the time is outside this range.
    pub fn with_flush_interval(mut self, interval: Duration) -> Result<Self, RollOptionError> {
        let millis = usize::try_from(interval.as_millis()).unwrap_or(usize::MAX);
        let millis = within("flush interval", "milliseconds", millis, 100, 3_600_000)?;
        self.flush_millis = u32::try_from(millis).unwrap_or(3_600_000);
        Ok(self)
    }

    /// Sets the number of waiting bytes that causes a flush: 1 byte to 8 MiB.
    ///
    /// # Errors
    /// When the number is outside this range.
    pub fn with_flush_bytes(mut self, bytes: usize) -> Result<Self, RollOptionError> {
        self.flush_bytes = within("flush size", "bytes", bytes, 1, MAX_ROLL_BYTES)?;
        Ok(self)
    }

    /// Sets the maximum size of a file: 4 KiB to 8 MiB. A row that does not fit into a file is dropped.
    ///
    /// # Errors
    /// When the size is outside this range.
    pub fn with_roll_bytes(mut self, bytes: usize) -> Result<Self, RollOptionError> {
        self.roll_bytes = within("roll size", "bytes", bytes, 4096, MAX_ROLL_BYTES)?;
        Ok(self)
    }

    /// Sets the maximum number of waiting rows, and the maximum number of their bytes. Rows that are being written are
    /// counted too. Both numbers are at least 1.
    ///
    /// # Errors
    /// When one of them is 0.
    pub fn with_pending(mut self, rows: usize, bytes: usize) -> Result<Self, RollOptionError> {
        self.pending_rows = within("pending rows", "rows", rows, 1, usize::MAX)?;
        self.pending_bytes = within("pending size", "bytes", bytes, 1, usize::MAX)?;
        Ok(self)
    }

    /// Sets the maximum number of bytes of the rows of one day, from the start of the program on. Further rows of the day are
    /// dropped, so that a flood of requests does not fill the disk.
    pub fn with_day_bytes(self, bytes: u64) -> Self {
        Self { day_bytes: bytes, ..self }
    }

    /// Sets whether the store can append to an object. If it can, rows are added to a file by
    /// [`Effect::Append`](crate::Effect::Append), and the file is written again as a whole only after an append that failed. Default:
    /// `false`.
    pub fn with_append(self, append: bool) -> Self {
        Self { append, ..self }
    }
}

/// The largest size in bytes of an object that a store creates in one piece.
const MAX_ROLL_BYTES: usize = 8 * 1024 * 1024;

fn within(
    option: &'static str,
    unit: &'static str,
    found: usize,
    least: usize,
    most: usize,
) -> Result<usize, RollOptionError> {
    if (least..=most).contains(&found) {
        Ok(found)
    } else {
        Err(RollOptionError { option, unit, found, least, most })
    }
}

/// Error of setting a [`RollOptions`] value outside its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{option} is {found}, expected {least} to {most} {unit}")]
pub struct RollOptionError {
    option: &'static str,
    unit: &'static str,
    found: usize,
    least: usize,
    most: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_range_are_refused_with_the_range() {
        let options = RollOptions::default();
        for (refused, message) in [
            (
                options.with_flush_interval(Duration::from_secs(3601)),
                "flush interval is 3601000, expected 100 to 3600000 milliseconds",
            ),
            (options.with_flush_bytes(0), "flush size is 0, expected 1 to 8388608 bytes"),
            (options.with_roll_bytes(4095), "roll size is 4095, expected 4096 to 8388608 bytes"),
        ] {
            assert_eq!(refused.unwrap_err().to_string(), message);
        }
        assert!(options.with_pending(0, 1).is_err() && options.with_pending(1, 0).is_err());
        let hourly = options.with_flush_interval(Duration::from_secs(3600)).unwrap();
        assert_eq!(hourly.flush_interval(), Duration::from_secs(3600));
    }
}
