//! One finished line of a log: only a format makes one, so that a log holds nothing else.

use ucupdate_core::value::UnixTime;

/// One line of a log with its line end, and the time it is of.
///
/// Made by [`AuditFormat::line`](crate::AuditFormat::line) and [`AccessFormat::line`](crate::AccessFormat::line), so it
/// is one line whatever a device said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    at: UnixTime,
    text: String,
}

impl LogLine {
    /// `text` is one line with a line end, which the formats see to.
    pub(crate) fn new(at: UnixTime, text: String) -> Self {
        debug_assert!(text.find('\n') == Some(text.len() - 1), "one line: {text:?}");
        Self { at, text }
    }

    /// The row's own time.
    pub fn at(&self) -> UnixTime {
        self.at
    }

    /// The line, with its line end.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}
