//! The administrators' side as clients see it.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod access;
mod changes;
mod description;
mod fixtures;
mod hostile;
mod lists;
mod packages;
