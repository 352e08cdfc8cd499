//! [`Outcomes`]: the devices that are watched.

use super::tally::{OutcomeCounts, Tally, Tripped, rollout_of};
use super::track::{Mark, State, Track, deadline};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use ucupdate_core::book::{Rollout, RolloutName, Rule, RuleBook, RuleKey};
use ucupdate_core::decide::{Decision, EligibilityIndex, OfferKind};
use ucupdate_core::device::DeviceId;
use ucupdate_core::request::{Question, is_simulated};
use ucupdate_core::value::UnixTime;
use ucupdate_core::version::{ReportedVersion, VersionScheme};

/// The limit of [`Outcomes`]: how many devices it remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct OutcomeOptions {
    devices: usize,
}

impl Default for OutcomeOptions {
    /// 100,000 devices.
    fn default() -> Self {
        Self { devices: 100_000 }
    }
}

impl OutcomeOptions {
    /// Sets how many devices are remembered. A device counts once for each rollout it is in, and needs about 200 bytes.
    ///
    /// Beyond this number, devices that succeeded are forgotten; the first one to succeed goes first. While no device has
    /// succeeded, further devices are not watched, and are counted in [`Tally::unwatched`].
    #[must_use]
    pub fn with_devices(self, devices: usize) -> Self {
        Self { devices }
    }

    /// How many devices are remembered.
    pub fn devices(&self) -> usize {
        self.devices
    }
}

/// Infers what became of the devices to which guarded rollouts offered a version.
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
/// | (no request until the deadline) | it has failed |
///
/// A device counts once for each rollout, however often it is offered the version. A failed device stays failed until it
/// comes back with the version. A device that succeeded stays so. Two versions count as equal if they are the same release
/// in the version scheme of the rule; a missing part of a version counts as zero. Devices that report neither a MAC address
/// nor a serial number are not watched, because they cannot be recognised. Simulated requests and offers of rollouts without
/// a guard are not watched either.
///
/// For each module of a request, call [`asked`](Self::asked) first and [`offered`](Self::offered) next, both with the time
/// of the decision. A clock that goes back causes no failure: a version that a device had before the offer means nothing.
/// Requests that other servers answered can therefore be added later with `asked`, from their audit logs. The order of
/// requests of different devices does not matter while there is room for all of them.
///
/// ```
/// use ucupdate_core::book::*;
/// use ucupdate_core::decide::*;
/// use ucupdate_core::device::*;
/// use ucupdate_fleet::outcomes::*;
/// use ucupdate_core::request::*;
/// use ucupdate_core::value::*;
/// use ucupdate_core::version::*;
/// # let files = |content: u8| ReleaseFiles {
/// #     image: StoredFile { name: "CPE.nbt".parse().unwrap(), key: "i".parse().unwrap(), size: 1, sha256: Sha256Digest::new([content; 32]), modified: None },
/// #     signature: StoredFile { name: "CPE.cat".parse().unwrap(), key: "s".parse().unwrap(), size: 1, sha256: Sha256Digest::new([content; 32]), modified: None },
/// #     descriptions: Vec::new(),
/// # };
/// # let phone: RuleKey = "UCPhone/Polycom/CX700/A/ENU/CPE".parse().unwrap();
/// # let package = IngestedPackage {
/// #     sha256: Sha256Digest::new([1; 32]), ingest: IngestId::from_bits(1), file_name: "UCUpdates.cab".into(), ingested_at: UnixTime::default(),
/// #     releases: vec![Release { rule: phone.clone(), version: ReportedVersion::new("4.0.7577.0"), files: files(1) }], interim: Vec::new(),
/// # };
/// # let mut book = RuleBook::default();
/// # book.apply(&book.ingest(&package).unwrap().delta);
/// let mut guard = Guard::default();
/// guard.failures = Some(1);
/// # let start = BookCommand::StartRollout {
/// #     rule: phone.clone(), audience: Audience::Everybody, version: ReportedVersion::new("4.0.7577.0"),
/// #     rollout: Rollout::new("wave-1".parse().unwrap()).guarded(guard),
/// # };
/// // ... a book with a rollout so guarded, and a phone it is for:
/// # book.apply(&book.command(&start, "ann").unwrap().delta);
/// # let device = Device {
/// #     kind: "UCPhone/Polycom/CX700/A/ENU".parse().unwrap(),
/// #     mac_address: Reported::new("0004F2000001"), serial_number: Reported::default(),
/// # };
/// # let module = InstalledModule { file_name: "cpe.nbt".into(), version: ReportedVersion::new("3.5.6907.9"), time_stamp: Reported::default() };
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
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(from = "super::stored::StoredOutcomes", into = "super::stored::StoredOutcomes")
)]
pub struct Outcomes {
    pub(super) options: OutcomeOptions,
    /// By number. A number is never used twice.
    pub(super) watched: BTreeMap<u32, Watched>,
    pub(super) numbers: BTreeMap<(RuleKey, RolloutName), u32>,
    pub(super) next_number: u32,
    pub(super) devices: BTreeMap<DeviceId, Vec<Track>>,
    /// The number of tracks in `devices`.
    pub(super) tracks: usize,
    /// The devices in flight, by deadline.
    pub(super) due: BTreeSet<(UnixTime, DeviceId, u32)>,
    /// The devices that succeeded, in that order.
    pub(super) succeeded: VecDeque<(DeviceId, u32)>,
}

/// A rollout that is watched.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    pub(super) tally: Tally,
    pub(super) target: Mark,
    /// The version scheme of the rule. Marks of other schemes cannot be compared with those of this rollout.
    pub(super) scheme: VersionScheme,
    pub(super) paused: bool,
}

impl Outcomes {
    /// Returns outcomes without any device.
    pub fn new(options: OutcomeOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// Adds a request of a device. The version in it shows what became of earlier offers.
    ///
    /// `index` finds the rule that answers the request.
    pub fn asked(&mut self, index: &EligibilityIndex, question: &Question<'_>, now: UnixTime) {
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
            let installed = Mark::of(&watched.scheme, &question.module.version);
            let (state, due) = (track.state, track.due);
            track.comes_back(installed, watched.target, &watched.tally.guard, now);
            if (state, due) == (track.state, track.due) {
                continue;
            }
            watched.tally.counts.moves(state, track.state);
            if state == State::InFlight {
                self.due.remove(&(due, identity.clone(), track.tally));
            }
            match track.state {
                State::InFlight => drop(self.due.insert((track.due, identity.clone(), track.tally))),
                State::Succeeded => self.succeeded.push_back((identity.clone(), track.tally)),
                State::Failed | State::Elsewhere => {}
            }
        }
    }

    /// Adds the decision about a request. Only offers of rollouts with a guard count, including offers of stepping stones.
    ///
    /// `index` is the one that decided.
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
        let Some(rollout) = because.rollout.as_ref().filter(|rollout| rollout.guard.is_some()) else {
            return;
        };
        let device = question.device;
        let Some(identity) = DeviceId::of(&device.mac_address, &device.serial_number) else { return };
        let Some(rule) = index.rule_of(question) else { return };
        let scheme = &rule.policy().scheme;
        let mark = |version: &ReportedVersion| Mark::of(scheme, version);
        let (had, target) = (mark(&question.module.version), mark(&because.candidate.version));
        if had == target {
            return; // To a rule that tells spellings apart; whether it was installed cannot be seen.
        }
        let stone = match kind {
            OfferKind::SteppingStone { .. } => Some(mark(&offer.version)),
            _ => None,
        };
        let Some(number) = self.number_of(rule, rollout, &because.candidate.version, target) else {
            return;
        };
        let Some(watched) = self.watched.get_mut(&number) else { return };
        let due = deadline(&watched.tally.guard, now);
        let tracks = self.devices.get_mut(&identity);
        if let Some(track) = tracks.and_then(|tracks| tracks.iter_mut().find(|track| track.tally == number)) {
            match track.state {
                State::InFlight => track.stone = stone,
                State::Elsewhere => {
                    watched.tally.counts.moves(State::Elsewhere, State::InFlight);
                    *track = Track { tally: number, state: State::InFlight, at: now, due, had, stone };
                    self.due.insert((due, identity, number));
                }
                State::Failed | State::Succeeded => {}
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
            watched.tally.counts.in_flight += 1;
        }
        let track = Track { tally: number, state: State::InFlight, at: now, due, had, stone };
        self.devices.entry(identity.clone()).or_default().push(track);
        self.due.insert((due, identity, number));
        self.tracks += 1;
    }

    /// Counts devices as failed that did not come back before their deadline.
    pub fn expire(&mut self, now: UnixTime) {
        while self.due.first().is_some_and(|(due, ..)| *due <= now) {
            let Some((_, identity, number)) = self.due.pop_first() else { return };
            let mut tracks = self.devices.get_mut(&identity).into_iter().flatten();
            let Some(track) = tracks.find(|track| track.tally == number) else { continue };
            track.state = State::Failed;
            if let Some(watched) = self.watched.get_mut(&number) {
                watched.tally.counts.moves(State::InFlight, State::Failed);
            }
        }
    }

    /// Returns the earliest deadline of a device in flight. `None` if no device is in flight.
    pub fn next_due(&self) -> Option<UnixTime> {
        self.due.first().map(|(due, ..)| *due)
    }

    /// Returns the time of the oldest offer whose outcome is still open. `None` if no offer is open.
    pub fn in_flight_since(&self) -> Option<UnixTime> {
        let tracks = self.devices.values().flatten().filter(|track| track.state == State::InFlight);
        tracks.map(|track| track.at).min()
    }

    /// Applies a new revision of the rule book.
    ///
    /// A rollout is forgotten if it ended, lost its guard, or has another version now, or if its rule reads versions in
    /// another scheme now. A rollout that was resumed begins a
    /// new tally. If a rollout is paused and resumed between two calls, this is not noticed. The same holds for a rollout
    /// that is stopped and started again with the same name and version.
    pub fn follow(&mut self, book: &RuleBook) {
        let mut gone = BTreeSet::new();
        for (number, watched) in &mut self.watched {
            let rollout = rollout_of(book, &watched.tally);
            let Some((rollout, guard)) = rollout.and_then(|rollout| Some((rollout, rollout.guard?))) else {
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

    /// Returns the tally of each rollout, sorted by rule and name.
    pub fn tallies(&self) -> impl Iterator<Item = &Tally> {
        self.numbers.values().filter_map(|number| self.watched.get(number)).map(|watched| &watched.tally)
    }

    /// Returns the rollouts that must be paused: rollouts of the book that are not paused and whose guard is exceeded.
    pub fn tripped(&self, book: &RuleBook) -> Vec<Tripped> {
        self.tallies().filter_map(|tally| Tripped::of(tally, book)).collect()
    }

    /// Returns whether a device is watched.
    pub fn knows(&self, device: &DeviceId) -> bool {
        self.devices.contains_key(device)
    }

    /// Returns the number of devices that are watched. A device counts once for each rollout it is in.
    pub fn devices(&self) -> usize {
        self.tracks
    }

    /// Returns the number of the rollout that offers something to a device. A new rollout, or one with a new version, gets a
    /// new number.
    fn number_of(
        &mut self,
        rule: &Rule,
        rollout: &Rollout,
        version: &ReportedVersion,
        target: Mark,
    ) -> Option<u32> {
        let guard = rollout.guard?;
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
            unwatched: 0,
        };
        let watched = Watched { tally, target, scheme: scheme.clone(), paused: false };
        self.watched.insert(number, watched);
        self.numbers.insert(key, number);
        Some(number)
    }

    /// Forgets devices that succeeded until there is room for one more device. Returns `false` if there is no room.
    fn make_room(&mut self) -> bool {
        while self.tracks >= self.options.devices {
            let Some((identity, number)) = self.succeeded.pop_front() else { return false };
            self.drop_track(&identity, number);
        }
        true
    }

    fn drop_track(&mut self, identity: &DeviceId, number: u32) {
        let Some(tracks) = self.devices.get_mut(identity) else { return };
        let before = tracks.len();
        tracks.retain(|track| track.tally != number);
        self.tracks -= before - tracks.len();
        if tracks.is_empty() {
            self.devices.remove(identity);
        }
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
        self.tracks = self.devices.values().map(Vec::len).sum();
    }
}
