//! What an ingest that died half-way left behind: images that no rule book names, and never will.

use crate::error::StateError;
use crate::layout;
use crate::service::UpdateService;
use std::collections::BTreeMap;
use std::time::Duration;
use ucupdate_core::{IngestId, UnixTime};
use ucupdate_store::{ImageStoreExt as _, ObjectMeta, StoreKey};

/// How long the files of an ingest that no revision names yet are left alone: another server may be in the middle of it.
pub(crate) const GRACE: Duration = Duration::from_secs(24 * 60 * 60);

/// What was swept up, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Garbage {
    /// The objects, sorted by key.
    pub objects: Vec<StoreKey>,
    /// Their bytes.
    pub bytes: u64,
    /// Objects of unfinished ingests that are younger than the grace period, and stay.
    pub young: usize,
}

impl UpdateService {
    /// Finds the files of ingests that no package of the rule book came from, and whose newest object is older than
    /// `grace`. With `remove` they are deleted, else only found.
    ///
    /// Files of packages that the rule book keeps are never touched, whatever became of their rules.
    ///
    /// # Errors
    /// When the rule book cannot be read or the store does not do what is asked. What was deleted until then is gone.
    pub async fn collect_garbage(&self, grace: Duration, remove: bool) -> Result<Garbage, StateError> {
        // The listing comes first: an ingest that ends between the two is in the book that is read after it.
        let mut unnamed: BTreeMap<IngestId, Vec<ObjectMeta>> = BTreeMap::new();
        let mut pages = self.store().pages(layout::IMAGES);
        while let Some(page) = pages.next().await? {
            for meta in page {
                if let Some(ingest) = layout::ingest_of(&meta.key) {
                    unnamed.entry(ingest).or_default().push(meta);
                }
            }
        }
        self.refresh().await?;
        for package in self.snapshot().book().packages() {
            unnamed.remove(&package.ingest);
        }
        let now = self.now();
        let mut garbage = Garbage::default();
        for objects in unnamed.into_values() {
            let newest = objects.iter().map(|meta| UnixTime::from(meta.modified)).max().unwrap_or(now);
            let age = u64::try_from(now.as_millis().saturating_sub(newest.as_millis())).unwrap_or(0);
            if u128::from(age) < grace.as_millis() {
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

    /// Sweeps up before an ingest what earlier ones left. That it fails fails nothing.
    pub(crate) async fn sweep_up(&self) {
        if let Err(_error) = self.collect_garbage(GRACE, true).await {
            #[cfg(feature = "tracing")]
            tracing::warn!(
                error = &_error as &dyn std::error::Error,
                "cannot sweep up after earlier ingests"
            );
        }
    }
}
