//! The inventories that are kept in a store, so that silent devices do not vanish with old logs.

pub(crate) mod document;
pub(crate) mod keeper;
pub(crate) mod reading;
