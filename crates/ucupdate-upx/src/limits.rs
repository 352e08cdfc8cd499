//! The limits of reading an untrusted body.

use std::fmt;
use ucupdate_xml::XmlLimits;

/// The limits of reading a body.
///
/// A request of a real device has 260 to 500 bytes, and a response about 300 bytes for each module. The default
/// limits are about a hundred times as large. Reading a body of the largest size still takes well under a
/// millisecond.
///
/// ```
/// use ucupdate_upx::{DecodeLimits, XmlLimits};
/// let limits = DecodeLimits::default().with_modules(8).with_xml(XmlLimits::default().with_bytes(8 * 1024));
/// assert_eq!((limits.modules(), limits.xml().bytes()), (8, 8 * 1024));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct DecodeLimits {
    pub(crate) xml: XmlLimits,
    pub(crate) text_bytes: usize,
    pub(crate) modules: usize,
    pub(crate) unknown: usize,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self { xml: XmlLimits::default(), text_bytes: 1024, modules: 64, unknown: 64 }
    }
}

impl DecodeLimits {
    /// Returns the limits of the body as an XML document. Default: [`XmlLimits::default`], which has 65,536 bytes.
    pub const fn xml(&self) -> &XmlLimits {
        &self.xml
    }

    /// Sets the limits of the body as an XML document.
    pub const fn with_xml(self, xml: XmlLimits) -> Self {
        Self { xml, ..self }
    }

    /// Returns the largest size of the text of one item in bytes. Default: 1,024.
    pub const fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    /// Sets the largest size of the text of one item in bytes. See [`text_bytes`](Self::text_bytes).
    pub const fn with_text_bytes(self, text_bytes: usize) -> Self {
        Self { text_bytes, ..self }
    }

    /// Returns the largest number of modules in a message. Default: 64.
    pub const fn modules(&self) -> usize {
        self.modules
    }

    /// Sets the largest number of modules in a message. See [`modules`](Self::modules).
    pub const fn with_modules(self, modules: usize) -> Self {
        Self { modules, ..self }
    }

    /// Returns the largest number of unknown items that are kept with a message. Further items are only counted.
    /// Default: 64.
    pub const fn unknown(&self) -> usize {
        self.unknown
    }

    /// Sets the largest number of unknown items that are kept with a message. See [`unknown`](Self::unknown).
    pub const fn with_unknown(self, unknown: usize) -> Self {
        Self { unknown, ..self }
    }
}

/// The limit of [`DecodeLimits`] that a body reached.
///
/// The limits of XML have a type of their own, [`XmlLimit`](ucupdate_xml::XmlLimit).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "a variant has the name of its setter")]
pub enum DecodeLimit {
    TextBytes,
    Modules,
}

impl fmt::Display for DecodeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::TextBytes => "bytes in one item",
            Self::Modules => "modules",
        })
    }
}
