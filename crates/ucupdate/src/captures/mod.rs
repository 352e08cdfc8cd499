//! Captures: bodies of requests that are kept in the store. They could not be read, or they are device logs.

pub(crate) mod capture;
pub(crate) mod keeper;
pub(crate) mod of_service;
pub(crate) mod options;
pub(crate) mod shapes;
