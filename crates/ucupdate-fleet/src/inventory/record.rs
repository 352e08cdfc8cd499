//! The compact form in which an inventory stores devices. In place of each text, it has the index of the text in a
//! table of texts ([`TextTable`]).

use super::device::{InventoryDevice, InventoryModule, ModuleHistory};
use super::words::TextTable;
use std::collections::HashMap;
use std::num::NonZeroU32;
use ucupdate_core::MacAddress;
use ucupdate_core::device::{KindWord, ReportedKind};
use ucupdate_core::request::InstalledModule;
use ucupdate_core::value::{FieldTime, Reported, UnixTime};
use ucupdate_core::version::ReportedVersion;

/// The value that stands for a MAC address in its usual form, in place of the index of a text. The address is made
/// from the [`DeviceKey`] then.
const USUAL_MAC: u32 = u32::MAX;

/// The bit in a [`DeviceKey`] that marks a device without a MAC address.
const SERIAL_BIT: u64 = 1 << 63;

/// The seconds within which several offers of one version count as one try.
const TRY_SECONDS: u32 = 60 * 60;

/// The index of an entry in a list. An `Option` of it takes only four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CompactIndex(NonZeroU32);

impl CompactIndex {
    /// Creates the compact form of an index. `None` for `u32::MAX` and more.
    pub(super) fn new(index: usize) -> Option<Self> {
        NonZeroU32::new(u32::try_from(index).ok()?.checked_add(1)?).map(Self)
    }

    pub(super) fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// The identity of a device: its MAC address, or its serial number in lower case. The serial number is stored as
/// its index in the table of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct DeviceKey(u64);

impl DeviceKey {
    pub(super) fn mac(mac: MacAddress) -> Self {
        Self(mac.octets().into_iter().fold(0, |key, octet| key << 8 | u64::from(octet)))
    }

    pub(super) fn serial(folded: u32) -> Self {
        Self(SERIAL_BIT | u64::from(folded))
    }

    /// Returns a sort key for devices: first MAC addresses in their order, then serial numbers in the order of
    /// their texts. `words` is the table of texts.
    pub(super) fn order(self, words: &TextTable) -> (u64, &str) {
        match self.0 & SERIAL_BIT {
            0 => (self.0, ""),
            _ => (SERIAL_BIT, words.text(u32::try_from(self.0 ^ SERIAL_BIT).unwrap_or(0))),
        }
    }
}

/// The table of device kinds of an inventory. A device has the index of its kind. The words of a kind, such as the
/// model, are indexes in the table of texts ([`TextTable`]).
#[derive(Clone, Debug, Default)]
pub(super) struct Kinds {
    kinds: Vec<[u32; KindWord::COUNT]>,
    numbers: HashMap<[u32; KindWord::COUNT], u32>,
}

impl Kinds {
    fn number(&mut self, near: u32, reported: &ReportedKind, words: &mut TextTable) -> u32 {
        let likely = self.kinds.get(near as usize).copied().unwrap_or_default();
        let texts = reported.each_ref();
        let kind = std::array::from_fn(|word| words.number_near(likely[word], texts[word]));
        if kind == likely && !self.kinds.is_empty() {
            return near;
        }
        let next = u32::try_from(self.kinds.len()).unwrap_or(u32::MAX);
        *self.numbers.entry(kind).or_insert_with(|| {
            self.kinds.push(kind);
            next
        })
    }

    pub(super) fn kind(&self, number: u32, words: &TextTable) -> ReportedKind {
        let kind = self.kinds.get(number as usize).copied().unwrap_or_default();
        kind.map(|word| Box::from(words.text(word))).into()
    }
}

/// The table of texts and the table of device kinds of an inventory.
#[derive(Clone, Debug)]
pub(super) struct Texts {
    pub(super) words: TextTable,
    pub(super) kinds: Kinds,
}

#[derive(Clone, Debug)]
pub(super) struct DeviceRecord {
    pub(super) key: DeviceKey,
    pub(super) first_asked: UnixTime,
    pub(super) last_asked: UnixTime,
    pub(super) asks: u32,
    /// The index of the first module in the list of all modules. `None` if the device reported
    /// none.
    pub(super) modules: Option<CompactIndex>,
    pub(super) kind: u32,
    mac_address: u32,
    serial_number: u32,
    user_name: u32,
    user_host: u32,
    /// The index of the server name in the table of texts. 0 if the log does not name its server.
    server: u32,
    request_date_time: RequestTime,
}

#[derive(Clone, Copy, Debug)]
enum RequestTime {
    /// A time whose text can be made from the value. So no text is stored.
    Usual(FieldTime),
    Text(u32),
}

/// The facts of a request that are stored for a device. They replace the facts of its earlier requests.
pub(super) struct Facts<'a> {
    pub(super) kind: &'a ReportedKind,
    pub(super) mac_address: &'a Reported<MacAddress>,
    pub(super) serial_number: &'a str,
    pub(super) user_name: &'a str,
    pub(super) user_host: &'a str,
    pub(super) server: &'a str,
    pub(super) request_date_time: &'a Reported<FieldTime>,
}

impl DeviceRecord {
    pub(super) fn new(key: DeviceKey, at: UnixTime) -> Self {
        Self {
            key,
            first_asked: at,
            last_asked: UnixTime::from_millis(i64::MIN),
            asks: 0,
            modules: None,
            kind: 0,
            mac_address: 0,
            serial_number: 0,
            user_name: 0,
            user_host: 0,
            server: 0,
            request_date_time: RequestTime::Text(0),
        }
    }

    /// Replaces the facts of the device by those of a request at the time `at`. A request before the last known one
    /// changes only `first_asked`.
    pub(super) fn update(&mut self, facts: &Facts<'_>, at: UnixTime, texts: &mut Texts) {
        self.first_asked = self.first_asked.min(at);
        if at < self.last_asked {
            return;
        }
        self.last_asked = at;
        let Texts { words, kinds } = texts;
        self.kind = kinds.number(self.kind, facts.kind, words);
        self.mac_address = match facts.mac_address.read() {
            Some(mac) if mac.to_string() == facts.mac_address.raw() => USUAL_MAC,
            _ => words.number(facts.mac_address.raw()),
        };
        self.serial_number = words.number_near(self.serial_number, facts.serial_number);
        self.user_name = words.number_near(self.user_name, facts.user_name);
        self.user_host = words.number_near(self.user_host, facts.user_host);
        self.server = words.number_near(self.server, facts.server);
        let time = facts.request_date_time;
        self.request_date_time = match time.read() {
            Some(read) if read.to_string() == time.raw() => RequestTime::Usual(*read),
            _ => RequestTime::Text(words.number(time.raw())),
        };
    }

    /// Returns the device without its modules.
    pub(super) fn device(&self, texts: &Texts) -> InventoryDevice {
        let words = &texts.words;
        let mac_address = match self.mac_address {
            USUAL_MAC => {
                let mut octets = [0; 6];
                octets.copy_from_slice(&self.key.0.to_be_bytes()[2..]);
                Reported::from(MacAddress::new(octets))
            }
            number => Reported::new(words.text(number)),
        };
        InventoryDevice {
            kind: texts.kinds.kind(self.kind, words),
            mac_address,
            serial_number: Reported::new(words.text(self.serial_number)),
            user_name: words.text(self.user_name).into(),
            user_host: words.text(self.user_host).into(),
            request_date_time: match self.request_date_time {
                RequestTime::Usual(time) => Reported::from(time),
                RequestTime::Text(number) => Reported::new(words.text(number)),
            },
            server: words.text(self.server).parse().ok(),
            first_asked: self.first_asked,
            last_asked: self.last_asked,
            asks: self.asks.into(),
            modules: Vec::new(),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct ModuleRecord {
    /// The index of the next module of the same device in the list of all modules. `None` for the last module.
    pub(super) next: Option<CompactIndex>,
    pub(super) file_name: u32,
    pub(super) version: u32,
    time_stamp: u32,
    /// The index of the offered version in the table of texts. `None` if nothing was offered.
    offered: Option<CompactIndex>,
    /// The index in the table of texts of the version that the module had before the installed one. `None` if no
    /// such version is known.
    previous: Option<CompactIndex>,
    /// The time of the last request that was counted in `tries`, in seconds since 1970.
    tried: u32,
    /// The day of the last request that named the module, in days since 1970.
    counted: u16,
    tries: u8,
    has_returned: bool,
    asked: UnixTime,
}

impl ModuleRecord {
    pub(super) fn new(file_name: u32) -> Self {
        Self {
            next: None,
            file_name,
            version: 0,
            time_stamp: 0,
            offered: None,
            previous: None,
            tried: 0,
            counted: 0,
            tries: 0,
            has_returned: false,
            asked: UnixTime::from_millis(i64::MIN),
        }
    }

    /// Replaces the facts of the module by those of a request, unless a later request is known. Returns the day of
    /// the request (in days since 1970) if the device must be counted with this version on that day. `None` if it
    /// was counted already, or if a later request is known.
    pub(super) fn update(
        &mut self,
        installed: &InstalledModule,
        offered: Option<&ReportedVersion>,
        asked: UnixTime,
        words: &mut TextTable,
    ) -> Option<u16> {
        if asked < self.asked {
            return None;
        }
        let is_first = self.asked.as_millis() == i64::MIN;
        let version = words.number_near(self.version, installed.version.as_str());
        let offered = offered.and_then(|offered| CompactIndex::new(words.number(offered.as_str()) as usize));
        let has_changed = !is_first && version != self.version;
        let seconds = u32::try_from(asked.as_seconds()).unwrap_or(0);
        if has_changed {
            self.has_returned = self.previous == CompactIndex::new(version as usize);
            self.previous = CompactIndex::new(self.version as usize);
        }
        if offered.is_none() {
            self.tries = 0;
        } else if is_first || has_changed || offered != self.offered {
            (self.tries, self.tried) = (1, seconds);
        } else if seconds.saturating_sub(self.tried) >= TRY_SECONDS {
            (self.tries, self.tried) = (self.tries.saturating_add(1), seconds);
        }
        self.file_name = words.number_near(self.file_name, &installed.file_name);
        self.time_stamp = words.number_near(self.time_stamp, installed.time_stamp.raw());
        (self.version, self.offered, self.asked) = (version, offered, asked);
        let day = u16::try_from(seconds / 86_400).unwrap_or(u16::MAX);
        let is_counted = !is_first && !has_changed && self.counted == day;
        self.counted = day;
        (!is_counted).then_some(day)
    }

    pub(super) fn module(&self, words: &TextTable) -> InventoryModule {
        InventoryModule {
            installed: InstalledModule {
                file_name: words.text(self.file_name).into(),
                version: ReportedVersion::new(words.text(self.version)),
                time_stamp: Reported::new(words.text(self.time_stamp)),
            },
            offered: self.offered.map(|offered| version_of(offered, words)),
            asked: self.asked,
        }
    }

    pub(super) fn history(&self, words: &TextTable) -> ModuleHistory {
        ModuleHistory {
            previous: self.previous.map(|previous| version_of(previous, words)),
            has_returned: self.has_returned,
            tries: self.tries.into(),
        }
    }
}

fn version_of(place: CompactIndex, words: &TextTable) -> ReportedVersion {
    ReportedVersion::new(words.text(u32::try_from(place.index()).unwrap_or(0)))
}
