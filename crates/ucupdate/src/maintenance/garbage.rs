//! What nobody needs any more: packages that no kept revision is of, and images that no rule book names.
//!
//! A package leaves the rule book by a revision of its own, and only then its files are deleted. Whoever wants the package
//! in between finds it in the book, and the revision that lets it leave is refused; or does not find it, and stores it
//! anew. The folder of an ingest that no book names is never named again: so what is deleted here is needed by nobody, however
//! many do this at once.

use crate::admin::Admin;
use crate::error::{ChangeError, StateError};
use crate::keys;
use crate::maintenance::retention::Kept;
use crate::packages::description;
use crate::service::UpdateService;
use crate::state::recorded_command::RecordedCommand;
use crate::state::rule_history::{Changed, read_revision};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use ucupdate_core::book::{BookCommand, IngestId, Refusal};
use ucupdate_core::value::{PackageId, UnixTime};
use ucupdate_store::{ImageStoreExt as _, ObjectMeta, StoreKey};

/// How long the files of an ingest that no revision names yet are left alone: another server may be in the middle of it.
pub(crate) const GRACE: Duration = Duration::from_secs(24 * 60 * 60);

/// How often the packages to let go are looked for while others change the rule book.
const MAX_TRIES: u32 = 5;

/// The most packages that leave by one revision.
const MAX_RETIRED: usize = 1000;

/// What was swept up, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Garbage {
    /// The packages that left the rule book; none where only dead ingests were looked for.
    pub packages: Vec<PackageId>,
    /// The oldest revision whose images are kept, and that can be rolled back to; 0 where that was not asked.
    pub kept_from: u64,
    /// The objects, sorted by key.
    pub objects: Vec<StoreKey>,
    /// Their bytes.
    pub bytes: u64,
    /// Objects of unfinished ingests that are younger than the grace period, and stay.
    pub young: usize,
    /// Objects of whole packages in a store that has no history, and stay: it may be lost, and they are all that is left
    /// of it.
    pub before_history: usize,
}

impl Admin<'_> {
    /// Lets packages leave the rule book that no kept revision is of (see [`Retention`](crate::Retention)) and that were
    /// ingested longer than `grace` ago, and deletes their files; and does what
    /// [`collect_garbage`](UpdateService::collect_garbage) does. With `remove` it is done, else only found.
    ///
    /// Afterwards a roll back to a revision before the kept ones is refused, and names what is missing.
    ///
    /// # Errors
    /// When the history cannot be read, others change the rule book again and again, or the store does not do what is
    /// asked. What was let go and deleted until then is gone, and the next call goes on with it.
    pub async fn collect_unkept(self, grace: Duration, remove: bool) -> Result<Garbage, ChangeError> {
        let service = self.service;
        let mut retired = BTreeMap::new();
        let mut tries = 0;
        let kept_from = loop {
            service.refresh().await?;
            let snapshot = service.snapshot();
            let seen = snapshot.revision();
            let kept =
                Kept::read(service.store(), seen, service.now(), service.inner.options.retention).await?;
            let packages = snapshot.book().packages().filter(|package| {
                !kept.packages.contains(&package.id()) && is_older(service.now(), package.ingested_at, grace)
            });
            let limit = if remove { MAX_RETIRED } else { usize::MAX };
            let found: BTreeMap<PackageId, IngestId> =
                packages.map(|package| (package.id(), package.ingest)).take(limit).collect();
            if !remove || found.is_empty() {
                retired.extend(found);
                break kept.first;
            }
            match self.retire_at(seen, found.keys().copied().collect()).await {
                Ok(_) => retired.extend(found),
                // Somebody was quicker, and may need one of them now: look again.
                Err(ChangeError::Refused(Refusal::BookMoved { .. })) if tries < MAX_TRIES => tries += 1,
                Err(ChangeError::Refused(Refusal::BookMoved { .. })) => {
                    return Err(ChangeError::Contended { tries });
                }
                Err(error) => return Err(error),
            }
        };
        let mut garbage = service.sweep(grace, remove, &retired.values().copied().collect(), false).await?;
        garbage.packages = retired.into_keys().collect();
        garbage.kept_from = kept_from;
        Ok(garbage)
    }

    /// Lets packages leave the book of the revision they were looked at in.
    async fn retire_at(self, seen: u64, packages: Vec<PackageId>) -> Result<Changed, ChangeError> {
        let command = BookCommand::Retire(packages);
        self.service
            .change(self.author, &command.clone().into(), |book, found| {
                if found != seen {
                    return Err(Refusal::BookMoved { expected: seen, found });
                }
                book.command(&command, self.author)
            })
            .await
    }
}

impl UpdateService {
    /// Finds the files of ingests that no package of the rule book came from, and whose newest object is older than
    /// `grace`. With `remove` they are deleted, else only found.
    ///
    /// Files of packages that the rule book keeps are never touched, whatever became of their rules. Nor are those of whole
    /// packages in a store without a history: one whose history is lost is [rebuilt](Admin::rebuild) from them.
    ///
    /// # Errors
    /// When the rule book cannot be read or the store does not do what is asked. What was deleted until then is gone.
    pub async fn collect_garbage(&self, grace: Duration, remove: bool) -> Result<Garbage, StateError> {
        self.sweep(grace, remove, &BTreeSet::new(), false).await
    }

    /// Of the ingests in `retired` it is known that a package of this history came from them. With `is_unasked` whole
    /// packages that are older than the history stay too: nobody looked at them, and the history before may be lost.
    async fn sweep(
        &self,
        grace: Duration,
        remove: bool,
        retired: &BTreeSet<IngestId>,
        is_unasked: bool,
    ) -> Result<Garbage, StateError> {
        // The listing comes first: an ingest that ends between the two is in the book that is read after it.
        let mut unnamed: BTreeMap<IngestId, Vec<ObjectMeta>> = BTreeMap::new();
        let mut pages = self.store().pages(keys::IMAGES);
        while let Some(page) = pages.next().await? {
            for meta in page {
                if let Some(ingest) = keys::ingest_of(&meta.key) {
                    unnamed.entry(ingest).or_default().push(meta);
                }
            }
        }
        self.refresh().await?;
        for package in self.snapshot().book().packages() {
            if remove || !retired.contains(&package.ingest) {
                unnamed.remove(&package.ingest);
            }
        }
        let now = self.now();
        let mut garbage = Garbage::default();
        if unnamed.is_empty() {
            return Ok(garbage);
        }
        let beginning = self.beginning().await?;
        for (ingest, objects) in unnamed {
            let newest = objects.iter().map(|meta| UnixTime::from(meta.modified)).max().unwrap_or(now);
            let is_whole = objects.iter().any(|meta| meta.key == keys::package(ingest));
            let may_be_lost = matches!(beginning, Beginning::None) || is_unasked;
            if !retired.contains(&ingest)
                && is_whole
                && may_be_lost
                && beginning.is_after(newest, ingest)
                && !self.knows_package_of(ingest).await?
            {
                garbage.before_history += objects.len();
                continue;
            }
            if !is_older(now, newest, grace) {
                garbage.young += objects.len();
                continue;
            }
            for meta in objects {
                if remove {
                    self.store().delete(&meta.key).await?;
                }
                garbage.bytes += meta.size;
                garbage.objects.push(meta.key);
            }
        }
        Ok(garbage)
    }

    /// Whether the rule book has the package of an ingest that it does not name: then it was ingested again, and a rebuild
    /// would leave this one out.
    async fn knows_package_of(&self, ingest: IngestId) -> Result<bool, StateError> {
        let Some(package) = description::read(&**self.store(), ingest).await? else { return Ok(false) };
        let snapshot = self.snapshot();
        Ok(snapshot.book().package(package.id()).is_some_and(|known| known.sha256 == package.sha256))
    }

    async fn beginning(&self) -> Result<Beginning, StateError> {
        let Some((first, _)) = read_revision(&**self.store(), 1).await? else { return Ok(Beginning::None) };
        // Who rebuilt a history has taken what could be taken.
        if matches!(first.command, RecordedCommand::Rebuild(_)) {
            return Ok(Beginning::Rebuilt);
        }
        let ingests = first.delta.packages.iter().filter_map(|entry| Some(entry.now.as_ref()?.ingest));
        Ok(Beginning::At(first.at, ingests.collect()))
    }

    /// Sweeps up before an ingest what earlier ones left. That it fails fails nothing.
    pub(crate) async fn sweep_up(&self) {
        if let Err(_error) = self.sweep(GRACE, true, &BTreeSet::new(), true).await {
            #[cfg(feature = "tracing")]
            tracing::warn!(
                error = &_error as &dyn std::error::Error,
                "cannot sweep up after earlier ingests"
            );
        }
    }
}

/// How the history of a store begins.
enum Beginning {
    /// It has none.
    None,
    /// From packages alone.
    Rebuilt,
    /// At this time, with packages from these ingests.
    At(UnixTime, Vec<IngestId>),
}

impl Beginning {
    /// Whether it is later than an ingest that no book names.
    fn is_after(&self, newest: UnixTime, ingest: IngestId) -> bool {
        match self {
            Self::None => true,
            Self::Rebuilt => false,
            Self::At(at, ingests) => newest < *at && !ingests.contains(&ingest),
        }
    }
}

fn is_older(now: UnixTime, then: UnixTime, grace: Duration) -> bool {
    let age = u64::try_from(now.as_millis().saturating_sub(then.as_millis())).unwrap_or(0);
    u128::from(age) >= grace.as_millis()
}
