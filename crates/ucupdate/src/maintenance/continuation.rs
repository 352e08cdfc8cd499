//! Continuing a history after revisions were lost.
//!
//! The record of a loss has the numbers of the lost revisions and the whole rule book at a later
//! checkpoint. The record is never deleted, so the history can be read even without the checkpoint.
//! Older programs ignore the record.

use crate::error::StateError;
use crate::keys;
use crate::maintenance::check::{CheckOptions, check_store};
use crate::state::document::{Checkpoint, Continuation, DocumentError};
use crate::state::rule_history::MAX_CHECKPOINT_BYTES;
use bytes::Bytes;
use ucupdate_core::value::UnixTime;
use ucupdate_store::{ImageStore, ImageStoreExt as _};

/// A history that was continued after a loss.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Continued {
    /// The ranges of lost revisions, each with its first and its last revision.
    pub lost: Vec<(u64, u64)>,
    /// The revision from which the history continues. Its checkpoint has the whole rule book.
    pub at: u64,
}

/// Records that missing revisions are lost, and continues the history from the newest checkpoint after them. The rule book
/// does not change. [`check_store`] then no longer reports the missing revisions.
///
/// Do this only if no copy of the store has the missing revisions. Returns `None` if no revision is missing.
///
/// # Errors
/// When no later checkpoint has the rule book, or the store fails. In this case nothing is recorded.
pub async fn continue_after_loss(
    store: &dyn ImageStore,
    author: &str,
    now: UnixTime,
) -> Result<Option<Continued>, StateError> {
    let options = CheckOptions::default().with_quick(true);
    // If the earlier records could not be read, their losses would count as new ones.
    store.list(keys::CONTINUED, None).await?;
    let found = check_store(store, &options, now).await?;
    let Some((first, last)) = found.missing.first().zip(found.missing.last()) else { return Ok(None) };
    let missing = || DocumentError::Missing { key: keys::revision(first.0).to_string() };
    let at = found.continues_at.filter(|at| *at > last.1).ok_or_else(missing)?;
    let key = keys::checkpoint(at);
    let bytes = store.get_bytes(&key, MAX_CHECKPOINT_BYTES).await?;
    let checkpoint = Checkpoint::read(key.as_str(), &bytes)?.ok_or_else(missing)?;
    let lost = found.missing;
    let loss = Continuation { at: now, author: author.to_owned(), lost: lost.clone() };
    store.create(&keys::continued(at), Bytes::from(checkpoint.write_with(Some(loss)))).await?;
    Ok(Some(Continued { lost, at }))
}
