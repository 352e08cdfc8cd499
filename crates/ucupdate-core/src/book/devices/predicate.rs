//! Parts of a predicate: prefixes of MAC addresses, ranges of serial numbers, user domains and networks.

use crate::device::{MacAddress, SerialNumber};
use crate::value::label::{folded, label};
use crate::value::parse_error::{Expected, ParseError, ParseErrorKind};
use crate::value::stored_text::stored_as_text;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// The first 1 to 12 hexadecimal digits of a MAC address. `-`, `:` and `.` are ignored.
///
/// ```
/// use ucupdate_core::book::MacPrefix;
/// let prefix: MacPrefix = "00:21:63".parse().unwrap();
/// assert!(prefix.holds("0021630F207B".parse().unwrap()));
/// assert!(!prefix.holds("0021640F207B".parse().unwrap()));
/// assert!("".parse::<MacPrefix>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacPrefix {
    /// The digits of the prefix, followed by zeros: a number of 48 bits.
    value: u64,
    digits: u32,
}

impl MacPrefix {
    /// Returns whether an address begins with this prefix.
    pub fn holds(&self, mac: MacAddress) -> bool {
        let [a, b, c, d, e, f] = mac.octets();
        let address = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        (address ^ self.value) >> (4 * (12 - self.digits)) == 0
    }
}

const MAC_PREFIX: &str = "MAC address prefix";

impl FromStr for MacPrefix {
    type Err = ParseError;

    /// Reads a prefix such as `00:21:63`.
    ///
    /// # Errors
    /// Returns an error if there is no digit or more than 12, or another character.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (mut value, mut digits) = (0_u64, 0_u32);
        for (at, found) in text.char_indices().filter(|(_, c)| !matches!(c, '-' | ':' | '.')) {
            let not_a_digit = || ParseError::character(MAC_PREFIX, found, "hexadecimal digits").at_byte(at);
            let digit = found.to_digit(16).ok_or_else(not_a_digit)?;
            digits += 1;
            if digits <= 12 {
                value = value << 4 | u64::from(digit);
            }
        }
        if !(1..=12).contains(&digits) {
            let expected = Expected::Text("1 to 12");
            return Err(ParseError::count(MAC_PREFIX, digits as usize, "hexadecimal digit", expected));
        }
        Ok(Self { value: value << (4 * (12 - digits)), digits })
    }
}

impl fmt::Display for MacPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0digits$X}", self.value >> (4 * (12 - self.digits)), digits = self.digits as usize)
    }
}

/// A range of serial numbers of one length: `C185H001000..C185H001999`. Both ends belong to the range.
///
/// A serial number of another length is outside the range, because vendors write leading zeros.
///
/// ```
/// use ucupdate_core::book::SerialRange;
/// let range: SerialRange = "C185H001000..C185H001999".parse().unwrap();
/// assert!(range.holds(&"c185h001209".parse().unwrap()));
/// assert!(!range.holds(&"C185H1209".parse().unwrap()));
/// assert!("C2..C1".parse::<SerialRange>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SerialRange {
    first: SerialNumber,
    last: SerialNumber,
}

impl SerialRange {
    /// Returns whether the range contains a serial number.
    pub fn holds(&self, serial: &SerialNumber) -> bool {
        serial.as_str().len() == self.first.as_str().len() && self.first <= *serial && *serial <= self.last
    }
}

const SERIAL_RANGE: &str = "serial number range";

impl FromStr for SerialRange {
    type Err = ParseError;

    /// Reads two serial numbers with `..` between them, or one serial number as a range of one.
    ///
    /// # Errors
    /// Returns an error if one is not a serial number, if they differ in length, or if the second is before the first.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        // Both numbers have the same length, so the separator is in the middle, even if the numbers contain dots.
        let middle = text.len().saturating_sub(2) / 2;
        let halves = text.get(..middle).zip(text.get(middle..).and_then(|rest| rest.strip_prefix("..")));
        let halves = halves.filter(|(first, last)| first.len() == last.len());
        let (first, last) = halves.or_else(|| text.split_once("..")).unwrap_or((text, text));
        let (first, last): (SerialNumber, SerialNumber) = (first.parse()?, last.parse()?);
        let lengths = (first.as_str().len(), last.as_str().len());
        if lengths.0 != lengths.1 {
            let expected = Expected::Count(lengths.0, "bytes as the first one");
            return Err(ParseError::count("last serial number", lengths.1, "byte", expected).of(SERIAL_RANGE));
        }
        if last < first {
            let expected = "a last serial number that is not before the first";
            return Err(ParseError::of_kind(SERIAL_RANGE, ParseErrorKind::OutOfOrder, expected));
        }
        Ok(Self { first, last })
    }
}

impl fmt::Display for SerialRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.first, self.last)
    }
}

label!(
    /// The domain of a user name: the text after the `@` of `ann@contoso.com`, or before the `\` of `CONTOSO\ann`.
    book::UserDomain, "user domain", "contoso.com"
);

impl UserDomain {
    /// Returns whether a user name has this domain. A blank name has no domain.
    pub fn holds(&self, user_name: &str) -> bool {
        let name = user_name.trim();
        let domain = match (name.rsplit_once('@'), name.split_once('\\')) {
            (Some((_, domain)), _) | (None, Some((domain, _))) => domain,
            (None, None) => return false,
        };
        folded(domain).eq(folded(self.as_str()))
    }
}

/// A network by its address and the length of its prefix: `10.1.0.0/16`, `2001:db8::/32`, or one address.
///
/// An IPv4 address in IPv6 form (`::ffff:10.1.2.3`) counts as the IPv4 address.
///
/// ```
/// use ucupdate_core::book::IpNetwork;
/// let network: IpNetwork = "10.1.0.0/16".parse().unwrap();
/// assert!(network.holds("10.1.1.123".parse().unwrap()));
/// assert!(network.holds("::ffff:10.1.1.123".parse().unwrap()));
/// assert!(!network.holds("10.2.0.1".parse().unwrap()));
/// assert!("10.1.0.0/33".parse::<IpNetwork>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IpNetwork(ipnet::IpNet);

impl IpNetwork {
    /// Returns whether the network contains an address.
    pub fn holds(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for IpNetwork {
    type Err = ParseError;

    /// Reads an address and a prefix length, or an address alone.
    ///
    /// # Errors
    /// Returns an error if the text is neither.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let text = text.trim();
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(address.to_canonical().into()));
        }
        text.parse::<ipnet::IpNet>().map(|network| Self(network.trunc())).map_err(|_| {
            let expected = "an address and a prefix length as in 10.1.0.0/16 or 2001:db8::/32";
            ParseError::quoting("network", ParseErrorKind::Malformed, text, expected)
        })
    }
}

impl fmt::Display for IpNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

stored_as_text!(MacPrefix);
stored_as_text!(SerialRange);
stored_as_text!(IpNetwork);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_user_is_of_the_domain_behind_the_at_or_before_the_backslash() {
        let domain: UserDomain = "demo.local".parse().unwrap();
        for name in ["ruisilva@demo.local", "DEMO.LOCAL\\rui", " rui@Demo.Local "] {
            assert!(domain.holds(name), "{name}");
        }
        for name in ["", "demo.local", "rui@sub.demo.local", "rui@demo.local.evil", "x\\demo.local"] {
            assert!(!domain.holds(name), "{name}");
        }
    }

    #[test]
    fn what_is_no_prefix_range_or_network_says_why() {
        assert_eq!(
            "".parse::<MacPrefix>().unwrap_err().to_string(),
            "MAC address prefix has 0 hexadecimal digits, expected 1 to 12"
        );
        let range = |text: &str| text.parse::<SerialRange>().unwrap_err().to_string();
        assert_eq!(
            range("A1..A10"),
            "last serial number of the serial number range has 3 bytes, expected 2 bytes as the first one"
        );
        assert_eq!(
            range("A2..A1"),
            "serial number range is out of order, expected a last serial number that is not before the first"
        );
        assert_eq!(range(".."), "serial number is blank");
        assert!("10.0.0/8".parse::<IpNetwork>().is_err());
    }

    proptest! {
        #[test]
        fn a_prefix_holds_what_begins_with_its_digits(octets: [u8; 6], other: [u8; 6], digits in 1_usize..=12) {
            let (mac, other) = (MacAddress::new(octets), MacAddress::new(other));
            let prefix: MacPrefix = mac.to_string()[..digits].parse().unwrap();
            prop_assert!(prefix.holds(mac));
            prop_assert_eq!(prefix.holds(other), mac.to_string()[..digits] == other.to_string()[..digits]);
            prop_assert_eq!(prefix.to_string().parse::<MacPrefix>().unwrap(), prefix);
        }
    }
}
