//! An address at which the server accepts connections.

use crate::commands::server::serve::connection::direct::DirectStream;
use crate::commands::server::serve::connection::limits::SEND_BUFFER_BYTES;
use crate::failure::Failure;
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpSocket;
use tokio_rustls::TlsAcceptor;
use ucupdate::request::Side;
use ucupdate_http::Connection;

#[cfg(target_os = "linux")]
type Listener = tokio::io::unix::AsyncFd<std::net::TcpListener>;
#[cfg(not(target_os = "linux"))]
type Listener = tokio::net::TcpListener;

/// The largest number of connections that the system keeps in its queue. On Linux,
/// `net.core.somaxconn` limits it.
const BACKLOG: u32 = 4096;

/// A bound address, with or without TLS. Connections wait in the queue of the system until they are
/// accepted.
pub(crate) struct Endpoint {
    listener: Listener,
    pub(crate) tls: Option<TlsAcceptor>,
    /// The side of the devices that connect to this address. `None` if the network of a device or
    /// the path of a request decides.
    pub(crate) side: Option<Side>,
    local: SocketAddr,
    /// The description of the local end of every connection. `None` if the listener is bound to all
    /// addresses, because then each connection has its own local address.
    described: Option<Connection>,
}

impl Endpoint {
    /// Binds an address. With port 0 the system chooses a port. The failure contains the address.
    pub(crate) async fn bind(address: SocketAddr, tls: Option<TlsAcceptor>) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::in_doing(format_args!("cannot listen on {address}"), &error);
        listen(address).and_then(|socket| Self::new(socket, tls)).map_err(failed)
    }

    /// Wraps a socket of systemd that already listens. Fails when the socket cannot be used.
    pub(crate) fn of_socket(
        socket: std::net::TcpListener,
        tls: Option<TlsAcceptor>,
    ) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::in_doing("the socket of systemd cannot be used", &error);
        #[cfg(unix)]
        rustix::net::sockopt::set_socket_send_buffer_size(&socket, SEND_BUFFER_BYTES as usize)
            .map_err(|error| failed(error.into()))?;
        Self::new(socket, tls).map_err(failed)
    }

    fn new(socket: std::net::TcpListener, tls: Option<TlsAcceptor>) -> io::Result<Self> {
        let local = socket.local_addr()?;
        socket.set_nonblocking(true)?;
        let described = (!local.ip().is_unspecified()).then(|| Connection::default().with_local(local));
        Ok(Self { listener: listener(socket)?, tls, side: None, local, described })
    }

    pub(crate) fn with_side(self, side: Option<Side>) -> Self {
        Self { side, ..self }
    }

    /// Returns the address, with the port that the system chose.
    #[cfg(test)]
    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Returns a description of a connection with its local address. The address of the client and
    /// the side are added later.
    pub(crate) fn described(&self, stream: &DirectStream) -> Connection {
        let asked = || Connection::default().with_local(stream.local_addr().unwrap_or(self.local));
        self.described.clone().unwrap_or_else(asked)
    }

    /// Returns the URL, such as `http://127.0.0.1:8080`.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.local)
    }

    /// Waits for the next connection. Returns it with the address of its client. Fails when the system cannot
    /// accept a connection, or the client has closed it.
    #[cfg(target_os = "linux")]
    pub(crate) async fn accept(&self) -> io::Result<(DirectStream, SocketAddr)> {
        use rustix::net::{SocketFlags, acceptfrom_with};
        use tokio::io::Interest;
        let accepting = self.listener.async_io(Interest::READABLE, |listener| {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let (socket, remote) = acceptfrom_with(listener, flags)?;
            let remote = remote.and_then(|remote| SocketAddr::try_from(remote).ok());
            Ok((DirectStream::new(socket.into()), remote.ok_or(io::ErrorKind::ConnectionAborted)?))
        });
        accepting.await
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) async fn accept(&self) -> io::Result<(DirectStream, SocketAddr)> {
        let (stream, remote) = self.listener.accept().await?;
        // A system that does not support this option is accepted too.
        let _unset = stream.set_nodelay(true);
        Ok((DirectStream::new(stream.into_std()?), remote))
    }
}

/// Binds a socket and listens on it. Accepted connections inherit its send buffer size.
fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// Sets `TCP_NODELAY`, which accepted connections inherit, and registers the socket with tokio.
/// Without this option, the last piece of an answer may be delayed.
#[cfg(target_os = "linux")]
#[allow(
    deprecated,
    reason = "a TcpListener keeps its descriptor open; the other constructor is for types that may not, and unsafe"
)]
fn listener(socket: std::net::TcpListener) -> io::Result<Listener> {
    rustix::net::sockopt::set_tcp_nodelay(&socket, true)?;
    Listener::with_interest(socket, tokio::io::Interest::READABLE)
}

#[cfg(not(target_os = "linux"))]
fn listener(socket: std::net::TcpListener) -> io::Result<Listener> {
    Listener::from_std(socket)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use rustix::net::sockopt::socket_send_buffer_size;

    #[tokio::test]
    async fn a_socket_of_systemd_has_the_send_buffer_of_every_listener() {
        let bound = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let passed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let same = passed.try_clone().unwrap();
        let _endpoint = Endpoint::of_socket(passed, None).unwrap();
        let [expected, found] = [&bound, &same].map(|socket| socket_send_buffer_size(socket).unwrap());
        assert_eq!(found, expected);
    }
}
