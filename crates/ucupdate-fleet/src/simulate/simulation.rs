//! The result of a simulation.

use crate::outcomes::Tally;
use ucupdate_core::book::BookCommand;
use ucupdate_core::value::UnixTime;
use ucupdate_core::version::ReportedVersion;

/// The result of a simulation: samples of the fleet, commands and tallies.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Simulation {
    /// The versions that any device had at any sample, older versions first. Versions that cannot
    /// be read come last.
    pub versions: Vec<ReportedVersion>,
    /// The samples of the fleet: at the start, after each sample period, and at the end.
    pub samples: Vec<Sample>,
    /// The commands of the timetable and of guards, in order of time.
    pub commands: Vec<SimulatedCommand>,
    /// The tallies of guarded rollouts at the end of the simulation. The tally of a rollout that
    /// was resumed starts again at zero. A rollout that has ended is left out.
    pub tallies: Vec<Tally>,
}

impl Simulation {
    /// Adds up the counts of all samples.
    pub fn total(&self) -> SimulatedCounts {
        let mut total = SimulatedCounts::default();
        self.samples.iter().for_each(|sample| total.add(&sample.counts));
        total
    }
}

/// The state of the fleet at one time, and the events before it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sample {
    /// The simulated time at which the devices were counted.
    pub at: UnixTime,
    /// The number of devices with each version, in the order of [`Simulation::versions`].
    pub devices: Vec<u64>,
    /// The number of devices that are lost: they failed to install a version, and never send a request again.
    pub lost: u64,
    /// The events since the previous sample.
    pub counts: SimulatedCounts,
}

/// Counts of events in a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SimulatedCounts {
    /// All requests, with and without an offer.
    pub asks: u64,
    /// Requests that were answered with an offer.
    pub offers: u64,
    /// Requests whose offer was prevented by a hold, a closed window, a paused rollout or the kill
    /// switch.
    pub held: u64,
    /// Installations that succeeded.
    pub succeeded: u64,
    /// Installations that failed. The device came back with its old version.
    pub failed: u64,
    /// Devices that were lost.
    pub bricked: u64,
    /// The number of times that a device was offered the same version in three consecutive
    /// requests.
    pub loops: u64,
}

impl SimulatedCounts {
    pub(super) fn add(&mut self, other: &Self) {
        let Self { asks, offers, held, succeeded, failed, bricked, loops } = other;
        self.asks += asks;
        self.offers += offers;
        self.held += held;
        self.succeeded += succeeded;
        self.failed += failed;
        self.bricked += bricked;
        self.loops += loops;
    }
}

/// A command that was executed in a simulation, and its result.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SimulatedCommand {
    /// The time at which the command was executed.
    pub at: UnixTime,
    /// The source of the command: the timetable or a guard.
    pub by: CommandSource,
    /// The command itself.
    pub command: BookCommand,
    /// The notes of the command, or the text of its refusal.
    pub result: Result<Vec<String>, String>,
}

/// Whether the scenario or a guard gave a command in a simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommandSource {
    /// The timetable of the scenario.
    Timetable,
    /// The guard of a rollout.
    Guard,
}

impl CommandSource {
    /// Returns the author that commands from this source have in the simulated rule book.
    pub(super) fn author(self) -> &'static str {
        match self {
            Self::Timetable => "timetable",
            Self::Guard => "guard",
        }
    }
}
