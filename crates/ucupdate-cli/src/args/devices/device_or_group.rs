//! One device or a group, on the command line and in results.

use crate::failure::Failure;
use ucupdate::book::{Audience, GroupName};
use ucupdate::device::{DeviceId, MacAddress, SerialNumber};

pub(crate) use ucupdate_admin::report::with_device_or_group;

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct DeviceOrGroupArgs {
    /// The device with this MAC address, such as 00-21-63-0F-20-7B or 0021630F207B
    #[arg(long)]
    mac: Option<MacAddress>,
    /// The device with this serial number
    #[arg(long)]
    serial: Option<SerialNumber>,
    /// The devices of this group
    #[arg(long)]
    pub(crate) group: Option<GroupName>,
}

impl DeviceOrGroupArgs {
    pub(crate) fn device(&self) -> Option<DeviceId> {
        device(self.mac, self.serial.clone())
    }

    /// Returns the audience: the device or the group. Fails when neither a device nor a group is given.
    pub(crate) fn audience(self) -> Result<Audience, Failure> {
        let device = self.device().map(Audience::Device);
        device.or(self.group.map(Audience::Group)).ok_or_else(nobody)
    }
}

/// Returns the device with this MAC address or serial number. `None` if neither is given.
pub(crate) fn device(mac: Option<MacAddress>, serial: Option<SerialNumber>) -> Option<DeviceId> {
    mac.map(DeviceId::Mac).or(serial.map(DeviceId::Serial))
}

/// Returns the failure for a call with neither a device nor a group. The command line normally
/// refuses this earlier.
pub(crate) fn nobody() -> Failure {
    Failure::usage("expected one of --mac, --serial and --group")
}
