//! The error of reading a cabinet. It names the damaged structure, its position, and the expected
//! value.

use crate::cabinet::Irregularity;
use std::{fmt, io};

/// A position in an input: the offset in bytes, and the number of the part if the input is one part
/// of a set of cabinets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Position {
    /// The offset in bytes from the start of the input. The bytes of a self-extracting program before the cabinet are included.
    pub offset: u64,
    /// The number of the part in its set, counted from 1. `None` if the input is a single cabinet.
    pub part: Option<u16>,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            None => write!(f, "byte {}", self.offset),
            Some(part) => write!(f, "byte {} of part {part}", self.offset),
        }
    }
}

/// A structure of the cabinet format, with its name in [MS-CAB].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Structure {
    /// The header (`CFHEADER`).
    Header,
    /// The entry of a folder (`CFFOLDER`). The number is the index of the folder, counted from 0.
    Folder(u16),
    /// The entry of a file (`CFFILE`). The number is the index of the file, counted from 0.
    File(u16),
    /// A data block (`CFDATA`): the index of its folder in the cabinet, and its own index in the
    /// folder. Both are counted from 0.
    #[allow(missing_docs, reason = "the variant documents the fields")]
    Block { folder: u16, block: u32 },
    /// The bytes after the last data block that the reader needs, up to the end of the cabinet.
    End,
}

impl fmt::Display for Structure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("cabinet header"),
            Self::Folder(index) => write!(f, "folder {index}"),
            Self::File(index) => write!(f, "entry of file {index}"),
            Self::Block { folder, block } => write!(f, "data block {block} of folder {folder}"),
            Self::End => f.write_str("end of the cabinet"),
        }
    }
}

/// The reason why a cabinet cannot be read to its end.
///
/// After any of these errors, each later call on the cabinet fails with [`GivenUp`](Self::GivenUp).
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message documents the field")]
#[non_exhaustive]
pub enum CabError {
    /// Reading the input failed. `at` is the position up to which the input was read.
    #[error("input failed at {at}")]
    Io {
        at: Position,
        #[source]
        cause: io::Error,
    },
    /// The input is neither a cabinet nor a program that contains a cabinet.
    #[error("expected a cabinet (`MSCF`) or a program that contains one (`MZ`), found {found}")]
    NotACabinet { found: Box<str> },
    /// The input ends before the end of a structure. `expected` and `found` are numbers of bytes.
    #[error("{what} at {at} is cut off: expected {expected} bytes, found {found}")]
    Truncated { what: Structure, at: Position, expected: u64, found: u64 },
    /// A structure of the cabinet has a value that cannot be right.
    #[error("{what} at {at} is damaged: expected {expected}, found {found}")]
    Damaged { what: Structure, at: Position, expected: Box<str>, found: Box<str> },
    /// The cabinet is well formed, but this reader does not support its version or compression.
    #[error("{what} at {at} is not supported: {found}; expected {expected}")]
    Unsupported { what: Structure, at: Position, expected: &'static str, found: Box<str> },
    /// The cabinet exceeds one of the [`CabinetLimits`](crate::CabinetLimits). `which` is the name
    /// of the limit, such as `files` for [`with_files`](crate::CabinetLimits::with_files).
    #[error("{what} {found}, and the limit `{which}` is {limit}")]
    Limit { which: &'static str, what: &'static str, limit: u64, found: u64 },
    /// A part of a set of cabinets is missing. `part` is counted from 1. `name` is the file name of the part, taken
    /// from a neighbouring part.
    #[error("part {part} of the set is missing{}", named(name))]
    MissingPart { part: u16, name: Option<Box<str>> },
    /// The inputs do not belong to one set.
    #[error("inputs are not the parts of one set: expected {expected}, found {found}")]
    NotOneSet { expected: Box<str>, found: Box<str> },
    /// The options request strict reading, and the cabinet has an irregularity.
    #[error("cabinet is irregular, which strict reading refuses: {0}")]
    Irregular(Irregularity),
    /// An earlier call on this cabinet failed.
    #[error("reading the cabinet was given up after an earlier error")]
    GivenUp,
}

fn named(name: &Option<Box<str>>) -> String {
    name.as_ref()
        .map(|name| format!(": its neighbour names it `{}`", name.escape_debug()))
        .unwrap_or_default()
}

impl CabError {
    pub(crate) fn damaged(
        what: Structure,
        at: Position,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) -> Self {
        Self::Damaged { what, at, expected: expected.to_string().into(), found: found.to_string().into() }
    }

    /// Returns an error if `found` is above `limit`.
    pub(crate) fn above(which: &'static str, what: &'static str, limit: u64, found: u64) -> Result<(), Self> {
        if found > limit { Err(Self::Limit { which, what, limit, found }) } else { Ok(()) }
    }
}

impl From<CabError> for io::Error {
    /// Wraps the [`CabError`] in an `io::Error`. [`io::Error::downcast`] returns the [`CabError`]
    /// again.
    fn from(error: CabError) -> Self {
        let kind = match &error {
            CabError::Io { cause, .. } => cause.kind(),
            CabError::Truncated { .. } => io::ErrorKind::UnexpectedEof,
            CabError::Unsupported { .. } => io::ErrorKind::Unsupported,
            CabError::GivenUp => io::ErrorKind::Other,
            CabError::NotACabinet { .. }
            | CabError::Damaged { .. }
            | CabError::Limit { .. }
            | CabError::MissingPart { .. }
            | CabError::Irregular(_)
            | CabError::NotOneSet { .. } => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_where_and_what_was_expected() {
        let at = Position { offset: 67, part: None };
        let error =
            CabError::damaged(Structure::Block { folder: 0, block: 3 }, at, "checksum 1", "checksum 2");
        assert_eq!(
            error.to_string(),
            "data block 3 of folder 0 at byte 67 is damaged: expected checksum 1, found checksum 2"
        );
        let error = CabError::Limit { which: "files", what: "cabinet has files:", limit: 2, found: 3 };
        assert_eq!(error.to_string(), "cabinet has files: 3, and the limit `files` is 2");
        let error = CabError::MissingPart { part: 2, name: Some("b.cab".into()) };
        assert_eq!(error.to_string(), "part 2 of the set is missing: its neighbour names it `b.cab`");
    }

    #[test]
    fn an_io_error_gives_the_cabinets_error_back() {
        let error = io::Error::from(CabError::GivenUp);
        assert!(matches!(error.downcast::<CabError>(), Ok(CabError::GivenUp)));
    }
}
