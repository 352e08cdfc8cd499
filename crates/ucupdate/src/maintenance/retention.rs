//! [`Retention`]: how many revisions keep their images.

use crate::error::StateError;
use crate::keys;
use crate::state::document::DocumentError;
use crate::state::rule_history::{RuleHistory, read_revision};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use ucupdate_core::value::{PackageId, UnixTime};
use ucupdate_store::ImageStore;

/// How far back the images of revisions are kept: by number or by time, whichever keeps more.
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
pub struct Retention {
    revisions: u64,
    time: Duration,
}

impl Default for Retention {
    /// Keeps 50 revisions, and every revision that was current in the last 30 days.
    fn default() -> Self {
        Self { revisions: 50, time: Duration::from_secs(30 * 24 * 60 * 60) }
    }
}

impl Retention {
    /// Sets how many of the newest revisions are kept. The newest one is always kept.
    #[must_use]
    pub fn with_revisions(mut self, revisions: u64) -> Self {
        self.revisions = revisions;
        self
    }

    /// Sets for how long a revision is kept after another one replaced it.
    #[must_use]
    pub fn with_time(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    /// How many of the newest revisions are kept.
    pub fn revisions(&self) -> u64 {
        self.revisions
    }

    /// For how long a revision is kept after another one replaced it.
    pub fn time(&self) -> Duration {
        self.time
    }

    /// Whether no revision before this one is kept: this one is not among the newest, and it replaced the earlier ones too
    /// long ago.
    pub(crate) fn ends_at(self, number: u64, at: UnixTime, newest: u64, now: UnixTime) -> bool {
        let by_number = (newest + 1).saturating_sub(self.revisions.max(1));
        let time = i64::try_from(self.time.as_millis()).unwrap_or(i64::MAX);
        number <= by_number && at.as_millis() < now.as_millis().saturating_sub(time)
    }
}

/// The kept revisions, and the packages they need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The oldest kept revision. It is 0 if there is none.
    pub(crate) first: u64,
    /// The packages of their rules and interim images, and the packages that were ingested in one of them.
    pub(crate) packages: BTreeSet<PackageId>,
}

impl Kept {
    /// Reads the kept revisions of a history whose newest revision is `newest`.
    pub(crate) async fn read(
        store: &Arc<dyn ImageStore>,
        newest: u64,
        now: UnixTime,
        retention: Retention,
    ) -> Result<Self, StateError> {
        let mut kept = Self { first: newest, packages: BTreeSet::new() };
        for number in (1..=newest).rev() {
            let Some((document, _)) = read_revision(&**store, number).await? else {
                let key = keys::revision(number).to_string();
                return Err(DocumentError::Missing { key }.into());
            };
            kept.first = number;
            kept.packages.extend(document.delta.named_packages());
            let came = document.delta.packages.iter().filter(|entry| entry.now.is_some());
            kept.packages.extend(came.map(|entry| entry.key));
            if retention.ends_at(number, document.at, newest, now) {
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
