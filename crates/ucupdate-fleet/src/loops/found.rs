//! [`Loop`]: a loop that a [`LoopGuard`](super::LoopGuard) found.

use std::collections::BTreeSet;
use ucupdate_core::book::{RuleKey, UpdateType};
use ucupdate_core::device::DeviceId;
use ucupdate_core::value::UnixTime;
use ucupdate_core::version::ReportedVersion;

/// A loop of one device: it is, or was, offered updates in a circle.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loop {
    /// The kind of loop: the way in which the offers repeat.
    pub kind: LoopKind,
    /// The MAC address or serial number of the device.
    pub device: DeviceId,
    /// The part of the device that is updated, such as `CPE`.
    pub update_type: UpdateType,
    /// The rule of the latest request whose device kind is valid in a rule. `None` if there is no such request.
    pub rule: Option<RuleKey>,
    /// The versions of the loop. For [`LoopKind::Flipped`] these are all versions of the circle in
    /// order. For the other kinds these are the installed version and the offered version.
    pub versions: Vec<ReportedVersion>,
    /// The servers that made the offers, sorted by name. Empty if the logs have no server names.
    pub servers: Vec<Box<str>>,
    /// The time of the first request of the loop.
    pub first: UnixTime,
    /// The time of the latest request of the loop.
    pub last: UnixTime,
    /// The number of requests of the loop.
    pub asks: u64,
    /// `true` if the loop continues. `false` if a later request shows that it ended.
    pub goes_on: bool,
}

/// The way in which the offers of a loop repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LoopKind {
    /// The device is offered the version that it has.
    OfferedInstalled,
    /// The device is offered the same version repeatedly, and comes back with its old version.
    Unchanged,
    /// The device is sent from one version to another and back.
    Flipped,
}

/// Returns the devices whose loops continue. A hold on these devices ends the loops.
pub fn devices_in_loops(loops: &[Loop]) -> BTreeSet<&DeviceId> {
    loops.iter().filter(|found| found.goes_on).map(|found| &found.device).collect()
}
