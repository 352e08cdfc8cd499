//! The reasons why a dialect is refused.

use super::MAX_NAME_BYTES;

/// The reason why a dialect was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message documents the field")]
pub enum DialectError {
    /// The file is not TOML.
    #[error("line {line}: {cause}")]
    Toml {
        /// The number of the line, counted from 1.
        line: usize,
        cause: Box<str>,
    },
    /// A key of the file is not the key of an item.
    #[error("`{key}` is not an item of the protocol, expected a key of dialect.example.toml")]
    UnknownKey { key: Box<str> },
    /// A value is neither a name nor a list of at least one name.
    #[error("value of `{key}` is not a name, expected a name or a list of at least one name")]
    NotNames { key: Box<str> },
    /// A name is not allowed in XML, has a prefix, or is too long.
    #[error("`{key}` is {name:?}, expected an XML name without a prefix, of at most {MAX_NAME_BYTES} bytes")]
    NotAName { key: Box<str>, name: Box<str> },
    /// A namespace contains a character that is not allowed.
    #[error("`{key}` is {namespace:?}, expected no control characters")]
    Namespace { key: Box<str>, namespace: Box<str> },
    /// Two items in the same part of a message have one `name`. `first` and `second` are the keys of the items
    /// in the dialect file, such as `request.vendor`.
    #[error("`{first}` and `{second}` are both named `{name}`, expected different names")]
    SameName { name: Box<str>, first: Box<str>, second: Box<str> },
}
