//! [`InventoryDevice`]: one device, with the facts of its last request.

use ucupdate_audit::ServerName;
use ucupdate_core::device::{DeviceId, ReportedKind, SerialNumber};
use ucupdate_core::request::InstalledModule;
use ucupdate_core::value::{FieldTime, Reported, UnixTime};
use ucupdate_core::{Device, MacAddress, ReportedVersion, UpdateRequest};

/// One device, with the facts of its last request. The default value has no facts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct InventoryDevice {
    /// The device kind as reported. A word is empty if the device did not report it.
    pub kind: ReportedKind,
    /// The MAC address: the text as reported, and the parsed address if the text is valid.
    pub mac_address: Reported<MacAddress>,
    /// The serial number: the text as reported, and the parsed serial number if the text is valid.
    pub serial_number: Reported<SerialNumber>,
    /// The user who signed in last. Empty if no user was signed in.
    pub user_name: Box<str>,
    /// The IP address or host name of the device, as the server saw it.
    pub user_host: Box<str>,
    /// The time of the last request, by the clock of the device.
    pub request_date_time: Reported<FieldTime>,
    /// The server that answered the last request. `None` if the log does not name its server.
    pub server: Option<ServerName>,
    /// The time of the first request, by the clock of the server.
    pub first_asked: UnixTime,
    /// The time of the last request, by the clock of the server.
    pub last_asked: UnixTime,
    /// The number of requests of the device in the logs.
    pub asks: u64,
    /// The modules of the device, sorted by file name without ASCII case.
    pub modules: Vec<InventoryModule>,
}

/// One module of a device, with the facts of the last request that named the module.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InventoryModule {
    /// The module as the device reported it.
    pub installed: InstalledModule,
    /// The version that the server offered for the module. `None` if it offered none.
    pub offered: Option<ReportedVersion>,
    /// The time of the request, by the clock of the server.
    pub asked: UnixTime,
}

/// The earlier version of a module, and the number of offers that the device did not install. Both are exact only
/// if the rows were added to the inventory in order of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModuleHistory {
    /// The version that the module had before the installed one. `None` if no change of the version
    /// is known.
    pub previous: Option<ReportedVersion>,
    /// `true` if the module came back to its old version: the installed version is the one that it
    /// had before `previous`.
    pub has_returned: bool,
    /// The number of consecutive requests in which the device had its present version and got the present offer. A
    /// request is counted only if at least an hour has passed since the last counted one. At most 255. 0 if nothing
    /// is offered.
    pub tries: u32,
}

impl InventoryModule {
    /// Creates a module from the facts of a request at the time `asked`.
    pub fn new(installed: InstalledModule, offered: Option<ReportedVersion>, asked: UnixTime) -> Self {
        Self { installed, offered, asked }
    }
}

impl InventoryDevice {
    /// Returns the identity of the device. `None` if it reports neither a MAC address nor a serial number.
    pub fn identity(&self) -> Option<DeviceId> {
        DeviceId::of(&self.mac_address, &self.serial_number)
    }

    /// Returns the request that this device would send now. `None` if its device type, vendor, model, hardware revision or locale
    /// cannot be part of a request.
    pub fn request(&self) -> Option<UpdateRequest> {
        let device = Device {
            kind: self.kind.read().ok()?,
            mac_address: self.mac_address.clone(),
            serial_number: self.serial_number.clone(),
        };
        Some(UpdateRequest {
            device,
            user_name: self.user_name.clone(),
            request_date_time: self.request_date_time.clone(),
            modules: self.modules.iter().map(|module| module.installed.clone()).collect(),
        })
    }
}
