//! The entries of the rule book as JSON, and its history.

mod device_or_group;
mod devices;
mod history;
mod rollout;
mod rollout_status;
mod rule;

pub use device_or_group::{audience_parts, with_device_or_group};
pub use devices::{group, group_users, hold, stop, test_device};
pub use history::revision;
pub use rollout::RolloutReport;
pub use rollout_status::{FailedDevice, NextStage, RolloutDevices, RolloutStatus};
pub use rule::{interim_image, pending_interim, pin, rule};
