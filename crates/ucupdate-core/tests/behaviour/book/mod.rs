//! Tests the rule book: commands, refusals, notes, and the stored form.

mod assignments;
mod bans;
mod books;
mod commands;
mod holding;
mod interim;
mod notes;
mod pattern_schemes;
mod stones;
#[cfg(feature = "serde")]
mod stored_form;
