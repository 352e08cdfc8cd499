//! Reads and writes logs, with public names only.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod access;
mod editions;
mod field;
mod growing;
