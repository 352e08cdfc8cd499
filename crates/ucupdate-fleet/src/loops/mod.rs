//! Finds devices that are offered updates in a circle.
//!
//! The original server offers a version if it differs from the installed one, even if it is older.
//! If two servers approve different versions, or a version is spelled in two ways, or a device
//! cannot install what it is offered, the device downloads tens of megabytes and restarts
//! repeatedly. A [`LoopGuard`] receives the requests and their answers, and reports such devices.
//! It changes no rule.
//!
//! # What counts as a loop
//!
//! - **Offered what it has** ([`LoopKind::OfferedInstalled`]): one request is enough. Two versions
//!   count as equal here if they are the same release, or differ only in ASCII case and in zeros
//!   before a number. `01000334` and `1000334` cannot be read as versions, but count as equal.
//! - **Unchanged** ([`LoopKind::Unchanged`]): the device was offered the same version three times and never had another
//!   version in between. Requests within one hour count once ([`LoopOptions::with_apart`]), because a device asks when
//!   it starts and when a user signs in, and installs an image only while nobody uses it. Therefore a device that
//!   restarts every few minutes is found after two hours, and a device that asks daily is found at its third request.
//! - **Flipped** ([`LoopKind::Flipped`]): the device was offered B while it had A, then A while it had B, and then B
//!   again. A circle may have more than two versions. One roll back moves a device from A to B and back to A once,
//!   which is not a loop.
//!
//! A request without an offer also shows which version the server wants: the version that the
//! device has. If the same server earlier offered the device another version in place of this one,
//! an administrator has changed the rule in between. The requests before this change are then not
//! part of a loop. All requests without a known server count as requests to one server.
//!
//! # What it does not find
//!
//! It does not find a device that installs a version, runs it for some time, and then falls back to the old version by
//! itself.

mod circles;
mod downloads;
mod found;
mod guard;
mod observation;
mod options;

pub use downloads::DownloadCounts;
pub use found::{Loop, LoopKind, devices_in_loops};
pub use guard::LoopGuard;
pub use observation::{Observation, observations};
pub use options::LoopOptions;
