//! [`LoopGuard`]: remembers the requests of each device, within limits, and finds loops in them.

use super::circles::{self, Ask};
use super::found::Loop;
use super::observation::Observation;
use super::options::LoopOptions;
use crate::schemes::scheme_of;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use ucupdate_core::book::{RuleKey, UpdateType};
use ucupdate_core::decide::EligibilityIndex;
use ucupdate_core::device::DeviceId;
use ucupdate_core::value::UnixTime;
use ucupdate_core::version::{ReportedVersion, VersionScheme};

/// Finder of devices that are offered updates in a circle.
///
/// Observations may be added in any order, because each has its time. An observation that is added
/// several times counts once. The order matters only for a device with more requests than
/// [`LoopOptions::with_asks`] allows, because some of its requests are then forgotten.
///
/// ```
/// use ucupdate_core::ReportedVersion;
/// use ucupdate_core::device::DeviceId;
/// use ucupdate_fleet::loops::{LoopGuard, LoopKind, LoopOptions, Observation};
/// use ucupdate_core::value::UnixTime;
/// let mut guard = LoopGuard::new(LoopOptions::default());
/// let phone = DeviceId::Mac("0021630F207B".parse().unwrap());
/// for (hour, installed, offered, server) in [
///     (0, "3.5.6907.0", "3.5.6907.9", "ocs01"),
///     (1, "3.5.6907.9", "3.5.6907.0", "ocs02"),
///     (2, "3.5.6907.0", "3.5.6907.9", "ocs01"),
/// ] {
///     guard.observe(Observation {
///         device: phone.clone(),
///         update_type: "CPE".parse().unwrap(),
///         rule: None,
///         at: UnixTime::from_seconds(hour * 3600),
///         installed: ReportedVersion::new(installed),
///         offered: Some(ReportedVersion::new(offered)),
///         server: Some(server.into()),
///     });
/// }
/// let found = guard.loops();
/// assert_eq!((found.len(), found[0].kind, found[0].goes_on), (1, LoopKind::Flipped, true));
/// assert_eq!(found[0].servers, ["ocs01".into(), "ocs02".into()]);
/// ```
#[derive(Debug, Default)]
pub struct LoopGuard {
    options: LoopOptions,
    tracks: BTreeMap<Arc<LoopSubject>, RecentAsks>,
    /// The pairs of device and update type, sorted by the time of their latest request. The first
    /// pair is forgotten first.
    latest: BTreeSet<(UnixTime, Arc<LoopSubject>)>,
    forgotten: u64,
}

/// The smallest value of [`LoopOptions::with_asks`]. With this number of requests every kind of
/// loop can be found.
pub(super) const LEAST_ASKS: usize = 4;

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct LoopSubject {
    device: DeviceId,
    update_type: UpdateType,
}

#[derive(Debug, Default)]
struct RecentAsks {
    /// The rule of the latest request whose device kind is valid in a rule. A request that is added after a later
    /// one does not change it.
    rule: Option<RuleKey>,
    /// The remembered requests, sorted by time.
    seen: Vec<Ask>,
}

impl LoopGuard {
    /// Creates a guard without observations.
    pub fn new(options: LoopOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// Adds one observation. If there are too many devices then, forgets the device that has not
    /// asked for the longest time.
    pub fn observe(&mut self, observation: Observation) {
        let Observation { device, update_type, rule, at, installed, offered, server } = observation;
        let subject = LoopSubject { device, update_type };
        let subject = match self.tracks.get_key_value(&subject) {
            Some((known, _)) => Arc::clone(known),
            None => Arc::new(subject),
        };
        let track = self.tracks.entry(Arc::clone(&subject)).or_default();
        let before = track.latest();
        let seen = Ask {
            at,
            installed: track.shared(installed),
            offered: offered.map(|offered| track.shared(offered)),
            server: server.map(|server| track.shared_server(&server)),
            asks: 1,
        };
        if rule.is_some() && before.is_none_or(|before| before <= at) {
            track.rule = rule;
        }
        track.insert(seen, self.options.asks.max(LEAST_ASKS));
        let now = track.latest();
        if before != now {
            if let Some(before) = before {
                self.latest.remove(&(before, Arc::clone(&subject)));
            }
            self.latest.extend(now.map(|now| (now, subject)));
        }
        while self.tracks.len() > self.options.devices {
            let Some((_, oldest)) = self.latest.pop_first() else { break };
            self.tracks.remove(&oldest);
            self.forgotten += 1;
        }
    }

    /// Returns the loops in the observations, sorted by device, update type and kind.
    pub fn loops(&self) -> Vec<Loop> {
        self.tracks.iter().flat_map(|(subject, track)| track.loops(subject, &self.options)).collect()
    }

    /// Returns the loops in the observations, like [`loops`](Self::loops). Here versions are
    /// compared in the version scheme of their rule. Two versions of the same release are equal.
    pub fn loops_in(&self, index: &EligibilityIndex) -> Vec<Loop> {
        let loops = self.tracks.iter().flat_map(|(subject, track)| {
            let scheme = track.rule.as_ref().and_then(|rule| {
                scheme_of(index, rule.kind(), subject.update_type.as_str())
                    .filter(|scheme| !scheme.is_dotnet())
            });
            match scheme {
                Some(scheme) => track.spelled_alike(scheme).loops(subject, &self.options).collect::<Vec<_>>(),
                None => track.loops(subject, &self.options).collect(),
            }
        });
        loops.collect()
    }

    /// Returns the number of remembered devices. A device counts once for each update type in its requests.
    pub fn devices(&self) -> usize {
        self.tracks.len()
    }

    /// Returns the number of devices that were forgotten because of [`LoopOptions::with_devices`].
    /// A device that is forgotten twice counts twice.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

impl RecentAsks {
    fn latest(&self) -> Option<UnixTime> {
        self.seen.last().map(|seen| seen.at)
    }

    /// Returns the stored version with the same text if there is one, so that each version of a
    /// device is stored once.
    fn shared(&self, version: ReportedVersion) -> Arc<ReportedVersion> {
        let known =
            self.seen.iter().flat_map(|seen| [Some(&seen.installed), seen.offered.as_ref()]).flatten();
        let known = known.into_iter().find(|known| known.as_str() == version.as_str());
        known.map_or_else(|| Arc::new(version), Arc::clone)
    }

    fn shared_server(&self, server: &str) -> Arc<str> {
        let mut known = self.seen.iter().filter_map(|seen| seen.server.as_ref());
        known.find(|known| ***known == *server).map_or_else(|| server.into(), Arc::clone)
    }

    /// Inserts a request in order of time. If there are more than `most` requests then, removes one
    /// as [`LoopOptions::with_asks`] describes.
    fn insert(&mut self, seen: Ask, most: usize) {
        let Err(place) = self.seen.binary_search_by(|known| known.place().cmp(&seen.place())) else { return };
        self.seen.insert(place, seen);
        if self.seen.len() <= most {
            return;
        }
        // If requests equal both of their neighbours, the one whose neighbours are nearest in time
        // is removed. The other requests then cover the time evenly.
        let neighbours = self.seen.windows(3).enumerate();
        let repeated = neighbours
            .filter(|(_, near)| near[0].has_same_content(&near[1]) && near[1].has_same_content(&near[2]))
            .min_by_key(|(_, near)| near[2].at.as_millis().saturating_sub(near[0].at.as_millis()))
            .map(|(before, _)| before);
        match repeated {
            Some(before) => {
                let skipped = self.seen.remove(before + 1);
                self.seen[before].asks += skipped.asks;
            }
            None => drop(self.seen.remove(0)),
        }
    }

    /// Returns a copy of the requests in which all versions of the same release have the same
    /// spelling.
    fn spelled_alike(&self, scheme: &VersionScheme) -> Self {
        let mut known: Vec<Arc<ReportedVersion>> = Vec::new();
        let mut first = |version: &Arc<ReportedVersion>| match known
            .iter()
            .find(|known| scheme.is_same_release(known, version))
        {
            Some(known) => Arc::clone(known),
            None => {
                known.push(Arc::clone(version));
                Arc::clone(version)
            }
        };
        let seen = self.seen.iter().map(|ask| Ask {
            installed: first(&ask.installed),
            offered: ask.offered.as_ref().map(&mut first),
            ..ask.clone()
        });
        Self { seen: seen.collect(), rule: self.rule.clone() }
    }

    fn loops(&self, subject: &LoopSubject, options: &LoopOptions) -> impl Iterator<Item = Loop> {
        circles::find(&self.seen, options.apart).into_iter().map(|circle| Loop {
            kind: circle.kind,
            device: subject.device.clone(),
            update_type: subject.update_type.clone(),
            rule: self.rule.clone(),
            versions: circle.versions.iter().map(|version| ReportedVersion::clone(version)).collect(),
            servers: circle.servers.iter().map(|server| Box::from(&**server)).collect(),
            first: circle.first,
            last: circle.last,
            asks: circle.asks,
            goes_on: circle.goes_on,
        })
    }
}
