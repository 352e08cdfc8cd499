//! Rules and cabinets for the benches. Code makes them; no file is read.

#![allow(clippy::missing_panics_doc, reason = "not published: a panic fails the test or the measurement")]

pub mod cabinets;
pub mod rules;
