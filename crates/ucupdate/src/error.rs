//! Errors of the facade, by whose fault they are.

use crate::state::document::DocumentError;
use ucupdate_core::book::Refusal;
use ucupdate_store::StoreError;

/// Why the rule book could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The store did not do what was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What lies in the store cannot be used.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// There is no such revision.
    #[error("no revision {revision}: the rule book is at revision {newest}")]
    NoRevision {
        /// The one that was named.
        revision: u64,
        /// The newest there is.
        newest: u64,
    },
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// The rule book refuses it; nothing is changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// An image that everybody would get is not what was ingested; nothing is changed.
    #[error("{file} of {version} for {rule} {what}; ingest its package again")]
    Image {
        /// The file's name.
        file: String,
        /// Its version.
        version: String,
        /// Its rule.
        rule: String,
        /// `is gone from the store`, ...
        what: &'static str,
    },
    /// There is no such revision.
    #[error("no revision {revision}: the rule book is at revision {newest}")]
    NoRevision {
        /// The one that was named.
        revision: u64,
        /// The newest there is.
        newest: u64,
    },
    /// Images that an earlier revision needs are not there any more; nothing is changed.
    #[error("revision {revision} cannot be restored: {}", some_of(missing))]
    NotRestorable {
        /// The one that was named.
        revision: u64,
        /// What is missing, a line each, and what brings it back.
        missing: Vec<String>,
    },
    /// A store that has a history is not rebuilt: what was decided stands there.
    #[error("the store has a history of {revisions} revision(s), and is not rebuilt over it")]
    HasHistory {
        /// How many revisions there are.
        revisions: u64,
    },
    /// Other servers changed the rule book each time this one tried.
    #[error("others changed the rule book {tries} times in between; try again")]
    Contended {
        /// How often it was tried.
        tries: u32,
    },
    /// The change is larger than a revision may be.
    #[error(
        "the change needs {found} bytes, and a revision has at most {limit}; ingest smaller packages, or roll back in smaller steps"
    )]
    TooLarge {
        /// Its size in bytes.
        found: usize,
        /// The most a revision has.
        limit: usize,
    },
    /// The rule book could not be read or written. When that is [`StoreError::Unavailable`] or [`StoreError::Backend`] the
    /// change may have been made all the same: the history tells.
    #[error(transparent)]
    State(#[from] StateError),
}

/// How many are told in one line.
const MOST_TOLD: usize = 5;

fn some_of(missing: &[String]) -> String {
    let told = missing.iter().take(MOST_TOLD).map(String::as_str).collect::<Vec<_>>().join("; ");
    match missing.len().saturating_sub(MOST_TOLD) {
        0 => told,
        more => format!("{told}; and {more} more"),
    }
}

impl From<StoreError> for ChangeError {
    fn from(error: StoreError) -> Self {
        Self::State(error.into())
    }
}

impl From<DocumentError> for ChangeError {
    fn from(error: DocumentError) -> Self {
        Self::State(error.into())
    }
}
