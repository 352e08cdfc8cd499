//! The result of a simulation, as text, as JSON, and as a CSV file.

use crate::output::table::Table;
use serde_json::{Value, json};
use std::fmt;
use ucupdate::book::BookCommand;
use ucupdate::outcomes::Tally;
use ucupdate::simulate::{CommandSource, Sample, Scenario, SimulatedCommand, SimulatedCounts, Simulation};
use ucupdate::value::{Counted, UnixTime};

pub(super) struct SimulationReport {
    pub(super) played: Simulation,
    pub(super) devices: usize,
    pub(super) scenario: Scenario,
}

impl SimulationReport {
    /// Returns the hours from the start to a time.
    fn hour(&self, at: UnixTime) -> i64 {
        (at.as_seconds() - self.scenario.start().as_seconds()) / 3600
    }

    pub(super) fn json(&self) -> Value {
        let Simulation { versions, samples, commands, tallies, .. } = &self.played;
        let sample = |Sample { at, devices, lost, counts, .. }: &Sample| -> Value {
            let counts = named(counts).map(|(name, count)| (name, json!(count)));
            let others = [("lost", json!(lost)), ("devices", json!(devices))];
            [("hour", json!(self.hour(*at)))].into_iter().chain(counts).chain(others).collect()
        };
        json!({
            "devices": self.devices,
            "days": self.scenario.days(),
            "seed": self.scenario.seed(),
            "versions": versions,
            "samples": samples.iter().map(sample).collect::<Vec<_>>(),
            "happenings": commands.iter().map(|done| command_json(done, self.hour(done.at))).collect::<Vec<_>>(),
            "rollouts": tallies.iter().map(tally_json).collect::<Vec<_>>(),
            "total": named(&self.played.total()).into_iter().collect::<Value>(),
        })
    }

    /// Returns the result as CSV: a heading, and one row for each sample (the state at one hour). A
    /// row has the counts since the row before, and the number of devices with each version.
    pub(super) fn csv(&self) -> String {
        let names = named(&SimulatedCounts::default()).map(|(name, _)| name.to_owned());
        let versions = self.played.versions.iter().map(|version| quoted(version.as_str()));
        let titles = ["hour".to_owned()].into_iter().chain(names).chain(["lost".to_owned()]).chain(versions);
        let mut text = titles.collect::<Vec<_>>().join(",") + "\n";
        for Sample { at, devices, lost, counts, .. } in &self.played.samples {
            let counts = named(counts).into_iter().map(|(_, count)| count);
            text.push_str(&self.hour(*at).to_string());
            counts
                .chain([*lost])
                .chain(devices.iter().copied())
                .for_each(|count| text.push_str(&format!(",{count}")));
            text.push('\n');
        }
        text
    }

    /// Returns the most frequent versions in order, as in `3.5.6907.0: 600, 4.0.7577.0: 400`.
    fn have(&self, sample: &Sample) -> String {
        let mut have: Vec<(usize, u64)> = sample.devices.iter().copied().enumerate().collect();
        have.retain(|(_, count)| *count > 0);
        have.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let more = have.len().saturating_sub(SHOWN_VERSIONS);
        have.truncate(SHOWN_VERSIONS);
        have.sort_unstable();
        let shown = have
            .iter()
            .filter_map(|(at, count)| Some(format!("{}: {count}", self.played.versions.get(*at)?)));
        let mut shown: Vec<String> = shown.collect();
        if more > 0 {
            shown.push(Counted::new(more, "other version").to_string());
        }
        shown.join(", ")
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

/// Returns the counts with their names in JSON and in the table.
fn named(counts: &SimulatedCounts) -> [(&'static str, u64); 7] {
    let SimulatedCounts { asks, offers, held, succeeded, failed, bricked, loops, .. } = *counts;
    [
        ("asks", asks),
        ("offers", offers),
        ("held", held),
        ("succeeded", succeeded),
        ("failed", failed),
        ("bricked", bricked),
        ("loops", loops),
    ]
}

fn author(by: CommandSource) -> &'static str {
    match by {
        CommandSource::Guard => "guard",
        _ => "timetable",
    }
}

/// Returns a command and its result. `why` is the reason of a pause by a guard.
fn command_json(SimulatedCommand { by, command, result, .. }: &SimulatedCommand, hour: i64) -> Value {
    let why = match (command, by) {
        (BookCommand::PauseRollout(_, _, why), CommandSource::Guard) => Some(why),
        _ => None,
    };
    let notes = result.as_deref().unwrap_or_default();
    json!({ "hour": hour, "by": author(*by), "notes": notes, "refused": result.as_ref().err(), "why": why })
}

fn tally_json(tally: &Tally) -> Value {
    let counts = &tally.counts;
    json!({
        "rule": tally.rule,
        "rollout": tally.rollout,
        "version": tally.version,
        "offered": counts.offered(),
        "in_flight": counts.in_flight,
        "succeeded": counts.succeeded,
        "failed": counts.failed,
        "elsewhere": counts.elsewhere,
        "unwatched": tally.unwatched,
    })
}

/// The largest number of versions in a row of the table.
const SHOWN_VERSIONS: usize = 4;

impl fmt::Display for SimulationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table =
            Table::new(["HOUR", "ASKS", "OFFERS", "HELD", "SUCCEEDED", "FAILED", "LOST", "DEVICES"]);
        for sample in &self.played.samples {
            let SimulatedCounts { asks, offers, held, succeeded, failed, .. } = &sample.counts;
            let (hour, have) = (self.hour(sample.at), self.have(sample));
            table.row([&hour, asks, offers, held, succeeded, failed, &sample.lost, &have]);
        }
        write!(f, "{table}")?;
        for SimulatedCommand { at, by, result, .. } in &self.played.commands {
            let outcome = match result {
                Err(why) => format!("refused: {why}"),
                Ok(notes) if notes.is_empty() => "nothing changed".to_owned(),
                Ok(notes) => notes.join("; "),
            };
            write!(f, "\nhour {}, by the {}: {outcome}", self.hour(*at), author(*by))?;
        }
        self.played.tallies.iter().try_for_each(|tally| write!(f, "\n{tally}"))?;
        match self.played.total().loops {
            0 => Ok(()),
            loops => {
                let devices = Counted::new(loops, "device").with_verb("was", "were");
                write!(f, "\n{devices} offered one version three times in a row")
            }
        }
    }
}
