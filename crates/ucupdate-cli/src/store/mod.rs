//! The store of a command: where it is, whether another place lies in it, and how long its answers may take.

mod location;
pub(crate) mod overlap;
mod waiting;

pub(crate) use location::StoreLocation;
pub(crate) use waiting::{Awaited, Waiting};
