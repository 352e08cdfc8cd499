//! SHA-1 of bytes in memory. SHA-256 is in `ucupdate_core::value`.

use sha1::Digest as _;
use ucupdate_core::value::Sha1Digest;

/// Returns the SHA-1 of bytes in memory. Signature catalogues use SHA-1.
///
/// ```
/// use ucupdate_cab::package::sha1_of;
/// assert_eq!(sha1_of(b"abc").to_string(), "a9993e364706816aba3e25717850c26c9cd0d89d");
/// ```
pub fn sha1_of(bytes: &[u8]) -> Sha1Digest {
    Sha1Digest::new(sha1::Sha1::digest(bytes).into())
}
