//! A device, its MAC address and its serial number.

use crate::device::kind::DeviceKind;
use crate::value::Reported;
use crate::value::label::folded;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// A device as it describes itself in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its kind, which all devices of one rule share.
    pub kind: DeviceKind,
    /// Its MAC address; may be blank, and a blank one matches nothing.
    pub mac_address: Reported<MacAddress>,
    /// Its serial number; may be blank, and a blank one matches nothing.
    pub serial_number: Reported<SerialNumber>,
}

/// Six bytes that name a network interface.
///
/// Written with `-`, `:`, `.` or nothing between, in any case; shown as the audit log of the field shows it.
///
/// ```
/// use ucupdate_core::MacAddress;
/// let mac: MacAddress = "00:21:63:0f:20:7b".parse().unwrap();
/// assert_eq!(mac, "0021.630F.207B".parse().unwrap());
/// assert_eq!(mac.to_string(), "0021630F207B");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddress([u8; 6]);

impl MacAddress {
    /// An address from its bytes, the vendor's three first.
    pub const fn new(octets: [u8; 6]) -> Self {
        Self(octets)
    }

    /// The bytes, the vendor's three first.
    #[inline]
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }
}

impl FromStr for MacAddress {
    type Err = MacAddressError;

    /// Reads twelve hexadecimal digits, passing over `-`, `:` and `.`.
    ///
    /// # Errors
    /// When there are more or fewer digits, or another character.
    fn from_str(text: &str) -> Result<Self, MacAddressError> {
        let mut octets = [0_u8; 6];
        let mut digits = 0;
        for found in text.chars().filter(|c| !matches!(c, '-' | ':' | '.')) {
            let Some(value) = found.to_digit(16).and_then(|v| u8::try_from(v).ok()) else {
                return Err(MacAddressError::NotADigit { found });
            };
            if let Some(octet) = octets.get_mut(digits / 2) {
                *octet = *octet << 4 | value;
            }
            digits += 1;
        }
        if digits != 12 {
            return Err(MacAddressError::DigitCount { found: digits });
        }
        Ok(Self(octets))
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02X}"))
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MacAddress({self})")
    }
}

/// Why a text is not a MAC address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MacAddressError {
    /// Not twelve digits.
    #[error("MAC address has {found} hexadecimal digits, expected 12")]
    DigitCount {
        /// How many there are.
        found: usize,
    },
    /// Neither a hexadecimal digit nor `-`, `:` or `.`.
    #[error("MAC address holds {found:?}, expected hexadecimal digits")]
    NotADigit {
        /// The first such character.
        found: char,
    },
}

/// The most bytes a serial number may have.
pub const MAX_SERIAL_BYTES: usize = 128;

/// The serial number that the maker printed on a device. Comparison ignores ASCII case; the spelling is kept.
///
/// ```
/// use ucupdate_core::device::SerialNumber;
/// let serial: SerialNumber = "C185H001209".parse().unwrap();
/// assert_eq!(serial, "c185h001209".parse().unwrap());
/// assert!("".parse::<SerialNumber>().is_err());
/// ```
#[derive(Clone)]
pub struct SerialNumber(Box<str>);

impl SerialNumber {
    /// The serial number as it was said.
    #[inline]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SerialNumber {
    type Err = SerialNumberError;

    /// Reads a serial number; blanks around it are dropped.
    ///
    /// # Errors
    /// When it is blank, longer than [`MAX_SERIAL_BYTES`], or holds a control character.
    fn from_str(text: &str) -> Result<Self, SerialNumberError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(SerialNumberError::Blank);
        }
        if text.len() > MAX_SERIAL_BYTES {
            return Err(SerialNumberError::TooLong { found: text.len() });
        }
        match text.chars().find(|c| c.is_control()) {
            Some(found) => Err(SerialNumberError::Control { found }),
            None => Ok(Self(text.into())),
        }
    }
}

impl PartialEq for SerialNumber {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for SerialNumber {}

impl PartialOrd for SerialNumber {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SerialNumber {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        folded(&self.0).cmp(folded(&other.0))
    }
}

impl Hash for SerialNumber {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in folded(&self.0) {
            state.write_u8(byte);
        }
        state.write_u8(0xff);
    }
}

impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SerialNumber({})", self.0)
    }
}

/// Why a text is not a serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SerialNumberError {
    /// Empty, or nothing but blanks.
    #[error("serial number is blank")]
    Blank,
    /// Longer than [`MAX_SERIAL_BYTES`].
    #[error("serial number has {found} bytes, expected at most {MAX_SERIAL_BYTES}")]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// A control character inside.
    #[error("serial number holds the control character {found:?}")]
    Control {
        /// The first such character.
        found: char,
    },
}

#[cfg(feature = "serde")]
mod stored {
    use super::{MacAddress, SerialNumber};
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    impl Serialize for MacAddress {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(self)
        }
    }

    impl<'de> Deserialize<'de> for MacAddress {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
        }
    }

    impl Serialize for SerialNumber {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_str(self.as_str())
        }
    }

    impl<'de> Deserialize<'de> for SerialNumber {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_address_compares_without_separators_and_case() {
        let plain: MacAddress = "0021630F207B".parse().unwrap();
        for text in ["00-21-63-0F-20-7B", "00:21:63:0f:20:7b", "0021.630f.207b"] {
            assert_eq!(text.parse::<MacAddress>().unwrap(), plain, "{text}");
        }
    }

    #[test]
    fn what_is_no_mac_address_says_why() {
        let refused = |text: &str| text.parse::<MacAddress>().unwrap_err().to_string();
        assert_eq!(refused(""), "MAC address has 0 hexadecimal digits, expected 12");
        assert_eq!(refused("0021630F207B00"), "MAC address has 14 hexadecimal digits, expected 12");
        assert_eq!(refused("0021630F207G"), "MAC address holds 'G', expected hexadecimal digits");
    }

    #[test]
    fn a_blank_serial_number_is_none() {
        assert_eq!("  ".parse::<SerialNumber>(), Err(SerialNumberError::Blank));
        assert!(Reported::<SerialNumber>::new(" ").read().is_none());
    }
}
