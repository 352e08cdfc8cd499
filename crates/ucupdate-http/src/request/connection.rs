//! What is known of the connection a request came over, beside the request.

use std::net::{IpAddr, SocketAddr};

/// The connection a request came over: an extension of the request, which whoever accepts connections puts there.
///
/// It fills fields of the access row and of the audit row. Without it they say that nothing is known; the answer is the
/// same, but that outside a user it names counts as authenticated. With axum see `router`, which makes one of
/// axum's `ConnectInfo`. No header is ever read for it: behind a proxy, put the address here that you trust.
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
pub struct Connection {
    remote: Option<IpAddr>,
    local: Option<SocketAddr>,
    tls: bool,
    user: Option<Box<str>>,
}

impl Connection {
    /// A connection from this address. An IPv4 address in IPv6 form becomes the IPv4 address it is.
    pub fn from_remote(remote: IpAddr) -> Self {
        Self { remote: Some(remote.to_canonical()), ..Self::default() }
    }

    /// With the address and port it came to.
    #[must_use]
    pub fn with_local(mut self, local: SocketAddr) -> Self {
        self.local = Some(SocketAddr::new(local.ip().to_canonical(), local.port()));
        self
    }

    /// With or without TLS: for the [`Authenticate`](crate::Authenticate) hook, which may refuse to talk of passwords
    /// in the clear.
    #[must_use]
    pub fn with_tls(mut self, tls: bool) -> Self {
        self.tls = tls;
        self
    }

    /// With the user that a layer in front has authenticated. **Outside, such a request is allowed**, and the hook is
    /// not asked.
    #[must_use]
    pub fn with_user(mut self, user: impl Into<Box<str>>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// The address it comes from.
    pub fn remote(&self) -> Option<IpAddr> {
        self.remote
    }

    /// The address and port it came to.
    pub fn local(&self) -> Option<SocketAddr> {
        self.local
    }

    /// Whether it is by TLS.
    pub fn tls(&self) -> bool {
        self.tls
    }

    /// The user that a layer in front has authenticated.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The remote address as rows show it; empty when it is not known.
    pub(crate) fn host(&self) -> String {
        self.remote.map(|remote| remote.to_string()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_address_in_ipv6_form_is_the_ipv4_address() {
        let mapped = Connection::from_remote("::ffff:10.1.1.123".parse().unwrap())
            .with_local("[::ffff:10.1.1.90]:80".parse().unwrap());
        assert_eq!(mapped.host(), "10.1.1.123");
        assert_eq!(mapped.local(), Some("10.1.1.90:80".parse().unwrap()));
        assert_eq!(Connection::from_remote("fe80::1".parse().unwrap()).host(), "fe80::1");
        assert_eq!(Connection::default().host(), "");
    }
}
