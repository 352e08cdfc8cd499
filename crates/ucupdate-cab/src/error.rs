//! What can be wrong with a cabinet: what, where, and what was expected there.

use std::{fmt, io};

/// A place in an input: the byte offset a hex editor shows, and the part where a set has several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Position {
    /// Bytes from the start of the input, the program around the cabinet included.
    pub offset: u64,
    /// Which part of a set, counted from 1; `None` where there is one input.
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

/// A structure of a cabinet, in the words of [MS-CAB].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Structure {
    /// The header (`CFHEADER`).
    Header,
    /// The entry of a folder (`CFFOLDER`), counted from 0.
    Folder(u16),
    /// The entry of a file (`CFFILE`), counted from 0.
    File(u16),
    /// A data block (`CFDATA`), folder and block counted from 0.
    Block {
        /// Its folder.
        folder: u16,
        /// Which of the folder's blocks.
        block: u32,
    },
    /// What lies behind the last data block.
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

/// Why a cabinet is not read, or not further.
///
/// After any of these the cabinet gives nothing more: each later call is [`GivenUp`](Self::GivenUp).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CabError {
    /// The input itself failed.
    #[error("input failed at {at}: {cause}")]
    Io {
        /// How far it had been read.
        at: Position,
        /// What the input said.
        cause: io::Error,
    },
    /// The input is neither a cabinet nor a program that carries one.
    #[error("expected a cabinet (`MSCF`) or a program that carries one (`MZ`), found {found}")]
    NotACabinet {
        /// What stands there.
        found: Box<str>,
    },
    /// The input ends too early.
    #[error("{what} at {at} is cut off: expected {expected} bytes, found {found}")]
    Truncated {
        /// What was being read.
        what: Structure,
        /// Where it begins.
        at: Position,
        /// How many bytes it has.
        expected: u64,
        /// How many of them there are.
        found: u64,
    },
    /// Something in the cabinet cannot be as it is.
    #[error("{what} at {at} is damaged: expected {expected}, found {found}")]
    Damaged {
        /// What is damaged.
        what: Structure,
        /// Where it begins.
        at: Position,
        /// What would have been right.
        expected: Box<str>,
        /// What is there.
        found: Box<str>,
    },
    /// A well-formed cabinet of a kind this reader does not read.
    #[error("{what} at {at} is not supported: {found}; expected {expected}")]
    Unsupported {
        /// What is of that kind.
        what: Structure,
        /// Where it begins.
        at: Position,
        /// What is read.
        expected: &'static str,
        /// What is there, by name.
        found: Box<str>,
    },
    /// A number in [`Limits`](crate::Limits) was reached.
    #[error("{what} {found}, and the limit `{which}` is {limit}")]
    Limit {
        /// The field of [`Limits`](crate::Limits).
        which: &'static str,
        /// What is counted, as "cabinet has files:".
        what: &'static str,
        /// The limit.
        limit: u64,
        /// What the cabinet has or claims, at least.
        found: u64,
    },
    /// A part of a set of cabinets was not given.
    #[error("part {part} of the set is missing{}", named(name))]
    MissingPart {
        /// Which part, counted from 1.
        part: u16,
        /// The file name its neighbour calls it by.
        name: Option<Box<str>>,
    },
    /// The inputs given are not the parts of one set.
    #[error("inputs are not the parts of one set: expected {expected}, found {found}")]
    NotOneSet {
        /// What would have been right.
        expected: Box<str>,
        /// What was given.
        found: Box<str>,
    },
    /// An earlier call failed: there is nothing more to be had.
    #[error("cabinet was given up after an earlier error")]
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

    /// Refuses what is above a limit.
    pub(crate) fn above(which: &'static str, what: &'static str, limit: u64, found: u64) -> Result<(), Self> {
        if found > limit { Err(Self::Limit { which, what, limit, found }) } else { Ok(()) }
    }
}

impl From<CabError> for io::Error {
    /// An error of input that carries the whole [`CabError`]: `io::Error::downcast` gives it back.
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
