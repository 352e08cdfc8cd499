//! How much of a foreign body is read before it is refused.

use std::fmt;

/// The numbers at which reading ends.
///
/// A request from the field has some 260 to 500 bytes, a response some 300 for each module, so the defaults leave room of
/// a hundredfold and still cost well under a millisecond when they are reached.
///
/// ```
/// use ucupdate_upx::Limits;
/// let limits = Limits::default().with_bytes(8 * 1024).with_modules(8);
/// assert_eq!((limits.bytes, limits.modules), (8 * 1024, 8));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a body. Default 65,536.
    pub bytes: usize,
    /// Elements of a body. Default 1,024.
    pub elements: usize,
    /// Elements, attributes, comments, processing instructions, references and CDATA sections of a body together.
    /// Default 4,096.
    pub markup: usize,
    /// How deep elements may stand in one another. Default 16.
    pub depth: usize,
    /// Attributes of one element, declarations of namespaces among them. Default 32.
    pub attributes: usize,
    /// Namespaces declared in the whole body. Default 16.
    pub namespaces: usize,
    /// Bytes of one name of an element or attribute. Default 128.
    pub name_bytes: usize,
    /// Bytes of one item's text. Default 1,024.
    pub text_bytes: usize,
    /// Modules of a message. Default 64.
    pub modules: usize,
    /// Unknown items kept; the rest are counted. Default 64.
    pub unknown: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 * 1024,
            elements: 1024,
            markup: 4096,
            depth: 16,
            attributes: 32,
            namespaces: 16,
            name_bytes: 128,
            text_bytes: 1024,
            modules: 64,
            unknown: 64,
        }
    }
}

macro_rules! with {
    ($($with:ident $field:ident;)*) => {
        impl Limits {
            $(
                #[doc = concat!("The same with another number of [`", stringify!($field), "`](Self::", stringify!($field), ").")]
                #[must_use]
                pub const fn $with(mut self, most: usize) -> Self {
                    self.$field = most;
                    self
                }
            )*
        }
    };
}

with! {
    with_bytes bytes;
    with_elements elements;
    with_markup markup;
    with_depth depth;
    with_attributes attributes;
    with_namespaces namespaces;
    with_name_bytes name_bytes;
    with_text_bytes text_bytes;
    with_modules modules;
    with_unknown unknown;
}

/// Which number of [`Limits`] was reached. Unknown items end no reading, so they have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// [`Limits::bytes`].
    Bytes,
    /// [`Limits::elements`].
    Elements,
    /// [`Limits::markup`].
    Markup,
    /// [`Limits::depth`].
    Depth,
    /// [`Limits::attributes`].
    Attributes,
    /// [`Limits::namespaces`].
    Namespaces,
    /// [`Limits::name_bytes`].
    NameBytes,
    /// [`Limits::text_bytes`].
    TextBytes,
    /// [`Limits::modules`].
    Modules,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Bytes => "bytes in the body",
            Self::Elements => "elements",
            Self::Markup => "elements, attributes, comments, instructions and references",
            Self::Depth => "elements in one another",
            Self::Attributes => "attributes in one element",
            Self::Namespaces => "declared namespaces",
            Self::NameBytes => "bytes in one name",
            Self::TextBytes => "bytes in one item",
            Self::Modules => "modules",
        })
    }
}
