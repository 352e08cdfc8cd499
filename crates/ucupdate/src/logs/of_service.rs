//! The logs of an open service.

use crate::logs::writer::{LogError, Logs};
use crate::service::UpdateService;
use ucupdate_audit::{AccessRow, AuditRow};

impl UpdateService {
    /// Leaves an audit row of a device log upload, which is not taken.
    pub fn audit_device_log_upload(&self, host: &str) {
        if let Some(logs) = &self.inner.logs {
            let now = self.now();
            logs.audit(&AuditRow::device_log_upload(host, now), now);
        }
    }

    /// Leaves an access row of an answer that is finished.
    pub fn log_access(&self, row: &AccessRow) {
        if let Some(logs) = &self.inner.logs {
            logs.access(row, self.now());
        }
    }

    /// Writes what the logs hold back; returns when it lies in the store.
    ///
    /// # Errors
    /// When the store does not take it; nothing is lost, and the rows are tried again.
    pub async fn flush_logs(&self) -> Result<(), LogError> {
        match &self.inner.logs {
            Some(logs) => logs.flush().await,
            None => Ok(()),
        }
    }

    /// How many log rows were lost since the start because more waited than may: the store was down for too long.
    pub fn dropped_log_rows(&self) -> u64 {
        self.inner.logs.as_ref().map_or(0, Logs::dropped)
    }

    /// Removes logs older than the days to keep, of this server, and gives how many.
    ///
    /// # Errors
    /// When the store does not do it.
    pub async fn remove_old_logs(&self) -> Result<usize, LogError> {
        match &self.inner.logs {
            Some(logs) => logs.remove_old().await,
            None => Ok(0),
        }
    }

    /// Flushes the logs and ends the background work. Requests answered after it leave no rows.
    ///
    /// # Errors
    /// When the store does not take the last rows.
    pub async fn shutdown(&self) -> Result<(), LogError> {
        match &self.inner.logs {
            Some(logs) => logs.shutdown().await,
            None => Ok(()),
        }
    }
}
