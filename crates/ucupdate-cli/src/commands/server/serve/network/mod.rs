//! The network: listeners and their TLS, proxies, the networks of devices, and the paths of origins.

pub(super) mod endpoint;
pub(super) mod forwarded;
pub(super) mod networks;
pub(super) mod prefix;
pub(super) mod tls;
