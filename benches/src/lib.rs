//! Rules and cabinets for the benches, made by code.

pub mod cabinets;
pub mod rules;
