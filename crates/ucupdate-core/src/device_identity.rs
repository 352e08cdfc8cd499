//! By what a device is known again.

use crate::{MacAddress, Said, SerialNumber};
use std::fmt;

/// What tells one device from another: its MAC address, or its serial number where it says no address.
///
/// ```
/// use ucupdate_core::{DeviceIdentity, Said};
/// let of = |mac: &str, serial: &str| DeviceIdentity::of(&Said::new(mac), &Said::new(serial));
/// assert_eq!(of("00-21-63-0f-20-7b", "C185H001209"), of("0021630F207B", ""));
/// assert_eq!(of(" ", "C185H001209").unwrap().to_string(), "C185H001209");
/// assert_eq!(of("", ""), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[allow(clippy::exhaustive_enums, reason = "a device has these two marks")]
pub enum DeviceIdentity {
    /// Its MAC address.
    Mac(MacAddress),
    /// Its serial number.
    Serial(SerialNumber),
}

impl DeviceIdentity {
    /// The identity of a device that says this of itself; none where neither can be read.
    pub fn of(mac_address: &Said<MacAddress>, serial_number: &Said<SerialNumber>) -> Option<Self> {
        let mac = mac_address.read().map(|mac| Self::Mac(*mac));
        mac.or_else(|| serial_number.read().cloned().map(Self::Serial))
    }
}

impl fmt::Display for DeviceIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mac(mac) => f.pad(&mac.to_string()),
            Self::Serial(serial) => serial.fmt(f),
        }
    }
}
