//! Errors of stores, by what the caller can do about them.

use crate::key::StoreKey;
use std::borrow::Cow;
use std::error::Error;
use std::io;
use std::ops::Range;

/// Whatever a store's own machinery had to say.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Why a store did not do what was asked: by what the caller can do.
///
/// After [`Unavailable`](Self::Unavailable) and [`Backend`](Self::Backend) from a writing call the key holds what it held
/// before or what was being written, whole, and it is not known which: who must know reads it back. After every other
/// error nothing has changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No object at the key. Look elsewhere, or create it.
    #[error("no object at `{key}`")]
    NotFound {
        /// The key.
        key: StoreKey,
    },
    /// An object is at the key and was left as it was. Read it, or take another key.
    #[error("an object at `{key}` exists already")]
    AlreadyExists {
        /// The key.
        key: StoreKey,
    },
    /// This store cannot hold the key beside something it holds: a folder and an object of one name, or two keys that the
    /// file system takes for one. Take another key.
    #[error("`{key}` cannot be held beside `{other}`")]
    Conflict {
        /// The key that was asked for.
        key: StoreKey,
        /// The key or folder that is there.
        other: Box<str>,
    },
    /// More bytes than the call takes. Write less, or ask for less.
    #[error("object at `{key}` has {found} bytes or more, expected at most {limit}")]
    TooLarge {
        /// The key.
        key: StoreKey,
        /// The bytes seen; there may be more.
        found: u64,
        /// The most that is taken.
        limit: u64,
    },
    /// A range that begins after the end of the object, or ends before it begins. Ask for another.
    #[error("range {}..{} lies outside the {size} bytes of `{key}`", range.start, range.end)]
    InvalidRange {
        /// The key.
        key: StoreKey,
        /// The range asked for.
        range: Range<u64>,
        /// The bytes the object has.
        size: u64,
    },
    /// The bytes that were handed in to be written ended in an error of their own. Nothing was written: mend the source
    /// of the bytes, and write again.
    #[error("bytes for `{key}` broke off")]
    Input {
        /// The key.
        key: StoreKey,
        /// The error of the stream.
        source: io::Error,
    },
    /// The store is there to be read only. Write elsewhere.
    #[error("`{key}` was not written: the store is read-only")]
    ReadOnly {
        /// The key.
        key: StoreKey,
    },
    /// What lies at the key is not what this store wrote. Restore it from where it came from.
    #[error("object at `{key}` is damaged: {found}")]
    Integrity {
        /// The key.
        key: StoreKey,
        /// What was found.
        found: Cow<'static, str>,
    },
    /// The store does not answer now, or has no room. Try again later.
    #[error("store unavailable: {what}")]
    Unavailable {
        /// What was being done, or what is lacking.
        what: Cow<'static, str>,
        /// What the machinery said.
        source: BoxError,
    },
    /// The store failed in a way that trying again will not mend. Look at the source.
    #[error("store failed: {what}")]
    Backend {
        /// What was being done.
        what: Cow<'static, str>,
        /// What the machinery said.
        source: BoxError,
    },
}

impl StoreError {
    /// An [`Unavailable`](Self::Unavailable): `what` was being done when `source` came.
    pub fn unavailable(what: impl Into<Cow<'static, str>>, source: impl Into<BoxError>) -> Self {
        Self::Unavailable { what: what.into(), source: source.into() }
    }

    /// A [`Backend`](Self::Backend): `what` was being done when `source` came.
    pub fn backend(what: impl Into<Cow<'static, str>>, source: impl Into<BoxError>) -> Self {
        Self::Backend { what: what.into(), source: source.into() }
    }

    /// Whether the same call may succeed later, with nothing changed by the caller.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable { .. } => true,
            Self::NotFound { .. }
            | Self::AlreadyExists { .. }
            | Self::Conflict { .. }
            | Self::TooLarge { .. }
            | Self::InvalidRange { .. }
            | Self::Input { .. }
            | Self::ReadOnly { .. }
            | Self::Integrity { .. }
            | Self::Backend { .. } => false,
        }
    }

    /// Whether a writing call that ended so may have written all the same: then reading back tells.
    pub fn may_have_written(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::Backend { .. } => true,
            Self::NotFound { .. }
            | Self::AlreadyExists { .. }
            | Self::Conflict { .. }
            | Self::TooLarge { .. }
            | Self::InvalidRange { .. }
            | Self::Input { .. }
            | Self::ReadOnly { .. }
            | Self::Integrity { .. } => false,
        }
    }
}

/// Returns the text of an error and of all its sources in one line, separated by `: `.
///
/// A source whose text is already part of the line is left out: some libraries print their source themselves.
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
                "`images/a` cannot be held beside `images`",
            ),
            (
                StoreError::TooLarge { key: key(), found: 9, limit: 8 },
                "object at `images/a` has 9 bytes or more, expected at most 8",
            ),
            (
                StoreError::InvalidRange { key: key(), range, size: 8 },
                "range 9..12 lies outside the 8 bytes of `images/a`",
            ),
            (StoreError::ReadOnly { key: key() }, "`images/a` was not written: the store is read-only"),
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
