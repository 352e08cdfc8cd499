//! SHA-256, of bytes at once and of a stream.

use sha2::{Digest as _, Sha256};
use ucupdate_core::value::Sha256Digest;

/// Returns the SHA-256 of bytes.
pub(crate) fn sha256(bytes: &[u8]) -> Sha256Digest {
    Sha256Digest::new(Sha256::digest(bytes).into())
}

/// The size and the SHA-256 of bytes that come in pieces.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sha256Stream {
    hash: Sha256,
    size: u64,
}

impl Sha256Stream {
    /// Adds the next piece.
    pub(crate) fn take_in(&mut self, piece: &[u8]) {
        self.hash.update(piece);
        self.size += piece.len() as u64;
    }

    /// Returns the size in bytes and the SHA-256 of all pieces.
    pub(crate) fn end(self) -> (u64, Sha256Digest) {
        (self.size, Sha256Digest::new(self.hash.finalize().into()))
    }
}
