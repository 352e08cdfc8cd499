//! Packages.

mod build;
mod catalogue;
mod compare;
mod digest;
mod hierarchy;
#[doc(hidden)]
pub mod laws;
mod limits;
mod manifest;
mod member;
#[allow(clippy::module_inception, reason = "the type of this name lives there")]
mod package;
mod path;
mod problem;
mod read;
pub mod sample;
#[cfg(test)]
mod tests;
mod understand;
mod xml;

pub use build::{NewInterim, NewRelease, PackageBuildError, PackageBuilder};
pub use catalogue::{
    Catalogue, CatalogueBuildError, CatalogueBuilder, CatalogueError, CatalogueMember, Listing, MemberDigest,
    SignedContent, Signer,
};
pub use digest::{Digest, DigestError, Sha1Digest, Sha256Digest};
pub use limits::PackageLimits;
pub use manifest::{MANIFEST_NAMES, ManifestItem, ManifestName, NameMark};
pub use member::{
    MANIFEST_FILE_NAME, Member, MemberRole, MemberSink, MemberStart, NoSink, ROUND_TABLE_CONFIG_FILE_NAME,
};
pub use package::{
    Comparison, Package, PackageForm, PackageId, PackagedCatalogue, PackagedInterim, PackagedRelease,
};
pub use problem::{Problem, ProblemKind, Severity};
pub use read::{PackageError, read_package};
pub use understand::{Kept, understand};

/// When cabinets' time begins: 01-01-1980.
fn dos_epoch() -> ucupdate_core::FieldTime {
    ucupdate_core::FieldTime::new((1980, 1, 1), (0, 0, 0)).expect("the calendar has 1 January 1980")
}
