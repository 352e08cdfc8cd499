//! The service as those who embed it see it: ingest, approve, answer, and what is left in the store.

#![allow(clippy::unwrap_used, reason = "a test that cannot make its fixture has failed")]

mod approving;
mod fixtures;
mod fleet;
mod history;
mod ingesting;
mod logging;
mod story;
mod watching;
