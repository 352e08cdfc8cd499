//! [`Inventory`]: every device that sent a request, with the facts of its last request.

use super::counts::{DayCount, VersionCount, VersionCounts};
use super::device::{InventoryDevice, InventoryModule, ModuleHistory};
use super::record::{CompactIndex, DeviceKey, DeviceRecord, Facts, Kinds, ModuleRecord, Texts};
use super::words::TextTable;
use crate::pairing::{installed, offers};
use foldhash::fast::RandomState;
use std::collections::{BTreeMap, HashMap};
use ucupdate_audit::LoggedRow;
use ucupdate_core::ReportedVersion;
use ucupdate_core::decide::EligibilityIndex;
use ucupdate_core::device::DeviceId;
use ucupdate_core::request::{InstalledModule, is_simulated};
use ucupdate_core::value::UnixTime;

/// The maximum number of modules that are remembered for each device. Further modules are ignored.
pub const MAX_DEVICE_MODULES: usize = 64;

/// The limit of all texts of an inventory together, in bytes.
const MAX_TEXT_BYTES: usize = 512 * 1024 * 1024;

/// The maximum number of entries in [`Inventory::days`].
const MAX_DAY_COUNTS: usize = 10_000;

/// Every device that sent a request, with the facts of its last request.
///
/// Rows may be added in any order. For each device, and for each of its modules, the row with the
/// latest time counts. A device is identified by its MAC address, or by its serial number if it
/// reports no MAC address. Rows with neither of them are only counted
/// ([`unidentified`](Self::unidentified)).
///
/// Devices are held in a compact form: each text is held once, and a device takes about 200 bytes.
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
    records: Vec<DeviceRecord>,
    modules: Vec<ModuleRecord>,
    numbers: HashMap<DeviceKey, u32, RandomState>,
    texts: Texts,
    /// The number of devices for each day, file name and version. The key has the day in days since 1970, and then
    /// the file name and the version as their indexes in the table of texts
    /// ([`TextTable`](super::words::TextTable)).
    days: BTreeMap<(u16, u32, u32), u32>,
    most: usize,
    skipped: u64,
    unidentified: u64,
    simulated: u64,
}

/// The index of a device in an [`Inventory`]. It is valid only for the inventory that returned it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceNumber(u32);

impl Default for Inventory {
    fn default() -> Self {
        Self {
            records: Vec::new(),
            modules: Vec::new(),
            numbers: HashMap::default(),
            texts: Texts { words: TextTable::new(MAX_TEXT_BYTES), kinds: Kinds::default() },
            days: BTreeMap::new(),
            most: 1_000_000,
            skipped: 0,
            unidentified: 0,
            simulated: 0,
        }
    }
}

impl Inventory {
    /// Sets the maximum number of devices. Default: 1,000,000. Rows of further devices are skipped.
    #[must_use]
    pub fn with_room(self, most: usize) -> Self {
        Self { most, ..self }
    }

    /// Adds one audit row. A [simulated](ucupdate_core::request::is_simulated) request is only
    /// counted.
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
        let at = row.logged_at;
        let Some(number) = self.number(&identity, at) else {
            self.skipped += 1;
            return;
        };
        let facts = Facts {
            kind: &row.kind,
            mac_address: &row.mac_address,
            serial_number: row.serial_number.raw(),
            user_name: &row.user_name,
            user_host: &row.user_host,
            server: logged.server.as_ref().map_or("", |server| server.as_str()),
            request_date_time: &row.request_date_time,
        };
        let record = &mut self.records[number];
        record.update(&facts, at, &mut self.texts);
        record.asks = record.asks.saturating_add(1);
        let offers = offers(&row.requested, &row.offered);
        for (cell, offer) in row.requested.iter().zip(offers) {
            self.take_in_module(number, &installed(cell), offer.map(|offer| &offer.version), at);
        }
    }

    /// Adds a device of another inventory. If this inventory has the device already, the facts of
    /// the later request count, separately for the device and for each module. The number of
    /// requests of `device` is not added. Returns `false` if the device reports neither a MAC
    /// address nor a serial number, or if there is no room.
    ///
    /// Add all rows before you call this method. Otherwise the [history](ModuleHistory) of a module
    /// leaves out all rows that are older than the facts of `device`.
    pub fn add(&mut self, device: &InventoryDevice) -> bool {
        let number = device.identity().and_then(|identity| self.number(&identity, device.first_asked));
        let Some(number) = number else { return false };
        let facts = Facts {
            kind: &device.kind,
            mac_address: &device.mac_address,
            serial_number: device.serial_number.raw(),
            user_name: &device.user_name,
            user_host: &device.user_host,
            server: device.server.as_ref().map_or("", |server| server.as_str()),
            request_date_time: &device.request_date_time,
        };
        let record = &mut self.records[number];
        record.first_asked = record.first_asked.min(device.first_asked);
        if device.last_asked > record.last_asked {
            record.update(&facts, device.last_asked, &mut self.texts);
        }
        for module in &device.modules {
            self.place_module(number, &module.installed, module.offered.as_ref(), module.asked);
        }
        true
    }

    /// Returns the index of a device in `records`. Adds the device if it is new. `None` if it is new and there is
    /// no room.
    fn number(&mut self, identity: &DeviceId, at: UnixTime) -> Option<usize> {
        let key = match identity {
            DeviceId::Mac(mac) => DeviceKey::mac(*mac),
            DeviceId::Serial(serial) => {
                let folded = self.texts.words.number(&serial.as_str().to_ascii_lowercase());
                // Without room for its serial number, the device cannot be distinguished from
                // others.
                DeviceKey::serial(Some(folded).filter(|folded| *folded > 0)?)
            }
        };
        if let Some(number) = self.numbers.get(&key) {
            return Some(*number as usize);
        }
        let number = self.records.len();
        if number >= self.most {
            return None;
        }
        self.numbers.insert(key, u32::try_from(number).ok()?);
        self.records.push(DeviceRecord::new(key, at));
        Some(number)
    }

    fn take_in_module(
        &mut self,
        device: usize,
        installed: &InstalledModule,
        offered: Option<&ReportedVersion>,
        at: UnixTime,
    ) {
        if let Some(key) = self.place_module(device, installed, offered, at)
            && (self.days.len() < MAX_DAY_COUNTS || self.days.contains_key(&key))
        {
            *self.days.entry(key).or_default() += 1;
        }
    }

    /// Updates a module of a device, or adds it. If the device must be counted for the day of the request, returns
    /// the key of its count in `days`. It must be counted if the module is new, or if its version or the day
    /// differs from the last request.
    fn place_module(
        &mut self,
        device: usize,
        installed: &InstalledModule,
        offered: Option<&ReportedVersion>,
        at: UnixTime,
    ) -> Option<(u16, u32, u32)> {
        let words = &mut self.texts.words;
        let (mut next, mut last, mut count) = (self.records[device].modules, None, 0);
        let mut found = None;
        while let Some(place) = next.map(CompactIndex::index) {
            if words.text(self.modules[place].file_name).eq_ignore_ascii_case(&installed.file_name) {
                found = Some(place);
                break;
            }
            (last, next, count) = (Some(place), self.modules[place].next, count + 1);
        }
        let place = match found {
            Some(place) => place,
            None if count >= MAX_DEVICE_MODULES => return None,
            None => {
                let link = Some(CompactIndex::new(self.modules.len())?);
                self.modules.push(ModuleRecord::new(words.number(&installed.file_name)));
                match last {
                    Some(last) => self.modules[last].next = link,
                    None => self.records[device].modules = link,
                }
                self.modules.len() - 1
            }
        };
        let module = &mut self.modules[place];
        let day = module.update(installed, offered, at, words)?;
        Some((day, module.file_name, module.version))
    }

    /// Returns the devices: first those with a MAC address in the order of the addresses, then the
    /// others in the order of the serial numbers.
    pub fn devices(&self) -> impl ExactSizeIterator<Item = (DeviceId, InventoryDevice)> {
        self.numbers().into_iter().map(|number| {
            let device = self.device(number);
            let identity = device.identity();
            (identity.unwrap_or_else(|| unreachable!("a device without identity is not added")), device)
        })
    }

    /// Returns the numbers of the devices, in the order of [`devices`](Self::devices).
    pub fn numbers(&self) -> Vec<DeviceNumber> {
        let mut numbers: Vec<DeviceNumber> = (0..).take(self.records.len()).map(DeviceNumber).collect();
        let order = |number: &DeviceNumber| self.records[number.0 as usize].key.order(&self.texts.words);
        numbers.sort_unstable_by(|one, other| order(one).cmp(&order(other)));
        numbers
    }

    /// Returns the device with this number.
    ///
    /// # Panics
    /// Panics if the number is from another inventory that has more devices.
    pub fn device(&self, number: DeviceNumber) -> InventoryDevice {
        let record = &self.records[number.0 as usize];
        let mut device = record.device(&self.texts);
        device.modules = self.modules_of(record).map(|module| module.module(&self.texts.words)).collect();
        device.modules.sort_by_cached_key(folded);
        device
    }

    /// Returns the histories of the modules of a device, in the order of
    /// [`InventoryDevice::modules`].
    ///
    /// # Panics
    /// Panics if the number is from another inventory that has more devices.
    pub fn histories(&self, number: DeviceNumber) -> Vec<ModuleHistory> {
        let words = &self.texts.words;
        let mut modules: Vec<_> = self.modules_of(&self.records[number.0 as usize]).collect();
        modules.sort_by_cached_key(|module| words.text(module.file_name).to_ascii_lowercase());
        modules.into_iter().map(|module| module.history(words)).collect()
    }

    fn modules_of(&self, record: &DeviceRecord) -> impl Iterator<Item = &ModuleRecord> {
        let module = |place: Option<CompactIndex>| place.map(|place| &self.modules[place.index()]);
        std::iter::successors(module(record.modules), move |last| module(last.next))
    }

    /// Returns the number of devices.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Returns whether there is no device.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Returns the number of rows that were skipped because there was no room for another device.
    pub fn skipped_rows(&self) -> u64 {
        self.skipped
    }

    /// Returns how often a text was replaced by an empty text, because there was no room for it.
    pub fn dropped_texts(&self) -> u64 {
        self.texts.words.dropped()
    }

    /// Returns the number of rows of simulated requests. The inventory has no devices from these
    /// rows.
    pub fn simulated(&self) -> u64 {
        self.simulated
    }

    /// Returns the number of rows without a device: they have neither a MAC address nor a serial
    /// number.
    pub fn unidentified(&self) -> u64 {
        self.unidentified
    }

    /// Returns the number of devices for each version, sorted by vendor, model, module and version.
    /// Older versions come first.
    ///
    /// Versions of the same release, such as `1.0` and `1.00`, are counted together.
    pub fn versions(&self) -> Vec<VersionCount> {
        self.versions_in(&EligibilityIndex::default())
    }

    /// Returns the number of devices for each version, like [`versions`](Self::versions). Here a
    /// version is read in the version scheme of the device's rule.
    pub fn versions_in(&self, index: &EligibilityIndex) -> Vec<VersionCount> {
        // Devices with the same kind, module and version are counted first, so that each of these
        // is read once.
        let mut places = HashMap::<_, _, RandomState>::default();
        let mut counted: Vec<((u32, u32, u32), u64)> = Vec::new();
        for DeviceNumber(number) in self.numbers() {
            let record = &self.records[number as usize];
            for module in self.modules_of(record) {
                let words = (record.kind, module.file_name, module.version);
                let place = *places.entry(words).or_insert(counted.len());
                match counted.get_mut(place) {
                    Some((_, devices)) => *devices += 1,
                    None => counted.push((words, 1)),
                }
            }
        }
        let (mut counts, Texts { words, kinds }) = (VersionCounts::default(), &self.texts);
        for ((kind, file_name, version), devices) in counted {
            let kind = kinds.kind(kind, words);
            counts.add(&kind, words.text(file_name), words.text(version), devices, index);
        }
        counts.finish()
    }

    /// Returns the number of devices that reported each version on each day, in order of time. The
    /// counts are exact only if rows were added in order of time.
    ///
    /// There are at most 10,000 counts. Further days and versions are left out.
    pub fn days(&self) -> Vec<DayCount> {
        let words = &self.texts.words;
        let days = self.days.iter().map(|(&(day, file_name, version), devices)| DayCount {
            day: UnixTime::from_seconds(i64::from(day) * 86_400),
            file_name: words.text(file_name).into(),
            version: ReportedVersion::new(words.text(version)),
            devices: u64::from(*devices),
        });
        days.collect()
    }
}

fn folded(module: &InventoryModule) -> String {
    module.installed.file_name.to_ascii_lowercase()
}

impl InventoryDevice {
    /// Returns the device with the facts of one audit row.
    pub fn of(logged: &LoggedRow) -> Self {
        let row = &logged.row;
        let mut device = Self {
            kind: row.kind.clone(),
            mac_address: row.mac_address.clone(),
            serial_number: row.serial_number.clone(),
            user_name: row.user_name.clone(),
            user_host: row.user_host.clone(),
            request_date_time: row.request_date_time.clone(),
            server: logged.server.clone(),
            first_asked: row.logged_at,
            last_asked: row.logged_at,
            asks: 1,
            modules: Vec::new(),
        };
        for (cell, offer) in row.requested.iter().zip(offers(&row.requested, &row.offered)) {
            let module = InventoryModule {
                installed: installed(cell),
                offered: offer.map(|offer| offer.version.clone()),
                asked: row.logged_at,
            };
            let name = folded(&module);
            match device.modules.binary_search_by(|known| folded(known).cmp(&name)) {
                Ok(known) => device.modules[known] = module,
                Err(_) if device.modules.len() >= MAX_DEVICE_MODULES => {}
                Err(place) => device.modules.insert(place, module),
            }
        }
        device
    }
}
