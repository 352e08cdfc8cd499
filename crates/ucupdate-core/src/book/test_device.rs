//! Test devices: those that get a pending version before everybody does.

use crate::device::DeviceId;
use crate::value::label::label;

label!(
    /// The name of a test device.
    book::TestDeviceName, "test device name", "lobby"
);

/// A device that is offered pending versions before they are approved.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TestDevice {
    /// Its friendly name.
    pub name: TestDeviceName,
    /// The MAC address or serial number of the device.
    pub id: DeviceId,
}
