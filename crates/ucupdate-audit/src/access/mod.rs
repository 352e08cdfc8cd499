//! The access log: one row for each exchange with the web server, in W3C extended log format.

mod format;
mod row;
mod text;

pub use format::{ACCESS_FIELDS, AccessFormat};
pub use row::AccessRow;
pub use text::AccessText;
