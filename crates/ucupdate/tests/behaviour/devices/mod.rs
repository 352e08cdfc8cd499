//! Tests logs, captures, events and metrics, and what is derived from them.

mod captures;
mod events;
mod fleet;
mod kept_inventory;
mod logging;
mod metrics;
mod stored_logs;
mod story;
mod troubles;
mod watching;
