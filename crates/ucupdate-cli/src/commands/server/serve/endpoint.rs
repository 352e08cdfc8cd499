//! An address the server is reached at.

use crate::failure::Failure;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// An address that is bound, and whether it speaks TLS. Connections queue up from now on.
pub(crate) struct Endpoint {
    pub(crate) listener: TcpListener,
    pub(crate) tls: Option<TlsAcceptor>,
    local: SocketAddr,
}

impl Endpoint {
    /// Binds it. Port 0 is one the system chooses.
    ///
    /// # Errors
    /// Names the address that cannot be bound.
    pub(crate) async fn bind(address: SocketAddr, tls: Option<TlsAcceptor>) -> Result<Self, Failure> {
        let failed =
            |error: std::io::Error| Failure::in_doing(format_args!("cannot listen on {address}"), &error);
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let local = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, tls, local })
    }

    /// The address and real port.
    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    /// `http://127.0.0.1:8080`.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.local)
    }
}
