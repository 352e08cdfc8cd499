//! The devices that a rule book names by MAC address or serial number: test devices, members of lists, held
//! and pinned devices.

use crate::book::RuleBook;
use crate::decide::folded_table::FoldedTable;
use crate::device::{Device, DeviceId, MacAddress};
use foldhash::fast::FixedState;
use std::collections::{BTreeMap, HashMap};

/// The devices that a rule book names, by MAC address or serial number.
#[derive(Debug, Default)]
pub(crate) struct KnownDevices {
    macs: HashMap<u64, u32, FixedState>,
    serials: FoldedTable<u32>,
    pub(crate) devices: Vec<KnownDevice>,
}

/// The roles that a rule book gives to one MAC address or one serial number: a test device, groups and holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KnownDevice {
    /// The index of the test device among the test devices of the rule book. `None` if the device is not a test
    /// device.
    pub(crate) test_device: Option<u32>,
    /// The indices of the groups whose lists contain the device. Groups are counted in the order of their
    /// names.
    pub(crate) groups: Vec<u32>,
    /// The indices of the holds on the device, among all holds of the rule book.
    pub(crate) holds: Vec<u32>,
}

/// The entries of the rule book for the device of a request: one entry for its MAC address and one for its serial
/// number. Each entry has its index in [`KnownDevices::devices`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KnownEntries<'a> {
    by_mac: Option<(u32, &'a KnownDevice)>,
    by_serial: Option<(u32, &'a KnownDevice)>,
}

impl KnownDevices {
    /// Collects the devices that a rule book names. Also returns the index of each device in
    /// [`KnownDevices::devices`]. `groups` are the names of all groups in the order of their indices.
    pub(crate) fn of(book: &RuleBook, groups: &[&crate::book::GroupName]) -> (Self, BTreeMap<DeviceId, u32>) {
        let mut known: BTreeMap<DeviceId, KnownDevice> = BTreeMap::new();
        for (number, device) in (0..).zip(book.test_devices()) {
            known.entry(device.id.clone()).or_default().test_device = Some(number);
        }
        for (number, group) in (0..).zip(groups) {
            for member in book.members(group) {
                known.entry(member.clone()).or_default().groups.push(number);
            }
        }
        for (number, hold) in (0..).zip(book.holds()) {
            if let crate::book::HeldDevices::Device(device) = &hold.on {
                known.entry(device.clone()).or_default().holds.push(number);
            }
        }
        let pinned =
            book.rules().flat_map(crate::book::Rule::assignments).filter_map(|pin| match &pin.audience {
                crate::book::Audience::Device(device) => Some(device),
                _ => None,
            });
        for device in pinned {
            known.entry(device.clone()).or_default();
        }
        let mut table = Self::default();
        let mut numbers = BTreeMap::new();
        let mut serials = Vec::new();
        for (number, (id, device)) in (0_u32..).zip(known) {
            match &id {
                DeviceId::Mac(mac) => drop(table.macs.insert(as_number(*mac), number)),
                DeviceId::Serial(serial) => serials.push((serial.clone(), number)),
            }
            table.devices.push(device);
            numbers.insert(id, number);
        }
        table.serials = FoldedTable::new(serials.iter().map(|(serial, number)| ([serial.as_str()], *number)));
        (table, numbers)
    }

    #[inline]
    pub(crate) fn find(&self, device: &Device) -> KnownEntries<'_> {
        if self.devices.is_empty() {
            return KnownEntries::default();
        }
        let with = |number: u32| Some((number, self.devices.get(number as usize)?));
        let by_mac = device.mac_address.read().and_then(|mac| self.macs.get(&as_number(*mac)));
        let by_serial =
            || device.serial_number.read().and_then(|serial| self.serials.find([serial.as_str()]));
        KnownEntries {
            by_mac: by_mac.copied().and_then(with),
            by_serial: by_serial().and_then(|(_, number)| with(number)),
        }
    }
}

impl<'a> KnownEntries<'a> {
    #[inline]
    fn entries(self) -> impl Iterator<Item = (u32, &'a KnownDevice)> {
        self.by_mac.into_iter().chain(self.by_serial)
    }

    /// Returns the index of the test device among the test devices of the rule book. `None` if the device is
    /// not a test device.
    #[inline]
    pub(crate) fn test_device(self) -> Option<u32> {
        self.entries().find_map(|(_, known)| known.test_device)
    }

    /// Returns whether the device is on the list of the group with this index.
    #[inline]
    pub(crate) fn is_member(self, group: u32) -> bool {
        self.entries().any(|(_, known)| known.groups.contains(&group))
    }

    /// Returns whether the device has this index in [`KnownDevices::devices`], by its MAC address or by its
    /// serial number.
    #[inline]
    pub(crate) fn is(self, number: u32) -> bool {
        self.entries().any(|(found, _)| found == number)
    }

    /// Returns the indices of the holds on the device, among all holds of the rule book.
    pub(crate) fn holds(self) -> impl Iterator<Item = u32> {
        self.entries().flat_map(|(_, known)| known.holds.iter().copied())
    }
}

fn as_number(mac: MacAddress) -> u64 {
    let [a, b, c, d, e, f] = mac.octets();
    u64::from_be_bytes([0, 0, a, b, c, d, e, f])
}
