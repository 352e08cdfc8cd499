//! What became of offers: what the guards of rollouts are judged by.
//!
//! Deciding has no side effect, so whoever answers devices feeds an [`Outcomes`] beside it: what a device asks, and what it
//! was offered. `tally` counts, `track` says what a device's next request means, `stored` is the form for keeping it.

#[cfg(feature = "serde")]
mod stored;
mod tally;
mod track;
mod watch;

pub use tally::{OutcomeCounts, Tally, Tripped};
pub use watch::{OutcomeOptions, Outcomes};
