//! `ucupdate loops`: lists the devices that are in loops: they are offered the same updates again
//! and again.

use crate::args::change::author::AuthorArgs;
use crate::args::logs::audit::AuditArgs;
use crate::args::moment::{MINUTE, units};
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::shown::Shown;
use crate::output::table::Table;
use crate::output::time::iso;
use serde::Serialize;
use std::fmt;
use std::time::Duration;
use ucupdate::book::{BookCommand, HeldDevices, Hold};
use ucupdate::decide::EligibilityIndex;
use ucupdate::device::DeviceId;
use ucupdate::loops::observations;
use ucupdate::loops::{Loop, LoopGuard, LoopKind, LoopOptions, devices_in_loops};
use ucupdate::value::Counted;
use ucupdate::version::ReportedVersion;

/// The width of the terminal from which each loop has only one line.
const WIDE: usize = 140;

#[derive(Debug, clap::Args)]
pub(crate) struct LoopsArgs {
    #[command(flatten)]
    audit: AuditArgs,
    /// Count the requests of an unchanged device within this number of minutes as one
    #[arg(long, value_name = "MINUTES", default_value = "60", value_parser = |text: &str| units::<u32>(text, MINUTE, 0..=4_294_967_295))]
    apart_minutes: u32,
    /// Hold the devices whose loop continues: they are offered nothing until `ucupdate hold remove`
    #[arg(long)]
    hold: bool,
    #[command(flatten)]
    author: AuthorArgs,
}

#[derive(Debug, Serialize)]
struct LoopsReport {
    loops: Vec<LoopRow>,
    rows: u64,
    /// Lines that could not be read.
    unread: u64,
    /// Devices that were watched. A device counts once for each update type.
    devices: usize,
    /// Devices that were forgotten because the limit was reached.
    forgotten: u64,
    /// The holds that were added, one sentence each. Empty without `--hold`.
    held: Vec<String>,
    /// The number of columns of the terminal.
    #[serde(skip)]
    width: usize,
}

#[derive(Debug, Serialize)]
struct LoopRow {
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

impl LoopRow {
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

    fn servers(&self) -> String {
        if self.servers.is_empty() { "-".to_owned() } else { self.servers.join(" ") }
    }

    fn now(&self) -> &'static str {
        if self.goes_on { "goes on" } else { "over" }
    }

    /// Returns the versions of the loop in order, joined by `>`. For a loop between versions, the
    /// first version follows again at the end.
    fn way(&self) -> String {
        let back = self.versions.first().filter(|_| self.kind == kind(LoopKind::Flipped));
        self.versions.iter().chain(back).map(String::as_str).collect::<Vec<_>>().join(" > ")
    }
}

/// Returns the MAC address of a device. `None` if it is identified by its serial number.
pub(super) fn mac(device: &DeviceId) -> Option<String> {
    matches!(device, DeviceId::Mac(_)).then(|| device.to_string())
}

/// Returns the serial number of a device. `None` if it is identified by its MAC address.
pub(super) fn serial(device: &DeviceId) -> Option<String> {
    matches!(device, DeviceId::Serial(_)).then(|| device.to_string())
}

fn kind(kind: LoopKind) -> &'static str {
    match kind {
        LoopKind::OfferedInstalled => "offered-installed",
        LoopKind::Unchanged => "unchanged",
        LoopKind::Flipped => "flipped",
        _ => "other",
    }
}

impl LoopsReport {
    /// Returns a table for a wide terminal, with one line for each loop.
    fn wide(&self) -> Table<9> {
        let mut table =
            Table::new(["DEVICE", "MODULE", "LOOP", "VERSIONS", "ASKS", "FIRST", "LAST", "SERVERS", "NOW"]);
        for found in &self.loops {
            let (servers, now, way) = (found.servers(), found.now(), found.way());
            let LoopRow { device, update_type, kind, asks, first, last, .. } = found;
            table.row([device, update_type, kind, &way, asks, first, last, &servers, &now]);
        }
        table
    }

    /// Returns a table for a narrow terminal. The times and servers of a loop are in a second line.
    fn narrow(&self) -> Table<5> {
        let mut table = Table::new(["DEVICE", "LOOP", "VERSIONS", "ASKS", "NOW"]);
        for found in &self.loops {
            table.row([&found.device, &found.kind, &found.way(), &found.asks, &found.now()]);
            let LoopRow { update_type, first, last, .. } = found;
            table.line(format!("{update_type}, {first} to {last}, servers: {}", found.servers()));
        }
        table
    }
}

impl fmt::Display for LoopsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.loops.is_empty() {
            return f.write_str("no loops");
        }
        if self.width < WIDE {
            self.narrow().fmt(f)?
        } else {
            self.wide().fmt(f)?
        }
        self.held.iter().try_for_each(|held| write!(f, "\n{}", Shown(held)))
    }
}

pub(crate) async fn run(args: LoopsArgs, context: &mut Context) -> Result<(), Failure> {
    let apart = Duration::from_secs(u64::from(args.apart_minutes) * 60);
    let mut guard = LoopGuard::new(LoopOptions::default().with_apart(apart));
    let read = args
        .audit
        .each_row(context, |logged| observations(logged).into_iter().for_each(|seen| guard.observe(seen)))
        .await?;
    if read.is_nothing() {
        return read.refuse_nothing_understood();
    }
    if guard.forgotten() > 0 {
        let forgotten = Counted::new(guard.forgotten(), "device").with_verb("was", "were");
        context
            .output
            .message(format_args!("{forgotten} forgotten, the {} that asked last are kept", guard.devices()));
    }
    let (rules, none) = (context.rules_if_readable().await, EligibilityIndex::default());
    let loops = guard.loops_in(rules.as_ref().map_or(&none, |rules| rules.index()));
    let held = if args.hold { hold(&loops, &args.author, context).await? } else { Vec::new() };
    let loops = loops.into_iter().map(LoopRow::of).collect();
    context.output.result(&LoopsReport {
        loops,
        rows: read.rows,
        unread: read.unread,
        devices: guard.devices(),
        forgotten: guard.forgotten(),
        held,
        width: context.output.width(),
    })?;
    read.refuse_nothing_understood()
}

/// Adds a hold for each device whose loop continues, unless such a hold exists. Returns a sentence
/// about each hold.
async fn hold(loops: &[Loop], author: &AuthorArgs, context: &Context) -> Result<Vec<String>, Failure> {
    let mut held = Vec::new();
    let devices = devices_in_loops(loops);
    if devices.is_empty() {
        return Ok(held);
    }
    let service = context.administer(IfMissing::Refuse).await?;
    for device in devices {
        let name = format!("loop {device}");
        let name = name.parse().map_err(|error| Failure::new(format_args!("the hold {name} {error}")))?;
        if service.snapshot().book().hold(&name).is_some() {
            held.push(format!("{device} is held already, by the hold {name}"));
            continue;
        }
        let hold = Hold {
            name,
            on: HeldDevices::Device(device.clone()),
            until: None,
            reason: "it is offered updates in a circle".into(),
        };
        let changed = service.admin(&author.name()).command(&BookCommand::AddHold(hold)).await?;
        held.extend(changed.notes.iter().map(ToString::to_string));
    }
    Ok(held)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::style::painted;

    #[test]
    fn on_a_narrow_terminal_times_and_servers_stand_in_a_line_below() {
        let found = LoopRow {
            mac: None,
            serial: None,
            device: "0004F2A1B200".to_owned(),
            kind: kind(LoopKind::Unchanged),
            update_type: "cpe".to_owned(),
            rule: None,
            versions: vec!["1.0.522.103".to_owned(), "3.5.6907.35".to_owned()],
            servers: vec!["a".into(), "b".into()],
            first: "2026-11-27T08:00:00Z".to_owned(),
            last: "2026-11-29T00:00:00Z".to_owned(),
            asks: 5,
            goes_on: true,
        };
        let (loops, held) = (vec![found], Vec::new());
        let report = LoopsReport { loops, rows: 5, unread: 0, devices: 1, forgotten: 0, held, width: 80 };
        let text = "DEVICE        LOOP       VERSIONS                   ASKS  NOW\n\
                    0004F2A1B200  unchanged  1.0.522.103 > 3.5.6907.35  5     goes on\n  \
                    cpe, 2026-11-27T08:00:00Z to 2026-11-29T00:00:00Z, servers: a b";
        assert_eq!(painted(&report.to_string(), false), text);
        let wide = painted(&LoopsReport { width: WIDE, ..report }.to_string(), false);
        assert!(wide.lines().all(|line| line.len() <= WIDE) && wide.lines().count() == 2, "{wide}");
    }
}
