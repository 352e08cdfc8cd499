//! What lies beside the files of a package and tells what they are, for a store that has lost its history.

use crate::keys;
use crate::state::document::{self, PackageDocument, RevisionDocument};
use bytes::Bytes;
use ucupdate_core::book::{IngestId, IngestedPackage};
use ucupdate_store::{ImageStore, ImageStoreExt as _, StoreError};

/// The most bytes of the description of a package that are read: it lies in one revision, too.
pub(crate) const MAX_PACKAGE_BYTES: usize = 4 * 1024 * 1024;

/// How the description of a package lies in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Description {
    /// As it was written, saying what the rule book says.
    Whole(Bytes),
    /// Otherwise.
    Damaged,
    /// Not at all.
    Gone,
}

/// The stored form of what describes a package.
pub(crate) fn write(package: &IngestedPackage) -> Vec<u8> {
    document::write_sealed(&PackageDocument { format: RevisionDocument::format(), package: package.clone() })
}

/// The package that an ingest brought; none where what describes it is gone or damaged.
pub(crate) async fn read(
    store: &dyn ImageStore,
    ingest: IngestId,
) -> Result<Option<IngestedPackage>, StoreError> {
    let key = keys::package(ingest);
    match store.get_bytes(&key, MAX_PACKAGE_BYTES).await {
        Ok(bytes) => {
            let document = document::read_sealed::<PackageDocument>(key.as_str(), &bytes);
            Ok(document.ok().map(|document| document.package))
        }
        Err(StoreError::NotFound { .. } | StoreError::TooLarge { .. } | StoreError::Integrity { .. }) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Reads back what describes a package of the rule book.
pub(crate) async fn look_at(
    store: &dyn ImageStore,
    package: &IngestedPackage,
) -> Result<Description, StoreError> {
    let key = keys::package(package.ingest);
    let bytes = match store.get_bytes(&key, MAX_PACKAGE_BYTES).await {
        Ok(bytes) => bytes,
        Err(StoreError::NotFound { .. }) => return Ok(Description::Gone),
        Err(StoreError::TooLarge { .. } | StoreError::Integrity { .. }) => return Ok(Description::Damaged),
        Err(error) => return Err(error),
    };
    match document::read_sealed::<PackageDocument>(key.as_str(), &bytes) {
        Ok(document) if document.package == *package => Ok(Description::Whole(bytes)),
        Ok(_) | Err(_) => Ok(Description::Damaged),
    }
}
