//! Packages.

mod catalogue;
mod digest;
mod hierarchy;
mod limits;
mod manifest;
mod member;
mod path;
mod problem;
mod xml;

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
pub use problem::{Problem, ProblemKind, Severity};
pub use path::{MAX_MEMBER_PATH_BYTES, MemberPath, MemberPathError};

/// When cabinets' time begins: 01-01-1980.
fn dos_epoch() -> ucupdate_core::FieldTime {
    ucupdate_core::FieldTime::new((1980, 1, 1), (0, 0, 0)).expect("the calendar has 1 January 1980")
}
