//! What a request says beside its method: where it came from, who sent it, which path it names, and its body.

pub(crate) mod authenticate;
pub(crate) mod body;
pub(crate) mod connection;
pub(crate) mod framing;
pub(crate) mod paths;
