//! The logs of an open service.

use crate::logs::removal;
use crate::logs::writer::{LogError, Logs};
use crate::service::UpdateService;
use ucupdate_audit::{AccessRow, AuditRow, RetentionDays};

impl UpdateService {
    /// Adds an audit row for an upload of a device log, whether the log is kept or refused.
    pub fn audit_device_log_upload(&self, host: &str) {
        if let Some(logs) = &self.inner.logs {
            let now = self.now();
            logs.audit(&AuditRow::device_log_upload(host, now), now);
        }
    }

    /// Adds an access row for a finished exchange.
    pub fn log_access(&self, row: &AccessRow) {
        if let Some(logs) = &self.inner.logs {
            logs.access(row, self.now());
        }
    }

    /// With [`FullLog::Block`](crate::FullLog::Block), waits while the rows that wait to be written
    /// take half of the room of a log or more. Returns at once with another option. A server calls
    /// this before it answers a request, as `ucupdate-http` does.
    pub async fn wait_for_log_room(&self) {
        if let Some(logs) = &self.inner.logs {
            logs.wait_for_room().await;
        }
    }

    /// Ends the waiting of all requests that [wait for log room](Self::wait_for_log_room), and lets
    /// no request wait from now on. A server calls this when it begins to shut down.
    pub fn end_log_waits(&self) {
        if let Some(logs) = &self.inner.logs {
            logs.end_waits();
        }
    }

    /// Writes all waiting log rows. Returns when they are in the store.
    ///
    /// # Errors
    /// When the store fails. No row is lost: the rows keep waiting, and writing is tried again.
    pub async fn flush_logs(&self) -> Result<(), LogError> {
        match &self.inner.logs {
            Some(logs) => logs.flush().await,
            None => Ok(()),
        }
    }

    /// Returns the number of log rows that were dropped since the service was opened. Rows are
    /// dropped when too many wait because the store fails for a long time.
    pub fn dropped_log_rows(&self) -> u64 {
        self.inner.logs.as_ref().map_or(0, Logs::dropped)
    }

    /// Returns the number of log rows that are not in the store yet.
    pub fn waiting_log_rows(&self) -> u64 {
        self.inner.logs.as_ref().map_or(0, |logs| logs.waiting() as u64)
    }

    /// Deletes the logs of this server that are older than
    /// [`LogOptions::with_days`](crate::LogOptions::with_days) allows, and the logs of servers that
    /// have written nothing for that number of days. Returns the number of deleted files.
    ///
    /// A day counts as past only if both the clock of this service and the clock of the store say so.
    ///
    /// # Errors
    /// [`LogError::LargeShare`] when more than half of the files of one kind would be deleted,
    /// which may be caused by a wrong clock. In this case nothing is deleted, and
    /// [`remove_all_old_logs`](Self::remove_all_old_logs) can delete them. Also when the store
    /// fails.
    pub async fn remove_old_logs(&self) -> Result<usize, LogError> {
        match &self.inner.logs {
            Some(logs) => logs.remove_old().await,
            None => Ok(0),
        }
    }

    /// Deletes the logs of all servers that are more than `days` days old by the clock of the
    /// store. With `any_share`, more than half of the files may be deleted at once. Returns the
    /// number of deleted files.
    ///
    /// # Errors
    /// [`LogError::LargeShare`] when more than half of the files of one kind would be deleted and `any_share` is not set, because
    /// the clock of a store in a folder can be wrong too. Also when the store fails.
    pub async fn remove_all_old_logs(&self, days: RetentionDays, any_share: bool) -> Result<usize, LogError> {
        let zone = self.inner.options.log_zone();
        removal::remove_all_old(&**self.store(), &zone, days, any_share, self.now()).await
    }

    /// Returns the number of files that [`remove_all_old_logs`](Self::remove_all_old_logs) would delete with `any_share`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn count_old_logs(&self, days: RetentionDays) -> Result<usize, LogError> {
        let zone = self.inner.options.log_zone();
        removal::count_all_old(&**self.store(), &zone, days, self.now()).await
    }

    /// Writes all waiting log rows and ends the background tasks. Requests that are answered afterwards write no rows.
    ///
    /// # Errors
    /// When the store does not accept the last rows.
    pub async fn shutdown(&self) -> Result<(), LogError> {
        self.flush_captures().await;
        match &self.inner.logs {
            Some(logs) => logs.shutdown().await,
            None => Ok(()),
        }
    }
}
