//! SHA-256 as a value; computing one is for those who read the bytes.

use std::fmt;
use std::str::FromStr;

/// The SHA-256 of some bytes: the identity of content everywhere in this workspace.
///
/// ```
/// use ucupdate_core::Sha256Digest;
/// let text = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// let of_nothing: Sha256Digest = text.parse().unwrap();
/// assert_eq!(of_nothing.to_string(), text);
/// assert_eq!(of_nothing.as_bytes()[0], 0xe3);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256Digest([u8; 32]);

impl Sha256Digest {
    /// The digest with these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for Sha256Digest {
    type Err = DigestError;

    /// Reads 64 hexadecimal digits.
    ///
    /// # Errors
    /// When there are more or fewer, or another character.
    fn from_str(text: &str) -> Result<Self, DigestError> {
        if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(DigestError);
        }
        let mut bytes = [0; 32];
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| DigestError)?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256Digest({self})")
    }
}

/// A text is not a SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("SHA-256 is not 64 hexadecimal digits")]
pub struct DigestError;

/// The name of an ingested package: the first twelve hexadecimal digits of its cabinet's SHA-256.
///
/// The same whether the cabinet came alone or inside a self-extracting program.
///
/// ```
/// use ucupdate_core::{PackageId, Sha256Digest};
/// let digest = Sha256Digest::new([0xab; 32]);
/// assert_eq!(PackageId::of(&digest).to_string(), "abababababab");
/// assert_eq!("ABABABABABAB".parse(), Ok(PackageId::of(&digest)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageId([u8; 6]);

impl PackageId {
    /// The id of the package whose cabinet has this SHA-256.
    pub const fn of(cabinet: &Sha256Digest) -> Self {
        let [a, b, c, d, e, f, ..] = cabinet.0;
        Self([a, b, c, d, e, f])
    }
}

impl FromStr for PackageId {
    type Err = PackageIdError;

    /// Reads twelve hexadecimal digits.
    ///
    /// # Errors
    /// When there are more or fewer, or another character.
    fn from_str(text: &str) -> Result<Self, PackageIdError> {
        let not_an_id = || PackageIdError { found: text.chars().take(80).collect() };
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

/// A text is not a package id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no package id, expected 12 hexadecimal digits")]
pub struct PackageIdError {
    found: String,
}

#[cfg(feature = "serde")]
mod stored {
    use super::{PackageId, Sha256Digest};
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    impl Serialize for Sha256Digest {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(self)
        }
    }

    impl<'de> Deserialize<'de> for Sha256Digest {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
        }
    }

    impl Serialize for PackageId {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(self)
        }
    }

    impl<'de> Deserialize<'de> for PackageId {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_digest_is_refused() {
        for text in ["", "e3", &"g".repeat(64), &"\u{e9}".repeat(32)] {
            assert!(text.parse::<Sha256Digest>().is_err(), "{text}");
        }
        assert_eq!(
            "abc".parse::<PackageId>().unwrap_err().to_string(),
            "\"abc\" is no package id, expected 12 hexadecimal digits"
        );
    }
}
