//! Digests of bytes in memory.

use sha1::Digest as _;
use ucupdate_core::value::{Sha1Digest, Sha256Digest};

/// Returns the SHA-256 of bytes in memory.
///
/// ```
/// use ucupdate_cab::package::sha256_of;
/// assert_eq!(sha256_of(b"abc").to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
/// ```
pub fn sha256_of(bytes: &[u8]) -> Sha256Digest {
    Sha256Digest::new(<sha2::Sha256 as sha2::Digest>::digest(bytes).into())
}

/// Returns the SHA-1 of bytes in memory, as signature catalogues use it.
///
/// ```
/// use ucupdate_cab::package::sha1_of;
/// assert_eq!(sha1_of(b"abc").to_string(), "a9993e364706816aba3e25717850c26c9cd0d89d");
/// ```
pub fn sha1_of(bytes: &[u8]) -> Sha1Digest {
    Sha1Digest::new(sha1::Sha1::digest(bytes).into())
}
