//! Devices, MAC addresses and serial numbers.

use crate::device::kind::DeviceKind;
use crate::value::Reported;
use crate::value::label::label;
use crate::value::parse_error::{Expected, ParseError};
use std::fmt;
use std::str::FromStr;

/// A device as it describes itself in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The kind of the device, such as `UCPhone/Polycom/CX700/A/ENU`. The rules for the device are looked
    /// up by it.
    pub kind: DeviceKind,
    /// The MAC address as the device reports it. If the address is blank or cannot be read, no entry of the rule book
    /// matches it.
    pub mac_address: Reported<MacAddress>,
    /// The serial number as the device reports it. If the number is blank or cannot be read, no entry of the rule
    /// book matches it.
    pub serial_number: Reported<SerialNumber>,
}

/// A MAC address: the six bytes that identify a network interface.
///
/// A text may have `-`, `:` or `.` between the digits, and digits in upper or lower case. An address is
/// written as twelve digits in upper case, as in OCS's audit log.
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
    /// Creates an address from its bytes. The first three identify the vendor.
    pub const fn new(octets: [u8; 6]) -> Self {
        Self(octets)
    }

    /// Returns the bytes. The first three identify the vendor.
    #[inline]
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }
}

impl FromStr for MacAddress {
    type Err = ParseError;

    /// Reads twelve hexadecimal digits, in upper or lower case. `-`, `:` and `.` are ignored.
    ///
    /// # Errors
    /// Returns an error if there are more or fewer digits, or another character.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut octets = [0_u8; 6];
        let mut digits = 0;
        for (at, found) in text.char_indices().filter(|(_, c)| !matches!(c, '-' | ':' | '.')) {
            let Some(value) = found.to_digit(16).and_then(|v| u8::try_from(v).ok()) else {
                return Err(ParseError::character("MAC address", found, "hexadecimal digits").at_byte(at));
            };
            if let Some(octet) = octets.get_mut(digits / 2) {
                *octet = *octet << 4 | value;
            }
            digits += 1;
        }
        if digits != 12 {
            return Err(ParseError::count("MAC address", digits, "hexadecimal digit", Expected::Text("12")));
        }
        Ok(Self(octets))
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 12];
        for (pair, octet) in text.chunks_exact_mut(2).zip(self.0) {
            pair.copy_from_slice(
                &[octet >> 4, octet & 15].map(|digit| b"0123456789ABCDEF"[usize::from(digit)]),
            );
        }
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MacAddress({self})")
    }
}

label!(
    /// The serial number that the maker printed on a device.
    device::SerialNumber, "serial number", "C185H001209"
);

crate::value::stored_text::stored_as_text!(MacAddress);

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
        assert_eq!(
            refused("0021630F207G"),
            "MAC address contains 'G' at byte 11, expected hexadecimal digits"
        );
    }

    #[test]
    fn a_blank_serial_number_is_none() {
        assert_eq!("  ".parse::<SerialNumber>().unwrap_err().to_string(), "serial number is blank");
        assert!(Reported::<SerialNumber>::new(" ").read().is_none());
    }
}
