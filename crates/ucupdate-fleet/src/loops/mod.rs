//! Devices that are offered updates in a circle.
//!
//! The offer rule of the field is "different", not "newer". Where two servers approve different versions, or a version is
//! written in two ways, or a device cannot install what it is offered, that never ends: the device fetches tens of
//! megabytes and reboots for ever, and nobody is told. A [`LoopGuard`] is fed with what devices asked and were answered,
//! and finds those. It decides nothing and changes nothing.
//!
//! # What is a loop
//!
//! - **Offered what it has** ([`LoopKind::OfferedInstalled`]): one ask is enough. Versions count as the same here when they
//!   are the same release, and also when they differ only in zeros before a number and in ASCII case: `01000334` and
//!   `1000334` cannot be read as versions, and are one all the same.
//! - **Unchanged** ([`LoopKind::Unchanged`]): the device was offered the same version three times without having been seen
//!   with another in between. Asks that follow one another within [`LoopOptions::apart`] (an hour by default) count once,
//!   since a device asks at power-on and again at sign-in, takes minutes to fetch an image, and then waits until nobody uses
//!   it. So a device that reboots every few minutes is found after two hours, one that asks daily at the third ask.
//! - **Flipped** ([`LoopKind::Flipped`]): the device was offered B while it had A, A while it had B (by way of others, where
//!   the circle is longer), and then B again: found at the third ask of a circle of two. An administrator who rolls back moves
//!   a device from A to B and to A once, which is none.
//!
//! Asks that are answered with nothing say what a server wants, namely what the device has. When a server wants what it
//! earlier moved the device away from, or moves it away from what it wanted, it has changed its mind: somebody approved or
//! rolled back, and what went before is no part of a circle. Where the server is not known it counts as one and the same.
//!
//! # What it does not do
//!
//! It does not find a device that installs a version, runs it for a while, and falls back to the old one by itself.

mod circles;
mod guard;

pub use guard::LoopGuard;

use std::collections::BTreeSet;
use std::time::Duration;
use ucupdate_core::book::{RuleKey, UpdateType};
use ucupdate_core::device::DeviceId;
use ucupdate_core::value::UnixTime;
use ucupdate_core::version::ReportedVersion;

/// One module of one request: what the device has, and what it was offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Who asked.
    pub device: DeviceId,
    /// About which part of it.
    pub update_type: UpdateType,
    /// The rule that is for it, where its words make one; only shown.
    pub rule: Option<RuleKey>,
    /// When it asked, by the server's clock.
    pub at: UnixTime,
    /// The version it has.
    pub installed: ReportedVersion,
    /// The version it was offered, if any.
    pub offered: Option<ReportedVersion>,
    /// Which server answered, where that is known.
    pub server: Option<Box<str>>,
}

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

/// How a [`LoopGuard`] looks at what it is fed.
///
/// ```
/// use std::time::Duration;
/// use ucupdate_fleet::loops::LoopOptions;
/// let options = LoopOptions::default().with_apart(Duration::from_secs(600));
/// assert_eq!((options.apart.as_secs(), options.devices), (600, 100_000));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoopOptions {
    /// How many devices are remembered, one for each update type they ask about; beyond it those that have not asked for
    /// longest are forgotten. 100,000 by default.
    pub devices: usize,
    /// How many asks of each are remembered; beyond it those that say what both their neighbours say are left out first, then
    /// the oldest. At least 4; 16 by default.
    pub asks: usize,
    /// Asks that follow one another within this time count once towards [`LoopKind::Unchanged`]. An hour by default.
    pub apart: Duration,
}

impl Default for LoopOptions {
    fn default() -> Self {
        Self { devices: 100_000, asks: 16, apart: Duration::from_secs(60 * 60) }
    }
}

impl LoopOptions {
    /// The same with so many devices remembered.
    #[must_use]
    pub const fn with_devices(mut self, most: usize) -> Self {
        self.devices = most;
        self
    }

    /// The same with so many asks of each remembered; fewer than 4 are taken for 4.
    #[must_use]
    pub const fn with_asks(mut self, most: usize) -> Self {
        self.asks = most;
        self
    }

    /// The same with another time within which asks count once.
    #[must_use]
    pub const fn with_apart(mut self, time: Duration) -> Self {
        self.apart = time;
        self
    }
}

/// The devices to hold back so that their loops end: those of the loops that go on.
pub fn devices_in_loops(loops: &[Loop]) -> BTreeSet<&DeviceId> {
    loops.iter().filter(|found| found.goes_on).map(|found| &found.device).collect()
}
