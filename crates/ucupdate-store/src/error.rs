//! Errors of stores. Each variant stands for one reaction of the caller, such as "try again later".

use crate::key::StoreKey;
use std::borrow::Cow;
use std::error::Error;
use std::io;
use std::ops::Range;

/// An error of any type, as the source of a [`StoreError`] or of an error of a store. Example: an
/// I/O error.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// The reason why a store did not do what was requested. The variants differ in what the caller can do.
///
/// After [`Unavailable`](Self::Unavailable) and [`Backend`](Self::Backend) from a writing call, the
/// key holds either the whole old object or the whole new object, and the store does not know
/// which. After an append it may also hold the old object with a part of the new bytes. A caller
/// that must know reads the object back. After every other error nothing has changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message documents the field")]
pub enum StoreError {
    /// There is no object at the key.
    #[error("no object at `{key}`")]
    NotFound { key: StoreKey },
    /// There is already an object at the key. It was not changed. Read it or use another key.
    #[error("an object at `{key}` exists already")]
    AlreadyExists { key: StoreKey },
    /// The store cannot contain the key together with an existing one: a folder and an object would have the same name,
    /// or the file system does not distinguish the two keys. Use another key.
    #[error("`{key}` cannot be held beside `{other}`: move `{other}` out of the store, or use another key")]
    Conflict { key: StoreKey, other: Box<str> },
    /// The object is larger than the call accepts.
    #[error("object at `{key}` has {found} bytes or more, expected at most {limit}")]
    TooLarge {
        key: StoreKey,
        /// Number of bytes seen so far; the object may have more.
        found: u64,
        limit: u64,
    },
    /// The range begins after the end of the object, or ends before it begins.
    #[error("range {}..{} is outside the {size} bytes of `{key}`", range.start, range.end)]
    InvalidRange { key: StoreKey, range: Range<u64>, size: u64 },
    /// The stream of bytes to be written ended in an error. Nothing was written. Repair the source of the bytes and write again.
    #[error("the input stream for `{key}` failed")]
    Input { key: StoreKey, source: io::Error },
    /// The store is read-only for this process.
    #[error("`{key}` was not written: the store is read-only")]
    ReadOnly { key: StoreKey },
    /// The store does not accept this call: the caller may not make it, or these bytes may not be
    /// written. Nothing was written.
    #[error("the store refuses it: {reason}")]
    Refused { reason: Box<str> },
    /// The object at the key is damaged, or an entry that the store did not write is in its place,
    /// such as a link. Restore the object from its origin.
    #[error("object at `{key}` is damaged: {found}")]
    Integrity { key: StoreKey, found: Cow<'static, str> },
    /// The store is no longer the one that was opened: its path has another folder or no folder.
    /// Nothing was written. Restore the folder, or open the store again.
    #[error("the store was replaced: {found}")]
    Replaced { found: Cow<'static, str> },
    /// The store does not respond at the moment, or has no space left. Try again later.
    #[error("store unavailable: {what}")]
    Unavailable { what: Cow<'static, str>, source: BoxError },
    /// The store failed in a way that a retry does not solve. The source says why.
    #[error("store failed: {what}")]
    Backend { what: Cow<'static, str>, source: BoxError },
}

impl StoreError {
    /// Creates an [`Unavailable`](Self::Unavailable) error: the operation `what` failed with `source`.
    pub fn unavailable(what: impl Into<Cow<'static, str>>, source: impl Into<BoxError>) -> Self {
        Self::Unavailable { what: what.into(), source: source.into() }
    }

    /// Creates a [`Backend`](Self::Backend) error: the operation `what` failed with `source`.
    pub fn backend(what: impl Into<Cow<'static, str>>, source: impl Into<BoxError>) -> Self {
        Self::Backend { what: what.into(), source: source.into() }
    }

    /// Converts an error of the [`ByteStream`](crate::ByteStream) from which the object at `key`
    /// was read.
    ///
    /// If the [`io::Error`] contains a [`StoreError`], returns that error: a store puts it there if
    /// it knows the cause. Any other error becomes [`Unavailable`](Self::Unavailable), for example
    /// a connection that broke.
    ///
    /// ```
    /// use std::io;
    /// use ucupdate_store::{StoreError, StoreKey};
    ///
    /// let key = StoreKey::parse("images/a").unwrap();
    /// let bad_disk = io::Error::other(StoreError::backend("reading `images/a`", "bad sector"));
    /// assert!(!StoreError::of_bytes(&key, bad_disk).is_retryable());
    /// let broken = io::Error::from(io::ErrorKind::ConnectionReset);
    /// assert!(StoreError::of_bytes(&key, broken).is_retryable());
    /// ```
    pub fn of_bytes(key: &StoreKey, error: io::Error) -> Self {
        error.downcast::<Self>().unwrap_or_else(|error| Self::unavailable(format!("reading `{key}`"), error))
    }

    /// Creates the [`Refused`](Self::Refused) error of an append that expected `at` bytes in an
    /// object of `size` bytes.
    pub fn other_size(key: &StoreKey, size: u64, at: u64) -> Self {
        Self::Refused { reason: format!("`{key}` has {size} bytes, expected {at} before the append").into() }
    }

    /// Returns whether the same call may succeed later without any change by the caller.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// Returns whether a writing call may have written although it returned this error. Then a
    /// caller that must know reads the object back.
    pub fn may_have_written(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Backend { .. })
    }
}

/// Returns the text of an error and of all its sources in one line, separated by `: `.
///
/// A source whose text is already part of the line is left out, because some libraries print their source themselves.
pub fn error_chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut below = error.source();
    while let Some(source) = below {
        let text = source.to_string();
        if !line.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        below = source.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> StoreKey {
        StoreKey::parse("images/a").unwrap()
    }

    #[test]
    fn messages_name_the_key_and_what_was_expected() {
        let range = 9..12;
        for (error, expected) in [
            (StoreError::NotFound { key: key() }, "no object at `images/a`"),
            (StoreError::AlreadyExists { key: key() }, "an object at `images/a` exists already"),
            (
                StoreError::Conflict { key: key(), other: "images".into() },
                "`images/a` cannot be held beside `images`: move `images` out of the store, or use another key",
            ),
            (
                StoreError::TooLarge { key: key(), found: 9, limit: 8 },
                "object at `images/a` has 9 bytes or more, expected at most 8",
            ),
            (
                StoreError::InvalidRange { key: key(), range, size: 8 },
                "range 9..12 is outside the 8 bytes of `images/a`",
            ),
            (StoreError::ReadOnly { key: key() }, "`images/a` was not written: the store is read-only"),
            (StoreError::Refused { reason: "too small".into() }, "the store refuses it: too small"),
        ] {
            assert_eq!(error.to_string(), expected);
            assert!(error.source().is_none() && !error.is_retryable() && !error.may_have_written());
        }
    }

    #[test]
    fn a_source_is_chained_and_not_printed_twice() {
        let error = StoreError::unavailable("writing `images/a`", io::Error::other("disk is full"));
        assert_eq!(error.to_string(), "store unavailable: writing `images/a`");
        assert_eq!(error.source().map(ToString::to_string), Some("disk is full".to_owned()));
        assert!(error.is_retryable() && error.may_have_written());
        assert_eq!(error_chain(&error), "store unavailable: writing `images/a`: disk is full");
        let error = StoreError::backend("reading", "no");
        assert_eq!(error.to_string(), "store failed: reading");
        assert!(!error.is_retryable() && error.may_have_written());
    }
}
