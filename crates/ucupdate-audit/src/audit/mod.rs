//! Reads and writes the audit log. It has one row for each answered request of a device.

mod bounded;
pub(crate) mod cells;
pub(crate) mod dates;
pub(crate) mod escape;
pub(crate) mod format;
pub(crate) mod header;
mod logged_row;
pub(crate) mod reader;
pub(crate) mod row;

pub use format::{AUDIT_HEADER, AuditFormat};
#[cfg(feature = "fuzzing")]
pub(crate) use header::known_titles;
pub use logged_row::LoggedRow;
pub use reader::AuditReader;
pub use row::{AuditRow, OfferedCell, RequestedCell};
