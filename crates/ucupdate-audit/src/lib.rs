//! ucupdate-audit

mod access;
mod audit;
#[cfg(test)]
mod fixture;
mod log_line;
mod log_name;
mod zone;

pub use access::{ACCESS_FIELDS, AccessFormat, AccessRow, AccessText};
pub use audit::{AUDIT_HEADER, AuditFormat, AuditRow, OfferedCell, RequestedCell};
pub use log_line::LogLine;
pub use log_name::{
    LogDate, LogDateError, LogKind, LogName, LogNameError, MAX_SERVER_NAME_BYTES, RetentionDays, ServerName,
    ServerNameError, expired,
};
pub use zone::{Zone, ZoneError};
