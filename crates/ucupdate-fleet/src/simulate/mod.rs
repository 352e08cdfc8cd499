//! Simulates days of a fleet in seconds, to show the effects of a rule book.
//!
//! [`simulate`] is a pure function: it uses no clock, reads nothing and writes nothing. The
//! [`Scenario`] contains the start time and the seed of all random numbers. The number of threads
//! is part of the scenario. All threads end before the function returns.

mod fleet;
mod play;
mod random;
mod scenario;
mod shard;
mod simulation;

pub use fleet::{MAX_SIMULATED_DEVICES, SimulatedFleet};
pub use play::{simulate, simulate_with_progress};
pub use scenario::{Chances, FailureModel, MAX_SIMULATED_DAYS, Scenario};
pub use simulation::{CommandSource, Sample, SimulatedCommand, SimulatedCounts, Simulation};
