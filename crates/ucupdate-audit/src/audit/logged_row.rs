//! [`LoggedRow`]: a row of an audit log together with the server that wrote it.

use crate::audit::row::AuditRow;
use crate::log_name::ServerName;

/// A row of an audit log, and the server that wrote the log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggedRow {
    /// The server that wrote the log. `None` if the name of the log file has no server name.
    pub server: Option<ServerName>,
    /// The request and the answer.
    pub row: AuditRow,
}

impl LoggedRow {
    /// Creates a row that does not come from a log file. `server` is the server that wrote the row, or `None` if it is not known.
    pub fn new(row: AuditRow, server: Option<ServerName>) -> Self {
        Self { server, row }
    }
}
