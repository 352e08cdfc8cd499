//! An address at which the server is reached.

use super::limits::SEND_BUFFER_BYTES;
use crate::failure::Failure;
use std::io;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpSocket};
use tokio_rustls::TlsAcceptor;
use ucupdate::request::Side;

/// The number of connections that the system accepts in advance. Linux limits it to `net.core.somaxconn`.
const BACKLOG: u32 = 4096;

/// A bound address, and whether it uses TLS. Connections wait in a queue from now on.
pub(crate) struct Endpoint {
    pub(crate) listener: TcpListener,
    pub(crate) tls: Option<TlsAcceptor>,
    /// The side of every connection. `None` if its address or the path of a request decides.
    pub(crate) side: Option<Side>,
    local: SocketAddr,
}

impl Endpoint {
    /// Binds an address. With port 0 the system chooses a port.
    ///
    /// # Errors
    /// Contains the address that cannot be bound.
    pub(crate) async fn bind(address: SocketAddr, tls: Option<TlsAcceptor>) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::in_doing(format_args!("cannot listen on {address}"), &error);
        let listener = listen(address).map_err(failed)?;
        let local = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, tls, side: None, local })
    }

    /// Takes a socket that listens already.
    ///
    /// # Errors
    /// When the socket cannot be used.
    pub(crate) fn of_socket(
        socket: std::net::TcpListener,
        tls: Option<TlsAcceptor>,
    ) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::in_doing("the socket of systemd cannot be used", &error);
        let local = socket.local_addr().map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        #[cfg(unix)]
        set_send_buffer(&socket).map_err(failed)?;
        let listener = TcpListener::from_std(socket).map_err(failed)?;
        Ok(Self { listener, tls, side: None, local })
    }

    /// Sets the side of every connection.
    pub(crate) fn with_side(mut self, side: Option<Side>) -> Self {
        self.side = side;
        self
    }

    /// Returns the address and the actual port.
    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Returns the URL, such as `http://127.0.0.1:8080`.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.local)
    }
}

/// Sets the send buffer size that the connections of a listener inherit.
#[cfg(unix)]
fn set_send_buffer(socket: &std::net::TcpListener) -> io::Result<()> {
    rustix::net::sockopt::set_socket_send_buffer_size(socket, SEND_BUFFER_BYTES as usize)?;
    Ok(())
}

/// Listens with a send buffer size that its connections inherit.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_of_systemd_has_the_send_buffer_of_every_listener() {
        let bound = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let passed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = Endpoint::of_socket(passed, None).unwrap();
        let sizes = [&bound, &taken.listener]
            .map(|listener| rustix::net::sockopt::socket_send_buffer_size(listener).unwrap());
        assert_eq!(sizes[0], sizes[1]);
        assert!(sizes[0] >= SEND_BUFFER_BYTES as usize && sizes[0] <= 2 * SEND_BUFFER_BYTES as usize);
    }
}
