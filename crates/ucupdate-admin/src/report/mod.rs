//! Values as JSON: the form that `ucupdate --json` and the API share.
//!
//! The field names are stable. `SCRIPTS.md` of the command documents them.

mod book;
mod devices;
mod event;
mod store;
mod time;

pub use book::{
    FailedDevice, NextStage, RolloutDevices, RolloutReport, RolloutStatus, audience_parts, group,
    group_users, hold, interim_image, pending_interim, pin, revision, rule, stop, test_device,
    with_device_or_group,
};
pub use devices::{
    AnswerReport, ChangedAnswer, Differences, add_reasons, capture, explanation, story, trouble,
};
pub use event::event;
pub use store::{ProblemReport, check, garbage};
pub use time::{iso, span};
