//! [`SelectedDevices`]: the selected devices of a command that reads logs.

use std::fmt;
use ucupdate::audit::AuditRow;
use ucupdate::book::{RuleKey, UpdateType};
use ucupdate::decide::EligibilityIndex;
use ucupdate::device::{Device, DeviceId, MacAddress, SerialNumber};
use ucupdate::request::{InstalledModule, Question};
use ucupdate::timeline::host_key;
use ucupdate::value::Reported;
use ucupdate::version::ReportedVersion;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SelectedDevices {
    All,
    Mac(MacAddress),
    Serial(SerialNumber),
    Host(String),
    Rules(Vec<RuleKey>),
}

impl SelectedDevices {
    pub(crate) fn device(device: &DeviceId) -> Self {
        match device {
            DeviceId::Mac(mac) => Self::Mac(*mac),
            DeviceId::Serial(serial) => Self::Serial(serial.clone()),
        }
    }

    /// Returns the text that selects the devices: a MAC address, a serial number, an address, or
    /// rules. Empty for all devices.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::All => String::new(),
            Self::Mac(mac) => mac.to_string(),
            Self::Serial(serial) => serial.to_string(),
            Self::Host(host) => host.clone(),
            Self::Rules(rules) => joined(rules),
        }
    }

    /// Returns whether an audit row is of a selected device. If rules are selected, `index` finds
    /// the rule of a device as for a request, including aliases. Without `index`, a device belongs
    /// to a rule only if it reports exactly the words of the rule.
    pub(crate) fn is_of(&self, row: &AuditRow, index: Option<&EligibilityIndex>) -> bool {
        match self {
            Self::All => true,
            Self::Mac(mac) => row.mac_address.read() == Some(mac),
            Self::Serial(serial) => row.serial_number.read() == Some(serial),
            Self::Host(host) => host_key(host) == host_key(&row.user_host),
            Self::Rules(rules) => row
                .requested
                .iter()
                .filter_map(|cell| rule_of(row, &cell.file_name, index))
                .any(|rule| rules.contains(&rule)),
        }
    }
}

impl fmt::Display for SelectedDevices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("device"),
            Self::Mac(mac) => write!(f, "device with MAC address {mac}"),
            Self::Serial(serial) => write!(f, "device with serial number {serial}"),
            Self::Host(host) => write!(f, "device at {host}"),
            Self::Rules(rules) => write!(f, "device of rule {}", joined(rules)),
        }
    }
}

fn joined(rules: &[RuleKey]) -> String {
    rules.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}

/// Returns the rule for a module (`file_name`) of the device in an audit row. `None` if the words
/// of the row are not valid in a rule.
fn rule_of(row: &AuditRow, file_name: &str, index: Option<&EligibilityIndex>) -> Option<RuleKey> {
    let module = InstalledModule {
        file_name: file_name.into(),
        version: ReportedVersion::new(""),
        time_stamp: Reported::default(),
    };
    let device = Device {
        kind: row.kind.read().ok()?,
        mac_address: row.mac_address.clone(),
        serial_number: row.serial_number.clone(),
    };
    if let Some(rule) = index.and_then(|index| index.rule_of(&Question::new(&device, &module))) {
        return Some(rule.key().clone());
    }
    let update_type: UpdateType = module.update_type_stem().parse().ok()?;
    RuleKey::new(device.kind, update_type).ok()
}
