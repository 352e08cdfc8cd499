//! The result of a simulation, as text, as JSON, and as a CSV file.

use crate::output::table::Table;
use serde::Serialize;
use std::fmt::{self, Write as _};
use ucupdate::book::BookCommand;
use ucupdate::outcomes::Tally;
use ucupdate::simulate::{CommandSource, Sample, Scenario, SimulatedCommand, SimulatedCounts, Simulation};
use ucupdate::value::{Counted, UnixTime};

#[derive(Debug, Serialize)]
pub(super) struct SimulationReport {
    devices: usize,
    days: u32,
    seed: u64,
    /// The versions that any device had, in order.
    versions: Vec<String>,
    samples: Vec<SampleReport>,
    happenings: Vec<HappeningReport>,
    rollouts: Vec<RolloutReport>,
    total: CountsReport,
    #[serde(skip)]
    tallies: Vec<String>,
}

#[derive(Debug, Serialize)]
struct SampleReport {
    /// Hours from the start.
    hour: i64,
    #[serde(flatten)]
    counts: CountsReport,
    lost: u64,
    /// The number of devices with each of the versions.
    devices: Vec<u64>,
}

/// The numbers of requests, offers and failures since the previous row of the result.
#[derive(Debug, Serialize)]
struct CountsReport {
    asks: u64,
    offers: u64,
    held: u64,
    succeeded: u64,
    failed: u64,
    bricked: u64,
    loops: u64,
}

#[derive(Debug, Serialize)]
struct HappeningReport {
    hour: i64,
    /// The cause of the change: `timetable` or `guard`.
    by: &'static str,
    /// The notes of the change, a sentence each.
    notes: Vec<String>,
    /// The reason of a refusal. `None` if the change was made.
    refused: Option<String>,
    /// The reason of a pause by a guard. `None` for other changes.
    why: Option<String>,
}

#[derive(Debug, Serialize)]
struct RolloutReport {
    rule: String,
    rollout: String,
    version: String,
    offered: u64,
    in_flight: u64,
    succeeded: u64,
    failed: u64,
    elsewhere: u64,
    unwatched: u64,
}

impl SimulationReport {
    pub(super) fn of(played: &Simulation, devices: usize, scenario: &Scenario) -> Self {
        let hour = |at: UnixTime| (at.as_seconds() - scenario.start().as_seconds()) / 3600;
        let sample = |sample: &Sample| SampleReport {
            hour: hour(sample.at),
            counts: CountsReport::of(&sample.counts),
            lost: sample.lost,
            devices: sample.devices.clone(),
        };
        Self {
            devices,
            days: scenario.days(),
            seed: scenario.seed(),
            versions: played.versions.iter().map(ToString::to_string).collect(),
            samples: played.samples.iter().map(sample).collect(),
            happenings: played
                .commands
                .iter()
                .map(|happening| HappeningReport::of(happening, &hour))
                .collect(),
            rollouts: played.tallies.iter().map(RolloutReport::of).collect(),
            total: CountsReport::of(&played.total()),
            tallies: played.tallies.iter().map(ToString::to_string).collect(),
        }
    }

    /// Returns the result as CSV: a heading, and one row for each sample (the state at one hour). A
    /// row has the counts since the row before, and the number of devices with each version.
    pub(super) fn csv(&self) -> String {
        let mut text = String::from("hour,asks,offers,held,succeeded,failed,bricked,loops,lost");
        for version in &self.versions {
            text.push(',');
            text.push_str(&quoted(version));
        }
        for sample in &self.samples {
            let CountsReport { asks, offers, held, succeeded, failed, bricked, loops } = &sample.counts;
            let (hour, lost) = (sample.hour, sample.lost);
            // Writing to a string does not fail.
            let _written =
                write!(text, "\n{hour},{asks},{offers},{held},{succeeded},{failed},{bricked},{loops},{lost}");
            sample.devices.iter().for_each(|count| text.push_str(&format!(",{count}")));
        }
        text.push('\n');
        text
    }
}

/// Returns a CSV field (RFC 4180). A field with a comma, a quote or a line end is put in quotes.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

impl CountsReport {
    fn of(counts: &SimulatedCounts) -> Self {
        Self {
            asks: counts.asks,
            offers: counts.offers,
            held: counts.held,
            succeeded: counts.succeeded,
            failed: counts.failed,
            bricked: counts.bricked,
            loops: counts.loops,
        }
    }
}

impl HappeningReport {
    fn of(happening: &SimulatedCommand, hour: &impl Fn(UnixTime) -> i64) -> Self {
        let by = match happening.by {
            CommandSource::Guard => "guard",
            _ => "timetable",
        };
        let why = match (&happening.command, happening.by) {
            (BookCommand::PauseRollout(_, _, why), CommandSource::Guard) => Some(why.to_string()),
            _ => None,
        };
        let notes = happening.result.clone().unwrap_or_default();
        Self { hour: hour(happening.at), by, notes, refused: happening.result.clone().err(), why }
    }
}

impl RolloutReport {
    fn of(tally: &Tally) -> Self {
        let counts = &tally.counts;
        Self {
            rule: tally.rule.to_string(),
            rollout: tally.rollout.to_string(),
            version: tally.version.to_string(),
            offered: counts.offered(),
            in_flight: counts.in_flight,
            succeeded: counts.succeeded,
            failed: counts.failed,
            elsewhere: counts.elsewhere,
            unwatched: tally.unwatched,
        }
    }
}

/// The largest number of versions in a row of the table.
const SHOWN_VERSIONS: usize = 4;

impl fmt::Display for SimulationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table =
            Table::new(["HOUR", "ASKS", "OFFERS", "HELD", "SUCCEEDED", "FAILED", "LOST", "DEVICES"]);
        for sample in &self.samples {
            let counts = &sample.counts;
            let (asks, offers, held) = (&counts.asks, &counts.offers, &counts.held);
            let have = self.have(sample);
            table.row([
                &sample.hour,
                asks,
                offers,
                held,
                &counts.succeeded,
                &counts.failed,
                &sample.lost,
                &have,
            ]);
        }
        write!(f, "{table}")?;
        for happening in &self.happenings {
            let outcome = match &happening.refused {
                Some(why) => format!("refused: {why}"),
                None if happening.notes.is_empty() => "nothing changed".to_owned(),
                None => happening.notes.join("; "),
            };
            write!(f, "\nhour {}, by the {}: {outcome}", happening.hour, happening.by)?;
        }
        self.tallies.iter().try_for_each(|tally| write!(f, "\n{tally}"))?;
        match self.total.loops {
            0 => Ok(()),
            loops => {
                let devices = Counted::new(loops, "device").with_verb("was", "were");
                write!(f, "\n{devices} offered one version three times in a row")
            }
        }
    }
}

impl SimulationReport {
    /// Returns the most frequent versions with their numbers of devices, such as
    /// `3.5.6907.0: 600, 4.0.7577.0: 400`.
    fn have(&self, sample: &SampleReport) -> String {
        let mut have: Vec<(usize, u64)> = sample.devices.iter().copied().enumerate().collect();
        have.retain(|(_, count)| *count > 0);
        have.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let more = have.len().saturating_sub(SHOWN_VERSIONS);
        have.truncate(SHOWN_VERSIONS);
        have.sort_unstable();
        let shown =
            have.iter().filter_map(|(at, count)| Some(format!("{}: {count}", self.versions.get(*at)?)));
        let mut shown: Vec<String> = shown.collect();
        if more > 0 {
            shown.push(Counted::new(more, "other version").to_string());
        }
        shown.join(", ")
    }
}
