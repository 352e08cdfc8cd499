//! The scenario of a simulation: its length, its probabilities, and the commands of administrators.

use ucupdate_core::book::{BookCommand, Percent};
use ucupdate_core::device::Model;
use ucupdate_core::value::UnixTime;
use ucupdate_core::version::{ReportedVersion, VersionScheme};

/// The maximum length of a simulation in days.
pub const MAX_SIMULATED_DAYS: u32 = 36_500;

/// The scenario of a simulation: its length, the requests of devices, and the commands of administrators.
///
/// ```
/// use ucupdate_core::value::UnixTime;
/// use ucupdate_fleet::simulate::Scenario;
/// let week = Scenario::default().with_start(UnixTime::from_seconds(1_236_297_600)).with_days(7).with_seed(42);
/// assert_eq!(week.days(), 7);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Scenario {
    pub(super) start: UnixTime,
    pub(super) days: u32,
    pub(super) seed: u64,
    pub(super) threads: usize,
    pub(super) poll_seconds: u32,
    pub(super) restarts: Percent,
    pub(super) sample_seconds: u32,
    pub(super) look_seconds: u32,
    pub(super) timetable: Vec<(u32, BookCommand)>,
}

impl Default for Scenario {
    /// Returns a scenario of thirty days from 1970 on, with one thread and no commands.
    ///
    /// Each device sends a request every 24 hours, and 20 % of the devices send one more in
    /// between. A sample is taken every day. Guards are checked every ten minutes.
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
            timetable: Vec::new(),
        }
    }
}

impl Scenario {
    /// Sets the time at which the simulation begins. Windows, growing shares and the end of holds
    /// depend on the time. Default: 1970-01-01.
    pub fn with_start(self, start: UnixTime) -> Self {
        Self { start, ..self }
    }

    /// Sets the length of the simulation in days. The maximum is [`MAX_SIMULATED_DAYS`]. Default:
    /// 30.
    pub fn with_days(self, days: u32) -> Self {
        Self { days, ..self }
    }

    /// Sets the seed of all random decisions. Equal seeds give equal simulations. Default: 0.
    pub fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Sets the number of threads: 1 to 64. The result does not depend on this number. Default: 1.
    pub fn with_threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// Sets the seconds between two regular requests of a device: from one minute to 30 days.
    /// Default: one day.
    pub fn with_poll_seconds(self, seconds: u32) -> Self {
        Self { poll_seconds: seconds, ..self }
    }

    /// Sets the share of devices that restart between two regular requests. A device also sends a
    /// request when it restarts. Default: 20 %.
    pub fn with_restarts(self, share: Percent) -> Self {
        Self { restarts: share, ..self }
    }

    /// Sets the seconds between two [samples](super::Sample). The time is rounded down to a
    /// multiple of five minutes, and is at least five minutes. Default: one day.
    pub fn with_sample_seconds(self, seconds: u32) -> Self {
        Self { sample_seconds: seconds, ..self }
    }

    /// Sets the seconds between two checks of the guards. The time is rounded down to a multiple of
    /// five minutes, and is at least five minutes. Default: ten minutes.
    pub fn with_look_seconds(self, seconds: u32) -> Self {
        Self { look_seconds: seconds, ..self }
    }

    /// Sets the commands of administrators, each with its time in seconds after the start, in any
    /// order. Default: none.
    pub fn with_timetable(self, timetable: Vec<(u32, BookCommand)>) -> Self {
        Self { timetable, ..self }
    }

    /// Returns the time at which the simulation begins.
    pub fn start(&self) -> UnixTime {
        self.start
    }

    /// Returns the length of the simulation in days.
    pub fn days(&self) -> u32 {
        self.days
    }

    /// Returns the seed of all random decisions.
    pub fn seed(&self) -> u64 {
        self.seed
    }
}

/// The probability of failed installations, and the duration of installations.
///
/// Whether an installation fails is decided once for each device and version: a device that fails to install a
/// version fails every time it tries this version. After a failed installation the device restarts with its old
/// version, and tries again at its next regular request. A device that is lost never sends a request again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct FailureModel {
    chances: Chances,
    versions: Vec<VersionChances>,
    pub(super) fastest_seconds: u32,
    pub(super) slowest_seconds: u32,
}

impl Default for FailureModel {
    /// Returns a model in which nothing fails and an installation takes 10 to 40 minutes.
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
    /// Creates a model in which every version has these probabilities.
    pub fn new(chances: Chances) -> Self {
        Self { chances, ..Self::default() }
    }

    /// Sets other probabilities for one version. They apply to one device model, or to all models
    /// if `model` is `None`. If several settings match, the first one applies.
    pub fn with_version(mut self, version: ReportedVersion, model: Option<Model>, chances: Chances) -> Self {
        self.versions.push(VersionChances { version, model, chances });
        self
    }

    /// Sets the seconds that a device needs to download and install an image and to restart. Every duration from `fastest` to
    /// `slowest` is equally likely. The maximum is one day. Default: 10 to 40 minutes.
    pub fn with_install_seconds(mut self, fastest: u32, slowest: u32) -> Self {
        (self.fastest_seconds, self.slowest_seconds) = (fastest, slowest);
        self
    }

    pub(super) fn of(&self, version: &ReportedVersion, model: &Model) -> Chances {
        let mut versions = self.versions.iter();
        let is_for = |known: &&VersionChances| {
            // The numeric scheme reads all versions that .NET reads, and finds the same releases equal.
            VersionScheme::Numeric.is_same_release(&known.version, version)
                && known.model.as_ref().is_none_or(|known| known == model)
        };
        versions.find(is_for).map_or(self.chances, |known| known.chances)
    }
}

/// The probabilities of failed installations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a literal is how it is made")]
pub struct Chances {
    /// The share of devices whose installation fails. They come back with their old version.
    pub fail: Percent,
    /// The share of devices that are lost: they never send a request again. Both shares together
    /// must be at most 100 %.
    pub brick: Percent,
}

impl Default for Chances {
    /// Returns probabilities of zero: every installation succeeds.
    fn default() -> Self {
        Self { fail: Percent::NONE, brick: Percent::NONE }
    }
}

/// The probabilities for one version, on one device model or on all models.
#[derive(Clone, Debug, PartialEq, Eq)]
struct VersionChances {
    version: ReportedVersion,
    model: Option<Model>,
    chances: Chances,
}
