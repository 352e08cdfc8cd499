//! Reads a history from its first revision, without using checkpoints.
//!
//! The only exception is a recorded loss. The record of the loss has the rule book after the lost
//! revisions. An administrator made this record, and no revision can prove this rule book any more.

use crate::error::StateError;
use crate::keys;
use crate::maintenance::check::read_losses;
use crate::state::document::{Checkpoint, Continuation, DocumentError, RevisionDocument};
use crate::state::rule_history::{CHECKPOINT_EVERY, read_revision};
use futures_util::{StreamExt as _, stream};
use ucupdate_core::RuleBook;
use ucupdate_core::value::Sha256Digest;
use ucupdate_store::{ImageStore, ImageStoreExt as _};

/// The number of revisions that are read at the same time.
const READ_AHEAD: usize = 16;

/// A history that was read from its first revision.
pub(crate) struct Replay {
    /// The numbers of the revisions in order. Revisions that are recorded as lost are not among them.
    pub(crate) numbers: Vec<u64>,
    /// The revisions from which the history continues after a recorded loss. The record of a loss
    /// has the rule book at this revision.
    pub(crate) losses: Vec<u64>,
    /// The book at the last revision.
    pub(crate) book: RuleBook,
    /// The book at the newest revision that is a multiple of [`CHECKPOINT_EVERY`]. `None` if there
    /// is no such revision, or if the book is not known there because of a loss.
    pub(crate) checkpoint: Option<Checkpoint>,
}

/// Reads the history of a store. Fails when a revision is damaged or no plain file, when one is missing and
/// no record says that it is lost, or when the store fails.
pub(crate) async fn replay(store: &dyn ImageStore) -> Result<Replay, StateError> {
    let listed = store.list_all(keys::REVISIONS, usize::MAX).await?;
    let mut numbers: Vec<u64> = listed.iter().filter_map(|meta| keys::revision_number(&meta.key)).collect();
    numbers.sort_unstable();
    let losses = read_losses(store).await?;
    let newest = numbers.last().copied().unwrap_or_default();
    let checkpoint_at = newest - newest % CHECKPOINT_EVERY;
    let mut walk = ReplayWalk::default();
    let mut checkpoint = None;
    let mut ahead =
        stream::iter(numbers.clone()).map(|number| read_revision(store, number)).buffered(READ_AHEAD);
    for number in &numbers {
        let Some((document, sha256)) = ahead.next().await.transpose()?.flatten() else {
            return Err(missing(*number));
        };
        walk.pass_over_loss(*number, &losses)?;
        walk.take(document, sha256)?;
        if *number == checkpoint_at && walk.is_known() {
            checkpoint = Some(Checkpoint::new(*number, sha256, walk.book.clone()));
        }
    }
    if let Some((record, _)) = walk.over_loss {
        return Err(missing(record.revision));
    }
    drop(ahead);
    // A newest revision that is a link is not listed. Without this look, a copy would end before it.
    if let Some(after) = newest.checked_add(1) {
        let _made_meanwhile = read_revision(store, after).await?;
    }
    let losses = losses.iter().map(|(record, _)| record.revision).collect();
    Ok(Replay { numbers, losses, book: walk.book, checkpoint })
}

/// The rule book, and the SHA-256 of the revision that was read last.
struct ReplayWalk<'a> {
    number: u64,
    sha256: Sha256Digest,
    book: RuleBook,
    /// The record of a loss, until the walk comes to the revision of the record. The book is not
    /// known until then.
    over_loss: Option<&'a (Checkpoint, Continuation)>,
    /// `true` if the revision before the next one is lost, so that its digest is not known.
    is_behind_gap: bool,
    /// `true` if a revision that was read is sealed: it states its own SHA-256. Later revisions
    /// must be sealed too.
    is_sealed: bool,
}

impl Default for ReplayWalk<'_> {
    fn default() -> Self {
        Self {
            number: 0,
            sha256: Sha256Digest::of(b""),
            book: RuleBook::default(),
            over_loss: None,
            is_behind_gap: false,
            is_sealed: false,
        }
    }
}

impl<'a> ReplayWalk<'a> {
    fn is_known(&self) -> bool {
        self.over_loss.is_none()
    }

    /// Skips the revisions before `number` that are missing, if a record says that they are lost.
    /// Fails if no record says so.
    fn pass_over_loss(
        &mut self,
        number: u64,
        losses: &'a [(Checkpoint, Continuation)],
    ) -> Result<(), StateError> {
        let expected = self.number + 1;
        if number == expected {
            return Ok(());
        }
        let lost = (expected, number - 1);
        let record = losses.iter().find(|(_, loss)| loss.lost.contains(&lost));
        let record = record.ok_or_else(|| missing(expected))?;
        if self.over_loss.is_none_or(|before| before.0.revision < record.0.revision) {
            self.over_loss = Some(record);
        }
        self.is_behind_gap = true;
        Ok(())
    }

    fn take(&mut self, document: RevisionDocument, sha256: Sha256Digest) -> Result<(), StateError> {
        let before = (!self.is_behind_gap).then_some(self.sha256);
        document.check_follows(before, self.is_sealed)?;
        self.is_sealed |= document.is_sealed();
        self.is_behind_gap = false;
        (self.number, self.sha256) = (document.revision, sha256);
        match self.over_loss {
            None => self.book.apply(&document.delta),
            // The record is used only if the history confirms it.
            Some((record, _))
                if record.revision == self.number && record.sha256 == sha256 && document.allows(record) =>
            {
                self.book = record.book.clone();
                self.over_loss = None;
            }
            Some(_) => {}
        }
        Ok(())
    }
}

fn missing(number: u64) -> StateError {
    DocumentError::Missing { key: keys::revision(number).to_string() }.into()
}
