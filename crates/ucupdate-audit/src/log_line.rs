//! [`LogLine`]: one finished line of a log. Only a format can make one, so a log has no other lines.

use ucupdate_core::value::UnixTime;

/// One line of a log with its line end, and the time of its row.
///
/// [`AuditFormat::line`](crate::AuditFormat::line) and [`AccessFormat::line`](crate::AccessFormat::line) make such
/// lines. They escape line ends, so that a text of a device cannot begin a second line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    at: UnixTime,
    text: String,
}

impl LogLine {
    /// Returns a line. The caller guarantees that `text` is one line with its line end.
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
