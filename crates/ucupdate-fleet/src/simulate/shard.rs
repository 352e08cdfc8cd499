//! A shard: a part of the fleet that one thread at a time simulates.

use super::fleet::{FleetMember, NONE, RequestMaker, SimulatedFleet};
use super::random::{Chance, Draw};
use super::scenario::{FailureModel, Scenario};
use super::simulation::SimulatedCounts;
use crate::outcomes::{OutcomeOptions, Outcomes};
use ucupdate_core::decide::{Decision, EligibilityIndex, decide};
use ucupdate_core::value::UnixTime;
use ucupdate_core::version::ReportedVersion;

/// The length of one step of the simulation in seconds. A bucket of [`Shard::wheel`] has the events
/// of one step.
pub(super) const STEP: u32 = 5 * 60;

/// Constant data that all shards read during the simulation.
pub(super) struct SimulationInput<'a> {
    pub(super) fleet: &'a SimulatedFleet,
    pub(super) model: &'a FailureModel,
    pub(super) scenario: &'a Scenario,
    pub(super) poll_seconds: u32,
    /// The shortest duration of an installation in seconds, and the largest number of seconds that
    /// is added to it.
    pub(super) install: (u32, u32),
    /// Every version that a device may have.
    pub(super) versions: &'a super::fleet::Versions,
    /// A number for each version. The random result of an installation depends on this number, so the results of
    /// different versions are independent.
    pub(super) salts: &'a [u64],
}

pub(super) struct Shard {
    /// The devices, sorted by the time of day of their requests, so that devices that ask one after another are
    /// neighbours in memory.
    units: Vec<SimulatedUnit>,
    /// A ring buffer with a bucket for each step. The bucket of a step has the devices with an event in this step,
    /// as a linked list: the bucket is the index in `units` of the first device, and `link` leads to the next one.
    /// The ring is longer than the longest time between two events of a device.
    wheel: Vec<u32>,
    step: u32,
    pub(super) outcomes: Outcomes,
    /// The number of devices with each version.
    pub(super) have: Vec<u32>,
    pub(super) lost: u32,
    /// The events since the last sample.
    pub(super) counts: SimulatedCounts,
}

/// The current state of a device.
#[derive(Clone, Copy, Debug)]
struct SimulatedUnit {
    /// The index of the device in the fleet. The random numbers of the device depend on this index.
    id: u32,
    member: FleetMember,
    /// The index in the table of versions of the version that the device was offered last. [`NONE`] if it was
    /// offered nothing.
    offered: u32,
    /// The time of the next event of the device, in seconds from the start.
    next: u32,
    /// The index in [`Shard::units`] of the next device in the same bucket of [`Shard::wheel`]. [`NONE`] for the
    /// last one.
    link: u32,
    state: DevicePhase,
    /// The number of consecutive requests in which the device was offered the same version.
    repeats: u8,
    /// `true` if a guarded rollout offered the device a version, and the device is not up to date
    /// yet.
    is_watched: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DevicePhase {
    Waiting,
    Installing,
}

impl Shard {
    /// Creates the shard of `members`, whose first device has the number `first` in the fleet.
    pub(super) fn new(
        first: u32,
        members: &[FleetMember],
        stage: &SimulationInput<'_>,
        outcomes: OutcomeOptions,
    ) -> Self {
        let longest = stage.poll_seconds.max(stage.install.0 + stage.install.1);
        let unit = |(id, member): (u32, &FleetMember)| {
            let next = Chance::of(stage.scenario.seed, id).below(stage.poll_seconds, Draw::Phase, 0);
            let (offered, link, state) = (NONE, NONE, DevicePhase::Waiting);
            SimulatedUnit { id, member: *member, offered, next, link, state, repeats: 0, is_watched: false }
        };
        let mut units: Vec<SimulatedUnit> = (first..).zip(members).map(unit).collect();
        units.sort_unstable_by_key(|unit| (unit.next, unit.id));
        let mut shard = Self {
            units,
            wheel: vec![NONE; (longest / STEP + 2) as usize],
            step: 0,
            outcomes: Outcomes::new(outcomes),
            have: vec![0; stage.versions.list.len()],
            lost: 0,
            counts: SimulatedCounts::default(),
        };
        for at in 0..shard.units.len() {
            *shard.has(shard.units[at].member.version) += 1;
            shard.enqueue(u32::try_from(at).unwrap_or(NONE));
        }
        shard
    }

    /// Simulates up to the step with the number `until`, which is not simulated itself. Returns the number of
    /// devices times the number of simulated steps.
    pub(super) fn play(
        &mut self,
        until: u32,
        stage: &SimulationInput<'_>,
        index: &EligibilityIndex,
        desk: &mut RequestMaker,
    ) -> u64 {
        let steps = u64::from(until.saturating_sub(self.step)) * self.units.len() as u64;
        while self.step < until {
            // A next event in the same step is put into the same bucket, and is taken in this loop
            // too.
            while let Some(at) = self.dequeue() {
                self.happens(at, stage, index, desk);
            }
            self.step += 1;
            self.outcomes.expire(moment(stage.scenario, self.step * STEP));
        }
        steps
    }

    fn chance(&self, at: u32, stage: &SimulationInput<'_>) -> Chance {
        Chance::of(stage.scenario.seed, self.units[at as usize].id)
    }

    fn bucket(&mut self, second: u32) -> &mut u32 {
        let length = self.wheel.len();
        &mut self.wheel[(second / STEP) as usize % length]
    }

    fn enqueue(&mut self, at: u32) {
        let next = self.units[at as usize].next;
        let link = std::mem::replace(self.bucket(next), at);
        self.units[at as usize].link = link;
    }

    fn dequeue(&mut self) -> Option<u32> {
        let bucket = self.bucket(self.step * STEP);
        let at = *bucket;
        let unit = self.units.get(at as usize)?;
        let link = unit.link;
        *self.bucket(self.step * STEP) = link;
        Some(at)
    }

    fn has(&mut self, version: u32) -> &mut u32 {
        &mut self.have[version as usize]
    }

    /// Executes the next event of a device: the end of an installation, or a request.
    fn happens(
        &mut self,
        at: u32,
        stage: &SimulationInput<'_>,
        index: &EligibilityIndex,
        desk: &mut RequestMaker,
    ) {
        let unit = self.units[at as usize];
        let failed = match unit.state {
            DevicePhase::Waiting => false,
            DevicePhase::Installing => match self.ends_installing(at, stage) {
                Some(failed) => failed,
                None => return,
            },
        };
        if !self.asks(at, failed, stage, index, desk) {
            self.waits(at, stage);
        }
        self.enqueue(at);
    }

    /// Ends an installation. Returns whether it failed, or `None` if the device is lost.
    fn ends_installing(&mut self, at: u32, stage: &SimulationInput<'_>) -> Option<bool> {
        let chance = self.chance(at, stage);
        let unit = &mut self.units[at as usize];
        unit.state = DevicePhase::Waiting;
        let (before, target) = (unit.member.version, unit.offered);
        let (Some(version), Some(salt)) =
            (stage.versions.list.get(target as usize), stage.salts.get(target as usize))
        else {
            return Some(true);
        };
        let model = &stage.fleet.kinds[unit.member.kind as usize].device.kind.model;
        let chances = stage.model.of(version, model);
        let fate = chance.below(10_000, Draw::Fate, *salt);
        let brick = u32::from(chances.brick.hundredths());
        if fate < brick {
            self.counts.bricked += 1;
            self.lost += 1;
            *self.has(before) -= 1;
            return None;
        }
        if fate < brick + u32::from(chances.fail.hundredths()) {
            self.counts.failed += 1;
            return Some(true);
        }
        unit.member.version = target;
        (unit.offered, unit.repeats) = (NONE, 0);
        self.counts.succeeded += 1;
        *self.has(before) -= 1;
        *self.has(target) += 1;
        Some(false)
    }

    /// Simulates a request of a device. Returns whether the device then installs the offered
    /// version.
    fn asks(
        &mut self,
        at: u32,
        has_failed: bool,
        stage: &SimulationInput<'_>,
        index: &EligibilityIndex,
        desk: &mut RequestMaker,
    ) -> bool {
        let chance = self.chance(at, stage);
        let unit = &mut self.units[at as usize];
        let Some(question) = desk.question(stage.fleet, &stage.versions.list, unit.member) else {
            return false;
        };
        let now = moment(stage.scenario, unit.next);
        let decision = decide(index, &question, now);
        self.counts.asks += 1;
        if unit.is_watched {
            self.outcomes.asked(index, &question, now);
        }
        match &decision {
            Decision::Offer { because, .. }
                if because.rollout.as_ref().is_some_and(|rollout| rollout.guard.is_some()) =>
            {
                self.outcomes.offered(index, &question, &decision, now);
                unit.is_watched = true;
            }
            Decision::UpToDate { .. } => unit.is_watched = false,
            _ => {}
        }
        let Some(offer) = decision.offer() else {
            (unit.offered, unit.repeats) = (NONE, 0);
            self.counts.held += u64::from(matches!(decision, Decision::HeldBack { .. }));
            return false;
        };
        self.counts.offers += 1;
        let Some(target) = stage.versions.find(&offer.version) else { return false };
        let again = unit.offered == target;
        unit.repeats = if again { unit.repeats.saturating_add(1) } else { 1 };
        self.counts.loops += u64::from(again && unit.repeats == 3);
        unit.offered = target;
        if has_failed && again {
            return false;
        }
        unit.state = DevicePhase::Installing;
        let (fastest, more) = stage.install;
        unit.next += fastest + chance.below(more + 1, Draw::Install, unit.next.into());
        true
    }

    /// Schedules the next request of a device: its regular request, or an earlier one after a restart.
    fn waits(&mut self, at: u32, stage: &SimulationInput<'_>) {
        let period = stage.poll_seconds;
        let chance = self.chance(at, stage);
        let phase = chance.below(period, Draw::Phase, 0);
        let unit = &mut self.units[at as usize];
        let now = unit.next;
        let since = (now + period - phase) % period;
        let regular = now + period - since;
        let nth = u64::from(now);
        unit.next = if since == 0 && chance.hits(stage.scenario.restarts, Draw::Start, nth) {
            now + 1 + chance.below(period - 1, Draw::StartAt, nth)
        } else {
            regular
        };
    }
}

/// Returns the time `seconds` seconds after the start of the scenario.
pub(super) fn moment(scenario: &Scenario, seconds: u32) -> UnixTime {
    UnixTime::from_millis(scenario.start.as_millis().saturating_add(i64::from(seconds) * 1000))
}

/// Returns the FNV-1a hash of a version's text. The hash makes the random results of different
/// versions independent.
pub(super) fn salt(version: &ReportedVersion) -> u64 {
    version.as_str().bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
