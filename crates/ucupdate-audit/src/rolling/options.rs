//! [`RollOptions`]: the options for flushing a log, for beginning new files, and for waiting rows.

use std::time::Duration;

/// The options of a [`RollingLog`](crate::RollingLog): the interval and size of a flush, the size
/// of a file, and the limits of waiting rows.
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
    /// Returns the default options: a flush every second or at 512,000 bytes, a new file at
    /// 1,024,000 bytes, at most 100,000 waiting rows of at most 16 MiB, and at most 4 GiB of rows a
    /// day. The first two sizes are those of OCS.
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

    /// Sets the longest time that a row waits before it is written: 100 ms to 1 h. Default: 1 s.
    ///
    /// # Errors
    /// Fails when the time is outside this range.
    pub fn with_flush_interval(mut self, interval: Duration) -> Result<Self, RollOptionError> {
        let millis = usize::try_from(interval.as_millis()).unwrap_or(usize::MAX);
        let millis = within("flush interval", "milliseconds", millis, 100, 3_600_000)?;
        self.flush_millis = u32::try_from(millis).unwrap_or(3_600_000);
        Ok(self)
    }

    /// Sets the size of waiting rows at which they are written at once: 1 byte to 8 MiB. Default:
    /// 512,000 bytes.
    ///
    /// # Errors
    /// Fails when the size is outside this range.
    pub fn with_flush_bytes(mut self, bytes: usize) -> Result<Self, RollOptionError> {
        self.flush_bytes = within("flush size", "bytes", bytes, 1, MAX_ROLL_BYTES)?;
        Ok(self)
    }

    /// Sets the maximum size of a file: 4 KiB to 8 MiB. A row that does not fit into an empty file
    /// is dropped. Default: 1,024,000 bytes.
    ///
    /// # Errors
    /// Fails when the size is outside this range.
    pub fn with_roll_bytes(mut self, bytes: usize) -> Result<Self, RollOptionError> {
        self.roll_bytes = within("roll size", "bytes", bytes, 4096, MAX_ROLL_BYTES)?;
        Ok(self)
    }

    /// Sets the maximum number of waiting rows, and their maximum size in bytes. Rows that are
    /// being written are counted too. Further rows are dropped. Both numbers must be at least 1.
    /// Default: 100,000 rows and 16 MiB.
    ///
    /// # Errors
    /// Fails when one of the numbers is 0.
    pub fn with_pending(mut self, rows: usize, bytes: usize) -> Result<Self, RollOptionError> {
        self.pending_rows = within("pending rows", "rows", rows, 1, usize::MAX)?;
        self.pending_bytes = within("pending size", "bytes", bytes, 1, usize::MAX)?;
        Ok(self)
    }

    /// Sets the maximum size of the rows of one day, in bytes. Only rows that this log accepted are
    /// counted, not those of an earlier run of the program. Further rows of the day are dropped, so
    /// that a flood of requests does not fill the disk. Default: 4 GiB.
    pub fn with_day_bytes(self, bytes: u64) -> Self {
        Self { day_bytes: bytes, ..self }
    }

    /// Sets whether the store can append to an object. If it can, the log adds rows to a file by
    /// [`Effect::Append`](crate::Effect::Append). It writes the whole file again only after an
    /// append that failed. Default: `false`.
    pub fn with_append(self, append: bool) -> Self {
        Self { append, ..self }
    }
}

/// The largest size in bytes of an object that a store can create in one call.
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
