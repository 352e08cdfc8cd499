#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod access;
mod audit;
mod digits;
mod file_kind;
mod finding;
#[cfg(test)]
mod fixture;
mod input;
#[cfg(any(test, feature = "fuzzing"))]
pub mod laws;
mod log_line;
mod log_name;
mod rolling;

pub use access::{ACCESS_FIELDS, AccessFormat, AccessReader, AccessRow, AccessText};
pub use audit::{AUDIT_HEADER, AuditFormat, AuditReader, AuditRow, LoggedRow, OfferedCell, RequestedCell};
pub use file_kind::FileKind;
pub use finding::{LineProblem, LogFinding, ReadLimits};
pub use input::copy::GzipCopy;
pub use log_line::LogLine;
pub use log_name::{
    LogDate, LogDateError, LogFile, LogKind, LogName, LogNameError, MAX_SERVER_NAME_BYTES, RetentionDays,
    ServerName, ServerNameError, expired,
};
pub use rolling::{DropReason, Effect, EffectOutcome, RollOptionError, RollOptions, RollingLog};
