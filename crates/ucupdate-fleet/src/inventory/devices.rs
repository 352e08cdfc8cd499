//! The devices there are, by what audit logs tell of them.

use crate::pairing::{installed, offers};
use std::collections::BTreeMap;
use ucupdate_audit::{LoggedRow, ServerName};
use ucupdate_core::device::{DeviceId, ReportedKind, SerialNumber};
use ucupdate_core::request::InstalledModule;
use ucupdate_core::value::{FieldTime, Reported, UnixTime};
use ucupdate_core::{Device, MacAddress, ReportedVersion, UpdateRequest};

/// The most modules of one device that are remembered; further ones are passed over.
pub const MAX_DEVICE_MODULES: usize = 64;

/// Every device that asked, as it was when it asked last.
///
/// Rows are taken in in any order; of each device, and of each of its modules, the latest counts. A device is known by its
/// MAC address, or else by its serial number; a row that says neither is counted.
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
    left_out: u64,
    unidentified: u64,
}

/// One device, as it was when it asked last.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InventoryDevice {
    /// Its kind; each word is empty where the device reported none.
    pub kind: ReportedKind,
    /// Its MAC address.
    pub mac_address: Reported<MacAddress>,
    /// Its serial number.
    pub serial_number: Reported<SerialNumber>,
    /// The user who had signed in last; empty when nobody had.
    pub user_name: Box<str>,
    /// Its address as the server saw it.
    pub user_host: Box<str>,
    /// Its own clock, when it asked last.
    pub request_date_time: Reported<FieldTime>,
    /// The server it asked last, where that is known.
    pub server: Option<ServerName>,
    /// When it asked first.
    pub first_asked: UnixTime,
    /// When it asked last.
    pub last_asked: UnixTime,
    /// How often it asked.
    pub asks: u64,
    /// Its modules, by file name without ASCII case.
    pub modules: Vec<InventoryModule>,
}

/// One module of a device, as it was when the device last asked about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InventoryModule {
    /// What is installed.
    pub installed: InstalledModule,
    /// What was offered for it, if anything.
    pub offered: Option<ReportedVersion>,
    /// When that was.
    pub asked: UnixTime,
}

/// How many devices have a version.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VersionCount {
    /// Who made them.
    pub vendor: Box<str>,
    /// Their model.
    pub model: Box<str>,
    /// The file name of the module.
    pub file_name: Box<str>,
    /// The version, as one of them says it.
    pub version: ReportedVersion,
    /// How many.
    pub devices: u64,
}

impl Default for Inventory {
    fn default() -> Self {
        Self { devices: BTreeMap::new(), most: 1_000_000, left_out: 0, unidentified: 0 }
    }
}

impl Inventory {
    /// The same with room for so many devices instead of a million.
    #[must_use]
    pub fn with_room(mut self, most: usize) -> Self {
        self.most = most;
        self
    }

    /// Takes in what one row tells.
    pub fn take_in(&mut self, logged: &LoggedRow) {
        let row = &logged.row;
        let Some(identity) = DeviceId::of(&row.mac_address, &row.serial_number) else {
            self.unidentified += 1;
            return;
        };
        if self.devices.len() >= self.most && !self.devices.contains_key(&identity) {
            self.left_out += 1;
            return;
        }
        let device = self.devices.entry(identity).or_insert_with(|| InventoryDevice::new(logged));
        device.take_in(logged);
    }

    /// The devices, by MAC address and then by serial number.
    pub fn devices(&self) -> impl ExactSizeIterator<Item = (&DeviceId, &InventoryDevice)> {
        self.devices.iter()
    }

    /// How many rows were passed over because there was no room for another device.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// How many rows named no device, since they say neither MAC address nor serial number.
    pub fn unidentified(&self) -> u64 {
        self.unidentified
    }

    /// How many devices have which version: by vendor, model and module, older versions first. Versions of one release are
    /// counted together.
    pub fn versions(&self) -> Vec<VersionCount> {
        let mut counts: BTreeMap<_, VersionCount> = BTreeMap::new();
        for device in self.devices.values() {
            for module in &device.modules {
                let InstalledModule { file_name, version, .. } = &module.installed;
                let key = (
                    [&device.kind.vendor, &device.kind.model, file_name]
                        .map(|word| word.to_ascii_lowercase()),
                    release(version),
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

/// What versions of one release have in common: those that can be read before those that cannot.
fn release(version: &ReportedVersion) -> Result<[u32; 4], Box<str>> {
    let Some(readable) = version.readable() else { return Err(version.as_str().into()) };
    let mut parts = [0; 4];
    parts.iter_mut().zip(readable.parts()).for_each(|(part, given)| *part = given);
    Ok(parts)
}

impl InventoryDevice {
    /// A device as one row tells of it.
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

    /// What it would ask now: for deciding what it would be answered. `None` where its words could be no request's.
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
