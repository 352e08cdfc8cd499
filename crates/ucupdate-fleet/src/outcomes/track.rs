//! Follows the progress of one device to the version of one rollout.

use siphasher::sip128::{Hasher128, SipHasher24};
use std::hash::Hasher;
use ucupdate_core::book::Guard;
use ucupdate_core::device::DeviceId;
use ucupdate_core::value::UnixTime;
use ucupdate_core::version::{ReportedVersion, VersionScheme};

/// A version in sixteen bytes. Two marks are equal if their versions are the same release.
///
/// If a version has at most four numbers and no prefix, its mark has these numbers, each at most `i32::MAX`. Any
/// other mark has `u32::MAX` and twelve bytes of a hash. It is the hash of the numbers and the prefix, or of the
/// text if the scheme of the rule cannot read the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct VersionMark([u32; 4]);

impl VersionMark {
    pub(super) fn of(scheme: &VersionScheme, version: &ReportedVersion) -> Self {
        let mut hasher = SipHasher24::new();
        match scheme.release_of(version) {
            Some(([a, b, c, d, 0, 0, 0, 0], "")) => return Self([a, b, c, d]),
            Some((numbers, prefix)) => {
                // This byte separates the parts, because no text begins with it.
                hasher.write(&[0xff]);
                numbers.iter().for_each(|number| hasher.write(&number.to_be_bytes()));
                hasher.write(prefix.to_ascii_lowercase().as_bytes());
            }
            None => hasher.write(version.as_str().as_bytes()),
        }
        let hash = hasher.finish128().as_bytes();
        let word = |at: usize| u32::from_be_bytes([hash[at], hash[at + 1], hash[at + 2], hash[at + 3]]);
        Self([u32::MAX, word(0), word(4), word(8)])
    }
}

/// The state of a device in a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutcomeState {
    /// The device was offered the version, and its outcome is not known yet.
    InFlight,
    /// The device reported another version in a request after the offer: neither its old version nor the offered
    /// version.
    Elsewhere,
    /// The device still reported its old version in a request, although the time for installing was over.
    Failed,
    /// The outcome was not known at the deadline of the device. This counts as a failure.
    Overdue,
    /// The device reported the version of the rollout in a request.
    Succeeded,
}

/// A device that was offered the version of a rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RolloutDevice {
    /// The MAC address or serial number.
    pub device: DeviceId,
    /// The progress of the device to the version.
    pub state: OutcomeState,
    /// The start of the time in which the device must install: the time of the offer, of the end of its download,
    /// or of its request with a stepping stone as the installed version.
    pub at: UnixTime,
    /// The deadline: the time at which the device becomes overdue.
    pub due: UnixTime,
    /// `true` if the guard counts the device: it downloaded an image of the rollout, or [downloads
    /// are not required](super::OutcomeOptions::with_downloads_required).
    pub counts: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Track {
    pub(super) tally: u32,
    pub(super) state: OutcomeState,
    /// The time at which the device was offered the version, finished its download, or first reported the stepping
    /// stone as installed.
    pub(super) at: UnixTime,
    /// The deadline. A device whose outcome is not known at this time is overdue.
    pub(super) due: UnixTime,
    /// The version of the device at the time `at`.
    pub(super) had: VersionMark,
    /// The stepping stone that the device was offered last. `None` if it was offered the version of the rollout
    /// itself.
    pub(super) stone: Option<VersionMark>,
    /// The address from which the device sent the request with the last offer.
    pub(super) host: HostMark,
    /// `true` if the guard counts the device: it downloaded an image of the rollout, or downloads are
    /// not required.
    pub(super) counts: bool,
}

/// The hash of an address. `None` if the address is not known. Of an IPv6 address only the first 64
/// bits are hashed, because a device chooses the other bits.
pub(super) type HostMark = Option<u64>;

impl Track {
    /// Updates the state when the device sends a request with the version `installed`. `target` is
    /// the version of the rollout.
    ///
    /// The old version is no failure if it is reported from another address than the address of the
    /// offer, because another sender may have used the same MAC address. Such a device becomes
    /// overdue at its deadline.
    pub(super) fn comes_back(
        &mut self,
        host: HostMark,
        installed: VersionMark,
        target: VersionMark,
        guard: &Guard,
        now: UnixTime,
    ) {
        if installed == target {
            self.state = OutcomeState::Succeeded;
        } else if self.state != OutcomeState::InFlight || now < self.at {
            // The state stays until the device comes back with the version, or is offered the
            // version again. A request before the offer proves nothing, because the clock may have
            // gone back.
        } else if Some(installed) == self.stone {
            self.at = now;
            self.due = deadline(guard, now);
            self.had = installed;
            self.stone = None;
        } else if installed != self.had {
            self.state = OutcomeState::Elsewhere;
        } else if host == self.host && now.as_millis() >= later(self.at, guard.install_seconds).as_millis() {
            self.state = OutcomeState::Failed;
        }
    }
}

/// Returns the deadline of a device that is offered a version at the time `now`.
pub(super) fn deadline(guard: &Guard, now: UnixTime) -> UnixTime {
    later(now, guard.deadline_seconds)
}

fn later(time: UnixTime, seconds: u32) -> UnixTime {
    UnixTime::from_millis(time.as_millis().saturating_add(i64::from(seconds) * 1000))
}
