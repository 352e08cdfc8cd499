//! The description of a package, which is an object beside its files. A store that lost its history is rebuilt from
//! descriptions.

use crate::keys;
use crate::state::document::{self, PackageDocument, RevisionDocument};
use bytes::Bytes;
use ucupdate_core::book::{IngestId, IngestedPackage};
use ucupdate_store::{ImageStore, ImageStoreExt as _, StoreError};

/// The maximum size of a description in bytes. The same data is also part of one revision.
pub(crate) const MAX_PACKAGE_BYTES: usize = 4 * 1024 * 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Description {
    /// The description is unchanged and agrees with the rule book.
    Whole(Bytes),
    /// The description has other content, or cannot be read.
    Damaged,
    /// The description is missing.
    Gone,
}

/// Returns the stored form of the description of a package.
pub(crate) fn write(package: &IngestedPackage) -> Vec<u8> {
    document::write_sealed(&PackageDocument { format: RevisionDocument::format(), package: package.clone() })
}

/// Returns the package that the stored description of an ingest describes. `None` if the
/// description is missing or damaged.
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

/// Reads the stored description of a package, and compares it with the package in the rule book.
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
