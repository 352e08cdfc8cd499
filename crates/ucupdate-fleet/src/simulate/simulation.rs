//! What came of a simulation.

use crate::outcomes::Tally;
use ucupdate_core::book::BookCommand;
use ucupdate_core::value::UnixTime;
use ucupdate_core::version::ReportedVersion;

/// What came of a simulation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Simulation {
    /// The versions that any device had at any sample, by their order; those that cannot be read last.
    pub versions: Vec<ReportedVersion>,
    /// How it stood, at the start and then each sample period; the last at the end.
    pub samples: Vec<Sample>,
    /// What people and guards did, in order.
    pub happenings: Vec<Happening>,
    /// What became of the devices of guarded rollouts; a rollout that was resumed or is over begins anew or is left out.
    pub tallies: Vec<Tally>,
}

impl Simulation {
    /// What happened in all of it.
    pub fn total(&self) -> SimulatedCounts {
        let mut total = SimulatedCounts::default();
        self.samples.iter().for_each(|sample| total.add(&sample.counts));
        total
    }
}

/// How it stands at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sample {
    /// When.
    pub at: UnixTime,
    /// How many devices have each of [`Simulation::versions`].
    pub devices: Vec<u64>,
    /// How many are lost.
    pub lost: u64,
    /// What happened since the sample before.
    pub counts: SimulatedCounts,
}

/// What happened in a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SimulatedCounts {
    /// Requests.
    pub asks: u64,
    /// Requests that were offered something.
    pub offers: u64,
    /// Requests that were offered nothing because something held it back: a hold, a window, a pause, a kill switch.
    pub held: u64,
    /// Installations that succeeded.
    pub succeeded: u64,
    /// Installations that failed, the device coming back with what it had.
    pub failed: u64,
    /// Devices that were lost.
    pub bricked: u64,
    /// Devices that were offered one version for the third time in a row.
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

/// A command, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Happening {
    /// When.
    pub at: UnixTime,
    /// Who gave the command.
    pub by: HappeningBy,
    /// The command.
    pub command: BookCommand,
    /// What was told of it, a line each; or why it was refused.
    pub told: Result<Vec<String>, String>,
}

/// Who gave a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HappeningBy {
    /// The timetable.
    Timetable,
    /// A guard.
    Guard,
}

impl HappeningBy {
    /// Returns the author of its commands in the simulated rule book.
    pub(super) fn author(self) -> &'static str {
        match self {
            Self::Timetable => "timetable",
            Self::Guard => "guard",
        }
    }
}
