//! SHA-1 and SHA-256 digests, and the ids of packages, which are made from digests.

use super::parse_error::{Expected, ParseError, ParseErrorKind};
use std::fmt;
use std::str::FromStr;

/// A SHA-256 digest. It identifies content everywhere in this workspace.
pub type Sha256Digest = Digest<32>;

/// A SHA-1 digest. Signature catalogues use it for images. It never identifies content in this workspace.
pub type Sha1Digest = Digest<20>;

/// A digest of `N` bytes. Its text form is lower-case hexadecimal digits.
///
/// ```
/// use ucupdate_core::value::Sha1Digest;
/// let of_nothing = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
/// let digest: Sha1Digest = of_nothing.to_uppercase().parse().unwrap();
/// assert_eq!(digest.to_string(), of_nothing);
/// assert_eq!(digest.as_bytes()[0], 0xda);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest<const N: usize>([u8; N]);

impl<const N: usize> Digest<N> {
    /// Creates a digest from bytes that were hashed elsewhere.
    pub const fn new(bytes: [u8; N]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes, in the order of the hexadecimal digits of the text form.
    pub const fn as_bytes(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> FromStr for Digest<N> {
    type Err = ParseError;

    /// Reads hexadecimal digits, in any case, two for each byte.
    ///
    /// # Errors
    /// Returns an error if the text does not have `2 * N` characters, or a character is not a hexadecimal
    /// digit.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let found = text.chars().count();
        if found != N * 2 {
            let expected = Expected::Count(N * 2, "hexadecimal digits");
            return Err(ParseError::count("digest", found, "character", expected));
        }
        let mut bytes = [0; N];
        for (number, (at, found)) in text.char_indices().enumerate() {
            let Some(value) = found.to_digit(16).and_then(|value| u8::try_from(value).ok()) else {
                return Err(ParseError::character("digest", found, "hexadecimal digits").at_byte(at));
            };
            if let Some(byte) = bytes.get_mut(number / 2) {
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

/// The id of an ingested package: the first twelve hexadecimal digits of its cabinet's SHA-256.
///
/// A cabinet has the same id alone and inside a self-extracting program.
///
/// ```
/// use ucupdate_core::value::{PackageId, Sha256Digest};
/// let digest = Sha256Digest::new([0xab; 32]);
/// assert_eq!(PackageId::of(&digest).to_string(), "abababababab");
/// assert_eq!("ABABABABABAB".parse(), Ok(PackageId::of(&digest)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageId([u8; 6]);

impl PackageId {
    /// Returns the id of the package whose cabinet has this SHA-256.
    pub const fn of(cabinet: &Sha256Digest) -> Self {
        let [a, b, c, d, e, f, ..] = cabinet.0;
        Self([a, b, c, d, e, f])
    }
}

impl FromStr for PackageId {
    type Err = ParseError;

    /// Reads twelve hexadecimal digits, in any case.
    ///
    /// # Errors
    /// Returns an error if there are more or fewer characters, or if a character is not a hexadecimal
    /// digit.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let not_an_id =
            || ParseError::quoting("package id", ParseErrorKind::Malformed, text, "12 hexadecimal digits");
        if text.len() != 12 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(not_an_id());
        }
        let mut bytes = [0; 6];
        for (byte, at) in bytes.iter_mut().zip((0..12).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| not_an_id())?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for PackageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PackageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PackageId({self})")
    }
}

crate::value::stored_text::stored_as_text!(Digest<N>, const N: usize);
crate::value::stored_text::stored_as_text!(PackageId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_digest_says_why() {
        let refused = |text: &str| text.parse::<Digest<2>>().unwrap_err().to_string();
        assert_eq!(refused("abc"), "digest has 3 characters, expected 4 hexadecimal digits");
        assert_eq!(refused("abcg"), "digest contains 'g' at byte 3, expected hexadecimal digits");
        assert_eq!(
            refused("ab\u{e4}\u{e4}"),
            "digest contains '\u{e4}' at byte 2, expected hexadecimal digits"
        );
    }

    #[test]
    fn what_is_no_package_id_is_quoted() {
        assert_eq!(
            "abc".parse::<PackageId>().unwrap_err().to_string(),
            "package id is \"abc\", expected 12 hexadecimal digits"
        );
    }
}
