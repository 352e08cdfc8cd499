//! Tests changes of the rule book and its history.

mod administering;
mod approving;
mod history;
pub(crate) mod interim;
mod looking_back;
mod rebuilding;
mod replaced;
mod restarting;
mod rolling_back;
