//! Packages: the releases and interim images in a cabinet, and the problems of the cabinet.
//!
//! [`read_package`] reads a [`Cabinet`](crate::Cabinet) once, and passes the bytes of each member
//! to a [`MemberSink`]. It returns a [`Package`]: releases, interim images, signatures and
//! [`Problem`]s. Reading any valid cabinet returns a package. A package with a problem of severity
//! [`Severity::Refusal`] must not be used at all.
//!
//! # How a package states its releases
//! A package has a **manifest**, `updateInfo.xml` at the root of the cabinet. Of the manifest
//! format of OCS, only `Updates/Updates/Update` with a `version` is published. The other names are
//! inferred, or were made for this project. [`MANIFEST_NAMES`] has the certainty of each name. The
//! package builder (feature `build`) writes this form, in which each file is named by its path from
//! the root:
//!
//! ```xml
//! <?xml version="1.0" encoding="utf-8"?>
//! <Updates><Updates>
//! <Update version="3.5.6907.9"><DeviceType>UCPhone</DeviceType><Vendor>Polycom</Vendor><Model>CX700</Model>
//!   <Revision>A</Revision><Locale>ENU</Locale><UpdateType>CPE</UpdateType><FileName>…/CPE.nbt</FileName>
//!   <SignatureFileName>…/CPE.cat</SignatureFileName><DescriptionFileName>…</DescriptionFileName></Update>
//! <Interim version="1.0.522.103"><Locale>ENU</Locale><UpdateType>CPE</UpdateType><FileName>…</FileName></Interim>
//! </Updates></Updates>
//! ```
//!
//! Without a manifest, the **folders** state the releases, as on an OCS server:
//! `<DeviceType>/<Vendor>/<Model>/<Revision>/<Locale>/<Version>/<UpdateType>/<file>`, and
//! `OCInterim/<Locale>/<file>` for an interim image. If the manifest leaves out a word of the rule
//! (such as the model) or the version, it is taken from the folders of the image. If both state it,
//! they must agree. An image whose release neither the manifest nor the folders state is reported
//! as a problem.
//!
//! The signature of an image is the `.cat` file of the same name in the same folder, unless the
//! manifest names another file. The reader compares the digests in the [`Catalogue`] with the image
//! and reports the named signers. It does not verify the signature.

#[cfg(feature = "build")]
mod builder;
mod catalogue;
mod digest;
#[cfg(feature = "fuzzing")]
pub mod laws;
mod limits;
mod manifest;
mod member;
mod options;
#[allow(clippy::module_inception, reason = "the type of this name lives there")]
mod package;
mod problem;
mod read;
mod understand;
mod xml;

#[cfg(feature = "build")]
pub use builder::catalogue::{CatalogueBuildError, CatalogueBuilder};
#[cfg(feature = "build")]
pub use builder::{NewInterim, NewRelease, PackageBuildError, PackageBuilder, sample};
pub use catalogue::{
    Catalogue, CatalogueError, CatalogueMember, Listing, MemberDigest, SignedContent, Signer,
};
pub use digest::sha1_of;
pub use limits::PackageLimits;
pub use manifest::names::{MANIFEST_NAMES, ManifestItem, ManifestName, NameMark};
pub use member::{
    MANIFEST_FILE_NAME, Member, MemberRole, MemberSink, MemberStart, NoSink, ROUND_TABLE_CONFIG_FILE_NAME,
};
pub use options::PackageOptions;
pub use package::{Comparison, Package, PackageForm, PackagedCatalogue, PackagedInterim, PackagedRelease};
pub use problem::{Problem, ProblemKind, Severity};
pub use read::{PackageError, read_package};
pub use understand::{KeptBytes, understand};
