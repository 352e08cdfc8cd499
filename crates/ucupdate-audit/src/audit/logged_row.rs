//! A row of an audit log, and the server whose log it is.

use crate::audit::row::AuditRow;
use crate::log_name::ServerName;

/// A row, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggedRow {
    /// The server that answered, where the name of its log tells.
    pub server: Option<ServerName>,
    /// What was asked and answered.
    pub row: AuditRow,
}

impl LoggedRow {
    /// A row that was answered by this server: for rows that come from elsewhere than a log.
    pub fn new(row: AuditRow, server: Option<ServerName>) -> Self {
        Self { server, row }
    }
}
