//! The identity of a device.

use crate::device::device::{MacAddress, SerialNumber};
use crate::value::Reported;
use std::fmt;

/// The identity of a device: its MAC address, or its serial number if it reports no address.
///
/// ```
/// use ucupdate_core::device::DeviceId;
/// use ucupdate_core::value::Reported;
/// let of = |mac: &str, serial: &str| DeviceId::of(&Reported::new(mac), &Reported::new(serial));
/// assert_eq!(of("00-21-63-0f-20-7b", "C185H001209"), of("0021630F207B", ""));
/// assert_eq!(of(" ", "C185H001209").unwrap().to_string(), "C185H001209");
/// assert_eq!(of("", ""), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[allow(clippy::exhaustive_enums, reason = "a device has these two marks")]
pub enum DeviceId {
    /// The MAC address. It is the identity of a device that reports both marks.
    Mac(MacAddress),
    /// The serial number. Case of ASCII letters does not matter.
    Serial(SerialNumber),
}

impl DeviceId {
    /// Returns the identity of a device that reports this address and this number. `None` if neither can be read.
    pub fn of(mac_address: &Reported<MacAddress>, serial_number: &Reported<SerialNumber>) -> Option<Self> {
        let mac = mac_address.read().map(|mac| Self::Mac(*mac));
        mac.or_else(|| serial_number.read().cloned().map(Self::Serial))
    }
}

impl fmt::Display for DeviceId {
    /// Writes the address or the number. With `{:#}` also writes which of the two it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            f.write_str(if matches!(self, Self::Mac(_)) { "MAC address " } else { "serial number " })?;
        }
        match self {
            Self::Mac(mac) => f.pad(&mac.to_string()),
            Self::Serial(serial) => serial.fmt(f),
        }
    }
}
