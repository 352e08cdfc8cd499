//! One device on its way to the version of one rollout.

use siphasher::sip128::{Hasher128, SipHasher24};
use std::hash::Hasher;
use ucupdate_core::book::Guard;
use ucupdate_core::value::UnixTime;
use ucupdate_core::version::ReportedVersion;

/// A version in sixteen bytes: equal where it is the same release.
///
/// The four numbers of what can be read, which are at most `i32::MAX`; of what cannot, three words of its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Mark([u32; 4]);

impl Mark {
    pub(super) fn of(version: &ReportedVersion) -> Self {
        if let Some(version) = version.readable() {
            return Self(version.padded());
        }
        let mut hasher = SipHasher24::new();
        hasher.write(version.as_str().as_bytes());
        let hash = hasher.finish128().as_bytes();
        let word = |at: usize| u32::from_be_bytes([hash[at], hash[at + 1], hash[at + 2], hash[at + 3]]);
        Self([u32::MAX, word(0), word(4), word(8)])
    }
}

/// What is thought of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub(super) enum State {
    InFlight,
    Elsewhere,
    Failed,
    Succeeded,
}

/// A device on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Track {
    pub(super) tally: u32,
    pub(super) state: State,
    /// When it was offered the version, or came to the latest stone.
    pub(super) at: UnixTime,
    /// When it has failed, unless it came back.
    pub(super) due: UnixTime,
    /// What it had then.
    pub(super) had: Mark,
    /// The stone it was offered last, if it was one.
    pub(super) stone: Option<Mark>,
}

impl Track {
    /// The device comes back with a version.
    pub(super) fn comes_back(&mut self, installed: Mark, target: Mark, guard: &Guard, now: UnixTime) {
        if installed == target {
            self.state = State::Succeeded;
        } else if self.state != State::InFlight || now < self.at {
            // What was thought of it stands until it comes with the version or is offered it again; and what it had before
            // the offer says nothing, also where the clock went back.
        } else if Some(installed) == self.stone {
            self.at = now;
            self.due = deadline(guard, now);
            self.had = installed;
            self.stone = None;
        } else if installed != self.had {
            self.state = State::Elsewhere;
        } else if now.as_millis() >= later(self.at, guard.install_seconds).as_millis() {
            self.state = State::Failed;
        }
    }
}

/// When a device that is offered a version now has failed, unless it came back.
pub(super) fn deadline(guard: &Guard, now: UnixTime) -> UnixTime {
    later(now, guard.deadline_seconds)
}

fn later(time: UnixTime, seconds: u32) -> UnixTime {
    UnixTime::from_millis(time.as_millis().saturating_add(i64::from(seconds) * 1000))
}
