//! `ucupdate fleet`: lists the devices, their versions and their states.

mod csv;
mod listing;
pub(crate) mod overview;
pub(crate) mod page;
mod selection;

use crate::args::logs::audit::AuditArgs;
use crate::args::logs::thresholds::long;
use crate::args::logs::timeline::LogArgs;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::files;
use crate::suggest::{no_group, pattern_meant, without_rule};
pub(super) use listing::{DeviceJson, states_json};
use overview::{NO_RULES, Overview};
use selection::SelectionArgs;
use std::path::PathBuf;
use std::time::Duration;
use ucupdate::InventoryKeeper;
use ucupdate::value::{Counted, Zone};

#[derive(Debug, clap::Args)]
pub(crate) struct FleetArgs {
    #[command(flatten)]
    audit: AuditArgs,
    #[command(flatten)]
    logs: LogArgs,
    #[command(flatten)]
    chosen: SelectionArgs,
    /// A device is silent if it has not asked for this long: hours (50h) or days (7d)
    #[arg(long, value_name = "TIME", default_value = "50h", value_parser = long)]
    silent_after: Duration,
    /// Write the listed devices to this new file as CSV
    #[arg(long, value_name = "OUT")]
    csv: Option<PathBuf>,
    /// Write an HTML page about the fleet to this new file, with charts and the listed devices
    #[arg(long, value_name = "OUT")]
    html: Option<PathBuf>,
    /// Store the devices as an inventory beside those of the servers, so that they do not disappear with old logs
    #[arg(long, conflicts_with_all = ["audit", "since", "until_time"])]
    keep: bool,
    /// Leave out devices that only a stored inventory names. With --keep, the inventory is created again from the
    /// logs
    #[arg(long)]
    forget_kept: bool,
}

/// The name of the inventory that this command keeps. Servers use their own names.
const KEPT_BY: &str = "ucupdate-fleet";

pub(crate) async fn run(mut args: FleetArgs, context: &mut Context) -> Result<(), Failure> {
    files::new::check(args.csv.iter().chain(&args.html))?;
    let is_to_file = args.csv.is_some() || args.html.is_some();
    if let Some(group) = &args.chosen.group {
        let snapshot = context.administer(IfMissing::Refuse).await?.snapshot();
        if snapshot.book().group(group).is_none() {
            return Err(no_group(group, snapshot.book()));
        }
    }
    let overview =
        Overview::read(&args.audit, &args.logs, args.silent_after, args.forget_kept, context).await?;
    if overview.read.is_nothing() {
        return overview.read.refuse_nothing_understood();
    }
    if let (Some(option), None) = (args.chosen.needs_rules(), &overview.rules) {
        return Err(Failure::not_found(format_args!(
            "{NO_RULES}, so {option} chooses no device; --store names the store with the rules"
        )));
    }
    overview.report_limits(context);
    if args.keep {
        keep(&overview, context).await?;
    }
    if let Some(snapshot) = &overview.rules {
        let pattern = args.chosen.rule.take();
        args.chosen.rule = pattern.map(|pattern| pattern_meant(pattern, snapshot.book())).transpose()?;
    }
    let chosen = args.chosen.of(&overview);
    if let (Some(rules), Some(snapshot), true) = (&args.chosen.rule, &overview.rules, chosen.is_empty())
        && let Some(reason) = without_rule(rules, snapshot.book())
    {
        return Err(Failure::not_found(reason));
    }
    if let Some(path) = &args.csv {
        files::new::write_from(path, &mut csv::Csv::new(&overview, &chosen))?;
        let devices = Counted::new(chosen.len(), "device");
        context.output.message(format_args!("{} has {devices}", path.display()));
    }
    if let Some(path) = &args.html {
        files::new::write_file(path, page::page(&overview, &chosen, &args.chosen).as_bytes())?;
        context.output.message(format_args!("{} has the page of the fleet", path.display()));
    }
    if context.output.is_json() {
        context.output.json_result(&listing::FleetJson::new(&overview, &chosen))?;
    } else if !is_to_file {
        let width = context.output.width();
        context.output.text(listing::text(&overview, &chosen, width))?;
        listing::report_unlisted(&chosen, context);
    }
    overview.read.refuse_nothing_understood()
}

/// Writes the inventory of the fleet into the store (`--keep`).
async fn keep(overview: &Overview, context: &mut Context) -> Result<(), Failure> {
    let store = context.open_store(IfMissing::Refuse).await?;
    let keeper = InventoryKeeper::new(KEPT_BY.parse()?, Zone::utc());
    let report = keeper.write(&*store, &overview.fleet, overview.end).await?;
    let kept = Counted::new(report.devices, "device").with_verb("is", "are");
    context.output.message(format_args!("{kept} kept in the store"));
    if report.left_out > 0 {
        context.output.message(format_args!(
            "warning: there is no room for the {} that asked least recently",
            Counted::new(report.left_out, "device")
        ));
    }
    Ok(())
}
