//! Values as JSON: the form that `ucupdate --json` and the API share.
//!
//! The field names are stable. `SCRIPTS.md` of the command documents them.

mod answers;
mod capture;
mod device_or_group;
mod devices;
mod event;
mod explain;
mod garbage;
mod history;
mod problem;
mod reasons;
mod rollout;
mod rollout_status;
mod rule;
mod store;
mod story;
mod time;

pub use answers::{AnswerReport, ChangedAnswer, Differences};
pub use capture::capture;
pub use device_or_group::{audience_parts, with_device_or_group};
pub use devices::{group, group_users, hold, stop, test_device};
pub use event::event;
pub use explain::explanation;
pub use garbage::garbage;
pub use history::revision;
pub use problem::ProblemReport;
pub use reasons::add_reasons;
pub use rollout::RolloutReport;
pub use rollout_status::{FailedDevice, NextStage, RolloutDevices, RolloutStatus};
pub use rule::{interim_image, pending_interim, pin, rule};
pub use store::check;
pub use story::{story, trouble};
pub use time::{iso, span};
