//! [`Outcomes`]: watches the devices of guarded rollouts.

use super::tally::{OutcomeCounts, Tally, Tripped, rollout_of};
use super::track::{HostMark, OutcomeState, RolloutDevice, Track, VersionMark, deadline};
use crate::downloads::{DownloadHash, OpenOffers};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use ucupdate_core::book::{Guard, Rollout, RolloutName, Rule, RuleBook, RuleKey};
use ucupdate_core::decide::{Decision, EligibilityIndex, OfferKind};
use ucupdate_core::device::DeviceId;
use ucupdate_core::request::{Question, is_simulated};
use ucupdate_core::value::UnixTime;
use ucupdate_core::version::{ReportedVersion, VersionScheme};

/// The devices that [`Outcomes`] watches: their largest number, and the rollouts and downloads that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct OutcomeOptions {
    devices: usize,
    pub(super) downloads_required: bool,
    pub(super) unguarded: bool,
}

impl Default for OutcomeOptions {
    /// Returns the defaults: 100,000 devices, no downloads required, and only rollouts with a guard.
    fn default() -> Self {
        Self { devices: 100_000, downloads_required: false, unguarded: false }
    }
}

impl OutcomeOptions {
    /// Sets the maximum number of devices that are watched. Default: 100,000. A device counts once
    /// for each of its rollouts, and needs about 300 bytes.
    ///
    /// If there are more devices, the device that was the first to succeed is forgotten, but stays in the counts.
    /// If no device has succeeded, and downloads are required, a device that downloaded nothing is forgotten. The
    /// forgotten device is then counted in [`Tally::unwatched`]. If there is no such device either, the new device
    /// is not watched, and is counted in [`Tally::unwatched`].
    pub fn with_devices(self, devices: usize) -> Self {
        Self { devices, ..self }
    }

    /// Sets whether a device counts only after it downloaded an image of the rollout ([`Outcomes::take_in_access`]). Devices that
    /// downloaded nothing are counted in [`Tally::not_fetched`]. Default: `false`.
    pub fn with_downloads_required(self, required: bool) -> Self {
        Self { downloads_required: required, ..self }
    }

    /// Sets whether rollouts without a guard are watched too. Default: `false`.
    pub fn with_unguarded(self, unguarded: bool) -> Self {
        Self { unguarded, ..self }
    }

    /// Returns the maximum number of devices that are watched.
    pub fn devices(&self) -> usize {
        self.devices
    }
}

/// Infers the outcomes of offers of guarded rollouts, for each device.
///
/// No device reports whether an installation succeeded. Its next request shows it:
///
/// | the device comes back with | result |
/// |---|---|
/// | the version of the rollout | it has succeeded, even if it counted as failed before |
/// | its old version, within the time for installing | it is still in flight |
/// | its old version, after that time | it has failed |
/// | the stepping stone it was offered | it is still in flight, and its time begins again |
/// | another version | it is elsewhere: neither succeeded nor failed. It is watched again when it is offered the version again |
/// | (no request until the deadline) | it is overdue, which counts as a failure |
///
/// A device counts once for each rollout, even if it is offered the version several times. A failed
/// device stays failed until it comes back with the version. A device that succeeded stays in this
/// state. Two versions count as equal if they are the same release in the version scheme of the
/// rule. A missing part of a version counts as zero. Devices that report neither a MAC address nor
/// a serial number are not watched, because they cannot be recognised. Simulated requests are
/// ignored. Rollouts without a guard are watched only with [`OutcomeOptions::with_unguarded`].
///
/// For each module of a request, call [`asked`](Self::asked) first and [`offered`](Self::offered) next, both with
/// the time of the decision. A clock that goes back causes no failure, because a request before the offer counts
/// only if it reports the version of the rollout. Therefore requests that other servers answered can be added later
/// with `asked`, from their audit logs. The order of requests of different devices does not matter while there is
/// room for all devices.
///
/// ```
/// use ucupdate_core::book::*;
/// use ucupdate_core::decide::*;
/// use ucupdate_core::device::*;
/// use ucupdate_fleet::outcomes::*;
/// use ucupdate_core::request::*;
/// use ucupdate_core::value::*;
/// use ucupdate_core::version::*;
/// # use ucupdate_testkit::{books::{make, rollout, start_rollout}, field, packages};
/// # const PHONE: &str = "UCPhone/Polycom/CX700/A/ENU/CPE";
/// # let mut book = RuleBook::default();
/// # packages::ingest(&mut book, &packages::package(1, &[(PHONE, "4.0.7577.0", 1)]));
/// let mut guard = Guard::default();
/// guard.failures = Some(1);
/// // ... a book with a rollout so guarded, and a phone it is for:
/// # make(&mut book, start_rollout(PHONE, Audience::Everybody, "4.0.7577.0", rollout("wave-1").guarded(guard)));
/// # let (device, module) = (field::phone(&packages::key(PHONE)), field::module("3.5.6907.9"));
/// let index = EligibilityIndex::compile(&book, 1);
/// let question = Question::new(&device, &module);
/// let mut outcomes = Outcomes::new(OutcomeOptions::default());
/// for hour in [0, 24] {
///     let now = UnixTime::from_seconds(hour * 3600);
///     let decision = decide(&index, &question, now);
///     outcomes.asked(&index, &question, now);
///     outcomes.offered(&index, &question, &decision, now);
/// }
/// let tripped = outcomes.tripped(&book);
/// assert_eq!(&*tripped[0].reason, "1 device failed, the guard allows fewer than 1");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Outcomes {
    pub(super) options: OutcomeOptions,
    /// The watched rollouts. Each rollout has a number, which is its key here. A number is never used for a second
    /// rollout.
    pub(super) watched: BTreeMap<u32, Watched>,
    pub(super) numbers: BTreeMap<(RuleKey, RolloutName), u32>,
    pub(super) next_number: u32,
    pub(super) devices: BTreeMap<DeviceId, Vec<Track>>,
    /// The number of [`Track`]s in `devices`.
    pub(super) tracks: usize,
    /// The devices in flight, sorted by deadline. The third value is the key of the rollout in `watched`.
    pub(super) due: BTreeSet<(UnixTime, DeviceId, u32)>,
    /// The devices that succeeded, in the order of their success. The second value is the key of the rollout in
    /// `watched`.
    pub(super) succeeded: VecDeque<(DeviceId, u32)>,
    /// The offers whose image was not downloaded yet.
    pub(super) open: OpenOffers,
}

#[derive(Clone, Debug)]
pub(super) struct Watched {
    pub(super) tally: Tally,
    pub(super) target: VersionMark,
    /// The version scheme of the rule. All [`VersionMark`]s of this rollout are made with this scheme. If the rule
    /// gets another scheme, the old marks are useless.
    pub(super) scheme: VersionScheme,
    pub(super) paused: bool,
}

pub(super) struct Offered<'a> {
    pub(super) rollout: &'a Rollout,
    pub(super) version: &'a ReportedVersion,
    pub(super) installed: &'a ReportedVersion,
    /// The stepping stone that was offered on the way to `version`. `None` if `version` itself was
    /// offered.
    pub(super) stone: Option<&'a ReportedVersion>,
}

/// Returns the guard for a rollout without one: it never pauses the rollout.
fn no_limits() -> Guard {
    let mut guard = Guard::default();
    (guard.failures, guard.share) = (None, None);
    guard
}

impl Outcomes {
    /// Creates an empty collection of outcomes.
    pub fn new(options: OutcomeOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// Adds a request of a device. The installed version in the request shows whether earlier
    /// offers succeeded.
    ///
    /// `index` is used to find the rule for the request.
    pub fn asked(&mut self, index: &EligibilityIndex, question: &Question<'_>, now: UnixTime) {
        self.asked_at(index, question, None, now);
    }

    /// Adds a request from the address `host`.
    pub(super) fn asked_at(
        &mut self,
        index: &EligibilityIndex,
        question: &Question<'_>,
        host: HostMark,
        now: UnixTime,
    ) {
        if self.devices.is_empty() || is_simulated(question.user_name) {
            return;
        }
        let device = question.device;
        let Some(identity) = DeviceId::of(&device.mac_address, &device.serial_number) else { return };
        let Some(tracks) = self.devices.get_mut(&identity) else { return };
        let Some(rule) = index.rule_of(question) else { return };
        for track in tracks {
            let Some(watched) = self.watched.get_mut(&track.tally) else { continue };
            if watched.tally.rule != *rule.key() {
                continue;
            }
            let installed = VersionMark::of(&watched.scheme, &question.module.version);
            let before = *track;
            track.comes_back(host, installed, watched.target, &watched.tally.guard, now);
            if (before.state, before.due) == (track.state, track.due) {
                continue;
            }
            watched.tally.moves(&before, track, now);
            if before.state == OutcomeState::InFlight {
                self.due.remove(&(before.due, identity.clone(), track.tally));
            }
            match track.state {
                OutcomeState::InFlight => drop(self.due.insert((track.due, identity.clone(), track.tally))),
                OutcomeState::Succeeded => self.succeeded.push_back((identity.clone(), track.tally)),
                OutcomeState::Failed | OutcomeState::Overdue | OutcomeState::Elsewhere => {}
            }
        }
    }

    /// Adds the decision about a request. A decision that is not an offer of a watched rollout has
    /// no effect. Offers of stepping stones count too.
    ///
    /// `index` is the index with which the decision was made.
    pub fn offered(
        &mut self,
        index: &EligibilityIndex,
        question: &Question<'_>,
        decision: &Decision<'_>,
        now: UnixTime,
    ) {
        if is_simulated(question.user_name) {
            return;
        }
        let Decision::Offer { offer, kind, because } = decision else { return };
        let Some(rollout) = &because.rollout else { return };
        let device = question.device;
        let Some(identity) = DeviceId::of(&device.mac_address, &device.serial_number) else { return };
        let Some(rule) = index.rule_of(question) else { return };
        let stone = matches!(kind, OfferKind::SteppingStone { .. }).then_some(&offer.version);
        let installed = &question.module.version;
        let offer = Offered { rollout, version: &because.candidate.version, installed, stone };
        self.take_in_offer(rule, &offer, identity, None, now);
    }

    /// Adds an offer. `place` is the address of the device and the path of the image. `None` if
    /// downloads are not known, as in a simulation.
    pub(super) fn take_in_offer(
        &mut self,
        rule: &Rule,
        offer: &Offered<'_>,
        identity: DeviceId,
        place: Option<DownloadHash>,
        now: UnixTime,
    ) {
        if offer.rollout.guard.is_none() && !self.options.unguarded {
            return;
        }
        let scheme = &rule.policy().scheme;
        let mark = |version: &ReportedVersion| VersionMark::of(scheme, version);
        let (had, target) = (mark(offer.installed), mark(offer.version));
        if had == target {
            return; // To a rule that tells spellings apart; whether it was installed cannot be seen.
        }
        let stone = offer.stone.map(mark);
        let Some(number) = self.number_of(rule, offer.rollout, offer.version, target) else {
            return;
        };
        let Some(watched) = self.watched.get_mut(&number) else { return };
        let due = deadline(&watched.tally.guard, now);
        let fresh = Track {
            tally: number,
            state: OutcomeState::InFlight,
            at: now,
            due,
            had,
            stone,
            host: place.map(|place| place.host),
            counts: !self.options.downloads_required,
        };
        let tracks = self.devices.get_mut(&identity);
        if let Some(track) = tracks.and_then(|tracks| tracks.iter_mut().find(|track| track.tally == number)) {
            match track.state {
                OutcomeState::InFlight => (track.stone, track.host) = (stone, fresh.host),
                OutcomeState::Elsewhere => {
                    watched.tally.moves(track, &fresh, now);
                    *track = fresh;
                    self.due.insert((due, identity.clone(), number));
                }
                OutcomeState::Failed | OutcomeState::Overdue => track.host = fresh.host,
                OutcomeState::Succeeded => {}
            }
            let is_open = !track.counts && track.state != OutcomeState::Succeeded;
            if let Some(place) = place.filter(|_| is_open) {
                self.open.add(place, identity, number, now, watched.tally.guard.deadline_seconds);
            }
            return;
        }
        if !self.make_room() {
            if let Some(watched) = self.watched.get_mut(&number) {
                watched.tally.unwatched += 1;
            }
            return;
        }
        if let Some(watched) = self.watched.get_mut(&number) {
            *watched.tally.of(fresh.counts, OutcomeState::InFlight) += 1;
            watched.tally.last_change = watched.tally.last_change.max(Some(now));
            if let Some(place) = place.filter(|_| !fresh.counts) {
                self.open.add(place, identity.clone(), number, now, watched.tally.guard.deadline_seconds);
            }
        }
        self.devices.entry(identity.clone()).or_default().push(fresh);
        self.due.insert((due, identity, number));
        self.tracks += 1;
    }

    /// Counts a device for the guard, because it downloaded an image of the rollout with the key `number` in
    /// `watched`. The time for installing begins at the end of the download, `now`.
    pub(super) fn downloaded(&mut self, identity: &DeviceId, number: u32, now: UnixTime) {
        let Some(watched) = self.watched.get_mut(&number) else { return };
        let mut tracks = self.devices.get_mut(identity).into_iter().flatten();
        let Some(track) = tracks.find(|track| track.tally == number && !track.counts) else { return };
        let before = *track;
        track.counts = true;
        if matches!(track.state, OutcomeState::InFlight | OutcomeState::Failed | OutcomeState::Overdue) {
            track.state = OutcomeState::InFlight;
            track.at = track.at.max(now);
            track.due = deadline(&watched.tally.guard, now);
            self.due.remove(&(before.due, identity.clone(), number));
            self.due.insert((track.due, identity.clone(), number));
        }
        watched.tally.moves(&before, track, now);
    }

    /// Sets the state of all devices in flight whose deadline is `now` or earlier to
    /// [`OutcomeState::Overdue`]. Call this regularly.
    pub fn expire(&mut self, now: UnixTime) {
        while self.due.first().is_some_and(|(due, ..)| *due <= now) {
            let Some((_, identity, number)) = self.due.pop_first() else { return };
            let mut tracks = self.devices.get_mut(&identity).into_iter().flatten();
            let Some(track) = tracks.find(|track| track.tally == number) else { continue };
            let before = *track;
            track.state = OutcomeState::Overdue;
            if let Some(watched) = self.watched.get_mut(&number) {
                watched.tally.moves(&before, track, before.due);
            }
        }
    }

    /// Applies a new revision of the rule book.
    ///
    /// A rollout is forgotten if it ended, lost its guard or has another version now, or if its rule has another
    /// version scheme now. A rollout that was resumed begins a new tally. If a rollout was paused and resumed
    /// between two calls, it keeps its tally, because the pause cannot be seen. The same is true if a rollout ends
    /// between two calls, and another one with the same name and version starts.
    pub fn follow(&mut self, book: &RuleBook) {
        let mut gone = BTreeSet::new();
        for (number, watched) in &mut self.watched {
            let rollout = rollout_of(book, &watched.tally);
            let unguarded = self.options.unguarded;
            let guard_of = |rollout: &Rollout| rollout.guard.or_else(|| unguarded.then(no_limits));
            let Some((rollout, guard)) = rollout.and_then(|rollout| Some((rollout, guard_of(rollout)?)))
            else {
                gone.insert(*number);
                continue;
            };
            let scheme = book.rule(&watched.tally.rule).map(|rule| &rule.policy().scheme);
            if watched.paused && rollout.paused.is_none() || scheme != Some(&watched.scheme) {
                gone.insert(*number);
            }
            watched.paused = rollout.paused.is_some();
            watched.tally.guard = guard;
        }
        self.forget(&gone);
    }

    /// Forgets a rollout and its devices, for example because it was resumed. Its next offer begins
    /// a new tally.
    pub fn forget_rollout(&mut self, rule: &RuleKey, rollout: &RolloutName) {
        if let Some(number) = self.numbers.get(&(rule.clone(), rollout.clone())).copied() {
            self.forget(&[number].into());
        }
    }

    /// Returns the watched devices of a rollout, sorted by MAC address and serial number. Devices
    /// that succeeded may have been forgotten.
    pub fn devices_of(&self, rule: &RuleKey, rollout: &RolloutName) -> impl Iterator<Item = RolloutDevice> {
        let number = self.numbers.get(&(rule.clone(), rollout.clone())).copied();
        self.devices.iter().filter_map(move |(device, tracks)| {
            let track = tracks.iter().find(|track| Some(track.tally) == number)?;
            let Track { state, at, due, counts, .. } = *track;
            Some(RolloutDevice { device: device.clone(), state, at, due, counts })
        })
    }

    /// Returns the tally of each rollout, sorted by rule and name.
    pub fn tallies(&self) -> impl Iterator<Item = &Tally> {
        self.numbers.values().filter_map(|number| self.watched.get(number)).map(|watched| &watched.tally)
    }

    /// Returns the rollouts that must be paused: rollouts of the rule book that are not paused, and
    /// whose guard is exceeded.
    pub fn tripped(&self, book: &RuleBook) -> Vec<Tripped> {
        self.tallies().filter_map(|tally| Tripped::of(tally, book)).collect()
    }

    /// Returns whether a device is watched in any rollout.
    pub fn knows(&self, device: &DeviceId) -> bool {
        self.devices.contains_key(device)
    }

    /// Returns the number of watched devices. A device counts once for each of its rollouts.
    pub fn devices(&self) -> usize {
        self.tracks
    }

    /// Returns the key of a rollout in `watched`. A new rollout, or a rollout with a new version or version scheme,
    /// gets a new key.
    fn number_of(
        &mut self,
        rule: &Rule,
        rollout: &Rollout,
        version: &ReportedVersion,
        target: VersionMark,
    ) -> Option<u32> {
        let guard = rollout.guard.unwrap_or_else(no_limits);
        let scheme = &rule.policy().scheme;
        let key = (rule.key().clone(), rollout.name.clone());
        if let Some(number) = self.numbers.get(&key).copied() {
            let watched = self.watched.get_mut(&number)?;
            if watched.target == target && watched.scheme == *scheme {
                watched.tally.guard = guard;
                return Some(number);
            }
            self.forget(&[number].into());
        }
        let number = self.next_number;
        self.next_number += 1;
        let (rule, rollout) = key.clone();
        let tally = Tally {
            rule,
            rollout,
            version: version.clone(),
            guard,
            counts: OutcomeCounts::default(),
            not_fetched: OutcomeCounts::default(),
            last_change: None,
            unwatched: 0,
        };
        let watched = Watched { tally, target, scheme: scheme.clone(), paused: false };
        self.watched.insert(number, watched);
        self.numbers.insert(key, number);
        Some(number)
    }

    /// Forgets devices until there is room for one more: first devices that succeeded, then devices
    /// that downloaded nothing. Returns `false` if there is still no room.
    fn make_room(&mut self) -> bool {
        while self.tracks >= self.options.devices {
            if let Some((identity, number)) = self.succeeded.pop_front() {
                self.drop_track(&identity, number);
                continue;
            }
            let Some((identity, number)) = self.open.first() else { return false };
            let Some(track) = self.drop_track(&identity, number) else { return false };
            if let Some(watched) = self.watched.get_mut(&number) {
                let left = watched.tally.of(track.counts, track.state);
                *left = left.saturating_sub(1);
                watched.tally.unwatched += 1;
            }
        }
        true
    }

    fn drop_track(&mut self, identity: &DeviceId, number: u32) -> Option<Track> {
        let tracks = self.devices.get_mut(identity)?;
        let at = tracks.iter().position(|track| track.tally == number)?;
        let track = tracks.swap_remove(at);
        if tracks.is_empty() {
            self.devices.remove(identity);
        }
        self.tracks -= 1;
        self.due.remove(&(track.due, identity.clone(), number));
        self.open.remove(identity, number);
        Some(track)
    }

    fn forget(&mut self, gone: &BTreeSet<u32>) {
        if gone.is_empty() {
            return;
        }
        self.watched.retain(|number, _| !gone.contains(number));
        self.numbers.retain(|_, number| !gone.contains(number));
        self.devices.retain(|_, tracks| {
            tracks.retain(|track| !gone.contains(&track.tally));
            !tracks.is_empty()
        });
        self.due.retain(|(.., number)| !gone.contains(number));
        self.succeeded.retain(|(_, number)| !gone.contains(number));
        self.open.forget(gone);
        self.tracks = self.devices.values().map(Vec::len).sum();
    }
}
