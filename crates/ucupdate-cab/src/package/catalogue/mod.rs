//! Signature catalogues (`.cat`). A catalogue lists files by digest, and names its signers.
//!
//! A catalogue is a PKCS#7 `SignedData` around a certificate trust list (`1.3.6.1.4.1.311.10.1`).
//! Each subject of the list is one file. The digest of the file's bytes is in an
//! `SpcIndirectDataContent` (`1.3.6.1.4.1.311.2.1.4`), or in the identifier of the subject. An
//! image is a flat file, so its digest is the digest of all its bytes.
//!
//! # What this does not do
//! The reader does not verify the value of the signature and builds no chain of certificates. It
//! reports the signers that the catalogue *names*, and whether the signed digest is the digest of
//! the list. Therefore it detects a list that was changed after signing, but not a forged
//! signature.

pub(in crate::package) mod oid;
mod read;
#[cfg(test)]
mod tests;
mod walk;

use std::fmt;
use ucupdate_core::value::{FieldTime, Sha1Digest, Sha256Digest};

/// The content of a signature catalogue.
///
/// ```
/// use ucupdate_cab::package::{Catalogue, CatalogueBuilder, Listing, PackageLimits, sha1_of};
/// use ucupdate_core::value::Sha256Digest;
/// let image = b"an image";
/// let bytes = CatalogueBuilder::new().with_image("CPE.nbt", image).build().unwrap();
/// let catalogue = Catalogue::read(&bytes, &PackageLimits::default()).unwrap();
/// assert_eq!(catalogue.members[0].file.as_deref(), Some("CPE.nbt"));
/// assert!(catalogue.signers.is_empty());
/// let listing = |bytes: &[u8]| catalogue.listing(Some(&sha1_of(bytes)), &Sha256Digest::of(bytes));
/// assert_eq!(listing(image), Listing::Listed);
/// assert_eq!(listing(b"another"), Listing::NotListed);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Catalogue {
    /// The time at which the list was issued, in UTC.
    pub listed_at: FieldTime,
    /// The listed files, in the order of the list.
    pub members: Vec<CatalogueMember>,
    /// The named signers. Empty for an unsigned catalogue.
    pub signers: Vec<Signer>,
}

/// One file that a catalogue lists.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CatalogueMember {
    /// The identifier of the entry, usually the digest. An identifier that is not text is written in hexadecimal
    /// digits.
    pub tag: String,
    /// The name of the file. `None` if the catalogue does not state it.
    pub file: Option<String>,
    /// The digest of the file's bytes. `None` if the catalogue does not state it.
    pub digest: Option<MemberDigest>,
}

/// A digest with its algorithm.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemberDigest {
    /// SHA-1: 20 bytes.
    Sha1(Sha1Digest),
    /// SHA-256: 32 bytes.
    Sha256(Sha256Digest),
    /// A digest of another algorithm, or with the wrong length for its algorithm. It is not compared.
    Other {
        /// The object identifier of the algorithm, as numbers with dots.
        algorithm: String,
        /// The digest's bytes.
        bytes: Vec<u8>,
    },
}

impl fmt::Display for MemberDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha1(digest) => write!(f, "SHA-1 {digest}"),
            Self::Sha256(digest) => write!(f, "SHA-256 {digest}"),
            Self::Other { algorithm, bytes } => {
                write!(f, "{algorithm} ")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

/// A signer that a catalogue names. The reader does not verify the signature. It checks only
/// [`content`](Self::content).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Signer {
    /// The subject of the signer's certificate, such as `CN=Example Phones,O=Example`. `None` if
    /// the catalogue does not contain the certificate.
    pub subject: Option<String>,
    /// The issuer of the signer's certificate. `None` if the catalogue identifies the signer by a
    /// key instead.
    pub issuer: Option<String>,
    /// The serial number of the signer's certificate in hexadecimal digits. `None` if the catalogue
    /// identifies the signer by a key instead.
    pub serial_number: Option<String>,
    /// The first time at which the certificate is valid, in UTC. `None` if the catalogue does not contain the
    /// certificate.
    pub not_before: Option<FieldTime>,
    /// The last time at which the certificate is valid, in UTC. `None` if the catalogue does not contain the
    /// certificate.
    pub not_after: Option<FieldTime>,
    /// The time of signing that the signer states, in UTC. `None` if the signature does not state
    /// it.
    pub signed_at: Option<FieldTime>,
    /// The result of comparing the signed digest with the digest of the list.
    pub content: SignedContent,
}

/// The result of comparing the signed digest with the list of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignedContent {
    /// The signed digest is the digest of the list.
    Matches,
    /// The signed digest differs. The list was changed after it was signed.
    Differs,
    /// The signature has no digest of the list, or uses an unknown algorithm. Only a verification
    /// of the signature could show whether the list was changed.
    Unknown,
}

/// The result of looking up a file in a catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "listed, not listed, or not comparable")]
pub enum Listing {
    /// One of the listed digests is the digest of the file.
    Listed,
    /// The catalogue has digests that can be compared, but none is the digest of the file. A
    /// catalogue without members has this result too.
    NotListed,
    /// The catalogue has members, but no digest by SHA-1 or SHA-256 that can be compared with the
    /// file.
    NothingToCompare,
}

impl Catalogue {
    /// Returns whether the catalogue lists a file with these digests. The names of files are not
    /// compared, as on Windows. Without `sha1`, only SHA-256 digests are compared.
    pub fn listing(&self, sha1: Option<&Sha1Digest>, sha256: &Sha256Digest) -> Listing {
        let mut comparable = false;
        for member in &self.members {
            let same = match &member.digest {
                Some(MemberDigest::Sha1(listed)) => sha1.map(|digest| digest == listed),
                Some(MemberDigest::Sha256(listed)) => Some(sha256 == listed),
                Some(MemberDigest::Other { .. }) | None => None,
            };
            match same {
                Some(true) => return Listing::Listed,
                Some(false) => comparable = true,
                None => {}
            }
        }
        // A catalogue without members does not list the file.
        if comparable || self.members.is_empty() { Listing::NotListed } else { Listing::NothingToCompare }
    }
}

/// The reason why bytes are not a signature catalogue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the message documents the field")]
#[non_exhaustive]
pub enum CatalogueError {
    /// The catalogue has more bytes than a limit. `which` is the name of the limit in
    /// [`PackageLimits`](super::PackageLimits).
    #[error("catalogue has {found} bytes, and the limit `{which}` is {limit}")]
    TooLong { found: usize, which: &'static str, limit: usize },
    /// The catalogue exceeds a limit. `what` says what was counted, such as members or signers, and
    /// whether [`PackageLimits`](super::PackageLimits) can raise the limit.
    #[error("catalogue has more than {limit} {what}")]
    TooMany { what: &'static str, limit: usize },
    /// The file has another format than DER.
    #[error("{found} instead of DER")]
    OtherForm { found: &'static str },
    /// The bytes are not DER. `place` names the part of the catalogue. `at` is the offset in bytes.
    #[error("{place}: {cause}, at byte {at}")]
    Der { place: &'static str, at: usize, cause: String },
    /// The bytes are DER, but have another element than a catalogue has at this place.
    #[error("{place}: expected {expected}, found {found} at byte {at}")]
    Unexpected { place: &'static str, at: usize, expected: String, found: String },
}
