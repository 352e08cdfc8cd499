//! The connection of a request: addresses, TLS and an authenticated user.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use ucupdate::request::Side;

/// The connection of a request. The server that accepts connections adds it to each request as an extension.
///
/// The audit row and the access row of a request show the remote address. The access row also shows
/// the local address and the user. Without a `Connection` these fields of the rows are empty. The
/// answer depends on the connection in these cases:
///
/// - An external request is allowed if its connection has a user.
/// - An internal path is refused if the connection is external.
/// - Rules and groups may be limited to a side or to networks.
/// - Downloads may be limited for each remote address.
/// - A device with TLS is not redirected to a URL without TLS.
///
/// With axum, `router` creates the `Connection` from `ConnectInfo`. It is never filled from request
/// headers. A server behind a proxy must set the address of the device itself.
///
/// ```
/// use ucupdate_http::Connection;
/// let connection = Connection::from_remote("10.1.1.123".parse().unwrap())
///     .with_local("10.1.1.90:443".parse().unwrap())
///     .with_tls(true);
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(connection.clone());
/// assert_eq!(connection.remote().unwrap().to_string(), "10.1.1.123");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Connection {
    remote: Option<IpAddr>,
    /// The remote address as text, as log rows show it. Empty when it is not known.
    host: Arc<str>,
    local: Option<SocketAddr>,
    /// The local address as text, as log rows show it. Empty when it is not known.
    server: Arc<str>,
    tls: bool,
    user: Option<Box<str>>,
    side: Option<Side>,
}

impl Connection {
    /// Creates a connection from this remote address. An IPv4-mapped IPv6 address becomes the IPv4 address.
    pub fn from_remote(remote: IpAddr) -> Self {
        Self::default().with_remote(remote)
    }

    /// Sets the remote address of the connection. An IPv4-mapped IPv6 address becomes the IPv4 address.
    pub fn with_remote(mut self, remote: IpAddr) -> Self {
        let remote = remote.to_canonical();
        self.remote = Some(remote);
        self.host = remote.to_string().into();
        self
    }

    /// Sets the local address and port of the connection.
    pub fn with_local(mut self, local: SocketAddr) -> Self {
        let address = local.ip().to_canonical();
        self.local = Some(SocketAddr::new(address, local.port()));
        self.server = address.to_string().into();
        self
    }

    /// Sets whether the connection uses TLS. An implementation of [`Authenticate`](crate::Authenticate) can refuse passwords on a
    /// connection without TLS. Default: `false`.
    pub fn with_tls(self, tls: bool) -> Self {
        Self { tls, ..self }
    }

    /// Sets the user that an outer layer has authenticated. **An external request with a user is
    /// admitted**, and [`Authenticate`](crate::Authenticate) is not called.
    pub fn with_user(self, user: impl Into<Box<str>>) -> Self {
        Self { user: Some(user.into()), ..self }
    }

    /// Sets the side from which the connection comes. Default: not known, so the path of a request decides.
    ///
    /// Internal paths get 403 on an external connection. The decision, and groups whose predicate names a side, use this side
    /// even if the path belongs to the other side. So a device cannot choose its side.
    pub fn with_side(self, side: Side) -> Self {
        Self { side: Some(side), ..self }
    }

    /// Returns the side from which the connection comes, or `None` when it is not known.
    pub fn side(&self) -> Option<Side> {
        self.side
    }

    /// Returns the remote address, or `None` when it is not known.
    pub fn remote(&self) -> Option<IpAddr> {
        self.remote
    }

    /// Returns the local address and port, or `None` when they are not known.
    pub fn local(&self) -> Option<SocketAddr> {
        self.local
    }

    /// Returns whether the connection uses TLS.
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// Returns the user that an outer layer has authenticated. `None` if there is no such user.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Returns the remote address as log rows show it, or an empty text when it is not known.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Returns the local address as log rows show it, or an empty text when it is not known.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_address_in_ipv6_form_is_the_ipv4_address() {
        let mapped = Connection::from_remote("::ffff:10.1.1.123".parse().unwrap())
            .with_local("[::ffff:10.1.1.90]:80".parse().unwrap());
        assert_eq!((mapped.host(), mapped.server()), ("10.1.1.123", "10.1.1.90"));
        assert_eq!(mapped.local(), Some("10.1.1.90:80".parse().unwrap()));
        assert_eq!(Connection::from_remote("fe80::1".parse().unwrap()).host(), "fe80::1");
        assert_eq!(Connection::default().host(), "");
    }
}
