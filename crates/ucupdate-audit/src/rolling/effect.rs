//! The actions on a store that a rolling log requests, and their outcomes.

use std::sync::Arc;

/// An action on the store that a rolling log requests. [`RollingLog::done`](crate::RollingLog::done) takes the outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Create the object with these bytes. If an object with this key exists, do not change it.
    Create {
        /// The key of the object: the folder of the log and the name of the new file.
        key: String,
        /// The whole file: the header and the first rows.
        bytes: Arc<[u8]>,
    },
    /// Replace the whole object by these bytes. The log created this object earlier.
    Put {
        /// The key of the file to replace.
        key: String,
        /// The whole file, including rows that were written before.
        bytes: Arc<[u8]>,
    },
    /// Add these bytes to the end of the object, if it has exactly `at` bytes. The log created this
    /// object earlier. Only a log with
    /// [`RollOptions::with_append`](crate::RollOptions::with_append) has this effect.
    Append {
        /// The key of the file that grows.
        key: String,
        /// The size of the object before the append, in bytes.
        at: u64,
        /// The new rows without a header.
        bytes: Arc<[u8]>,
    },
    /// Read the object and compare it with these bytes, because the outcome of the write is not
    /// known. [`Effect::compare`] returns the outcome.
    ReadBack {
        /// The key of the file whose write had no clear outcome.
        key: String,
        /// The content that the object has if it was written.
        bytes: Arc<[u8]>,
    },
}

impl Effect {
    /// Returns the key of the object that this action writes or reads.
    pub fn key(&self) -> &str {
        match self {
            Self::Create { key, .. }
            | Self::Put { key, .. }
            | Self::Append { key, .. }
            | Self::ReadBack { key, .. } => key,
        }
    }

    /// Returns the bytes to write, or to compare with the object.
    pub fn bytes(&self) -> &Arc<[u8]> {
        match self {
            Self::Create { bytes, .. }
            | Self::Put { bytes, .. }
            | Self::Append { bytes, .. }
            | Self::ReadBack { bytes, .. } => bytes,
        }
    }

    /// Returns the outcome of a [`ReadBack`](Self::ReadBack). `found` is the content of the object,
    /// or `None` if the object does not exist.
    pub fn compare(&self, found: Option<&[u8]>) -> EffectOutcome {
        match found {
            None => EffectOutcome::Absent,
            Some(found) if *found == **self.bytes() => EffectOutcome::Stored,
            Some(_) => EffectOutcome::Exists,
        }
    }
}

/// The result of an [`Effect`] on the store. The caller passes it to [`RollingLog::done`](crate::RollingLog::done).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a store's answer is one of these or unclear")]
pub enum EffectOutcome {
    /// The object has the bytes of the effect, and they are durable.
    Stored,
    /// Something else has the key. For [`Effect::Create`] an object exists already. For
    /// [`Effect::ReadBack`] the object has other bytes. For the other effects the object is not the
    /// one that the log created.
    Exists,
    /// The object does not exist. This is the outcome of an [`Effect::ReadBack`]. For other effects
    /// the log handles it like [`Failed`](Self::Failed).
    Absent,
    /// Nothing was written, and nothing will be written later.
    Failed,
    /// The write may have happened, or may happen later: the answer was lost or timed out, or the store does not know.
    Unclear,
}
