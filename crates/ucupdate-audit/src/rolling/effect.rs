//! What a rolling log asks of a store, and what it is told.

use std::sync::Arc;

/// What a rolling log asks to be done; answered by [`RollingLog::done`](crate::RollingLog::done).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Make this object, unless there is one: whole or not at all.
    Create {
        /// The object's key.
        key: String,
        /// The header and the first rows.
        bytes: Arc<[u8]>,
    },
    /// Replace this object, which is the log's own, by these bytes: whole or not at all.
    Put {
        /// The object's key.
        key: String,
        /// All of the file, not only what is new.
        bytes: Arc<[u8]>,
    },
    /// Read this object and compare, since it is not known whether it was made; see [`Effect::compare`].
    ReadBack {
        /// The object's key.
        key: String,
        /// What it holds if it was made.
        bytes: Arc<[u8]>,
    },
}

impl Effect {
    /// The object's key.
    pub fn key(&self) -> &str {
        match self {
            Self::Create { key, .. } | Self::Put { key, .. } | Self::ReadBack { key, .. } => key,
        }
    }

    /// The bytes to write, or to compare with.
    pub fn bytes(&self) -> &Arc<[u8]> {
        match self {
            Self::Create { bytes, .. } | Self::Put { bytes, .. } | Self::ReadBack { bytes, .. } => bytes,
        }
    }

    /// The outcome of a [`ReadBack`](Self::ReadBack) that found this object, or none.
    pub fn compare(&self, found: Option<&[u8]>) -> EffectOutcome {
        match found {
            None => EffectOutcome::Absent,
            Some(found) if *found == **self.bytes() => EffectOutcome::Stored,
            Some(_) => EffectOutcome::Exists,
        }
    }
}

/// How an effect went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a store's answer is one of these or unclear")]
pub enum EffectOutcome {
    /// The object holds these bytes, and lasts.
    Stored,
    /// There is an object of this key already, with other bytes where they were compared.
    Exists,
    /// There is no such object: of a [`Effect::ReadBack`] only.
    Absent,
    /// It was not done, and will not be: nothing may come of it later.
    Failed,
    /// It may have been done, or may yet be: an answer that was lost, a time-out, a store that cannot say.
    Unclear,
}
