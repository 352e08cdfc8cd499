//! `ucupdate loops`: which devices are offered updates in a circle.

use super::history::iso;
use crate::audit_args::AuditArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::table::Table;
use serde::Serialize;
use std::fmt;
use std::time::Duration;
use ucupdate::core::{DeviceIdentity, Loop, LoopGuard, LoopKind, LoopOptions, ReportedVersion};

/// How it is called.
#[derive(Debug, clap::Args)]
pub(crate) struct LoopsArgs {
    #[command(flatten)]
    audit: AuditArgs,
    /// Asks within so many minutes of another count once, where a device comes back unchanged
    #[arg(long, value_name = "MINUTES", default_value = "60")]
    apart_minutes: u32,
}

#[derive(Debug, Serialize)]
struct Report {
    /// By device.
    loops: Vec<LoopReport>,
    /// Rows that were read.
    rows: u64,
    /// Lines that gave no row.
    unread: u64,
    /// Devices that were watched, one for each update type.
    devices: usize,
    /// Devices that were forgotten, since there were too many.
    forgotten: u64,
}

#[derive(Debug, Serialize)]
struct LoopReport {
    mac: Option<String>,
    serial: Option<String>,
    #[serde(skip)]
    device: String,
    kind: &'static str,
    update_type: String,
    rule: Option<String>,
    versions: Vec<String>,
    servers: Vec<Box<str>>,
    /// In UTC.
    first: String,
    /// In UTC.
    last: String,
    asks: u64,
    goes_on: bool,
}

impl LoopReport {
    fn of(found: Loop) -> Self {
        Self {
            mac: mac(&found.device),
            serial: serial(&found.device),
            device: found.device.to_string(),
            kind: kind(found.kind),
            update_type: found.update_type.to_string(),
            rule: found.rule.as_ref().map(ToString::to_string),
            versions: found.versions.iter().map(ReportedVersion::to_string).collect(),
            servers: found.servers,
            first: iso(found.first),
            last: iso(found.last),
            asks: found.asks,
            goes_on: found.goes_on,
        }
    }

    /// The way of the device, back to where it began where it goes round.
    fn way(&self) -> String {
        let back = self.versions.first().filter(|_| self.kind == kind(LoopKind::Flipped));
        self.versions.iter().chain(back).map(String::as_str).collect::<Vec<_>>().join(" > ")
    }
}

/// The MAC address, where a device is known by it.
pub(super) fn mac(device: &DeviceIdentity) -> Option<String> {
    matches!(device, DeviceIdentity::Mac(_)).then(|| device.to_string())
}

/// The serial number, where a device is known by it.
pub(super) fn serial(device: &DeviceIdentity) -> Option<String> {
    matches!(device, DeviceIdentity::Serial(_)).then(|| device.to_string())
}

fn kind(kind: LoopKind) -> &'static str {
    match kind {
        LoopKind::OfferedInstalled => "offered-installed",
        LoopKind::Unchanged => "unchanged",
        LoopKind::Flipped => "flipped",
        _ => "other",
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.loops.is_empty() {
            return f.write_str("no loops");
        }
        let mut table =
            Table::new(["DEVICE", "MODULE", "LOOP", "VERSIONS", "ASKS", "FIRST", "LAST", "SERVERS", "NOW"]);
        for found in &self.loops {
            let servers = if found.servers.is_empty() { "-".to_owned() } else { found.servers.join(" ") };
            let now = if found.goes_on { "goes on" } else { "over" };
            table.row([
                &found.device,
                &found.update_type,
                &found.kind,
                &found.way(),
                &found.asks,
                &found.first,
                &found.last,
                &servers,
                &now,
            ]);
        }
        table.fmt(f)
    }
}

pub(crate) async fn run(args: LoopsArgs, context: &mut Context) -> Result<(), Failure> {
    let apart = Duration::from_secs(u64::from(args.apart_minutes) * 60);
    let mut guard = LoopGuard::new(LoopOptions::default().with_apart(apart));
    let read = args
        .audit
        .each_row(context, |logged| logged.observations().into_iter().for_each(|seen| guard.observe(seen)))
        .await?;
    if guard.forgotten() > 0 {
        let (forgotten, kept) = (guard.forgotten(), guard.devices());
        context.output.message(format_args!(
            "{forgotten} device(s) were forgotten, the {kept} that asked last are kept"
        ));
    }
    let loops = guard.loops().into_iter().map(LoopReport::of).collect();
    context.output.result(&Report {
        loops,
        rows: read.rows,
        unread: read.unread,
        devices: guard.devices(),
        forgotten: guard.forgotten(),
    })
}
