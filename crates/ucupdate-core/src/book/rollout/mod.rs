//! Rollouts: the share of devices that gets a version, and the time.

mod bucket;
#[expect(clippy::module_inception, reason = "the file defines `Rollout`; this one only lists the room")]
mod rollout;
mod window;

pub use bucket::{Percent, ReleaseKey, RolloutPosition};
pub use rollout::{Guard, MAX_STAGES, Ramp, Rollout, RolloutName, Share, Stages};
pub use window::{Window, ZoneName};
