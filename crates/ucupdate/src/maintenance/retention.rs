//! [`Retention`]: the revisions whose images are kept, by number and by time.
//!
//! The age of a revision is the time since it was stored, by the clock of the store. The clocks of servers are not
//! used, because one server with a wrong clock would end the retention for all servers. Revisions are stored in order,
//! so a revision counts as stored no earlier than the ones before it.

use crate::error::StateError;
use crate::keys;
use crate::state::document::DocumentError;
use crate::state::rule_history::{RuleHistory, read_revision};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use ucupdate_core::value::{PackageId, UnixTime};
use ucupdate_store::{ImageStore, ImageStoreExt as _, ObjectMeta, StoreError};

/// The revisions whose images are kept, by number and by time. A revision is kept if either applies.
///
/// ```
/// use std::time::Duration;
/// use ucupdate::Retention;
/// let day = Duration::from_secs(24 * 60 * 60);
/// let usual = Retention::default();
/// assert_eq!((usual.revisions(), usual.time()), (50, 30 * day));
/// let longer = usual.with_time(365 * day);
/// assert_eq!(longer.revisions(), 50);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Retention {
    revisions: u64,
    time: Duration,
}

impl Default for Retention {
    /// Returns the default: the images of the last 50 revisions, and of every revision that was current in the last 30
    /// days.
    fn default() -> Self {
        Self { revisions: 50, time: Duration::from_secs(30 * 24 * 60 * 60) }
    }
}

impl Retention {
    /// Sets the number of newest revisions whose images are kept. The images of the newest revision
    /// are always kept. Default: 50.
    pub fn with_revisions(self, revisions: u64) -> Self {
        Self { revisions, ..self }
    }

    /// Sets the time for which the images of a revision are kept after another revision replaced
    /// it, by the clock of the store. In a store that was imported, this time begins with the
    /// import. Default: 30 days.
    pub fn with_time(self, time: Duration) -> Self {
        Self { time, ..self }
    }

    /// Returns the number of newest revisions whose images are kept. Revisions themselves are never deleted.
    pub fn revisions(&self) -> u64 {
        self.revisions
    }

    /// Returns the time for which the images of a revision are kept after another revision replaced it.
    pub fn time(&self) -> Duration {
        self.time
    }

    /// Returns whether all revisions before `number` may lose their images. There must be enough
    /// newer revisions: `number` and the later ones are at least as many as
    /// [`with_revisions`](Self::with_revisions) says. Also, the revision before `number` must have
    /// been replaced longer ago than [`with_time`](Self::with_time) says. `at` is the time at which
    /// `number` replaced it.
    pub(crate) fn ends_at(self, number: u64, at: UnixTime, newest: u64, now: UnixTime) -> bool {
        let by_number = newest.saturating_sub(self.revisions.max(1) - 1);
        let time = i64::try_from(self.time.as_secs()).unwrap_or(i64::MAX);
        // Times are compared in whole seconds, because stores have different precision, even between two of their
        // calls.
        number <= by_number && at.as_seconds() <= now.as_seconds().saturating_sub(time)
    }
}

/// The time at which each revision was stored, by the clock of the store. The times never decrease.
#[derive(Clone, Debug, Default)]
pub(crate) struct StoredAt(BTreeMap<u64, UnixTime>);

impl StoredAt {
    /// Reads the times from a listing of the revisions.
    pub(crate) fn of(listed: &[ObjectMeta]) -> Self {
        let numbered = listed.iter().filter_map(|meta| Some((keys::revision_number(&meta.key)?, meta)));
        let mut times: BTreeMap<u64, UnixTime> =
            numbered.map(|(number, meta)| (number, UnixTime::from(meta.modified))).collect();
        let mut latest = UnixTime::from_millis(i64::MIN);
        for time in times.values_mut() {
            latest = latest.max(*time);
            *time = latest;
        }
        Self(times)
    }

    pub(crate) async fn read(store: &dyn ImageStore) -> Result<Self, StoreError> {
        Ok(Self::of(&store.list_all(keys::REVISIONS, usize::MAX).await?))
    }

    /// Returns the time of a revision. A revision that is not listed yet gets the latest possible
    /// time.
    pub(crate) fn time(&self, number: u64) -> UnixTime {
        self.0.get(&number).copied().unwrap_or(UnixTime::from_millis(i64::MAX))
    }

    pub(crate) fn numbers(&self) -> impl Iterator<Item = u64> {
        self.0.keys().copied()
    }

    /// Returns the first listed revision after a number.
    pub(crate) fn next_after(&self, number: u64) -> Option<u64> {
        self.0.range(number.checked_add(1)?..).next().map(|(number, _)| *number)
    }
}

/// The kept revisions, and the packages they need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeptRevisions {
    /// The oldest kept revision. It is 0 if there is none.
    pub(crate) first: u64,
    /// The packages of the kept revisions: those of their rules and interim images, and those that they ingested.
    pub(crate) packages: BTreeSet<PackageId>,
}

impl KeptRevisions {
    /// Reads the kept revisions of a history whose newest revision is `newest`. `now` is the time by the clock of the store.
    pub(crate) async fn read(
        store: &Arc<dyn ImageStore>,
        newest: u64,
        now: UnixTime,
        retention: Retention,
    ) -> Result<Self, StateError> {
        let mut kept = Self { first: newest, packages: BTreeSet::new() };
        let stored_at = StoredAt::read(&**store).await?;
        for number in (1..=newest).rev() {
            let Some((document, _)) = read_revision(&**store, number).await? else {
                let key = keys::revision(number).to_string();
                return Err(DocumentError::Missing { key }.into());
            };
            kept.first = number;
            kept.packages.extend(document.delta.named_packages());
            let came = document.delta.packages.iter().filter(|entry| entry.now.is_some());
            kept.packages.extend(came.map(|entry| entry.key));
            if retention.ends_at(number, stored_at.time(number), newest, now) {
                break;
            }
        }
        if kept.first > 0 {
            let first = RuleHistory::open_at(Arc::clone(store), kept.first).await?;
            kept.packages.extend(first.book().named_packages());
        }
        Ok(kept)
    }
}
