//! The effects of the commands on a draft of the rule book.

mod advice;
mod aliases;
mod bans;
mod devices;
mod interim;
mod rollouts;
mod schemes;
mod stones;
mod stops;

pub use devices::MAX_LISTED;
