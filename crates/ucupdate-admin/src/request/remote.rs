//! [`RemoteAddress`]: the address of a client.

use std::net::IpAddr;

/// The address of the client. The server that accepts connections adds it to each request as an extension.
///
/// Refused logins are counted by it. Without it all clients count as one. With axum, `router` takes it from
/// `ConnectInfo<SocketAddr>`. It is never read from a field of the request: a server behind a proxy sets the address itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "it is one address")]
pub struct RemoteAddress(pub IpAddr);
