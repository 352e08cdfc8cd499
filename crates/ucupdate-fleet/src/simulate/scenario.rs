//! What is simulated: for how long, with which chances, and what people do meanwhile.

use crate::outcomes::OutcomeOptions;
use ucupdate_core::book::{BookCommand, Percent};
use ucupdate_core::device::Model;
use ucupdate_core::value::UnixTime;
use ucupdate_core::version::ReportedVersion;

/// The longest simulation, in days.
pub const MAX_SIMULATED_DAYS: u32 = 36_500;

/// How long a simulation lasts, how devices ask, and what people do meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scenario {
    /// When it begins. Windows, ramps and holds go by it.
    pub start: UnixTime,
    /// How many days it lasts; at most [`MAX_SIMULATED_DAYS`].
    pub days: u32,
    /// What chance follows from.
    pub seed: u64,
    /// How many threads work at it; what comes out is the same for any number.
    pub threads: usize,
    /// How many seconds lie between two regular requests of a device: a minute to 30 days.
    pub poll_seconds: u32,
    /// What share of devices is started or signed in anew between two regular requests, and asks then too.
    pub restarts: Percent,
    /// How many seconds lie between two samples; a multiple of five minutes, and at least that.
    pub sample_seconds: u32,
    /// How many seconds lie between two looks at the guards; a multiple of five minutes, and at least that.
    pub look_seconds: u32,
    /// Within which bounds outcomes are watched.
    pub outcomes: OutcomeOptions,
    /// What people do: so many seconds after the start, in any order.
    pub timetable: Vec<(u32, BookCommand)>,
}

impl Default for Scenario {
    /// Thirty days from 1970 on, by one thread: each device asks each 24 hours, a fifth of them once more between, samples
    /// are taken each day, guards looked at each ten minutes, and nobody does anything.
    fn default() -> Self {
        Self {
            start: UnixTime::default(),
            days: 30,
            seed: 0,
            threads: 1,
            poll_seconds: 24 * 60 * 60,
            restarts: Percent::from_hundredths(2000).unwrap_or(Percent::NONE),
            sample_seconds: 24 * 60 * 60,
            look_seconds: 10 * 60,
            outcomes: OutcomeOptions::default(),
            timetable: Vec::new(),
        }
    }
}

/// What becomes of installations.
///
/// Chance decides once for each device and version: a device on which a version fails fails each time it tries it. A
/// failed installation ends with a reboot, and the device comes back with what it had; it tries the same version again at
/// its next regular request. A device that is lost never comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailureModel {
    /// The chances of a version that none of the others is for.
    pub chances: Chances,
    /// Chances of single versions; the first that is for the version and the model counts.
    pub versions: Vec<VersionChances>,
    /// The fewest seconds it takes to fetch and install an image and to reboot.
    pub fastest_seconds: u32,
    /// The most; all between are as likely. At most a day.
    pub slowest_seconds: u32,
}

impl Default for FailureModel {
    /// Nothing fails, and installing takes ten to forty minutes.
    fn default() -> Self {
        Self {
            chances: Chances::default(),
            versions: Vec::new(),
            fastest_seconds: 10 * 60,
            slowest_seconds: 40 * 60,
        }
    }
}

impl FailureModel {
    /// Where versions fail with these chances, unless others are said for one.
    pub fn new(chances: Chances) -> Self {
        Self { chances, ..Self::default() }
    }

    /// With other chances for a version, on one model or on all.
    #[must_use]
    pub fn with_version(mut self, version: ReportedVersion, model: Option<Model>, chances: Chances) -> Self {
        self.versions.push(VersionChances { version, model, chances });
        self
    }

    pub(super) fn of(&self, version: &ReportedVersion, model: &Model) -> Chances {
        let mut versions = self.versions.iter();
        let is_for = |known: &&VersionChances| {
            known.version.same_release(version) && known.model.as_ref().is_none_or(|known| known == model)
        };
        versions.find(is_for).map_or(self.chances, |known| known.chances)
    }
}

/// How likely it is that an installation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a literal is how it is made")]
pub struct Chances {
    /// What share of devices comes back with what it had.
    pub fail: Percent,
    /// What share is lost for good. Both together are at most all.
    pub brick: Percent,
}

impl Default for Chances {
    /// Nothing fails.
    fn default() -> Self {
        Self { fail: Percent::NONE, brick: Percent::NONE }
    }
}

/// The chances of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VersionChances {
    /// Which version.
    pub version: ReportedVersion,
    /// On which model; on every one, if that is not said.
    pub model: Option<Model>,
    /// Its chances.
    pub chances: Chances,
}
