//! Makes a first history for a store that has only images, from the descriptions of its packages.

use crate::admin::Admin;
use crate::error::ChangeError;
use crate::keys;
use crate::packages::description::MAX_PACKAGE_BYTES;
use crate::packages::read_back::{self, FileState};
use crate::service::UpdateService;
use crate::state::document::{self, PackageDocument};
use crate::state::recorded_command::RecordedCommand;
use crate::state::rule_history::read_revision;
use std::collections::BTreeMap;
use ucupdate_core::book::{IngestId, IngestedPackage, Note, Refusal};
use ucupdate_core::value::PackageId;
use ucupdate_store::{ImageStore, ImageStoreExt as _, StoreError};

/// The size in bytes at which a revision is closed and another one begins. The limit of a revision is higher.
const FULL_BYTES: usize = 512 * 1024;

/// The result of a rebuild.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rebuilt {
    /// The newest revision of the rule book after the rebuild.
    pub revision: u64,
    /// The packages that are in the rule book again.
    pub packages: Vec<PackageId>,
    /// Notes about the versions and interim images that are pending now.
    pub notes: Vec<Note>,
    /// The ingests whose packages could not be taken into the new history.
    pub skipped: Vec<SkippedIngest>,
}

/// An ingest whose package a rebuild left out of the rule book. Its files stay in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SkippedIngest {
    /// The id of the ingest, which is the name of its folder below `images/`.
    pub ingest: IngestId,
    /// The reason, as a sentence.
    pub reason: String,
}

impl Admin<'_> {
    /// Builds a new history for a store that lost its history, or never had one.
    ///
    /// Every package whose files are all in the store, byte for byte, is in the rule book again.
    /// The newest version of each rule is pending, and so are interim images that the stepping
    /// stones name. Nothing is approved, not even for device types that are deployed at ingest, and
    /// there are no test devices. The earlier decisions are lost.
    ///
    /// A rebuild makes one revision, or several if there are many packages. An interrupted rebuild can be continued by
    /// calling it again.
    ///
    /// # Errors
    /// [`ChangeError::HasHistory`] when the store has a history that does not come from a rebuild. Also when the store
    /// fails.
    pub async fn rebuild(self) -> Result<Rebuilt, ChangeError> {
        let Self { service, author } = self;
        let revisions = service.refresh().await?;
        service.refuse_history(revisions).await?;
        let mut rebuilt = Rebuilt::default();
        let mut whole: BTreeMap<PackageId, IngestedPackage> = BTreeMap::new();
        for ingest in service.ingests().await? {
            match read_package(&**service.store(), ingest).await? {
                Ok(package) => take_newer(&mut whole, package, &mut rebuilt.skipped),
                Err(why) => rebuilt.skipped.push(SkippedIngest { ingest, reason: why }),
            }
        }
        let mut packages: Vec<IngestedPackage> = whole.into_values().collect();
        packages.sort_by_key(|package| (package.ingested_at, package.sha256));
        rebuilt.packages = packages.iter().map(IngestedPackage::id).collect();
        for part in parts(packages) {
            let command = RecordedCommand::Rebuild(part.iter().map(IngestedPackage::id).collect());
            let seen = service.snapshot().revision();
            let changed = service.change(author, &command, |book, found| {
                if found != seen {
                    return Err(Refusal::RevisionConflict { expected: seen, found });
                }
                Ok(book.rebuild(&part))
            });
            rebuilt.notes.extend(changed.await?.notes);
        }
        rebuilt.revision = service.snapshot().revision();
        Ok(rebuilt)
    }
}

impl UpdateService {
    /// Returns an error if a revision of the history does not come from a rebuild.
    async fn refuse_history(&self, revisions: u64) -> Result<(), ChangeError> {
        for number in 1..=revisions {
            let read = read_revision(&**self.store(), number).await?;
            let is_rebuilt =
                read.is_some_and(|(document, _)| matches!(document.command, RecordedCommand::Rebuild(_)));
            if !is_rebuilt {
                return Err(ChangeError::HasHistory { revisions });
            }
        }
        Ok(())
    }

    /// Returns the ingests in the store that have a description.
    async fn ingests(&self) -> Result<Vec<IngestId>, StoreError> {
        let mut ingests = Vec::new();
        let mut pages = self.store().pages(keys::IMAGES);
        while let Some(page) = pages.next().await? {
            let found = page.into_iter().filter_map(|meta| Some((keys::ingest_of(&meta.key)?, meta.key)));
            ingests.extend(
                found.filter(|(ingest, key)| *key == keys::package(*ingest)).map(|(ingest, _)| ingest),
            );
        }
        Ok(ingests)
    }
}

/// Returns the package of an ingest, or the reason why it is skipped.
async fn read_package(
    store: &dyn ImageStore,
    ingest: IngestId,
) -> Result<Result<IngestedPackage, String>, StoreError> {
    let key = keys::package(ingest);
    let bytes = match store.get_bytes(&key, MAX_PACKAGE_BYTES).await {
        Ok(bytes) => bytes,
        Err(error @ (StoreError::Unavailable { .. } | StoreError::Backend { .. })) => return Err(error),
        Err(error) => return Ok(Err(error.to_string())),
    };
    let package = match document::read_sealed::<PackageDocument>(key.as_str(), &bytes) {
        Ok(document) => document.package,
        Err(error) => return Ok(Err(error.to_string())),
    };
    if package.ingest != ingest {
        return Ok(Err(format!("`{key}` describes another ingest: {}", package.ingest)));
    }
    for file in package.files() {
        let is_inside = keys::ingest_of(&keys::object(&file.key)) == Some(ingest);
        if !is_inside {
            return Ok(Err(format!("`{key}` names `{}`, which is in another folder", file.key)));
        }
        match read_back::state(store, file).await? {
            FileState::Whole => {}
            FileState::Gone => return Ok(Err(format!("`{}` is missing", file.key))),
            FileState::Other => return Ok(Err(format!("`{}` differs from what was ingested", file.key))),
        }
    }
    Ok(Ok(package))
}

/// Adds a complete package. If there are two ingests of one package, keeps the later one, and adds
/// the other one to `skipped`.
fn take_newer(
    whole: &mut BTreeMap<PackageId, IngestedPackage>,
    package: IngestedPackage,
    skipped: &mut Vec<SkippedIngest>,
) {
    let id = package.id();
    let other = match whole.remove(&id) {
        None => {
            whole.insert(id, package);
            return;
        }
        Some(other) => other,
    };
    let (taken, left) =
        if package.ingested_at >= other.ingested_at { (package, other) } else { (other, package) };
    let why = format!("package {id} was ingested again later");
    skipped.push(SkippedIngest { ingest: left.ingest, reason: why });
    whole.insert(id, taken);
}

/// Divides the packages into parts that each fit into one revision.
fn parts(packages: Vec<IngestedPackage>) -> Vec<Vec<IngestedPackage>> {
    let mut parts: Vec<Vec<IngestedPackage>> = Vec::new();
    let mut bytes = 0;
    for package in packages {
        // The data of a release is written twice: in the package and as a rule.
        let size = document::write(&package).len() + package.releases.len() * 400;
        match parts.last_mut().filter(|_| bytes + size <= FULL_BYTES) {
            Some(part) => part.push(package),
            None => {
                bytes = 0;
                parts.push(vec![package]);
            }
        }
        bytes += size;
    }
    parts
}
