//! Days of polling, played in seconds: what a rule book will do to a fleet.
//!
//! A pure function: time is part of the [`Scenario`], chance follows from its seed, and nothing is read or written. It works
//! with as many threads as the scenario says, all of which have ended when it returns; `fleet` keeps the devices, `shard`
//! plays a part of them, and here the parts are kept in step.

mod fleet;
mod play;
mod random;
mod scenario;
mod shard;
mod simulation;

pub use fleet::{MAX_SIMULATED_DEVICES, SimulatedFleet};
pub use play::simulate;
pub use scenario::{Chances, FailureModel, MAX_SIMULATED_DAYS, Scenario};
pub use simulation::{Happening, HappeningBy, Sample, SimulatedCounts, Simulation};
