//! The reader as its users see it.

#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests, too")]

mod laws;
mod limits;
mod well_formed;
