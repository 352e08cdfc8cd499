//! What one cabinet held: its members, the releases and interim images in them, and everything that is wrong.

use super::catalogue::{Catalogue, CatalogueError, Listing};
use super::member::Member;
use super::problem::{Problem, Severity};
use std::fmt;
use ucupdate_core::book::UpdateType;
use ucupdate_core::device::Locale;
use ucupdate_core::value::{FieldTime, PackageId, Sha256Digest};
use ucupdate_core::{ReportedVersion, RuleKey};

/// A package: what one cabinet held, as far as it was understood, and what is wrong with it.
///
/// Indices are those of [`members`](Self::members). The image and signature of every release exist; a release of which
/// something essential is missing is no release but a [`Problem`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Package {
    /// The name of the package: the same cabinet has the same.
    pub id: PackageId,
    /// The SHA-256 of the whole cabinet.
    pub sha256: Sha256Digest,
    /// How it says what it brings.
    pub form: PackageForm,
    /// All files of the cabinet, in its order.
    pub members: Vec<Member>,
    /// The releases it brings, by the manifest first, then in the cabinet's order.
    pub releases: Vec<PackagedRelease>,
    /// The interim images it brings.
    pub interim: Vec<PackagedInterim>,
    /// The signature catalogues that releases and interim images use, as they were read.
    pub catalogues: Vec<PackagedCatalogue>,
    /// Which image was compared with which signature, and how that ended.
    pub comparisons: Vec<Comparison>,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

impl Package {
    /// The problems for which nothing of the package may be taken.
    pub fn refusals(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|problem| problem.severity() == Severity::Refusal)
    }

    /// The problems that somebody should know.
    pub fn warnings(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|problem| problem.severity() == Severity::Warning)
    }

    /// Whether nothing of the package may be taken.
    pub fn is_refused(&self) -> bool {
        self.refusals().next().is_some()
    }
}

/// How a package says what it brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_enums, reason = "one, the other, or neither")]
pub enum PackageForm {
    /// By its manifest.
    Manifest,
    /// By its folders.
    Hierarchy,
    /// Not at all: there is nothing to take.
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
    /// The rule it is for.
    pub key: RuleKey,
    /// Its version, as said.
    pub version: ReportedVersion,
    /// The member that is its image.
    pub image: usize,
    /// The member that is its signature catalogue.
    pub signature: usize,
    /// The members that describe it.
    pub descriptions: Vec<usize>,
    /// The image's own time, from the cabinet, in two-second steps.
    pub time_stamp: Option<FieldTime>,
}

/// An interim image in a package: what a device too old for its release gets first.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackagedInterim {
    /// The locale it is for.
    pub locale: Locale,
    /// The update type it is for.
    pub update_type: UpdateType,
    /// Its version, where the manifest says it; folders do not.
    pub version: Option<ReportedVersion>,
    /// The member that is its image.
    pub image: usize,
    /// The member that is its signature catalogue.
    pub signature: usize,
    /// The image's own time, from the cabinet, in two-second steps.
    pub time_stamp: Option<FieldTime>,
}

/// A signature catalogue of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackagedCatalogue {
    /// The member it is.
    pub member: usize,
    /// What it says, or why it could not be read.
    pub catalogue: Result<Catalogue, CatalogueError>,
}

/// An image, laid beside its signature catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Comparison {
    /// The member that is the image.
    pub image: usize,
    /// The member that is the signature catalogue.
    pub signature: usize,
    /// Whether the catalogue speaks for the image; `None` where it could not be read.
    pub listing: Option<Listing>,
}
