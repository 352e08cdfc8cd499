//! Tests packages, and the verbs that examine, copy and repair a store.

mod carrying;
mod doctor;
#[cfg(target_os = "linux")]
mod failing_syncs;
mod fetching;
mod importing;
#[cfg(unix)]
mod other_user;
pub(crate) mod packages;
mod together;
