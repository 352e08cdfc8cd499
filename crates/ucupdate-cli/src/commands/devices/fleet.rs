//! `ucupdate fleet`: which devices there are, what they have, and when they asked last.

use super::loops::{mac, serial};
use crate::args::audit::AuditArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::list::List;
use crate::output::time::iso;
use serde_json::{Value, json};
use std::fmt::Display;
use ucupdate::decide::EligibilityIndex;
use ucupdate::device::DeviceId;
use ucupdate::inventory::{Inventory, InventoryDevice, InventoryModule, VersionCount};

#[derive(Debug, clap::Args)]
pub(crate) struct FleetArgs {
    #[command(flatten)]
    audit: AuditArgs,
}

/// Returns a device as a JSON object. Times are in UTC.
pub(super) fn device_json(identity: &DeviceId, device: &InventoryDevice) -> Value {
    let known_serial = || Some(device.serial_number.raw().trim().to_owned()).filter(|said| !said.is_empty());
    let mut value = json!({ "mac": mac(identity), "serial": serial(identity).or_else(known_serial) });
    let kind = serde_json::to_value(&device.kind).unwrap_or_default();
    let rest = json!({
        "user": device.user_name,
        "host": device.user_host,
        "server": device.server.as_ref().map(ToString::to_string),
        "first_asked": iso(device.first_asked),
        "last_asked": iso(device.last_asked),
        "asks": device.asks,
        "modules": device.modules.iter().map(module_json).collect::<Vec<_>>(),
    });
    if let (Value::Object(fields), Value::Object(kind), Value::Object(rest)) = (&mut value, kind, rest) {
        fields.extend(kind);
        fields.extend(rest);
    }
    value
}

/// Returns the modules of a device and their versions.
fn has(device: &InventoryDevice) -> String {
    let modules = device.modules.iter();
    let modules =
        modules.map(|module| format!("{} {}", module.installed.file_name, module.installed.version));
    let modules: Vec<String> = modules.collect();
    if modules.is_empty() { "-".to_owned() } else { modules.join(", ") }
}

fn module_json(module: &InventoryModule) -> Value {
    json!({
        "file_name": module.installed.file_name,
        "version": module.installed.version,
        "offered": module.offered,
        "asked": iso(module.asked),
    })
}

fn version_json(count: &VersionCount) -> Value {
    json!({
        "vendor": count.vendor,
        "model": count.model,
        "file_name": count.file_name,
        "version": count.version,
        "devices": count.devices,
    })
}

pub(crate) async fn run(args: FleetArgs, context: &mut Context) -> Result<(), Failure> {
    let mut fleet = Inventory::default();
    let read = args.audit.each_row(context, |logged| fleet.take_in(logged)).await?;
    if read.is_nothing() {
        return read.refuse_nothing_understood();
    }
    if fleet.skipped_rows() > 0 {
        context.output.message(format_args!(
            "{} row(s) were passed over: there is room for {} devices",
            fleet.skipped_rows(),
            fleet.devices().len()
        ));
    }
    let mut devices =
        List::new("devices", "no devices", ["DEVICE", "IS", "HAS", "LAST ASKED", "USER", "HOST"]);
    let or_none = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    for (identity, device) in fleet.devices() {
        let (user, host) = (or_none(&device.user_name), or_none(&device.user_host));
        let cells: [&dyn Display; 6] =
            [identity, &device.kind, &has(device), &iso(device.last_asked), &user, &host];
        devices.row(device_json(identity, device), cells);
    }
    let mut versions = List::new("versions", "", ["DEVICES", "VENDOR", "MODEL", "MODULE", "VERSION"]);
    let (rules, none) = (context.rules_if_readable().await, EligibilityIndex::default());
    for count in fleet.versions_in(rules.as_ref().map_or(&none, |rules| rules.index())) {
        let cells: [&dyn Display; 5] =
            [&count.devices, &count.vendor, &count.model, &count.file_name, &count.version];
        versions.row(version_json(&count), cells);
    }
    let value = json!({
        "devices": devices.values(),
        "versions": versions.values(),
        "rows": read.rows,
        "unread": read.unread,
        "unidentified": fleet.unidentified(),
        "left_out": fleet.skipped_rows(),
    });
    let text =
        if devices.values().is_empty() { devices.to_string() } else { format!("{devices}\n\n{versions}") };
    context.output.both(&value, text)?;
    read.refuse_nothing_understood()
}
