//! Tests the service by its public names: ingest, approve, answer, and the objects in the store.

#![allow(clippy::unwrap_used, reason = "a test that cannot make its fixture has failed")]

mod changes;
mod devices;
mod fixtures;
mod meanwhile;
mod packages;
mod stored;
