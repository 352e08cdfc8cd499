//! Why a body is refused: whose fault it is, what was expected, what was found, and where.

use crate::limits::Limit;
use crate::names::Item;
use std::fmt;
use ucupdate_core::value::{LabelError, PathPartError};
use ucupdate_xml::{XmlError, XmlErrorKind};

/// Which of the two messages a body is, or was expected to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "a device asks and is answered")]
pub enum MessageKind {
    /// What a device asks.
    Request,
    /// What it is answered.
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

/// What a server answers to a body that was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// It is not what it should be (HTTP 400).
    Malformed,
    /// It reaches a limit (HTTP 413).
    TooLarge,
    /// It is in an encoding that is not read (HTTP 415).
    Encoding,
    /// It is the upload of a device's log (HTTP 501).
    DeviceLog,
}

/// Why a body is not the message it should be. The text is one line; offsets are bytes from the start of the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// No body.
    #[error("body is empty, expected a {expected}")]
    Empty {
        /// What was expected.
        expected: MessageKind,
    },
    /// The upload of a device's log, by the look of its first bytes.
    #[error("body begins as {form}: a device's log, which is not taken in; expected an XML document")]
    DeviceLog {
        /// As what it begins.
        form: LogForm,
    },
    /// The body is not XML that is read: it is not well-formed, has another encoding, or reaches a limit of XML.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// The body reaches a limit of [`Limits`](crate::Limits).
    #[error("at byte {at}: more than {most} {limit}")]
    Limit {
        /// Where.
        at: usize,
        /// Which limit.
        limit: Limit,
        /// Its number.
        most: usize,
    },
    /// XML, but nothing in it is an item of the dialect.
    #[error(
        "no item of the dialect is in the body, whose root is `{root}`; expected `{expected}` with {items}"
    )]
    NothingRecognised {
        /// The root found.
        root: Box<str>,
        /// The root expected.
        expected: Box<str>,
        /// The items that are required, with a comma between.
        items: Box<str>,
    },
    /// A request where a response was expected, or the other way.
    #[error("body is a {found} (its root is `{root}`), expected a {expected}")]
    WrongMessage {
        /// The root found.
        root: Box<str>,
        /// What was expected.
        expected: MessageKind,
        /// What was found.
        found: MessageKind,
    },
    /// Items are absent, blank, given twice or not what they should be: all of them are named.
    #[error("{kind}: {}", Listed(problems))]
    Items {
        /// In which message.
        kind: MessageKind,
        /// Each, in the order of the table of names; modules last.
        problems: Vec<ItemProblem>,
    },
    /// Modules are there, but none of them could be read.
    #[error("no module of the request can be read: {}", Listed(problems))]
    NoModuleRead {
        /// What is wrong with each.
        problems: Vec<ItemProblem>,
    },
    /// There is no module, yet an item that belongs in one: a list under another name must not pass for an empty one.
    #[error("`{name}` at byte {at} stands outside any `{module}`")]
    OutsideModule {
        /// The item's name.
        name: Box<str>,
        /// Where it stands.
        at: usize,
        /// The name a module has in the dialect.
        module: Box<str>,
    },
    /// The count of files is not the number of modules.
    #[error("`{name}` at byte {at} is {said}, but there are {found} modules")]
    Count {
        /// The item's name.
        name: Box<str>,
        /// Where it stands.
        at: usize,
        /// What it says.
        said: u32,
        /// How many modules there are.
        found: usize,
    },
}

impl DecodeError {
    /// What a server answers to it.
    pub fn kind(&self) -> DecodeErrorKind {
        match self {
            Self::DeviceLog { .. } => DecodeErrorKind::DeviceLog,
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

/// As what a body that is a device's log begins. How devices upload them is unknown; these are our guesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LogForm {
    /// `--`: a multipart form.
    Multipart,
    /// `MSCF`: a cabinet.
    Cabinet,
    /// `PK`: a zip archive.
    Zip,
    /// `1F 8B`: gzip.
    Gzip,
}

impl fmt::Display for LogForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Multipart => "a multipart form",
            Self::Cabinet => "a cabinet",
            Self::Zip => "a zip archive",
            Self::Gzip => "gzip",
        })
    }
}

/// What is wrong with one item.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ItemProblem {
    /// Which item.
    pub item: Item,
    /// Its name in the dialect.
    pub name: Box<str>,
    /// In which module, counted from one; `None` directly in the message.
    pub module: Option<usize>,
    /// Where the item stands, or for an absent one its module; `None` where it is absent from the message.
    pub at: Option<usize>,
    /// What is wrong.
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

/// How an item can be wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ItemFault {
    /// Not there.
    #[error("is absent")]
    Absent,
    /// Nothing but blanks.
    #[error("is blank")]
    Blank,
    /// There twice, so that neither can be believed.
    #[error("is given twice")]
    Twice,
    /// Longer than [`Limits::text_bytes`](crate::Limits::text_bytes).
    #[error("has more than {most} bytes")]
    TooLong {
        /// The limit.
        most: usize,
    },
    /// Not a label.
    #[error(transparent)]
    Label(LabelError),
    /// Not a file name.
    #[error(transparent)]
    FileName(PathPartError),
    /// Not a number.
    #[error("is not a number")]
    NotANumber,
}

struct Listed<'a>(&'a [ItemProblem]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let before = if index == 0 { "" } else { "; " };
            write!(f, "{before}{problem}")?;
        }
        Ok(())
    }
}
