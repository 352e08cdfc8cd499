//! Signature catalogues (`.cat`): which files they speak for, by digest, and who signed them.
//!
//! A catalogue is a PKCS#7 `SignedData` around a certificate trust list (`1.3.6.1.4.1.311.10.1`). Each subject of the list
//! is one file, with the digest of its bytes in an `SpcIndirectDataContent` (`1.3.6.1.4.1.311.2.1.4`) or in its own
//! identifier. An image is a flat file, so its digest is that of all its bytes.
//!
//! # What this does not do
//! It does not say whom to trust: the signature's value is not verified, and no chain of certificates is built. It says
//! who is *named* as signer, and whether the digest that was signed is that of the list; so a list that was changed after
//! signing is found out, a forged signature is not.

pub(in crate::package) mod oid;
mod read;
#[cfg(test)]
mod tests;
mod walk;

use std::fmt;
use ucupdate_core::value::{FieldTime, Sha1Digest, Sha256Digest};

/// What a signature catalogue says.
///
/// ```
/// use ucupdate_cab::package::{Catalogue, CatalogueBuilder, Listing, PackageLimits, sha1_of, sha256_of};
/// let image = b"an image";
/// let bytes = CatalogueBuilder::new().with_image("CPE.nbt", image).build().unwrap();
/// let catalogue = Catalogue::read(&bytes, &PackageLimits::default()).unwrap();
/// assert_eq!(catalogue.members[0].file.as_deref(), Some("CPE.nbt"));
/// assert!(catalogue.signers.is_empty());
/// let listing = |bytes: &[u8]| catalogue.listing(Some(&sha1_of(bytes)), &sha256_of(bytes));
/// assert_eq!(listing(image), Listing::Listed);
/// assert_eq!(listing(b"another"), Listing::NotListed);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Catalogue {
    /// When the list says it was made, in UTC.
    pub listed_at: FieldTime,
    /// The files it speaks for, in its order.
    pub members: Vec<CatalogueMember>,
    /// Who is named as signer; none where nobody signed.
    pub signers: Vec<Signer>,
}

/// One file that a catalogue speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CatalogueMember {
    /// The name of the entry: text where it is text, else its bytes in hexadecimal digits. Usually the digest itself.
    pub tag: String,
    /// The file's name, where the catalogue says it.
    pub file: Option<String>,
    /// The digest of the file's bytes, where the catalogue says one.
    pub digest: Option<MemberDigest>,
}

/// A digest, by the algorithm that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemberDigest {
    /// SHA-1.
    Sha1(Sha1Digest),
    /// SHA-256.
    Sha256(Sha256Digest),
    /// An algorithm that is not compared here, or a digest of the wrong length for its algorithm.
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

/// Who is named as signer of a catalogue. Nothing of it is verified but [`content`](Self::content).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Signer {
    /// The subject of the signer's certificate, where the catalogue carries it.
    pub subject: Option<String>,
    /// Who issued that certificate; `None` where the signer is named by a key instead.
    pub issuer: Option<String>,
    /// The certificate's serial number, in hexadecimal digits; `None` where the signer is named by a key instead.
    pub serial_number: Option<String>,
    /// From when on the certificate holds, in UTC.
    pub not_before: Option<FieldTime>,
    /// Until when the certificate holds, in UTC.
    pub not_after: Option<FieldTime>,
    /// When the signer says to have signed, in UTC.
    pub signed_at: Option<FieldTime>,
    /// Whether the digest that was signed is that of the list.
    pub content: SignedContent,
}

/// Whether what a signer signed is what the catalogue lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignedContent {
    /// The signed digest is that of the list.
    Matches,
    /// The signed digest is another: the list was changed after it was signed.
    Differs,
    /// The signature is over the list itself, or by an algorithm unknown here; only verifying it would tell.
    Unknown,
}

/// Whether a catalogue speaks for a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "listed, not listed, or no telling")]
pub enum Listing {
    /// One of its digests is the file's.
    Listed,
    /// It has digests to compare, and none is the file's.
    NotListed,
    /// It has no digest of an algorithm that is compared here.
    NothingToCompare,
}

impl Catalogue {
    /// Whether this speaks for a file of these digests. Names do not count, as they do not on Windows.
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
        // A list without any entry is a list all the same, and the file is not on it.
        if comparable || self.members.is_empty() { Listing::NotListed } else { Listing::NothingToCompare }
    }
}

/// Why bytes are not a signature catalogue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// More bytes than the limit.
    #[error("catalogue has {found} bytes, expected at most {limit}")]
    TooLong {
        /// How many there are.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// More of something than the limit.
    #[error("catalogue has more than {most} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        most: usize,
    },
    /// Not DER.
    #[error("{place}: {cause}, at byte {at}")]
    Der {
        /// In which part of a catalogue.
        place: &'static str,
        /// Where, in bytes from the start.
        at: usize,
        /// What is wrong.
        cause: String,
    },
    /// DER, but another element than belongs there.
    #[error("{place}: expected {expected}, found {found} at byte {at}")]
    Unexpected {
        /// In which part of a catalogue.
        place: &'static str,
        /// Where, in bytes from the start.
        at: usize,
        /// What belongs there.
        expected: String,
        /// What is there.
        found: String,
    },
}
