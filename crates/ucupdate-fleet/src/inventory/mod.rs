//! The devices there are, by what audit logs tell of them.

mod devices;

pub use devices::{Fleet, FleetDevice, FleetModule, MAX_FLEET_MODULES, VersionCount};
