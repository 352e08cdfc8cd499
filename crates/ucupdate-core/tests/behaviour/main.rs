//! Tests commands on the rule book, decisions and explanations, with public names only.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test that cannot make its fixture has failed")]

mod assignments;
mod bans;
mod books;
mod client_filter;
mod commands;
mod deciding;
#[cfg(feature = "serde")]
mod differing;
mod explaining;
mod fixtures;
mod holding;
mod interim;
mod notes;
mod pattern_schemes;
mod schemes;
mod stones;
#[cfg(feature = "serde")]
mod stored_form;
mod versions_page;
