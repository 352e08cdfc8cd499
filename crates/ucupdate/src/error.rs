//! Errors of the facade.

use crate::state::document::DocumentError;
use ucupdate_core::book::Refusal;
use ucupdate_core::value::Counted;
use ucupdate_store::StoreError;

/// Error of reading the rule book.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message documents the field")]
#[non_exhaustive]
pub enum StateError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An object in the store cannot be used: it is damaged or missing, does not follow the objects
    /// before it, or was written by a newer program.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The requested revision does not exist.
    #[error("no revision {revision}: the rule book is at revision {newest}")]
    NoRevision { revision: u64, newest: u64 },
    /// The store holds another history than the one that this service has read, for example an older copy.
    #[error(
        "the history in the store was replaced: `{key}` {what}; restore the history, or restart every server of this store"
    )]
    Replaced { key: String, what: &'static str },
}

/// Error of changing the rule book.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message documents the field")]
#[non_exhaustive]
pub enum ChangeError {
    /// The rule book refuses the change. Nothing has changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A file that devices would download is missing, or differs from the ingested file. Nothing has changed.
    #[error("{file} of {version} for {rule} {what}; ingest its package again")]
    Image { file: String, version: String, rule: String, what: &'static str },
    /// The requested revision does not exist. Nothing has changed.
    #[error("no revision {revision}: the rule book is at revision {newest}")]
    NoRevision { revision: u64, newest: u64 },
    /// The rule book of this earlier revision cannot be restored, because files that it needs are
    /// missing or damaged. Nothing has changed.
    #[error("revision {revision} cannot be restored: {}", some_of(missing))]
    NotRestorable { revision: u64, missing: Vec<String> },
    /// The store has a history, so it is not rebuilt. Nothing has changed.
    #[error(
        "the store has a history of {}, so it is not rebuilt; rebuild only a store without a history",
        Counted::new(*revisions, "revision")
    )]
    HasHistory { revisions: u64 },
    /// More than half of the packages would leave the rule book at once. Nothing has changed.
    #[error(
        "{found} of {of} packages would leave the rule book at once, which is more than half; check the retention and the clock of the store, and allow it if it is right"
    )]
    LargeShare { found: usize, of: usize },
    /// Other servers changed the rule book during every attempt. Nothing has changed.
    #[error("other servers changed the rule book during each of {tries} attempts; try again")]
    Contended { tries: u32 },
    /// The change is larger than a revision may be. Nothing has changed.
    #[error(
        "the change needs {found} bytes, but a revision has at most {limit}, which no option raises; ingest smaller packages, or roll back in smaller steps"
    )]
    TooLarge { found: usize, limit: usize },
    /// The store gave no clear answer when the revision was created. The change may have been made: the history shows it.
    #[error(
        "it is not known whether revision {revision} was made; look at the history before you repeat the change"
    )]
    Unclear { revision: u64, source: StateError },
    /// The rule book could not be read or written. Nothing has changed.
    #[error(transparent)]
    State(#[from] StateError),
}

/// The maximum number of missing files that are named in one message.
const MAX_NAMED: usize = 5;

fn some_of(missing: &[String]) -> String {
    let named = missing.iter().take(MAX_NAMED).map(String::as_str).collect::<Vec<_>>().join("; ");
    match missing.len().saturating_sub(MAX_NAMED) {
        0 => named,
        more => format!("{named}; and {more} more"),
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
