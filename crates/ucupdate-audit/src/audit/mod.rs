//! The audit log: one row for each request that was answered.

pub(crate) mod escape;
mod format;
mod row;

pub use format::{AUDIT_HEADER, AuditFormat};
pub use row::{AuditRow, OfferedCell, RequestedCell};
