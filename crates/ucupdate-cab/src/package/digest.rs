//! Digests as values: what a member's bytes, or a cabinet's, hash to.

use std::fmt;
use std::str::FromStr;

/// The SHA-256 of some bytes.
pub type Sha256Digest = Digest<32>;

/// The SHA-1 of some bytes: what catalogues of the phones' time name images by. It proves no identity here.
pub type Sha1Digest = Digest<20>;

/// `N` bytes that a hash function gave, written as lower-case hexadecimal digits.
///
/// ```
/// use ucupdate_cab::package::Sha1Digest;
/// let of_nothing = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
/// let digest: Sha1Digest = of_nothing.to_uppercase().parse().unwrap();
/// assert_eq!(digest.to_string(), of_nothing);
/// assert_eq!(digest.as_bytes()[0], 0xda);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest<const N: usize>([u8; N]);

impl<const N: usize> Digest<N> {
    /// A digest of its bytes.
    pub const fn new(bytes: [u8; N]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; N] {
        &self.0
    }
}

impl Sha256Digest {
    /// Hashes bytes that are in memory.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(sha2::Sha256::digest(bytes).into())
    }
}

impl Sha1Digest {
    /// Hashes bytes that are in memory.
    pub fn of(bytes: &[u8]) -> Self {
        use sha1::Digest as _;
        Self(sha1::Sha1::digest(bytes).into())
    }
}

impl<const N: usize> FromStr for Digest<N> {
    type Err = DigestError;

    /// Reads hexadecimal digits, in any case, two for each byte.
    ///
    /// # Errors
    /// When there are more or fewer, or another character.
    fn from_str(text: &str) -> Result<Self, DigestError> {
        let found = text.chars().count();
        if found != N * 2 {
            return Err(DigestError::DigitCount { expected: N * 2, found });
        }
        let mut bytes = [0; N];
        for (at, found) in text.chars().enumerate() {
            let Some(value) = found.to_digit(16).and_then(|value| u8::try_from(value).ok()) else {
                return Err(DigestError::NotADigit { found });
            };
            if let Some(byte) = bytes.get_mut(at / 2) {
                *byte = *byte << 4 | value;
            }
        }
        Ok(Self(bytes))
    }
}

impl<const N: usize> fmt::Display for Digest<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl<const N: usize> fmt::Debug for Digest<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// Why a text is not a [`Digest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// More or fewer digits than the digest has.
    #[error("digest has {found} character(s), expected {expected} hexadecimal digits")]
    DigitCount {
        /// How many it should have.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// Something other than a hexadecimal digit.
    #[error("digest holds {found:?}, expected hexadecimal digits")]
    NotADigit {
        /// The first such character.
        found: char,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standards() {
        // FIPS 180-4's own examples, for "abc".
        assert_eq!(Sha1Digest::of(b"abc").to_string(), "a9993e364706816aba3e25717850c26c9cd0d89d");
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Sha256Digest::of(b"abc").to_string(), sha256);
        assert_eq!(sha256.parse(), Ok(Sha256Digest::of(b"abc")));
    }

    #[test]
    fn what_is_no_digest_says_why() {
        let refused = |text: &str| text.parse::<Digest<2>>().unwrap_err().to_string();
        assert_eq!(refused("abc"), "digest has 3 character(s), expected 4 hexadecimal digits");
        assert_eq!(refused("abcg"), "digest holds 'g', expected hexadecimal digits");
        assert_eq!(refused("ab\u{e4}\u{e4}"), "digest holds '\u{e4}', expected hexadecimal digits");
    }
}
