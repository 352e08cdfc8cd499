//! The limits of reading an untrusted document.

use std::fmt;

/// The limits of reading a document.
///
/// The defaults suit a message of some kilobytes. Reading a document that is as large as they allow takes well under
/// a millisecond.
///
/// ```
/// use ucupdate_xml::{XmlElement, XmlLimits};
/// let limits = XmlLimits::default().with_depth(2);
/// let error = XmlElement::read(b"<a><b><c/></b></a>", &limits).unwrap_err();
/// assert_eq!(error.to_string(), "at byte 6: more than 2 levels of elements");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct XmlLimits {
    pub(crate) bytes: usize,
    pub(crate) elements: usize,
    pub(crate) markup: usize,
    pub(crate) depth: usize,
    pub(crate) attributes: usize,
    pub(crate) namespaces: usize,
    pub(crate) name_bytes: usize,
}

impl Default for XmlLimits {
    fn default() -> Self {
        Self {
            bytes: 64 * 1024,
            elements: 1024,
            markup: 4096,
            depth: 16,
            attributes: 32,
            namespaces: 16,
            name_bytes: 128,
        }
    }
}

impl XmlLimits {
    /// Returns the largest size of a document in bytes, before it is decoded. Default: 65,536.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Sets the largest size of a document in bytes. See [`bytes`](Self::bytes).
    pub const fn with_bytes(self, bytes: usize) -> Self {
        Self { bytes, ..self }
    }

    /// Sets the largest number of elements in a document. Default: 1,024.
    pub const fn with_elements(self, elements: usize) -> Self {
        Self { elements, ..self }
    }

    /// Sets the largest number of elements, attributes, comments, processing instructions, references in text and CDATA
    /// sections together. Default: 4,096.
    pub const fn with_markup(self, markup: usize) -> Self {
        Self { markup, ..self }
    }

    /// Sets the largest number of elements that are open at one time, including the root. Default: 16.
    pub const fn with_depth(self, depth: usize) -> Self {
        Self { depth, ..self }
    }

    /// Sets the largest number of attributes of one element, including namespace declarations. Default: 32.
    pub const fn with_attributes(self, attributes: usize) -> Self {
        Self { attributes, ..self }
    }

    /// Sets the largest number of namespace declarations that are in force at one time. Default: 16.
    pub const fn with_namespaces(self, namespaces: usize) -> Self {
        Self { namespaces, ..self }
    }

    /// Sets the largest size of an element or attribute name in bytes, including its prefix. Default: 128.
    pub const fn with_name_bytes(self, name_bytes: usize) -> Self {
        Self { name_bytes, ..self }
    }
}

/// The limit of [`XmlLimits`] that a document exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "a variant has the name of its setter")]
pub enum XmlLimit {
    Bytes,
    Elements,
    Markup,
    Depth,
    Attributes,
    Namespaces,
    NameBytes,
}

impl fmt::Display for XmlLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Bytes => "bytes in the document",
            Self::Elements => "elements",
            Self::Markup => "elements, attributes, comments, instructions and references",
            Self::Depth => "levels of elements",
            Self::Attributes => "attributes in one element",
            Self::Namespaces => "namespace declarations in force",
            Self::NameBytes => "bytes in one name",
        })
    }
}
