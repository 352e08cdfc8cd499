//! Rollouts. A rollout offers a version to some devices of a rule before all devices get it.

use crate::book::rollout::bucket::Percent;
use crate::book::rollout::window::Window;
use crate::value::label::label;
use crate::value::parse_error::{Expected, ParseError, ParseErrorKind};
use crate::value::{Counted, UnixTime};
use std::fmt;
use std::str::FromStr;

label!(
    /// The name of a rollout. It is unique in its rule.
    book::RolloutName, "rollout name", "wave-1"
);

/// A rollout of a version: its name, share, window and guard.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
#[must_use]
pub struct Rollout {
    /// The name, which is unique in the rule.
    pub name: RolloutName,
    /// The share of the audience that gets the version.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Share::is_all"))]
    pub share: Share,
    /// The window in which the version is offered. `None` means always.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub window: Option<Window>,
    /// The limits at which the rollout pauses by itself. `None` means that it never does.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub guard: Option<Guard>,
    /// The reason of the pause. `None` means that the rollout is not paused.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub paused: Option<Box<str>>,
}

impl Rollout {
    /// Creates a rollout to its whole audience at any time.
    pub fn new(name: RolloutName) -> Self {
        Self { name, share: Share::All, window: None, guard: None, paused: None }
    }

    /// Sets the share of the audience that gets the version. Default: the whole audience.
    pub fn to_share(self, share: Share) -> Self {
        Self { share, ..self }
    }

    /// Sets the window in which the version is offered. Default: always.
    pub fn within(self, window: Window) -> Self {
        Self { window: Some(window), ..self }
    }

    /// Sets the limits at which the rollout pauses by itself. Default: it never does.
    pub fn guarded(self, guard: Guard) -> Self {
        Self { guard: Some(guard), ..self }
    }
}

/// The share of an audience that a rollout reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Share {
    /// The whole audience.
    #[default]
    All,
    /// A fixed percentage.
    Percent(Percent),
    /// A percentage that grows with time.
    Ramp(Ramp),
}

impl Share {
    /// Returns whether the share is always the whole audience.
    pub fn is_all(&self) -> bool {
        *self == Self::All
    }

    /// Returns the share of the audience at a moment.
    pub fn at(&self, now: UnixTime) -> Percent {
        match self {
            Self::All => Percent::ALL,
            Self::Percent(percent) => *percent,
            Self::Ramp(ramp) => ramp.at(now),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Percent(percent) => percent.fmt(f),
            Self::Ramp(ramp) => ramp.stages.fmt(f),
        }
    }
}

/// A share that grows with time. Each stage begins at a time after the start.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Ramp {
    /// The start. The share is empty before it.
    pub start: UnixTime,
    /// The stages, each with its share.
    pub stages: Stages,
}

impl Ramp {
    /// Creates a ramp that starts at a moment.
    pub fn new(start: UnixTime, stages: Stages) -> Self {
        Self { start, stages }
    }

    /// Returns the share at a moment. It is 0% before the start, and never becomes smaller.
    pub fn at(&self, now: UnixTime) -> Percent {
        let since = now.as_millis().saturating_sub(self.start.as_millis());
        let reached = self.stages.0.iter().take_while(|stage| stage.millis() <= since).last();
        reached.map_or(Percent::NONE, |stage| stage.share)
    }

    /// Returns the next stage that begins after a moment: its begin and its share. `None` if no stage
    /// begins later.
    pub fn next_stage(&self, now: UnixTime) -> Option<(UnixTime, Percent)> {
        let begin =
            |stage: &Stage| UnixTime::from_millis(self.start.as_millis().saturating_add(stage.millis()));
        self.stages.0.iter().map(|stage| (begin(stage), stage.share)).find(|(begin, _)| *begin > now)
    }
}

/// The largest number of stages of a ramp.
pub const MAX_STAGES: usize = 32;

/// The stages of a ramp, as in `10%@0d,50%@3d,100%@7d`. Each stage has a share, and the time of its beginning in days,
/// hours or minutes after the start. Times and shares increase.
///
/// ```
/// use ucupdate_core::book::{Percent, Ramp, Stages};
/// use ucupdate_core::value::UnixTime;
/// let stages: Stages = "10%@0d,50%@3d,100%@7d".parse().unwrap();
/// let ramp = Ramp::new(UnixTime::from_seconds(1_000_000), stages);
/// assert_eq!(ramp.at(UnixTime::from_seconds(999_999)), Percent::NONE);
/// assert_eq!(ramp.at(UnixTime::from_seconds(1_000_000 + 4 * 86_400)).to_string(), "50%");
/// let (begin, share) = ramp.next_stage(UnixTime::from_seconds(1_000_000 + 4 * 86_400)).unwrap();
/// assert_eq!((begin.as_seconds(), share), (1_000_000 + 7 * 86_400, Percent::ALL));
/// assert!("50%@0d,10%@3d".parse::<Stages>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stages(Vec<Stage>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stage {
    minutes: u32,
    share: Percent,
}

impl Stage {
    fn millis(self) -> i64 {
        i64::from(self.minutes) * 60_000
    }
}

impl FromStr for Stages {
    type Err = ParseError;

    /// Reads stages with commas between them, such as `10%@0d,50%@3d,100%@7d`.
    ///
    /// # Errors
    /// Returns an error if a stage has another form, if times or shares do not grow, or if there are more than
    /// [`MAX_STAGES`].
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let found = text.split(',').count();
        if found > MAX_STAGES {
            return Err(ParseError::count("ramp", found, "stage", Expected::AtMost(MAX_STAGES)));
        }
        let mut stages: Vec<Stage> = Vec::new();
        for (number, stage) in (1..).zip(text.split(',')) {
            let form = || {
                let expected = "a share and a time as in 10%@3d, with d, h or m";
                ParseError::quoting("ramp", ParseErrorKind::Malformed, stage, expected)
                    .in_part("stage", number)
            };
            let (share, after) = stage.trim().split_once('@').ok_or_else(form)?;
            let share: Percent = share.parse().map_err(|_| form())?;
            let unit = after.trim().chars().next_back().ok_or_else(form)?;
            let count = after.trim().strip_suffix(unit).unwrap_or_default();
            let minutes = match unit {
                'd' => 24 * 60,
                'h' => 60,
                'm' => 1,
                _ => return Err(form()),
            };
            let digits = count.bytes().all(|byte| byte.is_ascii_digit());
            let count: u32 = count.parse().ok().filter(|_| digits).ok_or_else(form)?;
            let minutes = count.checked_mul(minutes).ok_or_else(form)?;
            if stages.last().is_some_and(|before| before.minutes >= minutes || before.share >= share) {
                let expected = "a later time and a larger share than in the stage before";
                let error = ParseError::of_kind("ramp", ParseErrorKind::OutOfOrder, expected);
                return Err(error.in_part("stage", number));
            }
            stages.push(Stage { minutes, share });
        }
        Ok(Self(stages))
    }
}

impl fmt::Display for Stages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        for Stage { minutes, share } in &self.0 {
            let (count, unit) = match minutes {
                days if days % (24 * 60) == 0 => (days / (24 * 60), 'd'),
                hours if hours % 60 == 0 => (hours / 60, 'h'),
                minutes => (*minutes, 'm'),
            };
            write!(f, "{comma}{share}@{count}{unit}")?;
            comma = ",";
        }
        Ok(())
    }
}

/// The limits at which a rollout pauses by itself.
///
/// No device reports whether an installation succeeded, so the next request of the device decides. A device that sends
/// a request with the new version has succeeded. A device that sends a request with its old version after the time for
/// installing has failed. A device that sends no request before the deadline has failed too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Guard {
    /// The number of failures that pauses the rollout. `None` means no limit.
    pub failures: Option<u32>,
    /// The share of failures that pauses the rollout, once `sample` devices have succeeded or failed. `None` means no
    /// limit.
    pub share: Option<Percent>,
    /// The smallest number of devices for which the share of failures counts.
    pub sample: u32,
    /// Seconds after an offer that an installation may take. Until then, a request with the old version is not a
    /// failure.
    pub install_seconds: u32,
    /// Seconds after an offer within which the device must send a request with the new version.
    pub deadline_seconds: u32,
}

impl Default for Guard {
    /// Returns a guard that pauses when 10% of at least 20 devices have failed. A device has an hour to install and two days to
    /// ask again, because devices ask once a day.
    fn default() -> Self {
        Self {
            failures: None,
            share: Percent::from_hundredths(1000),
            sample: 20,
            install_seconds: 60 * 60,
            deadline_seconds: 2 * 24 * 60 * 60,
        }
    }
}

impl Guard {
    /// Returns whether the rollout must pause, given the numbers of devices that succeeded and that failed.
    pub fn trips(&self, succeeded: u64, failed: u64) -> bool {
        let many = self.failures.is_some_and(|most| failed >= u64::from(most.max(1)));
        let all = succeeded.saturating_add(failed);
        let large = self.share.is_some_and(|most| {
            all >= u64::from(self.sample.max(1))
                && failed > 0
                && u128::from(failed) * 10_000 >= u128::from(all) * u128::from(most.hundredths())
        });
        many || large
    }
}

impl fmt::Display for Guard {
    /// Writes when the rollout pauses, as in `after 5 failures, or when 10% of at least 20 devices have failed`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.failures, self.share) {
            (None, None) => return f.write_str("never by itself"),
            (Some(failures), None) => write!(f, "after {}", Counted::new(failures, "failure"))?,
            (failures, Some(share)) => {
                if let Some(failures) = failures {
                    write!(f, "after {}, or ", Counted::new(failures, "failure"))?;
                }
                write!(f, "when {share} of at least {} devices have failed", self.sample)?;
            }
        }
        let (install, deadline) = (Seconds(self.install_seconds), Seconds(self.deadline_seconds));
        write!(f, " ({install} to install, {deadline} to ask again)")
    }
}

/// A number of seconds, written in hours, in minutes or in seconds: in the largest unit that gives a whole
/// number.
struct Seconds(u32);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            hours if hours % 3600 == 0 => write!(f, "{} h", hours / 3600),
            minutes if minutes % 60 == 0 => write!(f, "{} min", minutes / 60),
            seconds => write!(f, "{seconds} s"),
        }
    }
}

crate::value::stored_text::stored_as_text!(Stages);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stages_that_do_not_grow_are_refused_by_their_number() {
        let refused = |text: &str| text.parse::<Stages>().unwrap_err().to_string();
        assert_eq!(
            refused(""),
            "stage 1 of the ramp is \"\", expected a share and a time as in 10%@3d, with d, h or m"
        );
        assert_eq!(
            refused("10%@0d,20"),
            "stage 2 of the ramp is \"20\", expected a share and a time as in 10%@3d, with d, h or m"
        );
        for text in ["10%@1d,20%@24h", "10%@0d,10%@1d"] {
            assert_eq!(
                refused(text),
                "stage 2 of the ramp is out of order, expected a later time and a larger share than in the stage before",
                "{text}"
            );
        }
        let many: Vec<String> = (0..33).map(|at| format!("{at}%@{at}m")).collect();
        assert_eq!(refused(&many.join(",")), "ramp has 33 stages, expected at most 32");
    }

    #[test]
    fn stages_read_back_from_their_text() {
        for text in ["10%@0d,50%@3d,100%@7d", "0.5%@30m,1%@36h"] {
            assert_eq!(text.parse::<Stages>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_guard_says_when_it_pauses() {
        let text = "when 10% of at least 20 devices have failed (1 h to install, 48 h to ask again)";
        assert_eq!(Guard::default().to_string(), text);
        let both = Guard { failures: Some(3), install_seconds: 90 * 60, ..Guard::default() };
        let text = "after 3 failures, or when 10% of at least 20 devices have failed (90 min to install, 48 h to ask again)";
        assert_eq!(both.to_string(), text);
        let text = "after 3 failures (90 min to install, 48 h to ask again)";
        assert_eq!(Guard { share: None, ..both }.to_string(), text);
        let text = "after 1 failure (90 min to install, 48 h to ask again)";
        assert_eq!(Guard { share: None, failures: Some(1), ..both }.to_string(), text);
        assert_eq!(Guard { share: None, failures: None, ..both }.to_string(), "never by itself");
    }

    #[test]
    fn a_guard_trips_by_number_or_by_share_of_a_large_enough_sample() {
        let guard = Guard { failures: Some(3), ..Guard::default() };
        assert!(guard.trips(1_000_000, 3) && !guard.trips(0, 2));
        let guard = Guard::default();
        assert!(!guard.trips(17, 2), "the sample is too small");
        assert!(guard.trips(18, 2));
        assert!(!guard.trips(181, 19));
        assert!(!guard.trips(100, 0));
    }

    proptest! {
        #[test]
        fn a_ramp_never_falls_as_time_goes_on(a in 0_i64..2_000_000_000_000, b in 0_i64..2_000_000_000_000) {
            let ramp = Ramp::new(UnixTime::from_seconds(1_000_000), "1%@0m,10%@1h,100%@400d".parse().unwrap());
            let (early, late) = (UnixTime::from_millis(a.min(b)), UnixTime::from_millis(a.max(b)));
            prop_assert!(ramp.at(early) <= ramp.at(late));
        }
    }
}
