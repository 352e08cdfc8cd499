//! Plays days of a fleet in seconds: what a rule book will do to it.
//!
//! [`simulate`] is a pure function. Time is part of the [`Scenario`], chance follows from its seed, and nothing is read or
//! written. It uses the number of threads that the scenario says; all of them end before it returns.

mod fleet;
mod play;
mod random;
mod scenario;
mod shard;
mod simulation;

pub use fleet::{MAX_SIMULATED_DEVICES, SimulatedFleet};
pub use play::simulate;
pub use scenario::{Chances, FailureModel, MAX_SIMULATED_DAYS, Scenario};
pub use simulation::{CommandSource, Sample, SimulatedCommand, SimulatedCounts, Simulation};
