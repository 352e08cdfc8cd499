//! A first history for a store that has only images: what `package.json` beside them tells.

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

/// From so many bytes of packages on, the next go into another revision; one has room for more.
const FULL_BYTES: usize = 512 * 1024;

/// What was found again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rebuilt {
    /// The revision the rule book is at now.
    pub revision: u64,
    /// The packages that are known again.
    pub packages: Vec<PackageId>,
    /// What is pending and in use now, in the order it happened.
    pub notes: Vec<Note>,
    /// The ingests that were not taken.
    pub left_out: Vec<LeftOut>,
}

/// An ingest that a rebuild did not take.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftOut {
    /// The folder it has below `images/`.
    pub ingest: IngestId,
    /// Why.
    pub why: String,
}

impl Admin<'_> {
    /// Begins a history for a store that has lost its own, or never had one: every package whose files are all there, byte
    /// for byte, is known again; the newest version of each rule is pending; interim images are in use. Nothing is
    /// approved, not even what is deployed as it is ingested, and there are no test devices: what was decided is not known
    /// any more.
    ///
    /// It takes one revision, or several where there are many packages. What broke off is done again, and goes on.
    ///
    /// # Errors
    /// [`ChangeError::HasHistory`] when the store has a history that was not begun so; when the store fails.
    pub async fn rebuild(self) -> Result<Rebuilt, ChangeError> {
        let Self { service, author } = self;
        let revisions = service.refresh().await?;
        service.refuse_history(revisions).await?;
        let mut rebuilt = Rebuilt::default();
        let mut whole: BTreeMap<PackageId, IngestedPackage> = BTreeMap::new();
        for ingest in service.ingests().await? {
            match read_package(&**service.store(), ingest).await? {
                Ok(package) => take_newer(&mut whole, package, &mut rebuilt.left_out),
                Err(why) => rebuilt.left_out.push(LeftOut { ingest, why }),
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
                    return Err(Refusal::BookMoved { expected: seen, found });
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
    /// A history is gone on with only where all of it was rebuilt.
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

    /// The ingests that have a description.
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

/// The package of an ingest, or why it cannot be taken.
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
        return Ok(Err(format!("`{key}` describes another ingest, {}", package.ingest)));
    }
    for file in package.files() {
        let is_inside = keys::ingest_of(&keys::object(&file.key)) == Some(ingest);
        if !is_inside {
            return Ok(Err(format!("`{key}` names `{}`, which is not beside it", file.key)));
        }
        match read_back::state(store, file).await? {
            FileState::Whole => {}
            FileState::Gone => return Ok(Err(format!("`{}` is gone", file.key))),
            FileState::Other => return Ok(Err(format!("`{}` is not what was ingested", file.key))),
        }
    }
    Ok(Ok(package))
}

/// Of two ingests of one package the later is taken; both are whole.
fn take_newer(
    whole: &mut BTreeMap<PackageId, IngestedPackage>,
    package: IngestedPackage,
    left_out: &mut Vec<LeftOut>,
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
    left_out.push(LeftOut { ingest: left.ingest, why });
    whole.insert(id, taken);
}

/// The packages in parts that each fit into a revision.
fn parts(packages: Vec<IngestedPackage>) -> Vec<Vec<IngestedPackage>> {
    let mut parts: Vec<Vec<IngestedPackage>> = Vec::new();
    let mut bytes = 0;
    for package in packages {
        // A release is written once more as a rule.
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
