//! The operations on the store: packages, objects, checks and garbage collection.

pub(super) mod maintenance;
pub(super) mod objects;
pub(super) mod packages;
mod parts;
