//! The devices there are, by what audit logs tell of them.

mod fleet;
mod observations;

pub use fleet::{Fleet, FleetDevice, FleetModule, MAX_FLEET_MODULES, VersionCount};
pub use observations::observations;
