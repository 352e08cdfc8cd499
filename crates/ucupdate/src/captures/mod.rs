//! Captures: bodies of requests that are kept in the store, because they could not be read or are logs of devices.

pub(crate) mod capture;
pub(crate) mod keeper;
pub(crate) mod of_service;
pub(crate) mod options;
pub(crate) mod shapes;
