//! The stored form of a kept inventory: lines of JSON. The first line is the head, then follows a line for each device, and the
//! last line has the SHA-256 of all lines before it.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use ucupdate_core::device::ReportedKind;
use ucupdate_core::request::InstalledModule;
use ucupdate_core::value::{Reported, Sha256Digest, UnixTime};
use ucupdate_core::version::ReportedVersion;
use ucupdate_fleet::inventory::{DeviceNumber, Inventory, InventoryDevice, InventoryModule};

/// The format that this program writes, and the newest that it reads.
const FORMAT: u32 = 1;

/// The maximum size of a kept inventory in bytes.
pub(crate) const MAX_BYTES: usize = 64 * 1024 * 1024;

/// The maximum number of devices of a kept inventory.
pub(crate) const MAX_DEVICES: usize = 200_000;

/// The head of a kept inventory.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct InventoryHead {
    format: u32,
    /// The logs were read up to this time, in milliseconds since 1970.
    pub(crate) read_to: UnixTime,
    /// The number of devices that were left out for lack of room: those that have been silent for
    /// the longest time.
    pub(crate) left_out: usize,
}

/// The format of a kept inventory. Every later format has this field too.
#[derive(Deserialize)]
struct InventoryFormat {
    format: u32,
}

#[derive(Serialize, Deserialize)]
struct InventoryEnd<'a> {
    sha256: Cow<'a, str>,
}

/// A device in its stored form. The names of the fields are short, because an inventory has many
/// devices.
#[derive(Serialize, Deserialize)]
struct StoredDevice<'a> {
    kind: ReportedKind,
    mac: Cow<'a, str>,
    serial: Cow<'a, str>,
    user: Cow<'a, str>,
    host: Cow<'a, str>,
    clock: Cow<'a, str>,
    server: Option<Cow<'a, str>>,
    first: UnixTime,
    last: UnixTime,
    modules: Vec<StoredModule<'a>>,
}

#[derive(Serialize, Deserialize)]
struct StoredModule<'a> {
    file: Cow<'a, str>,
    version: Cow<'a, str>,
    stamp: Cow<'a, str>,
    offered: Option<Cow<'a, str>>,
    asked: UnixTime,
}

/// The reason why a kept inventory cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// A newer program wrote it.
    Newer(u32),
    /// The document was changed or cut after it was written. The text is the reason.
    Damaged(&'static str),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newer(format) => write!(f, "it has format {format}, expected at most {FORMAT}"),
            Self::Damaged(what) => f.write_str(what),
        }
    }
}

/// Writes an inventory. If there are too many devices, those with the latest requests are written.
/// Returns the document and the number of devices that are left out.
pub(crate) fn write(
    fleet: &Inventory,
    read_to: UnixTime,
    most_devices: usize,
    most_bytes: usize,
) -> (Vec<u8>, usize) {
    let mut devices: Vec<(UnixTime, DeviceNumber)> =
        fleet.numbers().into_iter().map(|number| (fleet.device(number).last_asked, number)).collect();
    let all = devices.len();
    devices.sort_by_key(|(last_asked, _)| std::cmp::Reverse(*last_asked));
    let mut lines = Vec::new();
    let mut written = 0;
    for (_, number) in devices.iter().take(most_devices) {
        let before = lines.len();
        push_line(&stored(&fleet.device(*number)), &mut lines);
        if lines.len() > most_bytes {
            lines.truncate(before);
            break;
        }
        written += 1;
    }
    let mut document = Vec::with_capacity(lines.len() + 256);
    push_line(&InventoryHead { format: FORMAT, read_to, left_out: all - written }, &mut document);
    document.append(&mut lines);
    let sha256 = Sha256Digest::of(&document).to_string();
    push_line(&InventoryEnd { sha256: sha256.into() }, &mut document);
    (document, all - written)
}

/// Reads an inventory. Nothing is added to `fleet` unless the document has the SHA-256 that it
/// states.
pub(crate) fn read(bytes: &[u8], fleet: &mut Inventory) -> Result<InventoryHead, Unusable> {
    let damaged = |what| move |_error| Unusable::Damaged(what);
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let InventoryFormat { format } =
        serde_json::from_slice(first).map_err(damaged("the first line is no head"))?;
    if format > FORMAT {
        return Err(Unusable::Newer(format));
    }
    let body = bytes.strip_suffix(b"\n").ok_or(Unusable::Damaged("the end is missing"))?;
    let last = body.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let (lines, end) = body.split_at(last);
    let end: InventoryEnd<'_> = serde_json::from_slice(end).map_err(damaged("the end is missing"))?;
    if *end.sha256 != Sha256Digest::of(lines).to_string() {
        return Err(Unusable::Damaged("the SHA-256 is not that of the lines"));
    }
    let head = serde_json::from_slice(first).map_err(damaged("the first line is no head"))?;
    for line in lines[first.len()..].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let device: StoredDevice<'_> =
            serde_json::from_slice(line).map_err(damaged("a line is not a device"))?;
        fleet.add(&device_of(device));
    }
    Ok(head)
}

fn push_line(value: &impl Serialize, lines: &mut Vec<u8>) {
    // Our values have text keys and finite numbers only, so each has a JSON form.
    if serde_json::to_writer(&mut *lines, value).is_ok() {
        lines.push(b'\n');
    }
}

fn stored(device: &InventoryDevice) -> StoredDevice<'_> {
    StoredDevice {
        kind: device.kind.clone(),
        mac: device.mac_address.raw().into(),
        serial: device.serial_number.raw().into(),
        user: (&*device.user_name).into(),
        host: (&*device.user_host).into(),
        clock: device.request_date_time.raw().into(),
        server: device.server.as_ref().map(|server| server.as_str().into()),
        first: device.first_asked,
        last: device.last_asked,
        modules: device.modules.iter().map(stored_module).collect(),
    }
}

fn stored_module(module: &InventoryModule) -> StoredModule<'_> {
    StoredModule {
        file: (&*module.installed.file_name).into(),
        version: module.installed.version.as_str().into(),
        stamp: module.installed.time_stamp.raw().into(),
        offered: module.offered.as_ref().map(|offered| offered.as_str().into()),
        asked: module.asked,
    }
}

fn device_of(stored: StoredDevice<'_>) -> InventoryDevice {
    let mut device = InventoryDevice::default();
    device.kind = stored.kind;
    device.mac_address = Reported::new(&stored.mac);
    device.serial_number = Reported::new(&stored.serial);
    device.user_name = stored.user.into();
    device.user_host = stored.host.into();
    device.request_date_time = Reported::new(&stored.clock);
    device.server = stored.server.and_then(|server| server.parse().ok());
    device.first_asked = stored.first;
    device.last_asked = stored.last;
    let modules = stored.modules.into_iter().map(|module| {
        let installed = InstalledModule {
            file_name: module.file.into(),
            version: ReportedVersion::new(&module.version),
            time_stamp: Reported::new(&module.stamp),
        };
        let offered = module.offered.map(|offered| ReportedVersion::new(&offered));
        InventoryModule::new(installed, offered, module.asked)
    });
    device.modules = modules.collect();
    device
}

#[cfg(test)]
mod tests {
    use super::*;
    use ucupdate_audit::{AuditReader, LoggedRow};

    fn fleet(devices: u32) -> Inventory {
        let rows = (0..devices).map(|device| {
            format!(
                "03-06-2009 17:{:02}:{:02},0021630F{device:04X},\"a\"\"b\",IP8540,A,cpe.nbt;1.0.522.34;\n",
                device / 60,
                device % 60
            )
        });
        let log = format!(
            "Logging DateTime,Mac Address,Vendor,Model,Revision,Requested\n{}",
            rows.collect::<String>()
        );
        let mut fleet = Inventory::default();
        AuditReader::new(log.as_bytes())
            .for_each(|row| fleet.take_in(&LoggedRow::new(row.unwrap(), Some("ocs01".parse().unwrap()))));
        fleet
    }

    fn devices(fleet: &Inventory) -> Vec<InventoryDevice> {
        let mut devices: Vec<InventoryDevice> = fleet.devices().map(|(_, device)| device).collect();
        devices.iter_mut().for_each(|device| device.asks = 0);
        devices
    }

    #[test]
    fn an_inventory_reads_back_as_it_was() {
        let fleet = fleet(300);
        let (document, _) = write(&fleet, UnixTime::from_seconds(7), MAX_DEVICES, MAX_BYTES);
        let mut read_back = Inventory::default();
        let head = read(&document, &mut read_back).unwrap();
        assert_eq!((head.read_to.as_seconds(), head.left_out), (7, 0));
        assert_eq!(devices(&read_back), devices(&fleet));
    }

    #[test]
    fn of_too_many_devices_those_that_asked_last_are_kept() {
        let all = fleet(300);
        for (most_devices, most_bytes) in [(100, MAX_BYTES), (300, 20_000)] {
            let (document, _) = write(&all, UnixTime::default(), most_devices, most_bytes);
            let mut kept = Inventory::default();
            let head = read(&document, &mut kept).unwrap();
            assert!(document.len() < 200 + most_bytes);
            assert_eq!(kept.len() + head.left_out, 300);
            assert!(kept.len() >= 50, "{}", kept.len());
            let (first, last) = (300 - kept.len(), kept.len());
            assert_eq!(devices(&kept), devices(&all)[first..first + last]);
        }
    }

    #[test]
    fn a_damaged_inventory_adds_nothing_and_a_newer_one_is_named() {
        let (document, _) = write(&fleet(5), UnixTime::default(), MAX_DEVICES, MAX_BYTES);
        let mut kept = Inventory::default();
        for length in 0..document.len() {
            let cut = read(&document[..length], &mut kept);
            assert!(matches!(cut, Err(Unusable::Damaged(_))), "{length}");
        }
        for at in 0..document.len() {
            let mut other = document.clone();
            other[at] ^= 4;
            let _unusable = read(&other, &mut kept).unwrap_err();
        }
        assert!(kept.is_empty());
        let newer = String::from_utf8(document).unwrap().replacen("\"format\":1", "\"format\":9", 1);
        let newer = read(newer.as_bytes(), &mut kept).unwrap_err();
        assert_eq!(newer.to_string(), "it has format 9, expected at most 1");
    }
}
