//! [`RemoteAddress`]: the address of a client.

use std::net::IpAddr;

/// The address of the client. The server that accepts connections adds it to each request as an extension.
///
/// The number of refused logins is limited for each address. Requests without this extension count as requests of one client.
/// With axum, `router` takes the address from `ConnectInfo<SocketAddr>`. The address is never read from a header field. Behind a
/// proxy, the server must set the address of the client itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "it is one address")]
pub struct RemoteAddress(pub IpAddr);
