//! `ucupdate fleet`: which devices there are, what they have, and when they asked last.

use super::loops::{mac, serial};
use crate::args::audit::AuditArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::table::Table;
use crate::output::time::iso;
use serde::Serialize;
use std::fmt;
use ucupdate::device::{DeviceId, ReportedKind};
use ucupdate::inventory::{Inventory, InventoryDevice, InventoryModule, VersionCount};

#[derive(Debug, clap::Args)]
pub(crate) struct FleetArgs {
    #[command(flatten)]
    audit: AuditArgs,
}

#[derive(Debug, Serialize)]
struct Report {
    /// By MAC address, then by serial number.
    devices: Vec<DeviceReport>,
    /// How many have which version.
    versions: Vec<VersionReport>,
    /// Rows that were read.
    rows: u64,
    /// Lines that gave no row.
    unread: u64,
    /// Rows that named no device.
    unidentified: u64,
    /// Rows that were passed over, since there were too many devices.
    left_out: u64,
}

#[derive(Debug, Serialize)]
struct DeviceReport {
    #[serde(skip)]
    device: String,
    mac: Option<String>,
    serial: Option<String>,
    #[serde(flatten)]
    kind: ReportedKind,
    user: String,
    host: String,
    server: Option<String>,
    /// In UTC.
    first_asked: String,
    /// In UTC.
    last_asked: String,
    asks: u64,
    modules: Vec<ModuleReport>,
}

#[derive(Debug, Serialize)]
struct ModuleReport {
    file_name: String,
    version: String,
    offered: Option<String>,
    /// In UTC.
    asked: String,
}

#[derive(Debug, Serialize)]
struct VersionReport {
    vendor: String,
    model: String,
    file_name: String,
    version: String,
    devices: u64,
}

impl DeviceReport {
    fn of(identity: &DeviceId, device: &InventoryDevice) -> Self {
        let known_serial =
            || Some(device.serial_number.raw().trim().to_owned()).filter(|said| !said.is_empty());
        Self {
            device: identity.to_string(),
            mac: mac(identity),
            serial: serial(identity).or_else(known_serial),
            kind: device.kind.clone(),
            user: device.user_name.to_string(),
            host: device.user_host.to_string(),
            server: device.server.as_ref().map(ToString::to_string),
            first_asked: iso(device.first_asked),
            last_asked: iso(device.last_asked),
            asks: device.asks,
            modules: device.modules.iter().map(ModuleReport::of).collect(),
        }
    }

    fn has(&self) -> String {
        let modules = self.modules.iter().map(|module| format!("{} {}", module.file_name, module.version));
        let modules: Vec<String> = modules.collect();
        if modules.is_empty() { "-".to_owned() } else { modules.join(", ") }
    }
}

impl ModuleReport {
    fn of(module: &InventoryModule) -> Self {
        Self {
            file_name: module.installed.file_name.to_string(),
            version: module.installed.version.to_string(),
            offered: module.offered.as_ref().map(ToString::to_string),
            asked: iso(module.asked),
        }
    }
}

impl VersionReport {
    fn of(count: VersionCount) -> Self {
        Self {
            vendor: count.vendor.to_string(),
            model: count.model.to_string(),
            file_name: count.file_name.to_string(),
            version: count.version.to_string(),
            devices: count.devices,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.devices.is_empty() {
            return f.write_str("no devices");
        }
        let mut table = Table::new(["DEVICE", "IS", "HAS", "LAST ASKED", "USER", "HOST"]);
        let or_none = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
        for device in &self.devices {
            let (user, host) = (or_none(&device.user), or_none(&device.host));
            table.row([&device.device, &device.kind, &device.has(), &device.last_asked, &user, &host]);
        }
        writeln!(f, "{table}\n")?;
        let mut table = Table::new(["DEVICES", "VENDOR", "MODEL", "MODULE", "VERSION"]);
        for count in &self.versions {
            table.row([&count.devices, &count.vendor, &count.model, &count.file_name, &count.version]);
        }
        write!(f, "{table}")
    }
}

pub(crate) async fn run(args: FleetArgs, context: &mut Context) -> Result<(), Failure> {
    let mut fleet = Inventory::default();
    let read = args.audit.each_row(context, |logged| fleet.take_in(logged)).await?;
    if fleet.skipped_rows() > 0 {
        context.output.message(format_args!(
            "{} row(s) were passed over: there is room for {} devices",
            fleet.skipped_rows(),
            fleet.devices().len()
        ));
    }
    context.output.result(&Report {
        devices: fleet.devices().map(|(identity, device)| DeviceReport::of(identity, device)).collect(),
        versions: fleet.versions().into_iter().map(VersionReport::of).collect(),
        rows: read.rows,
        unread: read.unread,
        unidentified: fleet.unidentified(),
        left_out: fleet.skipped_rows(),
    })?;
    read.refuse_nothing_understood()
}
