//! The logs: written behind the store, and read back.

pub(crate) mod of_service;
pub(crate) mod options;
pub(crate) mod reader;
pub(crate) mod writer;
