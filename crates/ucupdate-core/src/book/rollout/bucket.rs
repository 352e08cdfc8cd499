//! The order in which devices get a release. It is a keyed, stable hash of the release and the device.
//!
//! # The function
//! - The key of a release is SipHash-2-4 with a 128-bit result, under the key `00 01 .. 0f`. Its input is
//!   the six words of the rule in lower case with a zero byte after each, and then the version. A version
//!   is its four numbers as 32-bit big-endian integers, where a missing number is zero. A version that
//!   cannot be read is its text.
//! - The position of a device is SipHash-2-4 with a 64-bit result, under the key of the release. Its input
//!   is the byte `m` and the six bytes of the MAC address. If the device has no MAC address, the input is
//!   the byte `s` and the serial number in lower case.
//! - A share of `p` hundredths of a percent contains the positions below `p * 2^64 / 10000`, rounded down.
//!
//! Therefore a device always has the same position for a release (the order is *sticky*). A larger share
//! contains the devices of a smaller share (the order is *monotone*). Each release has another order, so
//! that the first devices are not always the same. The tests below contain vectors, which are part of the
//! interface and never change.

use crate::book::rule::RuleKey;
use crate::device::{Device, MacAddress, SerialNumber};
use crate::value::MAX_LABEL_BYTES;
use crate::value::parse_error::{ParseError, ParseErrorKind};
use crate::version::ReportedVersion;
use siphasher::sip::SipHasher24;
use siphasher::sip128::{Hasher128, SipHasher24 as SipHasher24Wide};
use std::fmt;
use std::hash::Hasher;
use std::str::FromStr;

/// The key of one release of one rule. The position of each device is computed from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReleaseKey([u8; 16]);

impl ReleaseKey {
    /// Returns the key of `version` for `rule`. Two spellings of the same rule, or of the same readable
    /// version, give the same key.
    pub fn of(rule: &RuleKey, version: &ReportedVersion) -> Self {
        let mut hasher =
            SipHasher24Wide::new_with_key(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        for word in rule.words() {
            hasher.write(word.to_ascii_lowercase().as_bytes());
            hasher.write(&[0]);
        }
        match version.readable() {
            Some(version) => version.padded().iter().for_each(|part| hasher.write(&part.to_be_bytes())),
            None => hasher.write(version.as_str().as_bytes()),
        }
        Self(hasher.finish128().as_bytes())
    }

    /// Returns the position of a device among all devices for this release. Returns `None` for a device without MAC address
    /// and serial number. Such a device belongs only to the share of all devices.
    #[inline]
    pub fn position_of(&self, device: &Device) -> Option<RolloutPosition> {
        match (device.mac_address.read(), device.serial_number.read()) {
            (Some(mac), _) => Some(self.position_of_mac(*mac)),
            (None, Some(serial)) => Some(self.position_of_serial(serial)),
            (None, None) => None,
        }
    }

    #[inline]
    fn position_of_mac(&self, mac: MacAddress) -> RolloutPosition {
        let [a, b, c, d, e, f] = mac.octets();
        let mut hasher = SipHasher24::new_with_key(&self.0);
        hasher.write(&[b'm', a, b, c, d, e, f]);
        RolloutPosition(hasher.finish())
    }

    fn position_of_serial(&self, serial: &SerialNumber) -> RolloutPosition {
        let mut buffer = [0; MAX_LABEL_BYTES + 1];
        buffer[0] = b's';
        let text = serial.as_str().as_bytes();
        let end = 1 + text.len();
        buffer[1..end].copy_from_slice(text);
        buffer[1..end].make_ascii_lowercase();
        let mut hasher = SipHasher24::new_with_key(&self.0);
        hasher.write(&buffer[..end]);
        RolloutPosition(hasher.finish())
    }
}

/// The position of a device among all devices for one release. Positions are spread evenly over 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RolloutPosition(u64);

impl RolloutPosition {
    /// Returns the position as a 64-bit number.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// Returns whether the position is before `bound`.
    #[inline]
    pub(crate) fn is_before(self, bound: u64) -> bool {
        self.0 < bound
    }

    /// Returns whether a share contains the position.
    #[inline]
    pub fn is_within(self, share: Percent) -> bool {
        share.bound().is_none_or(|bound| self.0 < bound)
    }

    /// Returns the smallest share that contains the position.
    pub fn first_share(self) -> Percent {
        let share = ((u128::from(self.0) * 10_000) >> 64) + 1;
        Percent(u16::try_from(share).unwrap_or(10_000))
    }
}

/// A share of all devices, in hundredths of a percent: 0 to 100.00.
///
/// ```
/// use ucupdate_core::book::Percent;
/// let share: Percent = "12.5%".parse().unwrap();
/// assert_eq!(share.hundredths(), 1250);
/// assert_eq!(share.to_string(), "12.5%");
/// assert!("101".parse::<Percent>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(u16);

impl Percent {
    /// No devices.
    pub const NONE: Self = Self(0);
    /// All devices, including those without MAC address and serial number.
    pub const ALL: Self = Self(10_000);

    /// Creates a share from hundredths of a percent. `None` above 10000.
    pub const fn from_hundredths(hundredths: u16) -> Option<Self> {
        if hundredths <= 10_000 { Some(Self(hundredths)) } else { None }
    }

    /// Returns the share in hundredths of a percent.
    pub const fn hundredths(self) -> u16 {
        self.0
    }

    /// Returns the first position outside the share. `None` if the share contains all positions.
    #[inline]
    pub(crate) fn bound(self) -> Option<u64> {
        u64::try_from((u128::from(self.0) << 64) / 10_000).ok()
    }
}

impl FromStr for Percent {
    type Err = ParseError;

    /// Reads `10`, `10%` or `12.25%`: at most two digits after the point.
    ///
    /// # Errors
    /// Returns an error if the text is another number or above 100.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let number = text.trim();
        let number = number.strip_suffix('%').unwrap_or(number).trim_end();
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > 2 {
            let expected = "a number with at most two digits after the point";
            return Err(ParseError::quoting("percentage", ParseErrorKind::Malformed, text, expected));
        }
        let out_of_range = || ParseError::of_kind("percentage", ParseErrorKind::OutOfRange, "0 to 100");
        let scale = if part.len() == 1 { 10 } else { 1 };
        let whole: u32 = whole.parse().map_err(|_| out_of_range())?;
        let part: u32 = part.parse().map_err(|_| out_of_range())?;
        let hundredths = whole.saturating_mul(100).saturating_add(part * scale);
        u16::try_from(hundredths).ok().and_then(Self::from_hundredths).ok_or_else(out_of_range)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 100, self.0 % 100);
        match (part, part % 10) {
            (0, _) => write!(f, "{whole}%"),
            (_, 0) => write!(f, "{whole}.{}%", part / 10),
            _ => write!(f, "{whole}.{part:02}%"),
        }
    }
}

crate::value::stored_text::stored_as_text!(Percent);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Reported;
    use proptest::prelude::*;

    fn key(rule: &str, version: &str) -> ReleaseKey {
        ReleaseKey::of(&rule.parse().unwrap(), &ReportedVersion::new(version))
    }

    fn device(mac: &str, serial: &str) -> Device {
        Device {
            kind: "UCPhone/Polycom/CX700/A/ENU".parse().unwrap(),
            mac_address: Reported::new(mac),
            serial_number: Reported::new(serial),
        }
    }

    const PHONE: &str = "UCPhone/Polycom/CX700/A/ENU/CPE";

    #[test]
    fn the_published_vectors_hold() {
        let vectors = [
            ("UCPhone/Polycom/CX700/A/ENU/CPE", "3.5.6907.9", "00-04-F2-00-00-01", "", "5732249ee0062d6d"),
            ("UCPhone/Polycom/CX700/A/ENU/CPE", "3.5.6907.9", "00-04-F2-00-00-02", "", "3d6b532515514621"),
            ("UCPhone/Polycom/CX700/A/ENU/CPE", "4.0.7577", "00-04-F2-00-00-01", "", "9e3bb09994aa2a7c"),
            (
                "UCPhone/LG-Nortel/IP8540/A/ENU/CPE",
                "3.5.6907.0",
                "0021630F207B",
                "C185H001209",
                "2feeeeeb092b8c65",
            ),
            ("UCPhone/LG-Nortel/IP8540/A/ENU/CPE", "3.5.6907.0", "", "C185H001209", "13888f055b170d13"),
            ("UCPhone/LG-Nortel/IP8540/A/ENU/CPE", "4.1.0.82b", "", "C185H001210", "43caeaef5a79dfbf"),
        ];
        for (rule, version, mac, serial, position) in vectors {
            let found = key(rule, version).position_of(&device(mac, serial)).unwrap();
            assert_eq!(format!("{:016x}", found.as_u64()), position, "{rule} {version} {mac:?} {serial:?}");
        }
    }

    #[test]
    fn spellings_have_one_place_and_who_names_nothing_has_none() {
        let position = |rule: &str, version: &str, mac: &str, serial: &str| {
            key(rule, version).position_of(&device(mac, serial))
        };
        let one = position(PHONE, "4.0", "00-21-63-0f-20-7b", "");
        assert_eq!(one, position(&PHONE.to_lowercase(), "4.0.0.0", "0021630F207B", "C1"));
        assert_eq!(position(PHONE, "4.0", "", "c185H"), position(PHONE, "4.0", " ", "C185h"));
        assert_eq!(position(PHONE, "4.0", "", " "), None);
        assert_ne!(one, position(PHONE, "4.1", "00-21-63-0f-20-7b", ""));
    }

    /// Returns Pearson's statistic of `counts`. All cells have the same expected count.
    fn chi_squared(counts: &[u32]) -> f64 {
        let expected = f64::from(counts.iter().sum::<u32>()) / counts.len() as f64;
        counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum()
    }

    /// The value that Pearson's statistic stays below in 99.9 % of all cases, for 99 degrees of freedom.
    const MOST_FOR_100_CELLS: f64 = 148.2;

    fn cell(position: RolloutPosition) -> usize {
        usize::try_from((u128::from(position.as_u64()) * 100) >> 64).unwrap()
    }

    #[test]
    #[cfg_attr(miri, ignore = "counts the positions of 100 000 devices, too many for Miri")]
    fn places_are_uniform_on_consecutive_addresses_and_serial_numbers() {
        for version in ["3.5.6907.0", "4.0.7577.0", "odd"] {
            let key = key(PHONE, version);
            let (mut macs, mut serials) = ([0; 100], [0; 100]);
            for number in 0..100_000_u32 {
                let [_, a, b, c] = number.to_be_bytes();
                macs[cell(key.position_of_mac(MacAddress::new([0, 0x21, 0x63, a, b, c])))] += 1;
                let serial = format!("C185H{number:06}").parse().unwrap();
                serials[cell(key.position_of_serial(&serial))] += 1;
            }
            assert!(chi_squared(&macs) < MOST_FOR_100_CELLS, "{version}: {}", chi_squared(&macs));
            assert!(chi_squared(&serials) < MOST_FOR_100_CELLS, "{version}: {}", chi_squared(&serials));
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "counts the positions of 100 000 devices, too many for Miri")]
    fn places_of_two_releases_are_uncorrelated() {
        let (one, two) = (key(PHONE, "3.5.6907.0"), key(PHONE, "3.5.6907.1"));
        let mut pairs = [0; 100];
        for number in 0..100_000_u32 {
            let [_, a, b, c] = number.to_be_bytes();
            let mac = MacAddress::new([0, 0x21, 0x63, a, b, c]);
            pairs[cell(one.position_of_mac(mac)) / 10 * 10 + cell(two.position_of_mac(mac)) / 10] += 1;
        }
        assert!(chi_squared(&pairs) < MOST_FOR_100_CELLS, "{}", chi_squared(&pairs));
    }

    #[test]
    fn a_share_reads_and_shows_itself() {
        for (text, shown) in
            [("0", "0%"), ("100", "100%"), ("12.5", "12.5%"), ("0.01%", "0.01%"), ("7 %", "7%")]
        {
            assert_eq!(text.parse::<Percent>().unwrap().to_string(), shown);
        }
        for wrong in ["", "%", "-1", "1.234", ".5", "1.", "100.01", "99999999999"] {
            assert!(wrong.parse::<Percent>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_larger_share_holds_whatever_a_smaller_one_does(position: u64, a in 0_u16..=10_000, b in 0_u16..=10_000) {
            let position = RolloutPosition(position);
            let (small, large) = (Percent(a.min(b)), Percent(a.max(b)));
            prop_assert!(!position.is_within(small) || position.is_within(large));
            prop_assert!(position.is_within(Percent::ALL) && !position.is_within(Percent::NONE));
        }

        #[test]
        fn the_first_share_is_the_first(position: u64) {
            let position = RolloutPosition(position);
            let first = position.first_share();
            prop_assert!(position.is_within(first));
            prop_assert!(!position.is_within(Percent(first.0 - 1)));
        }
    }
}
