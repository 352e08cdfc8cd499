//! Tests cabinets of every kind, whole and damaged, and compares with other readers.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::print_stderr,
    reason = "fixtures fail loudly, cut noise to bytes, and say which tool is missing"
)]

mod broken;
mod builder;
mod differential;
mod fixture;
mod flips;
mod irregular;
mod laws;
mod limits;
mod memory;
mod peers;
mod programs;
mod reading;
mod sets;
