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
use serde_json::{Value, json};
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

/// Returns a loop for scripts. Times are in UTC.
fn loop_json(found: &Loop) -> Value {
    json!({
        "mac": mac(&found.device),
        "serial": serial(&found.device),
        "kind": kind(found.kind),
        "update_type": found.update_type,
        "rule": found.rule,
        "versions": found.versions,
        "servers": found.servers,
        "first": iso(found.first),
        "last": iso(found.last),
        "asks": found.asks,
        "goes_on": found.goes_on,
    })
}

fn servers(found: &Loop) -> String {
    if found.servers.is_empty() { "-".to_owned() } else { found.servers.join(" ") }
}

fn now(found: &Loop) -> &'static str {
    if found.goes_on { "goes on" } else { "over" }
}

/// Returns the versions of the loop in order, joined by `>`. For a loop between versions, the
/// first version follows again at the end.
fn way(found: &Loop) -> String {
    let back = found.versions.first().filter(|_| found.kind == LoopKind::Flipped);
    found.versions.iter().chain(back).map(ReportedVersion::as_str).collect::<Vec<_>>().join(" > ")
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

/// Returns a table for a wide terminal, with one line for each loop.
fn wide_table(loops: &[Loop]) -> Table<9> {
    let mut table =
        Table::new(["DEVICE", "MODULE", "LOOP", "VERSIONS", "ASKS", "FIRST", "LAST", "SERVERS", "NOW"]);
    for found in loops {
        let Loop { device, update_type, asks, .. } = found;
        let (first, last, servers) = (iso(found.first), iso(found.last), servers(found));
        table.row([
            device,
            update_type,
            &kind(found.kind),
            &way(found),
            asks,
            &first,
            &last,
            &servers,
            &now(found),
        ]);
    }
    table
}

/// Returns a table for a narrow terminal. The times and servers of a loop are in a second line.
fn narrow_table(loops: &[Loop]) -> Table<5> {
    let mut table = Table::new(["DEVICE", "LOOP", "VERSIONS", "ASKS", "NOW"]);
    for found in loops {
        let Loop { device, update_type, asks, .. } = found;
        table.row([device, &kind(found.kind), &way(found), asks, &now(found)]);
        let (first, last, servers) = (iso(found.first), iso(found.last), servers(found));
        table.line(format!("{update_type}, {first} to {last}, servers: {servers}"));
    }
    table
}

/// Returns the loops and the holds that were added, for a terminal with this number of columns.
fn text(loops: &[Loop], held: &[String], width: usize) -> String {
    let table = match width {
        _ if loops.is_empty() => return "no loops".to_owned(),
        WIDE.. => wide_table(loops).to_string(),
        _ => narrow_table(loops).to_string(),
    };
    held.iter().fold(table, |text, held| format!("{text}\n{}", Shown(held)))
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
    let value = json!({
        "loops": loops.iter().map(loop_json).collect::<Vec<_>>(),
        "rows": read.rows,
        "unread": read.unread,
        "devices": guard.devices(),
        "forgotten": guard.forgotten(),
        "held": held,
    });
    let text = text(&loops, &held, context.output.width());
    context.output.both(&value, text)?;
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
    use ucupdate::loops::Observation;
    use ucupdate::value::UnixTime;

    #[test]
    fn on_a_narrow_terminal_times_and_servers_stand_in_a_line_below() {
        let mut guard = LoopGuard::new(LoopOptions::default());
        for (hour, server) in [(0, "a"), (10, "b"), (20, "a"), (30, "b"), (40, "a")] {
            guard.observe(Observation {
                device: DeviceId::Mac("0004F2A1B200".parse().unwrap()),
                update_type: "cpe".parse().unwrap(),
                rule: None,
                at: UnixTime::from_seconds(1_795_766_400 + hour * 3600),
                installed: ReportedVersion::new("1.0.522.103"),
                offered: Some(ReportedVersion::new("3.5.6907.35")),
                server: Some(server.into()),
            });
        }
        let loops = guard.loops_in(&EligibilityIndex::default());
        let expected = "DEVICE        LOOP       VERSIONS                   ASKS  NOW\n\
                    0004F2A1B200  unchanged  1.0.522.103 > 3.5.6907.35  5     goes on\n  \
                    cpe, 2026-11-27T08:00:00Z to 2026-11-29T00:00:00Z, servers: a b";
        assert_eq!(painted(&text(&loops, &[], 80), false), expected);
        let wide = painted(&text(&loops, &[], WIDE), false);
        assert!(wide.lines().all(|line| line.len() <= WIDE) && wide.lines().count() == 2, "{wide}");
    }
}
