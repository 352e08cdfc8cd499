//! The errors of a refused body: what was found, what was expected, and where.

use crate::limits::DecodeLimit;
use crate::names::Item;
use std::fmt;
use ucupdate_core::value::ParseError;
use ucupdate_xml::{XmlError, XmlErrorKind};

/// The kind of a message: request or response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "a device asks and is answered")]
pub enum MessageKind {
    /// A device requests the files that it should download.
    Request,
    /// A server answers with the files to download.
    Response,
}

impl fmt::Display for MessageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Request => "request",
            Self::Response => "response",
        })
    }
}

/// The class of a [`DecodeError`], by the HTTP status that a server sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The body is not a well-formed message (HTTP 400).
    Malformed,
    /// The body reaches a limit (HTTP 413).
    TooLarge,
    /// The body has an encoding that is not read (HTTP 415).
    Encoding,
    /// The body is an uploaded device log (HTTP 501).
    DeviceLog,
}

/// The reason why a body was refused.
///
/// The error message is one line. Positions in it count bytes from the start of the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message documents the field")]
pub enum DecodeError {
    /// The body is empty or only white space.
    #[error("body is empty, expected a {expected}")]
    Empty { expected: MessageKind },
    /// The body begins like an uploaded device log.
    #[error("body begins like {form}, which is an uploaded device log; expected an XML document")]
    DeviceLog { form: LogForm },
    /// The body has a content coding such as gzip, which a header of the HTTP request names. The server
    /// creates this error, because the codec does not see headers.
    #[error(
        "the body has the content coding {coding}, expected none; a proxy in front of the server can undo it"
    )]
    Coded { coding: Box<str> },
    /// The body is not readable XML: it is not well-formed, has an unsupported encoding, or exceeds a limit of
    /// [`XmlLimits`](ucupdate_xml::XmlLimits).
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// The body reaches a limit of [`DecodeLimits`](crate::DecodeLimits).
    #[error("at byte {at}: more than {most} {limit}, which is a limit of the library")]
    Limit { at: usize, limit: DecodeLimit, most: usize },
    /// The body is XML, but the dialect knows none of its items.
    #[error("body with root `{root}` has no item of the dialect, expected root `{expected}` with {items}")]
    NothingRecognised { root: Box<str>, expected: Box<str>, items: Box<str> },
    /// The body is a request where a response was expected, or the reverse.
    #[error("body with root `{root}` is a {found}, expected a {expected}")]
    WrongMessage { root: Box<str>, expected: MessageKind, found: MessageKind },
    /// Items are absent, blank, repeated or malformed. The error lists all of them.
    #[error("{kind}: {}", ListedProblems(problems))]
    Items {
        kind: MessageKind,
        /// The problems in the order of [`NAMES`](crate::NAMES). The problems of modules come last.
        problems: Vec<ItemProblem>,
    },
    /// The request has modules, but none of them can be read.
    #[error("no module of the request can be read: {}", ListedProblems(problems))]
    NoModuleRead { problems: Vec<ItemProblem> },
    /// The body has no module, but the file name of a module is outside any module. The element
    /// around it is probably a module whose name the dialect does not know. Therefore decoding
    /// fails, and does not return a message without modules.
    #[error("`{name}` at byte {at} is outside a module, expected it inside `{module}`")]
    OutsideModule { name: Box<str>, at: usize, module: Box<str> },
    /// The count of files differs from the number of modules.
    #[error("`{name}` at byte {at} is {count}, expected {modules}, the number of modules")]
    Count { name: Box<str>, at: usize, count: u32, modules: usize },
}

impl DecodeError {
    /// Returns the class of the error. A server chooses the HTTP status from it.
    pub fn kind(&self) -> DecodeErrorKind {
        match self {
            Self::DeviceLog { .. } => DecodeErrorKind::DeviceLog,
            Self::Coded { .. } => DecodeErrorKind::Encoding,
            Self::Xml(error) => match error.kind() {
                XmlErrorKind::Encoding { .. } => DecodeErrorKind::Encoding,
                XmlErrorKind::Limit { .. } => DecodeErrorKind::TooLarge,
                _ => DecodeErrorKind::Malformed,
            },
            Self::Limit { .. } => DecodeErrorKind::TooLarge,
            Self::Empty { .. }
            | Self::NothingRecognised { .. }
            | Self::WrongMessage { .. }
            | Self::Items { .. }
            | Self::NoModuleRead { .. }
            | Self::OutsideModule { .. }
            | Self::Count { .. } => DecodeErrorKind::Malformed,
        }
    }
}

/// The form of an uploaded device log, judged by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LogForm {
    /// A multipart form. It begins with `--`.
    Multipart,
    /// A cabinet. It begins with `MSCF`.
    Cabinet,
    /// A zip archive. It begins with `PK`.
    Zip,
    /// A gzip stream. It begins with the bytes `1F 8B`.
    Gzip,
}

impl fmt::Display for LogForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Multipart => "a multipart form",
            Self::Cabinet => "a cabinet",
            Self::Zip => "a zip archive",
            Self::Gzip => "a gzip stream",
        })
    }
}

/// An item of a message that cannot be used, its place, and the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ItemProblem {
    /// The item with the problem. [`Item::facts`] returns its row of the table [`NAMES`](crate::NAMES).
    pub item: Item,
    /// The name that the dialect writes for the item.
    pub name: Box<str>,
    /// The number of the module that has the item, or lacks it, counted from 1. `None` for an item outside the
    /// modules.
    pub module: Option<usize>,
    /// The position of the item, in bytes from the start of the body. For an item that is absent from a module,
    /// this is the position of the module. `None` means that the item is absent outside the modules.
    pub at: Option<usize>,
    /// The kind of the problem.
    pub fault: ItemFault,
}

impl fmt::Display for ItemProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(module) = self.module {
            write!(f, " of module {module}")?;
        }
        if let Some(at) = self.at {
            write!(f, " at byte {at}")?;
        }
        write!(f, " {}", self.fault)
    }
}

/// The reason why an item of a message cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message documents the field")]
pub enum ItemFault {
    /// The item is required, but absent.
    #[error("is absent")]
    Absent,
    /// The item is required, but empty or only white space.
    #[error("is blank")]
    Blank,
    /// The item occurs twice at the same depth of nested elements, so neither value is used.
    #[error("is given twice")]
    Twice,
    /// The text is longer than [`DecodeLimits::text_bytes`](crate::DecodeLimits::text_bytes).
    #[error("has more than {most} bytes")]
    TooLong { most: usize },
    /// The text is not valid for its item: not a label (for example in the device type), or not a
    /// safe file name.
    #[error("{}", .0.problem())]
    Unreadable(ParseError),
    /// The text does not consist of decimal digits only, or is a number too large for 32 bits.
    #[error("is not a number")]
    NotANumber,
}

struct ListedProblems<'a>(&'a [ItemProblem]);

impl fmt::Display for ListedProblems<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let before = if index == 0 { "" } else { "; " };
            write!(f, "{before}{problem}")?;
        }
        Ok(())
    }
}
