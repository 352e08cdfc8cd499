//! Counts what became of offers. The guards of rollouts judge by it.
//!
//! Deciding has no side effect. What became of an offer is inferred from the next request of the device. An [`Outcomes`] gets
//! requests and decisions as they are made (a simulation does this), or the rows of both logs of all servers.

mod logged;
mod tally;
mod track;
mod watch;

pub use tally::{OutcomeCounts, Tally, Tripped};
pub use track::{OutcomeState, RolloutDevice};
pub use watch::{OutcomeOptions, Outcomes};
