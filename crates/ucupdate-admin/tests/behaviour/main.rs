//! The administrators' side as clients see it.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod access;
mod changes;
mod description;
mod devices;
mod events;
mod fixtures;
mod hostile;
mod lists;
mod objects;
mod packages;
