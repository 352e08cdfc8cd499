//! The loops that were found.

use std::collections::BTreeSet;
use ucupdate_core::book::{RuleKey, UpdateType};
use ucupdate_core::device::DeviceId;
use ucupdate_core::value::UnixTime;
use ucupdate_core::version::ReportedVersion;

/// A device that is, or was, offered updates in a circle.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loop {
    /// In what way.
    pub kind: LoopKind,
    /// Which device.
    pub device: DeviceId,
    /// Which part of it.
    pub update_type: UpdateType,
    /// The rule that is for it, where its words make one: as of the latest ask.
    pub rule: Option<RuleKey>,
    /// The versions: what it has and what it is offered, or those of the circle in their order.
    pub versions: Vec<ReportedVersion>,
    /// The servers that offered them, by name; none where none is known.
    pub servers: Vec<Box<str>>,
    /// The first ask that belongs to it.
    pub first: UnixTime,
    /// The latest one.
    pub last: UnixTime,
    /// How many asks belong to it.
    pub asks: u64,
    /// Whether nothing the device asked later shows that it is over.
    pub goes_on: bool,
}

/// In what way a device is offered updates in a circle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LoopKind {
    /// It is offered what it has.
    OfferedInstalled,
    /// It is offered the same again and again and comes back as it was.
    Unchanged,
    /// It is sent from one version to another and back.
    Flipped,
}

/// The devices to hold back so that their loops end: those of the loops that go on.
pub fn devices_in_loops(loops: &[Loop]) -> BTreeSet<&DeviceId> {
    loops.iter().filter(|found| found.goes_on).map(|found| &found.device).collect()
}
