//! The identity of a device.

use crate::device::device::{MacAddress, SerialNumber};
use crate::value::Reported;
use std::fmt;

/// The identity of a device: its MAC address, or its serial number if its MAC address is blank or cannot be
/// read.
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
    /// The MAC address. It is also the identity of a device that reports both a MAC address and a serial
    /// number.
    Mac(MacAddress),
    /// The serial number of a device without a readable MAC address. ASCII case is ignored.
    Serial(SerialNumber),
}

impl DeviceId {
    /// Returns the identity of a device that reports this MAC address and this serial number. `None` if
    /// neither can be read.
    pub fn of(mac_address: &Reported<MacAddress>, serial_number: &Reported<SerialNumber>) -> Option<Self> {
        let mac = mac_address.read().map(|mac| Self::Mac(*mac));
        mac.or_else(|| serial_number.read().cloned().map(Self::Serial))
    }
}

impl fmt::Display for DeviceId {
    /// Writes the MAC address or the serial number. `{:#}` writes `MAC address` or `serial number` before
    /// it.
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
