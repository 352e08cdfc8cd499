//! The parts of a request beside its method: its origin, its sender, the path and the body.

pub(crate) mod authenticate;
pub(crate) mod body;
pub(crate) mod connection;
pub(crate) mod framing;
pub(crate) mod paths;
