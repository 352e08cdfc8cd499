//! What logs, offers and days of polling tell of a fleet.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test that cannot make its fixture has failed")]

mod field;
mod fixtures;
mod loops;
mod outcomes;
mod simulating;
