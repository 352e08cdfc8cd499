//! `ucupdate simulate`: shows the effects of a rule book on a fleet, day by day.

mod report;
mod timetable;

use crate::args::logs::audit::AuditArgs;
use crate::args::moment::{DAY, HOUR, units};
use crate::args::number::{any_number, number};
use crate::commands::rules::pin::version;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::files;
use crate::files::new::place;
use report::SimulationReport;
use std::path::{Path, PathBuf};
use ucupdate::book::{Percent, RuleBook};
use ucupdate::inventory::Inventory;
use ucupdate::request::{AskedFrom, Question};
use ucupdate::simulate::{
    Chances, FailureModel, MAX_SIMULATED_DEVICES, Scenario, SimulatedFleet, simulate_with_progress,
};
use ucupdate::value::{FieldTime, UnixTime};
use ucupdate::version::ReportedVersion;

#[derive(Debug, clap::Args)]
pub(crate) struct SimulateArgs {
    /// Simulate this number of devices, spread evenly over the rules of the store, instead of the devices of audit
    /// logs
    #[arg(long, value_name = "N", conflicts_with_all = ["audit", "since", "until_time", "time_zone"], value_parser = device_count)]
    devices: Option<usize>,
    /// The version of each of these devices [default: the approved version of its rule, or 0.0.0.0]
    #[arg(long, value_name = "VERSION", requires = "devices", conflicts_with_all = ["audit", "since", "until_time", "time_zone"],
        value_parser = version)]
    installed: Option<ReportedVersion>,
    #[command(flatten)]
    audit: AuditArgs,
    /// The number of days to simulate
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = |text: &str| units::<u32>(text, DAY, 1..=3650))]
    days: u32,
    /// The seed of the random numbers. The same seed gives the same result
    #[arg(long, value_name = "NUMBER", default_value_t = 0, value_parser = any_number::<u64>)]
    seed: u64,
    /// The share of installations that fail. The device comes back with the old version
    #[arg(long, value_name = "P", default_value = "0")]
    fail: Percent,
    /// The share of installations after which the device never comes back
    #[arg(long, value_name = "P", default_value = "0")]
    brick: Percent,
    /// The share of failures for one version, such as 4.0.7577.0=40%; can be repeated
    #[arg(long, value_name = "VERSION=P", value_parser = fail_of)]
    fail_of: Vec<(ReportedVersion, Percent)>,
    /// The first day, such as 2009-03-06. The simulation begins at midnight in UTC, and windows and ramps follow this
    /// clock [default: today]
    #[arg(long, value_name = "DAY", value_parser = day)]
    start: Option<UnixTime>,
    /// A file with the changes that administrators make during the simulation, one per line, such as `3d percent RULE
    /// ROLLOUT 50%`
    #[arg(long, value_name = "FILE")]
    timetable: Option<PathBuf>,
    /// The hours between two rows of the result
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = |text: &str| units::<u32>(text, HOUR, 1..=8760))]
    every: u32,
    /// Write the rows into a new file, with a column for each version
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// The number of threads, which does not change the result [default: the number of CPUs]
    #[arg(long, value_name = "N", value_parser = |text: &str| number::<u16>(text, 1..=64))]
    threads: Option<u16>,
}

/// The largest size of a timetable in bytes.
const MAX_TIMETABLE_BYTES: usize = 1024 * 1024;

pub(crate) async fn run(args: SimulateArgs, context: &mut Context) -> Result<(), Failure> {
    let service = context.administer(IfMissing::Refuse).await?;
    let book = service.snapshot().book().clone();
    let fleet = match args.devices {
        Some(devices) if book.rules().len() == 0 => {
            return Err(Failure::new(format_args!(
                "the store has no rules, so there is nothing for {devices} devices to ask"
            )));
        }
        Some(devices) => SimulatedFleet::of_rules(&book, devices, args.installed.as_ref()),
        None => logged(&args.audit, context).await?,
    };
    let today = || UnixTime::from_seconds(service.now().as_seconds().div_euclid(86_400) * 86_400);
    let start = args.start.unwrap_or_else(today);
    let scenario = args.scenario(start, &book)?;
    let chances = Chances { fail: args.fail, brick: args.brick };
    let mut model = FailureModel::new(chances);
    for (version, fail) in args.fail_of {
        model = model.with_version(version, None, Chances { fail, ..chances });
    }
    let bar =
        context.output.progress.of_things("device days", fleet.len() as u64 * u64::from(scenario.days()));
    let report = files::blocking(move || {
        let played = simulate_with_progress(&fleet, &book, &model, &scenario, &|days| bar.inc(days));
        bar.finish_and_clear();
        let report = SimulationReport { played, devices: fleet.len(), scenario };
        if let Some(path) = args.csv {
            write(&path, &report.csv())?;
        }
        Ok(report)
    });
    let report = report.await?;
    if context.output.is_json() {
        context.output.json_result(&report.json())
    } else {
        context.output.text(report)
    }
}

impl SimulateArgs {
    fn scenario(&self, start: UnixTime, book: &RuleBook) -> Result<Scenario, Failure> {
        let threads = match self.threads {
            Some(threads) => threads.into(),
            None => std::thread::available_parallelism().map_or(1, usize::from),
        };
        let mut scenario = Scenario::default()
            .with_start(start)
            .with_days(self.days)
            .with_seed(self.seed)
            .with_sample_seconds(self.every * 60 * 60)
            .with_threads(threads);
        if let Some(path) = &self.timetable {
            let text = String::from_utf8(files::read(path, MAX_TIMETABLE_BYTES)?)
                .map_err(|error| Failure::in_doing(path.display(), &error))?;
            let timetable = timetable::read(&text, start)
                .map_err(|why| Failure::not_understood(format_args!("{}: {why}", path.display())))?;
            timetable::check(&timetable, book).map_err(|failure| match failure {
                Failure::Explained(kind, why) => {
                    Failure::Explained(kind, format!("{}: {why}", path.display()))
                }
                failure => failure,
            })?;
            let timetable = timetable.into_iter().map(|line| (line.after, line.command)).collect();
            scenario = scenario.with_timetable(timetable);
        }
        Ok(scenario)
    }
}

fn device_count(text: &str) -> Result<usize, String> {
    let count = text.parse::<usize>().ok().filter(|count| (1..=MAX_SIMULATED_DEVICES).contains(count));
    count.ok_or_else(|| format!("expected 1 to {MAX_SIMULATED_DEVICES} devices"))
}

/// Returns the devices in audit logs. Each installed module counts as one device.
async fn logged(audit: &AuditArgs, context: &mut Context) -> Result<SimulatedFleet, Failure> {
    let mut fleet = Inventory::default();
    let read = audit.each_row(context, |logged| fleet.take_in(logged)).await?;
    read.refuse_nothing_understood()?;
    let mut simulated = SimulatedFleet::default();
    for (_, device) in fleet.devices() {
        let Some(request) = device.request() else { continue };
        let from = AskedFrom { side: None, address: device.user_host.parse().ok() };
        for question in Question::all_of(&request, from) {
            if !simulated.add(&question) {
                return Err(Failure::new(format_args!(
                    "there are more than {MAX_SIMULATED_DEVICES} devices"
                )));
            }
        }
    }
    if simulated.is_empty() {
        return Err(Failure::new("the audit logs have no devices; --devices plays invented ones"));
    }
    Ok(simulated)
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let (name, folder) = place(path)?;
    folder.write(name, None, &mut text.as_bytes()).map(drop)
}

fn fail_of(text: &str) -> Result<(ReportedVersion, Percent), String> {
    let (of, share) = text.split_once('=').ok_or("expected VERSION=P, as 4.0.7577.0=40%")?;
    let share = share.parse::<Percent>().map_err(|error| error.to_string())?;
    Ok((version(of)?, share))
}

fn day(text: &str) -> Result<UnixTime, String> {
    let parsed = || {
        let [year, month, day] = text.split('-').collect::<Vec<_>>()[..] else { return None };
        FieldTime::new((year.parse().ok()?, month.parse().ok()?, day.parse().ok()?), (0, 0, 0))
    };
    parsed().map(FieldTime::as_utc).ok_or_else(|| "expected a day, as 2009-03-06".to_owned())
}
