//! What is wrong in a log that is read: data about a line, not the end of reading.

use std::{fmt, io};

/// How much of a foreign log is taken in at once.
///
/// ```
/// use ucupdate_audit::ReadLimits;
/// use ucupdate_audit::AuditReader;
/// let limits = ReadLimits::default().with_line_bytes(64);
/// let log = ["Logging DateTime,Model\n", &"x".repeat(65), "\n"].concat();
/// let refused = AuditReader::new(log.as_bytes()).with_limits(limits).next().unwrap().unwrap_err();
/// assert_eq!(refused.to_string(), "line 2: the line has more than 64 bytes");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    pub(crate) line_bytes: usize,
    pub(crate) log_bytes: u64,
    pub(crate) columns: usize,
    pub(crate) modules: usize,
}

impl Default for ReadLimits {
    /// 1 MiB a line, 1 GiB a log, 64 columns, 1024 modules in a cell.
    fn default() -> Self {
        Self { line_bytes: 1024 * 1024, log_bytes: 1024 * 1024 * 1024, columns: 64, modules: 1024 }
    }
}

impl ReadLimits {
    /// Sets the maximum size of a line in bytes. A longer line is skipped, and becomes a finding.
    #[must_use]
    pub const fn with_line_bytes(mut self, most: usize) -> Self {
        self.line_bytes = most;
        self
    }

    /// Sets the maximum size of a log in bytes. Reading ends there.
    #[must_use]
    pub const fn with_log_bytes(mut self, most: u64) -> Self {
        self.log_bytes = most;
        self
    }

    /// Sets the maximum number of columns.
    #[must_use]
    pub const fn with_columns(mut self, most: usize) -> Self {
        self.columns = most;
        self
    }

    /// Sets the maximum number of modules in one cell.
    #[must_use]
    pub const fn with_modules(mut self, most: usize) -> Self {
        self.modules = most;
        self
    }
}

/// A line that gave no row, and why. Reading goes on with the next, unless [`Problem::ends_reading`].
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct Finding {
    /// Which line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a line.
#[derive(Debug)]
#[non_exhaustive]
pub enum Problem {
    /// The bytes could not be read.
    Unreadable(io::Error),
    /// The log is longer than the limit.
    LogTooLong {
        /// The limit in bytes.
        limit: u64,
    },
    /// The first line of an audit log names no column `Logging DateTime`.
    NoHeader,
    /// The line is longer than the limit.
    LineTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// The line is not UTF-8.
    NotUtf8 {
        /// How many of its bytes are.
        valid: usize,
    },
    /// More columns than the limit.
    TooManyColumns {
        /// The limit.
        limit: usize,
    },
    /// A quote that is not closed, or with text behind it.
    Quote {
        /// Which cell, from 1.
        cell: usize,
    },
    /// Not as many cells as the header has columns.
    CellCount {
        /// How many there are.
        found: usize,
        /// How many columns there are.
        expected: usize,
    },
    /// More modules in a cell than the limit.
    TooManyModules {
        /// The limit.
        limit: usize,
    },
    /// A row before any `#Fields:` line.
    NoFields,
    /// The row's own time cannot be read.
    Time {
        /// What stands there, cut to 64 characters.
        found: Box<str>,
        /// The form of a time.
        expected: &'static str,
    },
    /// A number cannot be read.
    Number {
        /// The field.
        field: &'static str,
        /// What stands there, cut to 64 characters.
        found: Box<str>,
    },
}

impl Problem {
    /// Whether nothing is read after this.
    pub fn ends_reading(&self) -> bool {
        match self {
            Self::Unreadable(_) | Self::LogTooLong { .. } | Self::NoHeader => true,
            Self::LineTooLong { .. }
            | Self::NotUtf8 { .. }
            | Self::TooManyColumns { .. }
            | Self::Quote { .. }
            | Self::CellCount { .. }
            | Self::TooManyModules { .. }
            | Self::NoFields
            | Self::Time { .. }
            | Self::Number { .. } => false,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(cause) => write!(f, "the log cannot be read: {cause}"),
            Self::LogTooLong { limit } => write!(f, "the log has more than {limit} bytes"),
            Self::NoHeader => {
                f.write_str("no column is titled `Logging DateTime`, expected an audit log's header")
            }
            Self::LineTooLong { limit } => write!(f, "the line has more than {limit} bytes"),
            Self::NotUtf8 { valid } => write!(f, "not UTF-8 after {valid} bytes"),
            Self::TooManyColumns { limit } => write!(f, "more than {limit} columns"),
            Self::Quote { cell } => {
                write!(f, "cell {cell} has a quote that is not closed, or text behind its quotes")
            }
            Self::CellCount { found, expected } => write!(f, "row has {found} cells, expected {expected}"),
            Self::TooManyModules { limit } => write!(f, "more than {limit} modules in a cell"),
            Self::NoFields => f.write_str("a row before any `#Fields:` line"),
            Self::Time { found, expected } => write!(f, "time is {found:?}, expected {expected}"),
            Self::Number { field, found } => write!(f, "{field} is {found:?}, expected a number or `-`"),
        }
    }
}

/// What stands in a log where something else was expected, short enough to show.
pub(crate) fn clipped(found: &str) -> Box<str> {
    found.chars().take(64).collect()
}
