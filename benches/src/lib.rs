//! What the benches share, made by code.

pub mod cabinets;
pub mod rules;
