//! Maintenance of a store: check, garbage collection, copies, export.

pub(crate) mod access;
pub(crate) mod carry;
pub(crate) mod check;
pub(crate) mod continuation;
pub(crate) mod examine;
pub(crate) mod garbage;
pub(crate) mod problem;
pub(crate) mod replay;
pub(crate) mod retention;
mod strays;
#[cfg(feature = "local")]
pub(crate) mod tree_export;
#[cfg(feature = "local")]
pub(crate) mod tree_folder;
