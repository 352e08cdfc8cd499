//! The devices of a simulation. Each device takes only a few bytes.

use foldhash::fast::FixedState;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use ucupdate_core::book::{RuleBook, RuleKey};
use ucupdate_core::device::{Device, MacAddress, SerialNumber};
use ucupdate_core::request::{AskedFrom, InstalledModule, Question};
use ucupdate_core::value::Reported;
use ucupdate_core::version::ReportedVersion;

/// The maximum number of devices in a simulation.
pub const MAX_SIMULATED_DEVICES: usize = 100_000_000;

/// The value that means `None` in an index into a table.
pub(super) const NONE: u32 = u32::MAX;

/// The devices of a simulation, each with one module.
///
/// Devices of one kind share their common data. A device with a MAC address and without a serial number needs 20 bytes.
///
/// ```
/// use ucupdate_core::{Device, Question, ReportedVersion};
/// use ucupdate_core::request::InstalledModule;
/// use ucupdate_fleet::simulate::SimulatedFleet;
/// use ucupdate_core::value::Reported;
/// let device = Device {
///     kind: "UCPhone/Polycom/CX700/A/ENU".parse().unwrap(),
///     mac_address: Reported::new("0004F2000001"), serial_number: Reported::default(),
/// };
/// let module = InstalledModule {
///     file_name: "cpe.nbt".into(), version: ReportedVersion::new("3.5.6907.9"), time_stamp: Reported::default(),
/// };
/// let mut fleet = SimulatedFleet::default();
/// assert!(fleet.add(&Question::new(&device, &module)));
/// assert_eq!(fleet.len(), 1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct SimulatedFleet {
    pub(super) kinds: Vec<SimulatedKind>,
    pub(super) versions: Versions,
    pub(super) devices: Vec<FleetMember>,
    pub(super) extras: Vec<DeviceDetails>,
    kind_numbers: HashMap<KindKey, u32, FixedState>,
}

/// The data that all devices of one kind share.
#[derive(Clone, Debug)]
pub(super) struct SimulatedKind {
    /// The device, without MAC address and serial number.
    pub(super) device: Device,
    pub(super) file_name: Box<str>,
    pub(super) user_name: Box<str>,
    pub(super) from: AskedFrom,
}

/// The key of a [`SimulatedKind`]. The first part has the words of the device kind, the file name and the domain of
/// the user, in lower case. The second part is the side of the request: internal or external.
type KindKey = (Vec<u8>, Option<ucupdate_core::request::Side>);

#[derive(Clone, Copy, Debug)]
pub(super) struct FleetMember {
    pub(super) mac: Option<[u8; 6]>,
    pub(super) kind: u32,
    pub(super) version: u32,
    /// The index in [`SimulatedFleet::extras`]. [`NONE`] means that the device has no extra data.
    pub(super) extra: u32,
}

/// Data that most real devices report, but that synthetic devices do not have.
#[derive(Clone, Debug)]
pub(super) struct DeviceDetails {
    pub(super) serial: Reported<SerialNumber>,
    pub(super) address: Option<IpAddr>,
}

/// A table of versions. Each spelling of a version is stored once, and is found by its index in `list`.
#[derive(Clone, Debug, Default)]
pub(super) struct Versions {
    pub(super) list: Vec<ReportedVersion>,
    numbers: HashMap<Box<str>, u32, FixedState>,
}

impl Versions {
    pub(super) fn number_of(&mut self, version: &ReportedVersion) -> u32 {
        if let Some(known) = self.find(version) {
            return known;
        }
        let number = u32::try_from(self.list.len()).unwrap_or(NONE);
        self.numbers.insert(version.as_str().into(), number);
        self.list.push(version.clone());
        number
    }

    pub(super) fn find(&self, version: &ReportedVersion) -> Option<u32> {
        self.numbers.get(version.as_str()).copied()
    }
}

impl SimulatedFleet {
    /// Returns a fleet of synthetic devices with consecutive MAC addresses. The devices are spread
    /// evenly over the rules of a rule book.
    ///
    /// Each device has the version `installed`. If `installed` is `None`, the device has the approved version of its
    /// rule, or `0.0.0.0` without an approved version.
    ///
    /// The fleet is empty if the book has no rule. It has at most [`MAX_SIMULATED_DEVICES`]
    /// devices.
    pub fn of_rules(book: &RuleBook, devices: usize, installed: Option<&ReportedVersion>) -> Self {
        let mut fleet = Self::default();
        let none_known = ReportedVersion::new("0.0.0.0");
        let mut groups = Vec::with_capacity(book.rules().len());
        for rule in book.rules() {
            let version =
                installed.or(rule.approved().map(|approved| &approved.version)).unwrap_or(&none_known);
            let kind = u32::try_from(fleet.kinds.len()).unwrap_or(NONE);
            fleet.kinds.push(SimulatedKind::of_rule(rule.key()));
            groups.push((kind, fleet.versions.number_of(version)));
        }
        let devices = devices.min(MAX_SIMULATED_DEVICES);
        let members = groups.iter().cycle().zip(0_u64..).take(devices).map(|((kind, version), number)| {
            let [.., a, b, c, d, e] = number.to_be_bytes();
            // An address that begins with 02 is not assigned to any maker.
            FleetMember { mac: Some([2, a, b, c, d, e]), kind: *kind, version: *version, extra: NONE }
        });
        fleet.devices = members.collect();
        fleet
    }

    /// Adds a device with one module. Of the user name only the domain is kept. Returns `false` if
    /// the fleet has [`MAX_SIMULATED_DEVICES`] already.
    pub fn add(&mut self, question: &Question<'_>) -> bool {
        if self.devices.len() >= MAX_SIMULATED_DEVICES {
            return false;
        }
        let Question { device, module, user_name, from, .. } = question;
        let domain = user_name.rsplit_once('@').map_or("", |(_, domain)| domain);
        let mut words = Vec::new();
        for word in device.kind.words().into_iter().chain([&*module.file_name, domain]) {
            words.extend(word.bytes().map(|byte| byte.to_ascii_lowercase()));
            words.push(0);
        }
        let kinds = &mut self.kinds;
        let kind = *self.kind_numbers.entry((words, from.side)).or_insert_with(|| {
            kinds.push(SimulatedKind::new(device, module, domain, AskedFrom { address: None, ..*from }));
            u32::try_from(kinds.len() - 1).unwrap_or(NONE)
        });
        let mac = device.mac_address.read().map(|mac| mac.octets());
        let mut extra = NONE;
        if device.serial_number.read().is_some() || from.address.is_some() {
            extra = u32::try_from(self.extras.len()).unwrap_or(NONE);
            let serial = device.serial_number.read().cloned().map(Reported::assumed).unwrap_or_default();
            self.extras.push(DeviceDetails { serial, address: from.address });
        }
        let version = self.versions.number_of(&module.version);
        self.devices.push(FleetMember { mac, kind, version, extra });
        true
    }

    /// Returns the number of devices.
    pub fn len(&self) -> usize {
        self.devices.len()
    }

    /// Returns whether the fleet has no device.
    pub fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }
}

impl SimulatedKind {
    fn new(device: &Device, module: &InstalledModule, domain: &str, from: AskedFrom) -> Self {
        let nameless =
            Device { mac_address: Reported::default(), serial_number: Reported::default(), ..device.clone() };
        let user_name = if domain.is_empty() { Box::default() } else { format!("user@{domain}").into() };
        Self { device: nameless, file_name: module.file_name.clone(), user_name, from }
    }

    fn of_rule(rule: &RuleKey) -> Self {
        let device = Device {
            kind: rule.kind().clone(),
            mac_address: Reported::default(),
            serial_number: Reported::default(),
        };
        Self {
            device,
            file_name: format!("{}.nbt", rule.update_type()).into(),
            user_name: Box::default(),
            from: AskedFrom::default(),
        }
    }
}

/// Maker of requests, one for each thread. It keeps one device for each kind, and one module for
/// each file name and version. It changes only the values that differ between devices.
#[derive(Debug, Default)]
pub(super) struct RequestMaker {
    devices: Vec<Option<Device>>,
    /// The modules that were made so far. The index is the file's number (from `files`) times `versions`, plus the
    /// index of the version in the table of versions.
    modules: Vec<Option<InstalledModule>>,
    /// For each device kind, the number of the file name of its module. Kinds with the same file name have the same
    /// number.
    files: Vec<usize>,
    versions: usize,
}

impl RequestMaker {
    pub(super) fn new(kinds: &[SimulatedKind], versions: usize) -> Self {
        let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
        let mut files = Vec::with_capacity(kinds.len());
        for kind in kinds {
            let next = numbers.len();
            files.push(*numbers.entry(&kind.file_name).or_insert(next));
        }
        let modules = vec![None; numbers.len() * versions];
        Self { devices: vec![None; kinds.len()], modules, files, versions }
    }

    /// Returns the request of a device. `versions` is the table that contains its version.
    pub(super) fn question<'a>(
        &'a mut self,
        fleet: &'a SimulatedFleet,
        versions: &[ReportedVersion],
        member: FleetMember,
    ) -> Option<Question<'a>> {
        let at = member.kind as usize;
        let kind = fleet.kinds.get(at)?;
        let device = self.devices.get_mut(at)?.get_or_insert_with(|| kind.device.clone());
        device.mac_address = member.mac.map(MacAddress::new).map(Reported::assumed).unwrap_or_default();
        let mut from = kind.from;
        if let Some(extra) = fleet.extras.get(member.extra as usize) {
            device.serial_number.clone_from(&extra.serial);
            from.address = extra.address;
        } else if device.serial_number.read().is_some() {
            device.serial_number = Reported::default();
        }
        let version = member.version as usize;
        let module = self.modules.get_mut(self.files.get(at)? * self.versions + version)?;
        let module = match module {
            Some(module) => module,
            none => none.insert(InstalledModule {
                file_name: kind.file_name.clone(),
                version: versions.get(version)?.clone(),
                time_stamp: Reported::default(),
            }),
        };
        Some(Question::new(device, module).by_user(&kind.user_name).from(from))
    }
}
