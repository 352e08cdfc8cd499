//! [`Package`]: the members, releases and interim images of a cabinet, and its problems.

use super::catalogue::{Catalogue, CatalogueError, Listing};
use super::member::Member;
use super::problem::{Problem, Severity};
use std::fmt;
use ucupdate_core::book::UpdateType;
use ucupdate_core::device::Locale;
use ucupdate_core::value::{FieldTime, PackageId, Sha256Digest};
use ucupdate_core::{ReportedVersion, RuleKey};

/// The releases and interim images of one cabinet, with its members and problems.
///
/// Indices refer to [`members`](Self::members). The image and the signature of every release exist. If one of them is
/// missing, there is a [`Problem`] instead of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Package {
    /// The id of the package, computed from [`sha256`](Self::sha256).
    pub id: PackageId,
    /// The SHA-256 of the whole cabinet, without the self-extracting program that may contain it.
    pub sha256: Sha256Digest,
    /// The source of the releases: the manifest or the folders.
    pub form: PackageForm,
    /// All files of the cabinet, in the order in which they were read. A nested cabinet is replaced
    /// by its files. Files with an unsupported compression are missing.
    pub members: Vec<Member>,
    /// The releases. Releases of the manifest come first, then the other releases in the order of
    /// the members.
    pub releases: Vec<PackagedRelease>,
    /// The interim images. Interim images of the manifest come first, then the other interim images
    /// in the order of the members.
    pub interim: Vec<PackagedInterim>,
    /// The signature catalogues that releases and interim images use.
    pub catalogues: Vec<PackagedCatalogue>,
    /// The comparisons of images with their signatures: one for each pair of an image and a
    /// signature.
    pub comparisons: Vec<Comparison>,
    /// The refusals and warnings about all members. Empty if the package is in order.
    pub problems: Vec<Problem>,
}

impl Package {
    /// Returns the problems that forbid using the package.
    pub fn refusals(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|problem| problem.severity() == Severity::Refusal)
    }

    /// Returns the problems that do not forbid using the package, but that an administrator should know.
    pub fn warnings(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|problem| problem.severity() == Severity::Warning)
    }

    /// Returns whether the package has a refusal, so that nothing of it may be used.
    pub fn is_refused(&self) -> bool {
        self.refusals().next().is_some()
    }
}

/// The source of the releases of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_enums, reason = "one, the other, or neither")]
pub enum PackageForm {
    /// The manifest states at least one release or interim image. The folders may state further
    /// ones.
    Manifest,
    /// Only the folders state releases or interim images.
    Hierarchy,
    /// The package has no release and no interim image.
    Neither,
}

impl fmt::Display for PackageForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Manifest => "manifest",
            Self::Hierarchy => "hierarchy",
            Self::Neither => "neither",
        })
    }
}

/// One version for one rule, with the files that belong to it. A file is an index in
/// [`Package::members`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackagedRelease {
    /// The key of the rule. Each of its words, such as the model, comes from the manifest. If the
    /// manifest leaves out a word, it comes from the folders of the image.
    pub key: RuleKey,
    /// The version as the package states it. If this text cannot be read as a version, it has no
    /// order and cannot be compared with other versions.
    pub version: ReportedVersion,
    /// The index of the image in the members of the package.
    pub image: usize,
    /// The index of the catalogue in the members of the package.
    pub signature: usize,
    /// The indices of the descriptions in the members of the package.
    pub descriptions: Vec<usize>,
    /// The modification time of the image, in steps of two seconds. `None` if the cabinet states no
    /// valid date and time.
    pub time_stamp: Option<FieldTime>,
}

/// An interim image in a package. A device that is too old for the release gets this image first.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackagedInterim {
    /// The locale that the image is for.
    pub locale: Locale,
    /// The update type that the image is for.
    pub update_type: UpdateType,
    /// The version in the manifest. `None` if the manifest does not name the image or states no
    /// version. The folders of an interim image have no version.
    pub version: Option<ReportedVersion>,
    /// The index of the image in the members of the package.
    pub image: usize,
    /// The index of the catalogue in the members of the package.
    pub signature: usize,
    /// The modification time of the image, in steps of two seconds. `None` if the cabinet states no
    /// valid date and time.
    pub time_stamp: Option<FieldTime>,
}

/// A signature catalogue of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackagedCatalogue {
    /// The index of the catalogue in the members of the package.
    pub member: usize,
    /// The content, or the reason why it could not be read.
    pub catalogue: Result<Catalogue, CatalogueError>,
}

/// The comparison of an image with its signature catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Comparison {
    /// The index of the image in the members of the package.
    pub image: usize,
    /// The index of the catalogue in the members of the package.
    pub signature: usize,
    /// The result of the comparison. `None` if the signature catalogue could not be read.
    pub listing: Option<Listing>,
}
