//! The package: the members of a cabinet, the releases and interim images among them, and the problems.

use super::catalogue::{Catalogue, CatalogueError, Listing};
use super::member::Member;
use super::problem::{Problem, Severity};
use std::fmt;
use ucupdate_core::book::UpdateType;
use ucupdate_core::device::Locale;
use ucupdate_core::value::{FieldTime, PackageId, Sha256Digest};
use ucupdate_core::{ReportedVersion, RuleKey};

/// The contents of one cabinet as far as they were understood, and its problems.
///
/// Indices refer to [`members`](Self::members). The image and the signature of every release exist. Where one of them
/// is missing, there is a [`Problem`] instead of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Package {
    /// The id of the package, which follows from [`sha256`](Self::sha256).
    pub id: PackageId,
    /// The SHA-256 of the whole cabinet, without a program around it.
    pub sha256: Sha256Digest,
    /// Whether the manifest or the folders stated what the package brings.
    pub form: PackageForm,
    /// All files of the cabinet, in the order of its file table.
    pub members: Vec<Member>,
    /// The releases: those of the manifest first, then the others in the order of the cabinet.
    pub releases: Vec<PackagedRelease>,
    /// The interim images, in the same order.
    pub interim: Vec<PackagedInterim>,
    /// The signature catalogues that releases and interim images use.
    pub catalogues: Vec<PackagedCatalogue>,
    /// The comparisons of images with their signatures.
    pub comparisons: Vec<Comparison>,
    /// Everything that is wrong with the package.
    pub problems: Vec<Problem>,
}

impl Package {
    /// Returns the problems that forbid using the package.
    pub fn refusals(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|problem| problem.severity() == Severity::Refusal)
    }

    /// Returns the problems that an administrator should know of.
    pub fn warnings(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|problem| problem.severity() == Severity::Warning)
    }

    /// Returns whether the package has a refusal, so that nothing of it may be used.
    pub fn is_refused(&self) -> bool {
        self.refusals().next().is_some()
    }
}

/// How a package states what it brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_enums, reason = "one, the other, or neither")]
pub enum PackageForm {
    /// The manifest states it.
    Manifest,
    /// The folders state it.
    Hierarchy,
    /// Nothing states it: the package has no release and no interim image.
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

/// A release in a package.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackagedRelease {
    /// The rule that the release is for.
    pub key: RuleKey,
    /// The version as it was reported; it may have no order.
    pub version: ReportedVersion,
    /// The index of the image.
    pub image: usize,
    /// The index of the signature catalogue.
    pub signature: usize,
    /// The indices of the descriptions.
    pub descriptions: Vec<usize>,
    /// The time of the image in the cabinet, in two-second steps; `None` where it is not in the calendar.
    pub time_stamp: Option<FieldTime>,
}

/// An interim image in a package, which a device gets first where it is too old for the release.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackagedInterim {
    /// The locale that the image is for.
    pub locale: Locale,
    /// The update type that the image is for.
    pub update_type: UpdateType,
    /// The version in the manifest; `None` where the folders place the image, since they state no version.
    pub version: Option<ReportedVersion>,
    /// The index of the image.
    pub image: usize,
    /// The index of the signature catalogue.
    pub signature: usize,
    /// The time of the image in the cabinet, in two-second steps; `None` where it is not in the calendar.
    pub time_stamp: Option<FieldTime>,
}

/// A signature catalogue of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackagedCatalogue {
    /// The index of the member.
    pub member: usize,
    /// The content, or why it could not be read.
    pub catalogue: Result<Catalogue, CatalogueError>,
}

/// The comparison of an image with its signature catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Comparison {
    /// The index of the image.
    pub image: usize,
    /// The index of the signature catalogue.
    pub signature: usize,
    /// Whether the catalogue lists the image; `None` where the catalogue could not be read.
    pub listing: Option<Listing>,
}
