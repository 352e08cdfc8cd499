//! [`simulate`]: divides a fleet into shards, and simulates all shards up to the same time. Then commands and
//! guards change the rule book, and the next period begins.

use super::fleet::{RequestMaker, SimulatedFleet, Versions};
use super::scenario::{FailureModel, MAX_SIMULATED_DAYS, Scenario};
use super::shard::{STEP, Shard, SimulationInput, moment, salt};
use super::simulation::{CommandSource, Sample, SimulatedCommand, SimulatedCounts, Simulation};
use crate::outcomes::{OutcomeOptions, Tally, Tripped};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use ucupdate_core::book::{BookCommand, RolloutName, RuleBook, RuleKey};
use ucupdate_core::decide::EligibilityIndex;
use ucupdate_core::value::UnixTime;
use ucupdate_core::version::ReportedVersion;

/// The number of shards (parts) into which a fleet is divided. This number is constant, because the result depends
/// on it, and must not depend on the number of threads.
const SHARDS: usize = 64;

const STEPS_OF_DAY: u32 = 24 * 60 * 60 / STEP;

/// Simulates days of a fleet whose devices send requests and install versions.
///
/// Each device sends a request at its own time in each period, after a restart, and after each
/// installation. It installs the offered version, and succeeds or fails with the probabilities of
/// the model. Windows open and close, shares grow, and the commands of the timetable change the
/// rule book. Guards pause rollouts as [`Outcomes`](crate::outcomes::Outcomes) describes. A refused
/// command appears in the result and changes nothing.
///
/// Equal arguments give an equal simulation. The number of threads does not matter. Commands and
/// guards take effect at the next multiple of five minutes after the start.
///
/// ```
/// use ucupdate_core::RuleBook;
/// use ucupdate_fleet::simulate::{FailureModel, Scenario, SimulatedFleet, simulate};
/// let book = RuleBook::default();
/// let fleet = SimulatedFleet::of_rules(&book, 1000, None);
/// let played = simulate(&fleet, &book, &FailureModel::default(), &Scenario::default());
/// assert_eq!(played.samples.len(), 31, "the start, and the end of each day");
/// assert_eq!(played.total().asks, 0, "a book without rules has no devices");
/// ```
pub fn simulate(
    fleet: &SimulatedFleet,
    book: &RuleBook,
    model: &FailureModel,
    scenario: &Scenario,
) -> Simulation {
    simulate_with_progress(fleet, book, model, scenario, &|_| ())
}

/// Simulates like [`simulate`], and reports the progress in device days. A device day is one device
/// for one day.
///
/// All threads of the scenario call `progress`, each with the number of device days since the last
/// call of any thread. The sum of these numbers is the number of devices times [`Scenario::days`].
pub fn simulate_with_progress(
    fleet: &SimulatedFleet,
    book: &RuleBook,
    model: &FailureModel,
    scenario: &Scenario,
    progress: &(dyn Fn(u64) + Sync),
) -> Simulation {
    let versions = all_versions(fleet, book);
    let salts: Vec<u64> = versions.list.iter().map(salt).collect();
    let slowest = model.slowest_seconds.min(24 * 60 * 60);
    let fastest = model.fastest_seconds.clamp(1, slowest.max(1));
    let stage = SimulationInput {
        fleet,
        model,
        scenario,
        poll_seconds: scenario.poll_seconds.clamp(60, 30 * 24 * 60 * 60),
        install: (fastest, slowest.saturating_sub(fastest)),
        versions: &versions,
        salts: &salts,
    };
    let size = fleet.len().div_ceil(SHARDS).max(1);
    let outcomes = OutcomeOptions::default();
    let outcomes = outcomes.with_devices(outcomes.devices().div_ceil(SHARDS));
    let parts = (0..).step_by(size).zip(fleet.devices.chunks(size));
    let shards = parts.map(|(first, members)| Shard::new(first, members, &stage, outcomes)).collect();
    let threads = scenario.threads.clamp(1, SHARDS);
    let mut play = Play {
        book: book.clone(),
        shards,
        desks: (0..threads).map(|_| RequestMaker::new(&fleet.kinds, versions.list.len())).collect(),
        samples: Vec::new(),
        commands: Vec::new(),
        failed: 0,
        progress,
        played: AtomicU64::new(0),
    };
    let end = scenario.days.min(MAX_SIMULATED_DAYS) * STEPS_OF_DAY;
    let steps = |seconds: u32| (seconds / STEP).max(1);
    let (sample, look) = (steps(scenario.sample_seconds), steps(scenario.look_seconds));
    let mut timetable: Vec<&(u32, BookCommand)> = scenario.timetable.iter().collect();
    timetable.sort_by_key(|(second, _)| *second);
    let mut timetable =
        timetable.into_iter().map(|(second, command)| (second.div_ceil(STEP), command)).peekable();

    let mut compiled = None;
    let mut is_guarded = false;
    let mut now = 0;
    play.sample(moment(scenario, 0));
    loop {
        let at = moment(scenario, now * STEP);
        let mut is_changed = compiled.is_none();
        while let Some((_, command)) = timetable.next_if(|(step, _)| *step <= now && *step < end) {
            is_changed |= play.apply(at, CommandSource::Timetable, command);
        }
        for tripped in play.tripped() {
            is_changed |= play.apply(at, CommandSource::Guard, &tripped.pause());
        }
        if now >= end {
            break;
        }
        if is_changed {
            play.shards.iter_mut().for_each(|shard| shard.outcomes.follow(&play.book));
            compiled = Some(EligibilityIndex::compile(&play.book, 0));
            is_guarded = play.is_guarded();
        }
        let Some(index) = &compiled else { break };
        let mut until = end.min((now / sample + 1) * sample);
        if let Some((step, _)) = timetable.peek() {
            until = until.min((*step).max(now + 1));
        }
        if is_guarded {
            until = until.min((now / look + 1) * look);
        }
        play.on(until, &stage, index);
        now = until;
        if now % sample == 0 || now == end {
            play.sample(moment(scenario, now * STEP));
        }
    }
    play.end(&versions)
}

/// Returns every version that a device has or may get: the versions of the fleet and the versions
/// of the packages.
fn all_versions(fleet: &SimulatedFleet, book: &RuleBook) -> Versions {
    let mut versions = fleet.versions.clone();
    for package in book.packages() {
        let releases = package.releases.iter().map(|release| &release.version);
        for version in releases.chain(package.interim.iter().map(|image| &image.version)) {
            versions.number_of(version);
        }
    }
    versions
}

struct Play<'a> {
    book: RuleBook,
    shards: Vec<Shard>,
    /// The makers of requests, one for each thread.
    desks: Vec<RequestMaker>,
    samples: Vec<Sample>,
    commands: Vec<SimulatedCommand>,
    /// The number of failures when the guards were last checked. The guards are checked again only
    /// if this number has changed.
    failed: u64,
    progress: &'a (dyn Fn(u64) + Sync),
    /// The simulated work so far: for each device, the number of its simulated steps. It is only
    /// used to report the progress.
    played: AtomicU64,
}

impl Play<'_> {
    /// Simulates all shards up to the step with the number `until`. This step itself is not simulated.
    fn on(&mut self, until: u32, stage: &SimulationInput<'_>, index: &EligibilityIndex) {
        let waiting = Mutex::new(self.shards.iter_mut());
        let (progress, played) = (self.progress, &self.played);
        let work = |desk: &mut RequestMaker| {
            loop {
                // A panic of a thread ends the simulation, so a poisoned lock can be used.
                let shard = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some(shard) = shard else { return };
                let steps = shard.play(until, stage, index, desk);
                let before = played.fetch_add(steps, Ordering::Relaxed);
                let days = |steps: u64| steps / u64::from(STEPS_OF_DAY);
                progress(days(before + steps) - days(before));
            }
        };
        let Some((own, others)) = self.desks.split_first_mut() else { return };
        std::thread::scope(|scope| {
            for desk in others {
                // If a thread cannot be started, the other threads do its work.
                let _started = std::thread::Builder::new().spawn_scoped(scope, || work(desk));
            }
            work(own);
        });
    }

    /// Executes a command and adds it to `commands` with its result. Returns whether the command
    /// changed the rule book.
    fn apply(&mut self, at: UnixTime, by: CommandSource, command: &BookCommand) -> bool {
        let outcome = self.book.command(command, by.author());
        if let Ok(outcome) = &outcome {
            self.book.apply(&outcome.delta);
        }
        let is_changed = outcome.as_ref().is_ok_and(|outcome| !outcome.delta.is_empty());
        let result = outcome.map(|outcome| outcome.notes.iter().map(ToString::to_string).collect());
        let result = result.map_err(|refusal| refusal.to_string());
        self.commands.push(SimulatedCommand { at, by, command: command.clone(), result });
        is_changed
    }

    /// Returns whether a running rollout has a guard.
    fn is_guarded(&self) -> bool {
        let mut rollouts = self.book.rules().flat_map(ucupdate_core::book::Rule::rollouts);
        rollouts.any(|(_, rollout)| rollout.guard.is_some() && rollout.paused.is_none())
    }

    /// Returns the rollouts whose guards are exceeded. Returns none if the number of failures has not changed since
    /// the last call.
    fn tripped(&mut self) -> Vec<Tripped> {
        let failed = self.shards.iter().flat_map(|shard| shard.outcomes.tallies());
        let failed = failed.map(|tally| tally.counts.failures()).sum();
        if std::mem::replace(&mut self.failed, failed) == failed {
            return Vec::new();
        }
        self.tallies().iter().filter_map(|tally| Tripped::of(tally, &self.book)).collect()
    }

    /// Returns the tally of each rollout, added up over all shards.
    fn tallies(&self) -> Vec<Tally> {
        let mut all: BTreeMap<(&RuleKey, &RolloutName), Tally> = BTreeMap::new();
        for tally in self.shards.iter().flat_map(|shard| shard.outcomes.tallies()) {
            match all.get_mut(&(&tally.rule, &tally.rollout)) {
                Some(known) => known.add(tally),
                None => drop(all.insert((&tally.rule, &tally.rollout), tally.clone())),
            }
        }
        all.into_values().collect()
    }

    fn sample(&mut self, at: UnixTime) {
        let mut sample = Sample { at, devices: Vec::new(), lost: 0, counts: SimulatedCounts::default() };
        for shard in &mut self.shards {
            sample.devices.resize(shard.have.len(), 0);
            for (all, have) in sample.devices.iter_mut().zip(&shard.have) {
                *all += u64::from(*have);
            }
            sample.lost += u64::from(shard.lost);
            sample.counts.add(&std::mem::take(&mut shard.counts));
        }
        self.samples.push(sample);
    }

    fn end(mut self, versions: &Versions) -> Simulation {
        let had = |at: &usize| {
            self.samples.iter().any(|sample| sample.devices.get(*at).is_some_and(|count| *count > 0))
        };
        let mut shown: Vec<usize> = (0..versions.list.len()).filter(had).collect();
        let order = |at: &usize| {
            let version: &ReportedVersion = &versions.list[*at];
            (version.readable().is_none(), version.readable().cloned(), version.as_str().to_owned())
        };
        shown.sort_by_cached_key(order);
        for sample in &mut self.samples {
            sample.devices = shown.iter().map(|at| sample.devices.get(*at).copied().unwrap_or(0)).collect();
        }
        Simulation {
            versions: shown.iter().map(|at| versions.list[*at].clone()).collect(),
            tallies: self.tallies(),
            samples: self.samples,
            commands: self.commands,
        }
    }
}
