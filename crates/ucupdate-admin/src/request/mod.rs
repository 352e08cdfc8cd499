//! Requests: paths, queries and bodies.

pub(crate) mod body;
pub(crate) mod path;
pub(crate) mod query;
pub(crate) mod remote;
