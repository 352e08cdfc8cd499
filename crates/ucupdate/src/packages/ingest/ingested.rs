//! [`Ingested`]: the result of an ingest.

use ucupdate_cab::package::Package;
use ucupdate_core::book::Note;
use ucupdate_core::value::PackageId;

/// The result of a successful ingest.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Ingested {
    /// The content of the package, and warnings about it.
    pub package: Package,
    /// The revision that the ingest made. `None` if nothing changed.
    pub revision: Option<u64>,
    /// Notes about the effects on each rule, in the order of the releases.
    pub notes: Vec<Note>,
}

impl Ingested {
    /// Returns the id, which is the beginning of the SHA-256 of the cabinet.
    pub fn id(&self) -> PackageId {
        self.package.id
    }
}
