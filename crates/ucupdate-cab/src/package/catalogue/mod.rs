//! Signature catalogues (`.cat`): the files they list by digest, and who signed them.
//!
//! A catalogue is a PKCS#7 `SignedData` around a certificate trust list (`1.3.6.1.4.1.311.10.1`). Each subject of the list
//! is one file, with the digest of its bytes in an `SpcIndirectDataContent` (`1.3.6.1.4.1.311.2.1.4`) or in its own
//! identifier. An image is a flat file, so its digest is the digest of all its bytes.
//!
//! # What this does not do
//! The reader does not verify the value of the signature and builds no chain of certificates. It reports who is *named*
//! as signer, and whether the digest that was signed is the digest of the list. So it detects a list that was changed
//! after signing, but not a forged signature.

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
    /// The time of the list, in UTC.
    pub listed_at: FieldTime,
    /// The listed files, in the order of the list.
    pub members: Vec<CatalogueMember>,
    /// The named signers; empty for an unsigned catalogue.
    pub signers: Vec<Signer>,
}

/// One file that a catalogue lists.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CatalogueMember {
    /// The identifier of the entry, usually the digest: text where it is text, otherwise its bytes in hexadecimal digits.
    pub tag: String,
    /// The name of the file; `None` where the catalogue does not state it.
    pub file: Option<String>,
    /// The digest of the bytes of the file; `None` where the catalogue does not state it.
    pub digest: Option<MemberDigest>,
}

/// A digest with its algorithm.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemberDigest {
    /// A SHA-1 digest.
    Sha1(Sha1Digest),
    /// A SHA-256 digest.
    Sha256(Sha256Digest),
    /// A digest of another algorithm, which is not compared; or a digest of the wrong length for its algorithm.
    Other {
        /// The object identifier of the algorithm, in dotted numbers.
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

/// A named signer of a catalogue. Only [`content`](Self::content) is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Signer {
    /// The subject of the signer's certificate; `None` where the catalogue does not carry the certificate.
    pub subject: Option<String>,
    /// The issuer of the certificate; `None` where the signer is named by a key instead.
    pub issuer: Option<String>,
    /// The serial number of the certificate, in hexadecimal digits; `None` where the signer is named by a key instead.
    pub serial_number: Option<String>,
    /// The begin of the validity of the certificate, in UTC.
    pub not_before: Option<FieldTime>,
    /// The end of the validity of the certificate, in UTC.
    pub not_after: Option<FieldTime>,
    /// The time of signing as the signer states it, in UTC.
    pub signed_at: Option<FieldTime>,
    /// Whether the digest that was signed is the digest of the list.
    pub content: SignedContent,
}

/// Whether the content that a signer signed is the list of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignedContent {
    /// The signed digest is the digest of the list.
    Matches,
    /// The signed digest differs: the list was changed after it was signed.
    Differs,
    /// The signature has no digest of the list, or one by an unknown algorithm. Only verifying the signature would show it.
    Unknown,
}

/// Whether a catalogue lists a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "listed, not listed, or not comparable")]
pub enum Listing {
    /// One of the listed digests is the digest of the file.
    Listed,
    /// The catalogue has digests to compare, and none is the digest of the file.
    NotListed,
    /// The catalogue has no digest by SHA-1 or SHA-256.
    NothingToCompare,
}

impl Catalogue {
    /// Returns whether the catalogue lists a file with these digests. Names do not matter, as on Windows.
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
        // The file is not on an empty list.
        if comparable || self.members.is_empty() { Listing::NotListed } else { Listing::NothingToCompare }
    }
}

/// Why bytes are not a signature catalogue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the message documents the field")]
#[non_exhaustive]
pub enum CatalogueError {
    /// The catalogue has more bytes than [`PackageLimits::with_catalogue_bytes`](super::PackageLimits) allows.
    #[error("catalogue has {found} bytes, expected at most {limit}")]
    TooLong { found: usize, limit: usize },
    /// The catalogue has more of something than is read.
    #[error("catalogue has more than {limit} {what}")]
    TooMany { what: &'static str, limit: usize },
    /// The file has another form than DER.
    #[error("{found} instead of DER")]
    OtherForm { found: &'static str },
    /// The bytes are not DER. `place` is the part of the catalogue; `at` counts bytes from the start.
    #[error("{place}: {cause}, at byte {at}")]
    Der { place: &'static str, at: usize, cause: String },
    /// The bytes are DER, but not the element that belongs there.
    #[error("{place}: expected {expected}, found {found} at byte {at}")]
    Unexpected { place: &'static str, at: usize, expected: String, found: String },
}
