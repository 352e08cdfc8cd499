//! Test devices: the devices that get a pending version before it is approved.

use crate::device::DeviceId;
use crate::value::label::label;

label!(
    /// The name of a test device, which is unique among the test devices of a rule book.
    book::TestDeviceName, "test device name", "lobby"
);

/// A device that is offered pending versions before they are approved.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TestDevice {
    /// The name, which is unique among the test devices of the rule book.
    pub name: TestDeviceName,
    /// The MAC address or serial number of the device.
    pub id: DeviceId,
}
