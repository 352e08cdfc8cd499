//! Tests the command as people and scripts use it: the built binary, each test in its own folder.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod advice;
mod devices;
mod place;
mod rules;
mod server;
mod serving;
mod store;
mod usage;
