//! The effects that a rolling log asks for, and their outcomes.

use std::sync::Arc;

/// An action on the store that a rolling log requests. [`RollingLog::done`](crate::RollingLog::done) takes the outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Create this object as a whole, unless the key is taken.
    Create {
        /// The key of the object.
        key: String,
        /// The header and the first rows.
        bytes: Arc<[u8]>,
    },
    /// Replace this object as a whole. The log wrote the object itself.
    Put {
        /// The key of the object.
        key: String,
        /// The whole file, including rows that were written before.
        bytes: Arc<[u8]>,
    },
    /// Add these bytes to the end of this object, if it has exactly `at` bytes. The log wrote the object itself. Only a log with
    /// [`RollOptions::with_append`](crate::RollOptions::with_append) has this effect.
    Append {
        /// The key of the object.
        key: String,
        /// The size of the object before.
        at: u64,
        /// The new rows.
        bytes: Arc<[u8]>,
    },
    /// Read this object and compare it, because the outcome of its write is not known. See [`Effect::compare`].
    ReadBack {
        /// The key of the object.
        key: String,
        /// The content of the object if it was written.
        bytes: Arc<[u8]>,
    },
}

impl Effect {
    /// Returns the key of the object.
    pub fn key(&self) -> &str {
        match self {
            Self::Create { key, .. }
            | Self::Put { key, .. }
            | Self::Append { key, .. }
            | Self::ReadBack { key, .. } => key,
        }
    }

    /// Returns the bytes to write or to compare.
    pub fn bytes(&self) -> &Arc<[u8]> {
        match self {
            Self::Create { bytes, .. }
            | Self::Put { bytes, .. }
            | Self::Append { bytes, .. }
            | Self::ReadBack { bytes, .. } => bytes,
        }
    }

    /// Returns the outcome of a [`ReadBack`](Self::ReadBack) that found this object. `None` means that there is no
    /// object.
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
    /// The object has these bytes, and they are durable.
    Stored,
    /// The key is taken. For [`Effect::ReadBack`] this means that the object has other bytes.
    Exists,
    /// There is no such object. Only [`Effect::ReadBack`] has this outcome.
    Absent,
    /// Nothing was written, and nothing will be written later.
    Failed,
    /// The write may have happened, or may happen later: the answer was lost or timed out, or the store does not know.
    Unclear,
}
