//! [`LogLine`]: one finished line of a log. Only a format makes one, so a log holds nothing else.

use ucupdate_core::value::UnixTime;

/// One line of a log with its line end, and the time of its row.
///
/// [`AuditFormat::line`](crate::AuditFormat::line) and [`AccessFormat::line`](crate::AccessFormat::line) make it, so it is
/// one line whatever a device reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    at: UnixTime,
    text: String,
}

impl LogLine {
    /// Returns a line. The caller makes sure that `text` is one line with a line end.
    pub(crate) fn new(at: UnixTime, text: String) -> Self {
        debug_assert!(text.find('\n') == Some(text.len() - 1), "one line: {text:?}");
        Self { at, text }
    }

    /// The time of the row.
    pub fn at(&self) -> UnixTime {
        self.at
    }

    /// The line, with its line end.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}
