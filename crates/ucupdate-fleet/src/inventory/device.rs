//! [`InventoryDevice`]: one device, as of its last request.

use ucupdate_audit::ServerName;
use ucupdate_core::device::{DeviceId, ReportedKind, SerialNumber};
use ucupdate_core::request::InstalledModule;
use ucupdate_core::value::{FieldTime, Reported, UnixTime};
use ucupdate_core::{Device, MacAddress, ReportedVersion, UpdateRequest};

/// One device, as of its last request. The default reported nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct InventoryDevice {
    /// Each of its words is empty if the device did not report it.
    pub kind: ReportedKind,
    /// The text as reported, and the address if the text is one.
    pub mac_address: Reported<MacAddress>,
    /// The text as reported, and the serial number if the text is one.
    pub serial_number: Reported<SerialNumber>,
    /// The user who signed in last. Empty if no user was signed in.
    pub user_name: Box<str>,
    /// The IP address or host name of the device, as the server saw it.
    pub user_host: Box<str>,
    /// The clock of the device at its last request.
    pub request_date_time: Reported<FieldTime>,
    /// The server that answered the last request. `None` if the log does not name its server.
    pub server: Option<ServerName>,
    /// The time of the first request, by the clock of the server.
    pub first_asked: UnixTime,
    /// The time of the last request, by the clock of the server.
    pub last_asked: UnixTime,
    /// The number of requests.
    pub asks: u64,
    /// The modules of the device, sorted by file name without ASCII case.
    pub modules: Vec<InventoryModule>,
}

/// One module of a device, as of the last request that named it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InventoryModule {
    /// The module as the device reported it.
    pub installed: InstalledModule,
    /// The version that the server offered. `None` if it offered nothing.
    pub offered: Option<ReportedVersion>,
    /// The time of the request.
    pub asked: UnixTime,
}

/// The earlier version of a module, and the offers that it did not install. It is found from rows in order of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModuleHistory {
    /// The version before the installed one. `None` if the module never changed.
    pub previous: Option<ReportedVersion>,
    /// `true` if the module came back to a version that it had left.
    pub has_returned: bool,
    /// The number of requests in a row in which the device had its present version and got the present offer. A request less than
    /// an hour after the last counted one does not count. At most 255.
    pub tries: u32,
}

impl InventoryModule {
    /// Returns a module as of a request.
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
