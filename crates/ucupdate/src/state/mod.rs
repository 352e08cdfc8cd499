//! The state of the rule book: revisions, checkpoints, and the snapshot that answers requests.

pub(crate) mod change;
pub(crate) mod document;
pub(crate) mod dry_run;
pub(crate) mod earlier;
pub(crate) mod health;
pub(crate) mod of_service;
pub(crate) mod recorded_command;
pub(crate) mod roll_back;
pub(crate) mod rule_history;
pub(crate) mod snapshot;
pub(crate) mod submitted;
pub(crate) mod unchanged;
