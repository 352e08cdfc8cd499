//! [`Inventory`]: every device that asked, as of its last request.

use crate::pairing::{installed, offers};
use crate::schemes::scheme_of;
use std::collections::BTreeMap;
use ucupdate_audit::{LoggedRow, ServerName};
use ucupdate_core::decide::EligibilityIndex;
use ucupdate_core::device::{DeviceId, ReportedKind, SerialNumber};
use ucupdate_core::request::{InstalledModule, is_simulated};
use ucupdate_core::value::{FieldTime, Reported, UnixTime};
use ucupdate_core::version::VersionScheme;
use ucupdate_core::{Device, MacAddress, ReportedVersion, UpdateRequest};

/// The maximum number of modules that are remembered of one device. Further modules are ignored.
pub const MAX_DEVICE_MODULES: usize = 64;

/// Every device that asked, as of its last request.
///
/// Rows may be added in any order. For each device, and for each of its modules, the latest row counts. A device is
/// identified by its MAC address. If it reports none, it is identified by its serial number. Rows that report neither are
/// only counted ([`unidentified`](Self::unidentified)).
///
/// ```
/// use ucupdate_audit::{AuditReader, LoggedRow};
/// use ucupdate_fleet::inventory::Inventory;
/// let log = "Logging DateTime,Mac Address,Vendor,Model,Requested\n\
///     03-06-2009 17:10:39,0021630F207B,LG-Nortel,IP8540,cpe.nbt;1.0.522.34;\n\
///     03-06-2009 17:18:54,0021630F207B,LG-Nortel,IP8540,cpe.nbt;1.0.522.103;\n";
/// let mut fleet = Inventory::default();
/// for row in AuditReader::new(log.as_bytes()) {
///     fleet.take_in(&LoggedRow::new(row.unwrap(), None));
/// }
/// let phone = fleet.devices().next().unwrap().1;
/// assert_eq!(phone.modules[0].installed.version.as_str(), "1.0.522.103");
/// assert_eq!(fleet.versions()[0].devices, 1);
/// ```
#[derive(Clone, Debug)]
pub struct Inventory {
    devices: BTreeMap<DeviceId, InventoryDevice>,
    most: usize,
    skipped: u64,
    unidentified: u64,
    simulated: u64,
}

/// One device, as of its last request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InventoryDevice {
    /// Each of its words is empty if the device did not report it.
    pub kind: ReportedKind,
    /// The text as reported, and the address if the text is one.
    pub mac_address: Reported<MacAddress>,
    /// The text as reported, and the serial number if the text is one.
    pub serial_number: Reported<SerialNumber>,
    /// The user who signed in last. Empty if nobody was signed in.
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
    /// Sorted by file name, ignoring ASCII case.
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

/// The number of devices that have a version of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VersionCount {
    /// The vendor of the devices, as the first of them reported it.
    pub vendor: Box<str>,
    /// The model of the devices, as the first of them reported it.
    pub model: Box<str>,
    /// The file name of the module, such as `cpe.nbt`.
    pub file_name: Box<str>,
    /// The version, as one of the devices reported it.
    pub version: ReportedVersion,
    /// The number of devices.
    pub devices: u64,
}

impl Default for Inventory {
    fn default() -> Self {
        Self { devices: BTreeMap::new(), most: 1_000_000, skipped: 0, unidentified: 0, simulated: 0 }
    }
}

impl Inventory {
    /// Sets the maximum number of devices. The default is 1,000,000.
    #[must_use]
    pub fn with_room(mut self, most: usize) -> Self {
        self.most = most;
        self
    }

    /// Adds one row. A [simulated](ucupdate_core::request::is_simulated) request is only counted.
    pub fn take_in(&mut self, logged: &LoggedRow) {
        let row = &logged.row;
        if is_simulated(&row.user_name) {
            self.simulated += 1;
            return;
        }
        let Some(identity) = DeviceId::of(&row.mac_address, &row.serial_number) else {
            self.unidentified += 1;
            return;
        };
        if self.devices.len() >= self.most && !self.devices.contains_key(&identity) {
            self.skipped += 1;
            return;
        }
        let device = self.devices.entry(identity).or_insert_with(|| InventoryDevice::new(logged));
        device.take_in(logged);
    }

    /// Returns the devices, sorted by MAC address and then by serial number.
    pub fn devices(&self) -> impl ExactSizeIterator<Item = (&DeviceId, &InventoryDevice)> {
        self.devices.iter()
    }

    /// Returns the number of rows that were skipped because there was no room for another device.
    pub fn skipped_rows(&self) -> u64 {
        self.skipped
    }

    /// Returns the number of rows of simulated requests. They are left out.
    pub fn simulated(&self) -> u64 {
        self.simulated
    }

    /// Returns the number of rows that name no device: they report neither a MAC address nor a serial number.
    pub fn unidentified(&self) -> u64 {
        self.unidentified
    }

    /// Counts the devices of each version, by vendor, model and module. Older versions come first.
    ///
    /// Versions of the same release in .NET's order are counted together.
    pub fn versions(&self) -> Vec<VersionCount> {
        self.versions_in(&EligibilityIndex::default())
    }

    /// Counts the devices of each version as [`versions`](Self::versions) does, and reads versions in the schemes of the rules
    /// of a rule book.
    pub fn versions_in(&self, index: &EligibilityIndex) -> Vec<VersionCount> {
        let mut counts: BTreeMap<_, VersionCount> = BTreeMap::new();
        for device in self.devices.values() {
            let kind = device.kind.read().ok();
            for module in &device.modules {
                let InstalledModule { file_name, version, .. } = &module.installed;
                let scheme = kind.as_ref().and_then(|kind| scheme_of(index, kind, file_name));
                let key = (
                    [&device.kind.vendor, &device.kind.model, file_name]
                        .map(|word| word.to_ascii_lowercase()),
                    release(scheme.unwrap_or(&VersionScheme::Dotnet), version),
                );
                let count = counts.entry(key).or_insert_with(|| VersionCount {
                    vendor: device.kind.vendor.clone(),
                    model: device.kind.model.clone(),
                    file_name: file_name.clone(),
                    version: version.clone(),
                    devices: 0,
                });
                count.devices += 1;
            }
        }
        counts.into_values().collect()
    }
}

/// Returns a sort key that is equal for versions of the same release. Versions that can be read come before the others.
fn release(scheme: &VersionScheme, version: &ReportedVersion) -> Result<([u32; 8], String), Box<str>> {
    match scheme.release_of(version) {
        Some((numbers, prefix)) => Ok((numbers, prefix.to_ascii_lowercase())),
        None => Err(version.as_str().into()),
    }
}

impl InventoryDevice {
    /// Returns the device that one row describes.
    pub fn of(logged: &LoggedRow) -> Self {
        let mut device = Self::new(logged);
        device.take_in(logged);
        device
    }

    fn new(logged: &LoggedRow) -> Self {
        let row = &logged.row;
        Self {
            kind: row.kind.clone(),
            mac_address: row.mac_address.clone(),
            serial_number: row.serial_number.clone(),
            user_name: row.user_name.clone(),
            user_host: row.user_host.clone(),
            request_date_time: row.request_date_time.clone(),
            server: logged.server.clone(),
            first_asked: row.logged_at,
            last_asked: row.logged_at,
            asks: 0,
            modules: Vec::new(),
        }
    }

    fn take_in(&mut self, logged: &LoggedRow) {
        let at = logged.row.logged_at;
        let before = (self.first_asked, self.asks);
        if at >= self.last_asked {
            *self = Self { modules: std::mem::take(&mut self.modules), ..Self::new(logged) };
        }
        self.first_asked = before.0.min(at);
        self.asks = before.1 + 1;
        let offers = offers(&logged.row.requested, &logged.row.offered);
        for (cell, offer) in logged.row.requested.iter().zip(offers) {
            let offered = offer.map(|offer| offer.version.clone());
            self.take_in_module(InventoryModule { installed: installed(cell), offered, asked: at });
        }
    }

    fn take_in_module(&mut self, module: InventoryModule) {
        let folded = |module: &InventoryModule| module.installed.file_name.to_ascii_lowercase();
        match self.modules.binary_search_by_key(&folded(&module), folded) {
            Ok(known) if self.modules[known].asked > module.asked => {}
            Ok(known) => self.modules[known] = module,
            Err(_) if self.modules.len() >= MAX_DEVICE_MODULES => {}
            Err(place) => self.modules.insert(place, module),
        }
    }

    /// Returns the request that this device would send now. `None` if its words cannot be part of a request.
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
