//! SHA-256: of bytes in memory, and of bytes that come in pieces.

use crate::value::digest::Sha256Digest;
use sha2::{Digest as _, Sha256};
use std::io;

impl Sha256Digest {
    /// Returns the SHA-256 of bytes in memory. Needs the feature `sha256`.
    ///
    /// ```
    /// use ucupdate_core::value::Sha256Digest;
    /// let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    /// assert_eq!(Sha256Digest::of(b"abc").to_string(), expected);
    /// ```
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self::new(Sha256::digest(bytes).into())
    }
}

/// The size and the SHA-256 of bytes that come in pieces. Needs the feature `sha256`.
///
/// As an [`io::Write`], it accepts all bytes and never fails.
///
/// ```
/// use ucupdate_core::value::{Sha256Digest, Sha256Hasher};
/// let mut hasher = Sha256Hasher::default();
/// hasher.update(b"a");
/// std::io::copy(&mut &b"bc"[..], &mut hasher)?;
/// assert_eq!((hasher.size(), hasher.digest()), (3, Sha256Digest::of(b"abc")));
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Sha256Hasher {
    state: Sha256,
    size: u64,
}

impl Sha256Hasher {
    /// Hashes these bytes after all bytes of earlier calls.
    pub fn update(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.state.update(bytes);
        self.size += bytes.len() as u64;
    }

    /// Returns the number of bytes that were added so far.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Returns the SHA-256 of the bytes that were added so far.
    pub fn digest(&self) -> Sha256Digest {
        Sha256Digest::new(self.state.clone().finalize().into())
    }
}

impl io::Write for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
