//! Metrics: counters over the events of a service and the calls of its store, and their text for Prometheus.

pub(crate) mod counters;
pub(crate) mod histogram;
pub(crate) mod store;
pub(crate) mod text;
