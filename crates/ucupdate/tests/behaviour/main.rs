//! Tests the service by its public names: ingest, approve, answer, and the objects in the store.

#![allow(clippy::unwrap_used, reason = "a test that cannot make its fixture has failed")]

mod administering;
mod approving;
mod captures;
mod carrying;
mod checking;
mod events;
mod examining;
mod fixtures;
mod fleet;
mod formats;
mod history;
mod ingesting;
mod interim;
mod keeping;
mod kept_inventory;
mod logging;
mod looking_back;
mod meanwhile;
mod metrics;
mod rebuilding;
mod replaced;
mod restarting;
mod rolling_back;
mod stored_logs;
mod story;
mod summary;
#[cfg(feature = "local")]
mod trees;
mod troubles;

mod watching;
