//! The errors of a refused document: what was found, what was expected, and where.

use crate::limits::XmlLimit;

/// An error in a document, with its position.
///
/// The error message is always one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at byte {at}: {kind}")]
pub struct XmlError {
    at: usize,
    kind: XmlErrorKind,
}

impl XmlError {
    pub(crate) const fn new(at: usize, kind: XmlErrorKind) -> Self {
        Self { at, kind }
    }

    /// Returns the position of the fault, in bytes from the start of the document.
    ///
    /// In a document of a legacy encoding (feature `encodings`) the position counts bytes of its text in UTF-8.
    pub const fn at(&self) -> usize {
        self.at
    }

    /// Returns the kind of the fault, with the details that its message shows.
    pub const fn kind(&self) -> &XmlErrorKind {
        &self.kind
    }
}

/// The kind of a fault in a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message documents the field")]
pub enum XmlErrorKind {
    /// The document has an encoding that is not read.
    #[error("encoding is {found}, expected {expected}")]
    Encoding { found: Box<str>, expected: &'static str },
    /// The document exceeds a limit of [`XmlLimits`](crate::XmlLimits).
    #[error("more than {most} {limit}")]
    Limit { limit: XmlLimit, most: usize },
    /// The first character besides white space is not `<`.
    #[error("found {found:?}, expected `<`")]
    NotXml { found: char },
    /// The document has no element.
    #[error("document ends, expected an element")]
    NoRoot,
    /// The bytes are not valid in the document's encoding.
    #[error("found byte 0x{found:02X}, expected {expected}")]
    Byte { found: u8, expected: &'static str },
    /// The document holds a character that XML 1.0 forbids, either as itself or as a reference with its
    /// number.
    #[error("character U+{found:04X} is not allowed in XML 1.0")]
    Character { found: u32 },
    /// The XML declaration is malformed, or names another version than 1.0.
    #[error("malformed XML declaration, expected one like `<?xml version=\"1.0\" encoding=\"utf-8\"?>`")]
    Declaration,
    /// An XML declaration is after the start of the document.
    #[error("found an XML declaration, which is only allowed at the start")]
    LateDeclaration,
    /// The document has a document type declaration, which is never read.
    #[error("found a document type declaration, which is not allowed")]
    DocType,
    /// An element follows the root element.
    #[error("found a second root element `{name}`, expected the end of the document")]
    SecondRoot { name: Box<str> },
    /// Text, a CDATA section or a reference is outside the root element.
    #[error("found text outside the root element")]
    TextOutside,
    /// The document ends while an element is open.
    #[error("document ends inside `{name}`, expected `</{name}>`")]
    Unclosed { name: Box<str> },
    /// An end tag names another element than the one that is open.
    #[error("found `</{found}>`, expected `</{expected}>`")]
    WrongEnd { expected: Box<str>, found: Box<str> },
    /// There is an end tag although no element is open.
    #[error("found `</{found}>`, but no element is open")]
    UnexpectedEnd { found: Box<str> },
    /// A name does not follow the rules of XML names with namespaces.
    #[error("`{name}` is not an XML name")]
    Name { name: Box<str> },
    /// A prefix is used, but no open element declares a namespace for it.
    #[error("prefix `{prefix}` has no namespace declaration")]
    Prefix { prefix: Box<str> },
    /// A namespace declaration uses a reserved prefix, or gives a prefix an empty namespace.
    #[error("namespace declaration `{name}` is not allowed")]
    Namespace { name: Box<str> },
    /// A start tag contains something that is not an attribute.
    #[error("malformed attribute, expected ` name=\"value\"`")]
    Attribute,
    /// An element has two attributes of one name.
    #[error("attribute `{name}` is given twice")]
    RepeatedAttribute { name: Box<str> },
    /// A reference names neither a predefined entity nor a character.
    #[error("reference `&{name};`, expected one of `lt`, `gt`, `amp`, `quot`, `apos` or a number")]
    Reference { name: Box<str> },
    /// A text contains `]]>`, where XML requires `]]&gt;`.
    #[error("found `]]>` in text, expected `]]&gt;`")]
    CdataEnd,
    /// A comment contains `--`.
    #[error("found `--` in a comment")]
    Comment,
    /// A processing instruction has no valid name.
    #[error("processing instruction has no valid name")]
    Instruction,
    /// Markup is incomplete or cannot be read. The string describes the fault, such as "comment without an
    /// end".
    #[error("{0}")]
    Syntax(&'static str),
}
