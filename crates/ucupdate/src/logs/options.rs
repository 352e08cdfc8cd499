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
pub struct LogOptions {
    pub(crate) server: ServerName,
    pub(crate) zone: Zone,
    pub(crate) software: String,
    pub(crate) roll: RollOptions,
    pub(crate) days: RetentionDays,
    pub(crate) flush_time: Duration,
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
        }
    }

    /// Sets the time zone of the audit log. The access log is always in UTC.
    #[must_use]
    pub fn with_zone(mut self, zone: Zone) -> Self {
        self.zone = zone;
        self
    }

    /// Sets the name of the software in the header of the access log. The default is `ucupdate` and its version.
    #[must_use]
    pub fn with_software(mut self, software: &str) -> Self {
        self.software = software.to_owned();
        self
    }

    /// Sets when rows are flushed, when a new file begins, and how many rows may wait.
    ///
    /// A process that is killed loses the rows that wait: those of the last flush interval, which is a second by default, and
    /// more while the store fails.
    #[must_use]
    pub fn with_roll(mut self, roll: RollOptions) -> Self {
        self.roll = roll;
        self
    }

    /// Sets the number of days of logs that [`remove_old_logs`](crate::UpdateService::remove_old_logs) keeps. Default:
    /// ten.
    #[must_use]
    pub fn with_days(mut self, days: RetentionDays) -> Self {
        self.days = days;
        self
    }

    /// Sets the time for which a flush or a shutdown tries to write before it returns an error. Default: ten seconds.
    #[must_use]
    pub fn with_flush_time(mut self, time: Duration) -> Self {
        self.flush_time = time;
        self
    }
}
