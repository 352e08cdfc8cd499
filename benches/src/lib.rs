//! What the benches share.

pub mod cabinets;
