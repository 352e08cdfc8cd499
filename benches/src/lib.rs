//! Rules and cabinets for the benches, made by code.

#![allow(clippy::missing_panics_doc, reason = "not published: a panic fails the test or the measurement")]

pub mod cabinets;
pub mod rules;
