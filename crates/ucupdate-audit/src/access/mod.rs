//! Reads and writes the access log. It has one row for each exchange with the web server, in the
//! W3C extended log format.

mod fields;
pub(crate) mod format;
mod reader;
pub(crate) mod row;
mod text;

#[cfg(feature = "fuzzing")]
pub(crate) use fields::known_fields;
pub use format::{ACCESS_FIELDS, AccessFormat};
pub use reader::AccessReader;
pub use row::AccessRow;
pub use text::AccessText;
