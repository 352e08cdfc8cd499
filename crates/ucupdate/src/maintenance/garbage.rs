//! Garbage collection of packages that no kept revision needs, and of files that no rule book names.
//!
//! A package first leaves the rule book by a revision. Its files are deleted afterwards. If another server needs the
//! package before that revision, the revision is refused. If another server needs it after that revision, that server
//! stores the package again in a new folder. The folder of an ingest that no book names is never used again. Therefore
//! any number of servers can collect garbage at the same time.

use crate::admin::Admin;
use crate::error::{ChangeError, StateError};
use crate::keys;
use crate::maintenance::access::store_time;
use crate::maintenance::retention::KeptRevisions;
use crate::packages::description;
use crate::service::UpdateService;
use crate::state::rule_history::{Changed, read_revision};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use ucupdate_core::book::{BookCommand, IngestId, Refusal};
use ucupdate_core::value::{PackageId, UnixTime};
use ucupdate_store::{ImageStoreExt as _, ObjectMeta, StoreKey};

/// The age below which files of an unnamed ingest are not deleted, because another server may still be ingesting them.
pub(crate) const GRACE: Duration = Duration::from_secs(24 * 60 * 60);

/// The largest number of retries while other servers change the rule book.
const MAX_TRIES: u32 = 5;

/// The maximum number of packages that one revision removes.
const MAX_RETIRED: usize = 1000;

/// The options of garbage collection.
///
/// The default deletes files that are older than a day by the clock of the store, and refuses if more than half of the
/// packages would leave the rule book at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct GarbageOptions {
    grace: Duration,
    dry_run: bool,
    any_share: bool,
    revision: Option<u64>,
}

impl Default for GarbageOptions {
    fn default() -> Self {
        Self { grace: GRACE, dry_run: false, any_share: false, revision: None }
    }
}

impl GarbageOptions {
    /// Sets the age below which files are not deleted, because another server may still be ingesting them. Default: one
    /// day.
    pub fn with_grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    /// Sets whether this is a dry run: nothing is changed, and the result reports what would be removed. Default:
    /// `false`.
    pub fn with_dry_run(self, dry_run: bool) -> Self {
        Self { dry_run, ..self }
    }

    /// Sets whether more than half of the packages may leave the rule book at once. Such a large share may be caused by
    /// a wrong clock. Default: `false`.
    pub fn with_any_share(self, any_share: bool) -> Self {
        Self { any_share, ..self }
    }

    /// Sets the revision that the rule book must have. Use it if the removal of packages was
    /// decided by the rule book of this revision. If the rule book has another revision, nothing is
    /// removed. The check and the removal are one step. Default: any revision.
    pub fn with_revision(self, revision: u64) -> Self {
        Self { revision: Some(revision), ..self }
    }
}

/// The result of a garbage collection, or of a dry run of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Garbage {
    /// The packages that left the rule book. Empty if only unfinished ingests were collected.
    pub packages: Vec<PackageId>,
    /// The oldest revision whose images are kept, so that it can be restored. It is 0 if only unfinished ingests were
    /// collected.
    pub kept_from: u64,
    /// The keys of the deleted objects, sorted.
    pub objects: Vec<StoreKey>,
    /// The size of the deleted objects in bytes.
    pub bytes: u64,
    /// The number of objects of unfinished ingests that stay because they are younger than the grace period.
    pub young: usize,
    /// The number of objects of whole packages that stay because the store has no history. They may
    /// be all that is left of a lost history.
    pub before_history: usize,
}

impl Admin<'_> {
    /// Removes the packages that no kept revision needs (see [`Retention`](crate::Retention)) and that were stored longer
    /// than the grace period ago. Then deletes their files, and collects unfinished ingests as
    /// [`collect_garbage`](UpdateService::collect_garbage) does.
    ///
    /// Afterwards, a roll back to a revision before the kept ones is refused with the names of the missing packages.
    ///
    /// # Errors
    /// [`ChangeError::LargeShare`] when more than half of the packages would leave and the options do not allow it.
    /// [`Refusal::RevisionConflict`] when the rule book is not at the revision of the options.
    /// Also when the history cannot be read, when other servers change the rule book during every attempt, or when the
    /// store fails. Packages that were removed before an error stay removed, and the next call continues.
    pub async fn collect_unkept(self, options: &GarbageOptions) -> Result<Garbage, ChangeError> {
        let service = self.service;
        let remove = !options.dry_run;
        let now = service.age_time(remove).await?;
        let stored_at: BTreeMap<IngestId, UnixTime> = service
            .stored_ingests()
            .await?
            .into_iter()
            .map(|(ingest, objects)| (ingest, newest_of(&objects)))
            .collect();
        let mut retired = BTreeMap::new();
        let (mut swept, mut has_swept) = (Garbage::default(), false);
        let mut tries = 0;
        let mut expected = options.revision;
        let kept_from = loop {
            service.refresh().await?;
            let snapshot = service.snapshot();
            let seen = snapshot.revision();
            if let Some(expected) = expected.filter(|expected| *expected != seen) {
                return Err(Refusal::RevisionConflict { expected, found: seen }.into());
            }
            let kept =
                KeptRevisions::read(service.store(), seen, now, service.inner.options.retention).await?;
            let packages = snapshot.book().packages().filter(|package| {
                !kept.packages.contains(&package.id())
                    && stored_at
                        .get(&package.ingest)
                        .is_none_or(|stored| is_older(now, *stored, options.grace))
            });
            let mut found: BTreeMap<PackageId, IngestId> =
                packages.map(|package| (package.id(), package.ingest)).collect();
            let of = snapshot.book().packages().len();
            if remove && !options.any_share && retired.is_empty() && found.len() * 2 > of {
                return Err(ChangeError::LargeShare { found: found.len(), of });
            }
            if remove && let Some((first_left, _)) = found.iter().nth(MAX_RETIRED) {
                let first_left = *first_left;
                found.split_off(&first_left);
            }
            if !remove || found.is_empty() {
                retired.extend(found);
                break kept.first;
            }
            match self.retire_at(seen, found.keys().copied().collect()).await {
                Ok(changed) => {
                    retired.extend(found);
                    // The next packages are decided by the revision that this one made.
                    expected = expected.and(changed.revision);
                }
                Err(error) if expected.is_some() => return Err(error),
                // Another server changed the book, and may need one of the packages now. The packages are computed
                // again.
                Err(ChangeError::Refused(Refusal::RevisionConflict { .. })) if tries < MAX_TRIES => {
                    tries += 1
                }
                Err(ChangeError::Refused(Refusal::RevisionConflict { .. })) => {
                    return Err(ChangeError::Contended { tries });
                }
                // The disk may be full. Deleting files that need no revision makes room for the
                // revision.
                Err(error @ (ChangeError::State(_) | ChangeError::Unclear { .. })) if !has_swept => {
                    has_swept = true;
                    swept = service.sweep(options, &BTreeSet::new(), false).await?;
                    if swept.objects.is_empty() {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        };
        let mut garbage = service.sweep(options, &retired.values().copied().collect(), false).await?;
        garbage.objects.extend(swept.objects);
        garbage.objects.sort();
        garbage.bytes = garbage.bytes.saturating_add(swept.bytes);
        garbage.packages = retired.into_keys().collect();
        garbage.kept_from = kept_from;
        Ok(garbage)
    }

    /// Removes packages from the rule book if it still has the revision `seen`.
    async fn retire_at(self, seen: u64, packages: Vec<PackageId>) -> Result<Changed, ChangeError> {
        let command = BookCommand::Retire(packages);
        self.service
            .change(self.author, &command.clone().into(), |book, found| {
                if found != seen {
                    return Err(Refusal::RevisionConflict { expected: seen, found });
                }
                book.command(&command, self.author)
            })
            .await
    }
}

impl UpdateService {
    /// Deletes the files of ingests that no package in the rule book comes from and whose newest object is older than the
    /// grace period.
    ///
    /// Files of packages in the rule book stay. Files of whole packages stay in a store without a history, because the
    /// history may be lost and can be [rebuilt](Admin::rebuild) from them.
    ///
    /// # Errors
    /// When the rule book cannot be read, or the store fails. Files that were deleted before an error stay deleted.
    pub async fn collect_garbage(&self, options: &GarbageOptions) -> Result<Garbage, StateError> {
        self.sweep(options, &BTreeSet::new(), false).await
    }

    /// Returns the current time for computing ages, by the clock of the store. A dry run uses the clock of this service
    /// if the store cannot be written.
    async fn age_time(&self, remove: bool) -> Result<UnixTime, StateError> {
        match store_time(&**self.store(), self.now()).await {
            Ok(time) => Ok(time),
            Err(error) if remove => Err(error.into()),
            Err(_) => Ok(self.now()),
        }
    }

    /// Lists the objects of each ingest.
    async fn stored_ingests(&self) -> Result<BTreeMap<IngestId, Vec<ObjectMeta>>, StateError> {
        let mut ingests: BTreeMap<IngestId, Vec<ObjectMeta>> = BTreeMap::new();
        let mut pages = self.store().pages(keys::IMAGES);
        while let Some(page) = pages.next().await? {
            for meta in page {
                if let Some(ingest) = keys::ingest_of(&meta.key) {
                    ingests.entry(ingest).or_default().push(meta);
                }
            }
        }
        Ok(ingests)
    }

    /// Collects the files of unnamed ingests: ingests that no package in the rule book comes from.
    /// The packages of the ingests in `retired` were in the rule book and have left it.
    /// `is_unasked` means that no administrator asked for the collection. Then a whole package that
    /// the rule book does not have stays, because the history may be incomplete or may be an older
    /// copy.
    async fn sweep(
        &self,
        options: &GarbageOptions,
        retired: &BTreeSet<IngestId>,
        is_unasked: bool,
    ) -> Result<Garbage, StateError> {
        // The listing must come before the book is read. An ingest that ends between the two is then in the book.
        let mut unnamed = self.stored_ingests().await?;
        let remove = !options.dry_run;
        self.refresh().await?;
        for package in self.snapshot().book().packages() {
            if remove || !retired.contains(&package.ingest) {
                unnamed.remove(&package.ingest);
            }
        }
        let mut garbage = Garbage::default();
        if unnamed.is_empty() {
            return Ok(garbage);
        }
        let now = self.age_time(remove).await?;
        if remove {
            self.remove_probes(now, options.grace).await?;
        }
        let has_history = read_revision(&**self.store(), 1).await?.is_some();
        let may_be_lost = is_unasked || !has_history;
        for (ingest, objects) in unnamed {
            let newest = newest_of(&objects);
            let is_whole = objects.iter().any(|meta| meta.key == keys::package(ingest));
            if !retired.contains(&ingest) && is_whole && may_be_lost && !self.knows_package_of(ingest).await?
            {
                garbage.before_history += objects.len();
                continue;
            }
            if !is_older(now, newest, options.grace) {
                garbage.young += objects.len();
                continue;
            }
            for meta in objects {
                if remove {
                    self.store().delete(&meta.key).await?;
                }
                garbage.bytes = garbage.bytes.saturating_add(meta.size);
                garbage.objects.push(meta.key);
            }
        }
        Ok(garbage)
    }

    /// Removes probes (small test objects) of processes that ended before they could remove them.
    async fn remove_probes(&self, now: UnixTime, grace: Duration) -> Result<(), StateError> {
        for meta in self.store().list_all(keys::PROBES, usize::MAX).await? {
            if is_older(now, UnixTime::from(meta.modified), grace) {
                self.store().delete(&meta.key).await?;
            }
        }
        Ok(())
    }

    /// Returns whether the rule book has the package of an unnamed ingest. In this case the package was ingested again
    /// later, and a rebuild would skip this ingest.
    async fn knows_package_of(&self, ingest: IngestId) -> Result<bool, StateError> {
        let Some(package) = description::read(&**self.store(), ingest).await? else { return Ok(false) };
        let snapshot = self.snapshot();
        Ok(snapshot.book().package(package.id()).is_some_and(|known| known.sha256 == package.sha256))
    }

    /// Collects the orphans of earlier ingests before a new ingest. A failure is ignored.
    pub(crate) async fn sweep_up(&self) {
        if let Err(_error) = self.sweep(&GarbageOptions::default(), &BTreeSet::new(), true).await {
            #[cfg(feature = "tracing")]
            tracing::warn!(
                error = &_error as &dyn std::error::Error,
                "cannot collect the orphans of earlier ingests"
            );
        }
    }
}

/// Returns the time of the newest object, by the clock of the store.
fn newest_of(objects: &[ObjectMeta]) -> UnixTime {
    objects.iter().map(|meta| UnixTime::from(meta.modified)).max().unwrap_or(UnixTime::from_millis(i64::MIN))
}

fn is_older(now: UnixTime, then: UnixTime, grace: Duration) -> bool {
    let age = u64::try_from(now.as_millis().saturating_sub(then.as_millis())).unwrap_or(0);
    u128::from(age) >= grace.as_millis()
}
