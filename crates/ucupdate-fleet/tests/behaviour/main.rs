//! A fleet, read from logs, offers and simulated days.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test that cannot make its fixture has failed")]

mod field;
mod fixtures;
mod inventory;
mod loops;
mod outcomes;
mod simulating;
mod stories;
