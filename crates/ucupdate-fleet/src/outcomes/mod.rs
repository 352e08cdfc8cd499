//! Counts what became of offers. The guards of rollouts judge by it.
//!
//! The decision about a request records nothing. The result of an offer is inferred from the next request of the device. An
//! [`Outcomes`] receives the requests and decisions when they happen, as in a simulation, or the rows of the audit logs and
//! access logs of all servers.

mod logged;
mod tally;
mod track;
mod watch;

pub use tally::{OutcomeCounts, Tally, Tripped};
pub use track::{OutcomeState, RolloutDevice};
pub use watch::{OutcomeOptions, Outcomes};
