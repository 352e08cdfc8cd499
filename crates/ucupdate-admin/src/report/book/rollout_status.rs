//! [`RolloutStatus`]: a rollout, and the outcomes of its devices.

use super::rollout::RolloutReport;
use crate::report::time::iso;
use serde::Serialize;
use ucupdate::RolloutOutcomes;
use ucupdate::book::{Assignment, Rollout, Rule, RuleBook, Share};
use ucupdate::outcomes::{OutcomeState, RolloutDevice, Tally};
use ucupdate::value::UnixTime;

/// A rollout is reported as standing still if it had no change for this number of hours: no first offer to a
/// device, no download, no outcome and no passed deadline. The number is more than a day, because a device asks at
/// least once a day.
const STILL_HOURS: i64 = 26;

/// The number of hours without a change after which a rollout with a window stands still. It is larger than
/// [`STILL_HOURS`], because a window may be closed for days.
const STILL_HOURS_IN_WINDOW: i64 = 8 * 24;

/// The numbers of devices of a rollout, over all servers. Each device in `offered` is counted in exactly one of the fields from
/// `waiting` to `not_counted`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RolloutDevices {
    /// All devices to which the version was offered.
    pub offered: u64,
    /// Devices that have not downloaded the image yet and are not overdue.
    pub waiting: u64,
    /// Devices that downloaded the image, and have not sent a request with the result yet.
    pub downloading: u64,
    /// Devices that reported the version as installed in a later request.
    pub installed: u64,
    /// Devices that still reported their old version in a later request.
    pub failed: u64,
    /// Devices that downloaded the image, and sent no request with the result before their deadline.
    pub overdue: u64,
    /// Devices that reported another version in a later request: neither their old version nor the offered one.
    pub elsewhere: u64,
    /// Devices that sent a later request or are overdue, but never downloaded the image from these servers. The
    /// guard does not count them.
    pub not_counted: u64,
    /// Offers to devices that are not watched, because the largest number of watched devices was reached. `offered` does not
    /// count them.
    pub not_followed: u64,
}

impl RolloutDevices {
    fn of(tally: &Tally) -> Self {
        let (counts, others) = (&tally.counts, &tally.not_fetched);
        Self {
            offered: counts.offered() + others.offered(),
            waiting: others.in_flight,
            downloading: counts.in_flight,
            installed: counts.succeeded,
            failed: counts.failed,
            overdue: counts.overdue,
            elsewhere: counts.elsewhere,
            not_counted: others.offered() - others.in_flight,
            not_followed: tally.unwatched,
        }
    }
}

/// A device that failed or is overdue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FailedDevice {
    /// The MAC address or serial number.
    pub device: String,
    /// `failed` or `overdue`.
    pub state: &'static str,
    /// The time in UTC at which the device downloaded the image, or first reported a stepping stone as installed.
    /// From this time on, the device had time to install the version.
    pub since: String,
}

/// The next stage of a share that grows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NextStage {
    /// The share of the devices from the begin of the stage on, such as `50%`.
    pub share: String,
    /// The begin of the stage, in UTC.
    pub at: String,
    /// The time from now until the begin of the stage, in seconds.
    pub in_seconds: i64,
}

/// A rollout, and what became of its devices.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RolloutStatus {
    /// The settings of the rollout.
    #[serde(flatten)]
    pub rollout: RolloutReport,
    /// The time at which the rollout was started or resumed last, in UTC. `None` if this time is not known.
    pub runs_since: Option<String>,
    /// The number of seconds since the rollout was started or resumed last. `None` if that time is not known.
    pub age_seconds: Option<i64>,
    /// The next stage. `None` if the share does not grow any more.
    pub next_stage: Option<NextStage>,
    /// The numbers of devices.
    pub devices: RolloutDevices,
    /// The time of the latest change, in UTC: a first offer to a device, a download, a request that shows an
    /// outcome, or a passed deadline. `None` if there was none.
    pub last_change: Option<String>,
    /// The reason why the rollout makes no progress. `None` if it makes progress, if it is paused, if any kill switch
    /// is on, if its next stage begins within a day, or if its start is not known and it had no change.
    pub stands_still: Option<String>,
    /// The devices that failed or are overdue, sorted by name.
    pub failed_devices: Vec<FailedDevice>,
}

impl RolloutStatus {
    /// Returns the status of each rollout of a rule, in the order in which a decision tries them.
    pub fn all_of(
        rule: &Rule,
        book: &RuleBook,
        outcomes: &RolloutOutcomes,
        now: UnixTime,
    ) -> impl Iterator<Item = Self> {
        let reports = RolloutReport::all_of(rule, now);
        rule.rollouts()
            .zip(reports)
            .map(move |(rollout, report)| Self::of(rule, rollout, report, book, outcomes, now))
    }

    fn of(
        rule: &Rule,
        (_, rollout): (&Assignment, &Rollout),
        report: RolloutReport,
        book: &RuleBook,
        outcomes: &RolloutOutcomes,
        now: UnixTime,
    ) -> Self {
        let known = &outcomes.outcomes;
        let tally = known.tallies().find(|tally| tally.rule == *rule.key() && tally.rollout == rollout.name);
        let started = outcomes.starts.get(&(rule.key().clone(), rollout.name.clone())).copied();
        let next_stage = match &rollout.share {
            Share::Ramp(ramp) => ramp.next_stage(now),
            _ => None,
        };
        let devices = tally.map(RolloutDevices::of).unwrap_or_default();
        let last_change = tally.and_then(|tally| tally.last_change);
        let is_stopped = book.stops().next().is_some();
        let still = (rollout.paused.is_none() && !is_stopped)
            .then(|| stands_still(rollout, &devices, last_change.or(started), next_stage, now))
            .flatten();
        Self {
            rollout: report,
            runs_since: started.map(iso),
            age_seconds: started.map(|started| seconds_between(started, now)),
            next_stage: next_stage.map(|(at, share)| NextStage {
                share: share.to_string(),
                at: iso(at),
                in_seconds: seconds_between(now, at),
            }),
            devices,
            last_change: last_change.map(iso),
            stands_still: still,
            failed_devices: known.devices_of(rule.key(), &rollout.name).filter_map(failed).collect(),
        }
    }
}

fn failed(device: RolloutDevice) -> Option<FailedDevice> {
    let state = match device.state {
        OutcomeState::Failed if device.counts => "failed",
        OutcomeState::Overdue if device.counts => "overdue",
        _ => return None,
    };
    Some(FailedDevice { device: device.device.to_string(), state, since: iso(device.at) })
}

/// Returns the reason why a rollout that runs makes no progress since the time `since`, which is its last change or
/// its start. `None` if this time is too short or not known, or if the next stage begins within a day.
fn stands_still(
    rollout: &Rollout,
    devices: &RolloutDevices,
    since: Option<UnixTime>,
    next_stage: Option<(UnixTime, ucupdate::book::Percent)>,
    now: UnixTime,
) -> Option<String> {
    let hours = if rollout.window.is_some() { STILL_HOURS_IN_WINDOW } else { STILL_HOURS };
    let passed = seconds_between(since?, now) / 3600;
    if passed < hours || next_stage.is_some_and(|(at, _)| seconds_between(now, at) < 24 * 3600) {
        return None;
    }
    if devices.offered == 0 {
        return Some(format!(
            "no device was offered it for {passed} h: look at its share, its window and its group"
        ));
    }
    let open = devices.waiting + devices.downloading + devices.failed + devices.overdue;
    let done = "every device that was offered it has it";
    if open == 0 && devices.not_counted == 0 {
        return Some(format!("{done}, and nothing happened for {passed} h: finish it, or enlarge its share"));
    }
    Some(format!("nothing happened for {passed} h: no offer, no download, and no device came back"))
}

fn seconds_between(from: UnixTime, to: UnixTime) -> i64 {
    to.as_millis().saturating_sub(from.as_millis()) / 1000
}
