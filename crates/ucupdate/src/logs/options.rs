//! [`LogOptions`]: the options of a server's logs.

use std::time::Duration;
use ucupdate_audit::{RetentionDays, RollOptions, ServerName};
use ucupdate_core::value::Zone;

/// The options of a server's audit log and access log.
///
/// ```
/// use std::time::Duration;
/// use ucupdate::LogOptions;
/// use ucupdate::value::Zone;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let logs = LogOptions::new("ocs01".parse()?)
///     .with_zone(Zone::named("Europe/Lisbon")?)
///     .with_flush_time(Duration::from_secs(3));
/// # drop(logs);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct LogOptions {
    pub(crate) server: ServerName,
    pub(crate) zone: Zone,
    pub(crate) software: String,
    pub(crate) roll: RollOptions,
    pub(crate) days: RetentionDays,
    pub(crate) flush_time: Duration,
    pub(crate) full: FullLog,
}

/// Policy for requests while the room for waiting log rows is short, because the store takes rows too slowly or not at all.
///
/// The room is 16 MiB or 100,000 rows for each log, unless [`RollOptions::with_pending`] sets another one. With access rows of
/// 340 bytes, 16 MiB are the rows of one second at 50,000 requests a second, and of 50 seconds at 1,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FullLog {
    /// Requests are answered at once. Rows that find no room are dropped and
    /// [counted](crate::UpdateService::dropped_log_rows).
    #[default]
    DropCounted,
    /// While half of the room of a log is taken, requests wait before they are answered, each for at most this time. Then they are
    /// answered, and rows that find no room are dropped and counted. The other half of the room is for the requests that are being answered.
    Block {
        /// The longest time that a request waits.
        at_most: Duration,
    },
}

impl LogOptions {
    /// Returns the default options for a server: audit times in UTC, a flush every second, logs kept for ten days, and
    /// ten seconds for a flush. The name of the server is part of the names of its log files.
    pub fn new(server: ServerName) -> Self {
        Self {
            server,
            zone: Zone::utc(),
            software: format!("ucupdate {}", env!("CARGO_PKG_VERSION")),
            roll: RollOptions::default(),
            days: RetentionDays::default(),
            flush_time: Duration::from_secs(10),
            full: FullLog::default(),
        }
    }

    /// Sets the time zone of the audit log. The access log is always in UTC.
    pub fn with_zone(self, zone: Zone) -> Self {
        Self { zone, ..self }
    }

    /// Sets the name of the software in the header of the access log. The default is `ucupdate` and its version.
    pub fn with_software(self, software: &str) -> Self {
        Self { software: software.to_owned(), ..self }
    }

    /// Sets when rows are flushed, when a new file begins, and how many rows may wait.
    ///
    /// A process that is killed loses the rows that wait: those of the last flush interval, which is a second by default, and
    /// more while the store fails.
    pub fn with_roll(self, roll: RollOptions) -> Self {
        Self { roll, ..self }
    }

    /// Sets the number of days of logs that [`remove_old_logs`](crate::UpdateService::remove_old_logs) keeps. Default:
    /// ten.
    pub fn with_days(self, days: RetentionDays) -> Self {
        Self { days, ..self }
    }

    /// Sets the time for which a flush or a shutdown tries to write before it returns an error. Default: ten seconds.
    pub fn with_flush_time(self, time: Duration) -> Self {
        Self { flush_time: time, ..self }
    }

    /// Sets what happens to requests while the room for waiting rows is short. Default: they are answered, and rows that find no
    /// room are dropped and counted.
    pub fn with_full(self, full: FullLog) -> Self {
        Self { full, ..self }
    }
}
