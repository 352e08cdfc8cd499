//! Tests `LocalStore` by its public names, and after power cuts.
#![allow(clippy::unwrap_used, reason = "these are tests, and their helpers too")]

mod contract;
mod crash;
mod failures;
#[cfg(unix)]
mod links;
mod processes;
mod runtime;

use ucupdate_store::StoreKey;

fn key(text: &str) -> StoreKey {
    StoreKey::parse(text).unwrap()
}
