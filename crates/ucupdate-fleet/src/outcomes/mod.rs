//! Counts the outcomes of offers. The guards of rollouts pause rollouts by these counts.
//!
//! The decision about a request stores nothing, so the outcome of an offer is inferred from the
//! next request of the device. An [`Outcomes`] receives requests and decisions when they are made,
//! as in a simulation. Or it receives the rows of the audit logs and access logs of all servers.

mod logged;
mod tally;
mod track;
mod watch;

pub use tally::{OutcomeCounts, Tally, Tripped};
pub use track::{OutcomeState, RolloutDevice};
pub use watch::{OutcomeOptions, Outcomes};
