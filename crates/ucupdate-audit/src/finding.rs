//! Findings: lines of a log that cannot be read as rows, and problems of a whole log. Only some
//! findings end the reading.

use crate::audit::dates::is_number;
use std::{fmt, io};

/// The limits for reading a log. They protect against logs that another program wrote.
///
/// ```
/// use ucupdate_audit::ReadLimits;
/// use ucupdate_audit::AuditReader;
/// let limits = ReadLimits::default().with_line_bytes(64);
/// let log = ["Logging DateTime,Model\n", &"x".repeat(65), "\n"].concat();
/// let refused = AuditReader::new(log.as_bytes()).with_limits(limits).next().unwrap().unwrap_err();
/// assert_eq!(refused.to_string(), "line 2: the line has more than 64 bytes, which is the limit `line_bytes` of the library");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct ReadLimits {
    pub(crate) line_bytes: usize,
    pub(crate) log_bytes: u64,
    pub(crate) columns: usize,
    pub(crate) modules: usize,
}

impl Default for ReadLimits {
    /// Returns the default limits: 1 MiB for a line, 1 GiB for a log, 64 columns, and 1024 modules
    /// in a cell.
    fn default() -> Self {
        Self { line_bytes: 1024 * 1024, log_bytes: 1024 * 1024 * 1024, columns: 64, modules: 1024 }
    }
}

impl ReadLimits {
    /// Sets the maximum size of a line in bytes. A longer line is skipped, and becomes a finding.
    pub const fn with_line_bytes(self, most: usize) -> Self {
        Self { line_bytes: most, ..self }
    }

    /// Sets the maximum size of a log in bytes, decompressed. Reading a larger log ends with a
    /// finding.
    pub const fn with_log_bytes(self, most: u64) -> Self {
        Self { log_bytes: most, ..self }
    }

    /// Sets the maximum number of columns in a line. A line with more columns becomes a finding.
    pub const fn with_columns(self, most: usize) -> Self {
        Self { columns: most, ..self }
    }

    /// Sets the maximum number of modules in one cell of an audit log. A row with more modules
    /// becomes a finding.
    pub const fn with_modules(self, most: usize) -> Self {
        Self { modules: most, ..self }
    }
}

/// A line that cannot be read as a row, and the reason. Reading continues with the next line,
/// unless [`LineProblem::ends_reading`] returns `true`.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct LogFinding {
    /// The number of the line in the log, counted from 1. The header counts as a line.
    pub line: u64,
    /// The reason why the line cannot be read as a row.
    pub problem: LineProblem,
}

/// The reason why a line cannot be read as a row.
#[derive(Debug)]
#[allow(missing_docs, reason = "the message documents the field")]
#[non_exhaustive]
pub enum LineProblem {
    /// Reading the bytes of the log failed.
    Unreadable(io::Error),
    /// The log is longer than [`ReadLimits::with_log_bytes`].
    LogTooLong { limit: u64 },
    /// The file does not begin like an audit log. An audit log begins with a header that has the
    /// column `Logging DateTime`, or with a row of OCS's log.
    NoHeader,
    /// The line is longer than [`ReadLimits::with_line_bytes`].
    LineTooLong { limit: usize },
    /// The line is neither UTF-8 nor Windows-1252 text.
    NotText,
    /// The line has more columns than [`ReadLimits::with_columns`].
    TooManyColumns { limit: usize },
    /// A quoted cell is not closed, or has text after its closing quote. `cell` is the number of
    /// the cell, counted from 1.
    Quote { cell: usize },
    /// The row has more or fewer cells than the header of an audit log, or the `#Fields:` line of
    /// an access log.
    CellCount { found: usize, expected: usize },
    /// A cell has more modules than [`ReadLimits::with_modules`].
    TooManyModules { limit: usize },
    /// The log has no usable `#Fields:` line before the row, and the number of cells does not fit
    /// the fields of IIS either.
    NoFields,
    /// The time of the row cannot be read. `expected` is the expected form.
    Time { found: Box<str>, expected: &'static str },
    /// The order of day and month in the time of the row is not known.
    AmbiguousDate { found: Box<str> },
    /// A number in a field of an access log cannot be read.
    Number { field: &'static str, found: Box<str> },
}

impl LineProblem {
    /// Returns `true` if the reader returns nothing more after this problem.
    pub fn ends_reading(&self) -> bool {
        match self {
            Self::Unreadable(_) | Self::LogTooLong { .. } | Self::NoHeader => true,
            Self::LineTooLong { .. }
            | Self::NotText
            | Self::TooManyColumns { .. }
            | Self::Quote { .. }
            | Self::CellCount { .. }
            | Self::TooManyModules { .. }
            | Self::NoFields
            | Self::Time { .. }
            | Self::AmbiguousDate { .. }
            | Self::Number { .. } => false,
        }
    }
}

impl fmt::Display for LineProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(cause) => write!(f, "the log cannot be read: {cause}"),
            Self::LogTooLong { limit } => write!(
                f,
                "the log has more than {limit} bytes, which is the limit `log_bytes` of the library"
            ),
            Self::NoHeader => {
                f.write_str("no column has the title `Logging DateTime`, expected the header of an audit log")
            }
            Self::LineTooLong { limit } => write!(
                f,
                "the line has more than {limit} bytes, which is the limit `line_bytes` of the library"
            ),
            Self::NotText => f.write_str("the line is neither UTF-8 nor Windows-1252 text"),
            Self::TooManyColumns { limit } => write!(
                f,
                "the line has more than {limit} columns, which is the limit `columns` of the library"
            ),
            Self::Quote { cell } => {
                write!(f, "cell {cell} has a quote that is not closed, or text behind its quotes")
            }
            Self::CellCount { found, expected } => {
                write!(f, "the row has {found} cells, expected {expected}")
            }
            Self::TooManyModules { limit } => {
                write!(f, "a cell has more than {limit} modules, which is the limit `modules` of the library")
            }
            Self::NoFields => {
                f.write_str("the row comes before any `#Fields:` line, expected that line first")
            }
            Self::Time { found, expected } => write!(f, "the time is {found:?}, expected {expected}"),
            Self::AmbiguousDate { found } if is_number(found) => write!(
                f,
                "the time is {found:?}, the number of days of a spreadsheet that may have exchanged day and month, expected \
                 MM-dd-yyyy HH:mm:ss; export the log without changing its dates"
            ),
            Self::AmbiguousDate { found } => write!(
                f,
                "the day and the month of {found:?} cannot be told apart, expected MM-dd-yyyy HH:mm:ss; export the log \
                 without changing its dates"
            ),
            Self::Number { field, found } => write!(f, "{field} is {found:?}, expected a number or `-`"),
        }
    }
}

/// Returns the text that was found in place of the expected one, for a message. A text of more than
/// 64 characters is cut.
pub(crate) fn clipped(found: &str) -> Box<str> {
    found.chars().take(64).collect()
}
