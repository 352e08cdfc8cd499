//! The packages that were ingested, and the releases in them.

mod one_release;
#[expect(
    clippy::module_inception,
    reason = "the file defines `IngestedPackage`; this one only lists the room"
)]
mod package;
mod releases;

pub use one_release::OneRelease;
pub use package::{
    INTERIM_FOLDER, IngestId, IngestedPackage, InterimImage, Release, ReleaseFiles, StoredFile,
};
pub use releases::ReleasesByRule;
