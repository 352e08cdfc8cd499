//! Why a dialect is refused.

use super::MAX_NAME_BYTES;

/// Why there is no such dialect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DialectError {
    /// The file is not TOML.
    #[error("line {line}: {cause}")]
    Toml {
        /// The line, counted from one.
        line: usize,
        /// What is wrong there.
        cause: Box<str>,
    },
    /// A key that names no item.
    #[error("`{key}` is no item of the dialect")]
    UnknownKey {
        /// The key.
        key: Box<str>,
    },
    /// A value that is neither a name nor a list of names.
    #[error("`{key}` is not a name or a list of at least one name")]
    NotNames {
        /// The key.
        key: Box<str>,
    },
    /// A name that XML does not allow, or with a prefix, or too long.
    #[error(
        "`{key}` is {name:?}, expected a name of XML without a prefix, of at most {MAX_NAME_BYTES} bytes"
    )]
    NotAName {
        /// The key.
        key: Box<str>,
        /// What was given.
        name: Box<str>,
    },
    /// A namespace that XML cannot hold.
    #[error("`{key}` is {namespace:?}, which holds a control character")]
    Namespace {
        /// The key.
        key: Box<str>,
        /// What was given.
        namespace: Box<str>,
    },
    /// Two items of one place under one name.
    #[error("`{first}` and `{second}` are both called `{name}`")]
    SameName {
        /// The name.
        name: Box<str>,
        /// One key.
        first: Box<str>,
        /// The other.
        second: Box<str>,
    },
}
