//! [`LogLine`]: one finished line of a log. Only [`AuditFormat`](crate::AuditFormat) and
//! [`AccessFormat`](crate::AccessFormat) can make such a line. A rolling log accepts only this
//! type, so each row in it is exactly one valid line.

use ucupdate_core::value::UnixTime;

/// One line of a log with its line end, and the time of the row in it.
///
/// [`AuditFormat::line`](crate::AuditFormat::line) and
/// [`AccessFormat::line`](crate::AccessFormat::line) make such lines. They escape line ends, so a
/// text from a device cannot begin a second line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    at: UnixTime,
    text: String,
}

impl LogLine {
    /// Creates a line. The caller guarantees that `text` is one line with its line end.
    pub(crate) fn new(at: UnixTime, text: String) -> Self {
        debug_assert!(text.find('\n') == Some(text.len() - 1), "one line: {text:?}");
        Self { at, text }
    }

    /// Returns the time of the row.
    pub fn at(&self) -> UnixTime {
        self.at
    }

    /// Returns the line, with its line end.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}
