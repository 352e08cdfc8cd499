//! The store of a command: its location, the check for overlapping locations, and the time limit of
//! its answers.

mod location;
pub(crate) mod overlap;
mod waiting;

pub(crate) use location::StoreLocation;
pub(crate) use waiting::{Awaited, Waiting};
