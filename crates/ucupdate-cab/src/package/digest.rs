//! SHA-1 of bytes in memory. SHA-256 is in `ucupdate_core::value`.

use sha1::Digest as _;
use ucupdate_core::value::Sha1Digest;

/// Returns the SHA-1 of bytes in memory. Signature catalogues use SHA-1.
pub fn sha1_of(bytes: &[u8]) -> Sha1Digest {
    Sha1Digest::new(sha1::Sha1::digest(bytes).into())
}
