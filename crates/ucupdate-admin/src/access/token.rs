//! [`Token`]: a bearer token of 256 random bits.

use std::fmt::{self, Write as _};
use std::io;
use ucupdate::value::Sha256Digest;

/// The beginning of every token, so that scanners for leaked secrets find it.
pub(crate) const PREFIX: &str = "ucu_";

const RANDOM_BYTES: usize = 32;

/// The largest size in bytes of a token that is compared. A longer one is refused.
pub(crate) const MAX_TOKEN_BYTES: usize = 256;

/// A new bearer token. Show it to the administrator once. The token file keeps only its SHA-256, so the token cannot be read later.
///
/// `Debug` does not show the token.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Draws a token of 256 random bits.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn random() -> io::Result<Self> {
        let mut bytes = [0; RANDOM_BYTES];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        let mut text = PREFIX.to_owned();
        for byte in bytes {
            // Writing to a string does not fail.
            let _written = write!(text, "{byte:02x}");
        }
        Ok(Self(text))
    }

    /// Returns the text that the administrator sends.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// Returns the SHA-256 of a token. A slow hash is not needed, because 256 random bits cannot be guessed.
pub(crate) fn digest(token: &str) -> Sha256Digest {
    Sha256Digest::of(token.as_bytes())
}

/// Compares two digests in a time that does not depend on where they differ.
pub(crate) fn is_same(one: &Sha256Digest, other: &Sha256Digest) -> bool {
    let bytes = one.as_bytes().iter().zip(other.as_bytes());
    let differences = bytes.fold(0, |found, (one, other)| found | (one ^ other));
    std::hint::black_box(differences) == 0
}
