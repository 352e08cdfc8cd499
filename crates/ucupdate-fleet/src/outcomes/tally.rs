//! [`Tally`]: counts of the devices of a rollout by outcome, such as succeeded and failed.

use super::track::{OutcomeState, Track};
use std::fmt;
use ucupdate_core::book::{BookCommand, Guard, Rollout, RolloutName, RuleBook, RuleKey};
use ucupdate_core::value::{Counted, UnixTime};
use ucupdate_core::version::ReportedVersion;

/// Counts of the devices to which one rollout offered its version.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// The rule to which the rollout belongs. A rule may have several rollouts, so [`rollout`](Self::rollout) is
    /// needed too.
    pub rule: RuleKey,
    /// The name of the rollout, which is unique in the rule.
    pub rollout: RolloutName,
    /// The version that the rollout offers.
    pub version: ReportedVersion,
    /// The guard of the rollout: the conditions under which the rollout is paused automatically.
    pub guard: Guard,
    /// The numbers of devices in each state. Only devices that count for the guard are included.
    pub counts: OutcomeCounts,
    /// The numbers of devices in each state that do not count for the guard, because they never
    /// downloaded the image from this service. Always zero without
    /// [`OutcomeOptions::with_downloads_required`](super::OutcomeOptions::with_downloads_required).
    pub not_fetched: OutcomeCounts,
    /// The time of the latest change: a first offer to a device, a download, a request that shows an outcome, or a
    /// passed deadline. `None` before the first offer.
    pub last_change: Option<UnixTime>,
    /// The number of offers to devices that are not watched, because
    /// [`OutcomeOptions::with_devices`](super::OutcomeOptions::with_devices) was reached.
    pub unwatched: u64,
}

/// The number of devices in each [`OutcomeState`]. Each device is in exactly one state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutcomeCounts {
    /// Devices that were offered the version, and whose outcome is not known before their deadline.
    pub in_flight: u64,
    /// Devices that reported the offered version as installed in a later request.
    pub succeeded: u64,
    /// Devices that still reported their old version in a request, although the time for installing was over.
    pub failed: u64,
    /// Devices whose outcome was not known at their deadline. They are not counted in `failed`.
    pub overdue: u64,
    /// Devices that reported another version in a request after the offer: neither their old version nor the
    /// offered version.
    pub elsewhere: u64,
}

impl OutcomeCounts {
    /// Returns the number of devices that were offered the version.
    pub fn offered(&self) -> u64 {
        self.in_flight + self.succeeded + self.failures() + self.elsewhere
    }

    /// Returns the number of devices that count as failures for the guard: devices that failed, and
    /// overdue devices.
    pub fn failures(&self) -> u64 {
        self.failed + self.overdue
    }

    fn of(&mut self, state: OutcomeState) -> &mut u64 {
        match state {
            OutcomeState::InFlight => &mut self.in_flight,
            OutcomeState::Succeeded => &mut self.succeeded,
            OutcomeState::Failed => &mut self.failed,
            OutcomeState::Overdue => &mut self.overdue,
            OutcomeState::Elsewhere => &mut self.elsewhere,
        }
    }

    /// Adds the counts of other devices.
    pub fn add(&mut self, other: Self) {
        self.in_flight += other.in_flight;
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.overdue += other.overdue;
        self.elsewhere += other.elsewhere;
    }
}

impl Tally {
    /// Returns a mutable reference to the number of devices in a state. The number is in
    /// `self.counts` if the argument `counts` is `true`, otherwise in `self.not_fetched`.
    pub(super) fn of(&mut self, counts: bool, state: OutcomeState) -> &mut u64 {
        if counts { self.counts.of(state) } else { self.not_fetched.of(state) }
    }

    /// Moves a device from the count of its old state `from` to the count of its new state `to`, at
    /// the time `at`.
    pub(super) fn moves(&mut self, from: &Track, to: &Track, at: UnixTime) {
        let left = self.of(from.counts, from.state);
        *left = left.saturating_sub(1);
        *self.of(to.counts, to.state) += 1;
        self.last_change = self.last_change.max(Some(at));
    }

    /// Adds the tally of other devices of the same rollout, such as a tally from another server.
    pub fn add(&mut self, other: &Self) {
        self.counts.add(other.counts);
        self.not_fetched.add(other.not_fetched);
        self.last_change = self.last_change.max(other.last_change);
        self.unwatched += other.unwatched;
    }

    /// Returns the reason to pause the rollout, as text. `None` if the counts are within the limits of the guard.
    pub fn trips(&self) -> Option<String> {
        let (succeeded, failed) = (self.counts.succeeded, self.counts.failures());
        let devices = |count: u64| Counted::new(count, "device");
        let Guard { failures, share, .. } = self.guard;
        let mut by_number = self.guard;
        by_number.share = None;
        match (failures, share) {
            (Some(most), _) if by_number.trips(succeeded, failed) => {
                Some(format!("{} failed, the guard allows fewer than {}", devices(failed), most.max(1)))
            }
            (_, Some(share)) if self.guard.trips(succeeded, failed) => {
                let all = succeeded + failed;
                Some(format!("{failed} of {} failed, the guard allows less than {share}", devices(all)))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Tally {
    /// Writes a line such as `UCPhone/.../CPE, wave-1, 4.0.7577.0: of 40 devices 30 succeeded, 7 failed, 3 are in
    /// flight`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OutcomeCounts { in_flight, succeeded, elsewhere, .. } = self.counts;
        let failed = self.counts.failures();
        write!(
            f,
            "{}, {}, {}: of {} {succeeded} succeeded, {failed} failed, {in_flight} are in flight",
            self.rule,
            self.rollout,
            self.version,
            Counted::new(self.counts.offered(), "device"),
        )?;
        if elsewhere > 0 {
            write!(f, ", {elsewhere} have another version")?;
        }
        if self.not_fetched.offered() > 0 {
            let devices = Counted::new(self.not_fetched.offered(), "device");
            write!(f, "; not counted: {devices} that never fetched")?;
        }
        if self.unwatched > 0 {
            write!(f, "; {} not watched", Counted::new(self.unwatched, "offer").with_verb("was", "were"))?;
        }
        Ok(())
    }
}

/// A rollout that must be paused, because its guard is exceeded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tripped {
    /// The rule that has the rollout. Only this rollout of the rule is paused.
    pub rule: RuleKey,
    /// The name of the rollout, which is unique in the rule.
    pub rollout: RolloutName,
    /// The version that the rollout offers.
    pub version: ReportedVersion,
    /// The reason as text, such as `7 of 40 devices failed, the guard allows less than 10%`.
    pub reason: Box<str>,
}

impl Tripped {
    /// Returns the rollout of a tally if it is not paused and its guard in the rule book is
    /// exceeded.
    pub(crate) fn of(tally: &Tally, book: &RuleBook) -> Option<Self> {
        let rollout = rollout_of(book, tally).filter(|rollout| rollout.paused.is_none())?;
        Self::by_tally(&Tally { guard: rollout.guard?, ..tally.clone() })
    }

    /// Returns the rollout of a tally if the guard in the tally is exceeded. The rollout may be
    /// paused already.
    pub fn by_tally(tally: &Tally) -> Option<Self> {
        let Tally { rule, rollout, version, .. } = tally;
        let reason = tally.trips()?.into();
        Some(Self { rule: rule.clone(), rollout: rollout.clone(), version: version.clone(), reason })
    }

    /// Returns the command that pauses the rollout.
    pub fn pause(&self) -> BookCommand {
        BookCommand::PauseRollout(self.rule.clone(), self.rollout.clone(), self.reason.clone())
    }
}

/// Returns the rollout of a tally in the rule book. `None` if there is no rollout of the same rule,
/// name and version.
pub(super) fn rollout_of<'a>(book: &'a RuleBook, tally: &Tally) -> Option<&'a Rollout> {
    let rule = book.rule(&tally.rule)?;
    let (assignment, rollout) = rule.rollout(&tally.rollout)?;
    rule.policy().scheme.is_same_release(&assignment.candidate.version, &tally.version).then_some(rollout)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ucupdate_core::book::Percent;

    fn tally(guard: Guard, succeeded: u64, failed: u64) -> Tally {
        Tally {
            rule: "UCPhone/Polycom/CX700/A/ENU/CPE".parse().unwrap(),
            rollout: "wave-1".parse().unwrap(),
            version: ReportedVersion::new("4.0.7577.0"),
            guard,
            counts: OutcomeCounts { succeeded, failed, in_flight: 3, ..OutcomeCounts::default() },
            not_fetched: OutcomeCounts::default(),
            last_change: None,
            unwatched: 2,
        }
    }

    #[test]
    fn the_reason_says_how_many_failed_and_what_the_guard_allows() {
        let share = Guard::default();
        assert_eq!(tally(share, 33, 3).trips(), None);
        assert_eq!(
            tally(share, 33, 7).trips().unwrap(),
            "7 of 40 devices failed, the guard allows less than 10%"
        );
        let mut number = share;
        (number.failures, number.share) = (Some(5), Percent::from_hundredths(5000));
        assert_eq!(
            tally(number, 1000, 5).trips().unwrap(),
            "5 devices failed, the guard allows fewer than 5"
        );
        assert_eq!(tally(number, 1000, 4).trips(), None);
        let mut none = share;
        (none.failures, none.share) = (None, None);
        assert_eq!(tally(none, 0, 1000).trips(), None);
    }

    #[test]
    fn a_tally_tells_where_its_devices_are() {
        assert_eq!(
            tally(Guard::default(), 30, 7).to_string(),
            "UCPhone/Polycom/CX700/A/ENU/CPE, wave-1, 4.0.7577.0: of 40 devices 30 succeeded, 7 failed, 3 are in flight; \
             2 offers were not watched"
        );
    }
}
