//! Tests of the reader by its public names.

#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests, too")]

mod laws;
mod limits;
mod well_formed;
