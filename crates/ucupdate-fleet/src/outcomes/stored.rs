//! The stored form of outcomes, for keeping them between two runs of a server.

use super::tally::{OutcomeCounts, Tally};
use super::track::{Mark, State, Track};
use super::watch::{OutcomeOptions, Outcomes, Watched};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use ucupdate_core::book::{Guard, RolloutName, RuleKey};
use ucupdate_core::device::DeviceId;
use ucupdate_core::value::UnixTime;
use ucupdate_core::version::{ReportedVersion, VersionScheme};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct StoredOutcomes {
    options: OutcomeOptions,
    rollouts: Vec<StoredTally>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct StoredTally {
    rule: RuleKey,
    rollout: RolloutName,
    version: ReportedVersion,
    #[serde(default, skip_serializing_if = "VersionScheme::is_dotnet")]
    scheme: VersionScheme,
    guard: Guard,
    #[serde(default)]
    paused: bool,
    /// The counts of devices that were forgotten.
    forgotten: OutcomeCounts,
    #[serde(default)]
    unwatched: u64,
    devices: Vec<StoredTrack>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct StoredTrack {
    device: DeviceId,
    state: State,
    at: UnixTime,
    due: UnixTime,
    had: Mark,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stone: Option<Mark>,
}

impl From<Outcomes> for StoredOutcomes {
    fn from(outcomes: Outcomes) -> Self {
        let Outcomes { options, watched, devices, succeeded, .. } = outcomes;
        let mut rollouts: BTreeMap<u32, StoredTally> = BTreeMap::new();
        for (number, Watched { tally, paused, scheme, .. }) in watched {
            let Tally { rule, rollout, version, guard, counts, unwatched } = tally;
            let devices = Vec::new();
            let forgotten = counts;
            let stored =
                StoredTally { rule, rollout, version, scheme, guard, paused, forgotten, unwatched, devices };
            rollouts.insert(number, stored);
        }
        // Those that succeeded last, and in their order: the order in which they will be forgotten.
        let mut kept: BTreeMap<(DeviceId, u32), Track> = BTreeMap::new();
        for (identity, tracks) in devices {
            kept.extend(tracks.into_iter().map(|track| ((identity.clone(), track.tally), track)));
        }
        let done: Vec<_> = succeeded.iter().filter_map(|key| kept.remove_entry(key)).collect();
        for ((device, number), track) in kept.into_iter().chain(done) {
            let Some(stored) = rollouts.get_mut(&number) else { continue };
            let known = stored.forgotten.of(track.state);
            *known = known.saturating_sub(1);
            let Track { state, at, due, had, stone, .. } = track;
            stored.devices.push(StoredTrack { device, state, at, due, had, stone });
        }
        Self { options, rollouts: rollouts.into_values().collect() }
    }
}

impl From<StoredOutcomes> for Outcomes {
    fn from(stored: StoredOutcomes) -> Self {
        let mut outcomes = Self::new(stored.options);
        for (number, stored) in (0..).zip(stored.rollouts) {
            let StoredTally { rule, rollout, version, scheme, guard, paused, forgotten, unwatched, devices } =
                stored;
            let mut counts = forgotten;
            for StoredTrack { device, state, at, due, had, stone } in devices {
                *counts.of(state) += 1;
                match state {
                    State::InFlight => drop(outcomes.due.insert((due, device.clone(), number))),
                    State::Succeeded => outcomes.succeeded.push_back((device.clone(), number)),
                    State::Failed | State::Elsewhere => {}
                }
                let track = Track { tally: number, state, at, due, had, stone };
                outcomes.devices.entry(device).or_default().push(track);
                outcomes.tracks += 1;
            }
            outcomes.numbers.insert((rule.clone(), rollout.clone()), number);
            let target = Mark::of(&scheme, &version);
            let tally = Tally { rule, rollout, version, guard, counts, unwatched };
            outcomes.watched.insert(number, Watched { tally, target, scheme, paused });
            outcomes.next_number = number + 1;
        }
        outcomes
    }
}
