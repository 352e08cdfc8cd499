//! Tests ingests, and the maintenance of a store: checks, copies, garbage collection, exports.

mod carrying;
mod checking;
mod examining;
mod ingesting;
mod keeping;
#[cfg(feature = "local")]
mod trees;
