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
//!   with another in between. Asks that follow one another within [`LoopOptions::with_apart`] (an hour by default) count once,
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
mod found;
mod guard;
mod observation;
mod options;

pub use found::{Loop, LoopKind, devices_in_loops};
pub use guard::LoopGuard;
pub use observation::{Observation, observations};
pub use options::LoopOptions;
