//! What a store needs to be looked after.

pub(crate) mod carry;
pub(crate) mod finding;
pub(crate) mod garbage;
pub(crate) mod retention;
#[cfg(feature = "local")]
pub(crate) mod tree_export;
#[cfg(feature = "local")]
pub(crate) mod tree_folder;
pub(crate) mod verification;
