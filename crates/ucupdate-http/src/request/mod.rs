//! The parts of a request that are checked: its connection, its user, its path and its body.

pub(crate) mod authenticate;
pub(crate) mod body;
pub(crate) mod connection;
pub(crate) mod framing;
pub(crate) mod paths;
