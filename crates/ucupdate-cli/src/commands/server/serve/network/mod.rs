//! Listeners and their TLS, trusted proxies, the networks of devices, and the paths in public URLs.

pub(super) mod endpoint;
pub(super) mod forwarded;
pub(super) mod networks;
pub(super) mod prefix;
pub(super) mod tls;
