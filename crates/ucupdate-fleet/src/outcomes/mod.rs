//! Counts what became of offers. The guards of rollouts judge by it.
//!
//! Deciding has no side effect. A server therefore passes each request and each decision to an [`Outcomes`] as well, which
//! infers success and failure from the next request of the device.

#[cfg(feature = "serde")]
mod stored;
mod tally;
mod track;
mod watch;

pub use tally::{OutcomeCounts, Tally, Tripped};
pub use watch::{OutcomeOptions, Outcomes};
