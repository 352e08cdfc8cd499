//! The limits of connections.

use std::time::Duration;

/// The limits of connections. `ucupdate-http` has the limits of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionLimits {
    /// Largest number of connections with TLS over all listeners, and also of connections without
    /// TLS. If a new connection exceeds this number, the one that has waited longest for a request is
    /// closed, or else one whose client takes no bytes of an answer. If no connection can be closed,
    /// the new one waits.
    pub(crate) connections: usize,
    /// Largest number of connections of one address, or of one /64 network with IPv6.
    pub(crate) connections_of_one: usize,
    /// Largest number of concurrent downloads.
    pub(crate) downloads: usize,
    /// Largest number of concurrent downloads of one address, or of one /64 network with IPv6.
    pub(crate) downloads_of_one: usize,
    /// Time limit of the TLS handshake.
    pub(crate) handshake: Duration,
    /// Time limit of the head of a request. It begins with the connection, or with the end of the
    /// last answer. So an idle connection is also closed after this time.
    pub(crate) head: Duration,
    /// Largest size of the head of a request in bytes. A larger head gets 431, and so does a head
    /// with more than 100 fields.
    pub(crate) head_bytes: usize,
    /// The longest time in which a client may take no bytes of an answer.
    pub(crate) stall: Duration,
}

/// The largest size of each of the two buffers of a connection, in bytes. One has bytes that were
/// read in advance, the other has bytes that wait to be written. The head of a request must fit.
pub(crate) const BUFFER_BYTES: usize = 33 * 1024;

/// The size of the system's send buffer for each connection, in bytes. The system reports that the
/// client has taken bytes only when a third of this buffer is free. With a larger buffer, a slow
/// but steady client would look like one that takes nothing.
pub(crate) const SEND_BUFFER_BYTES: u32 = 128 * 1024;

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections: 4096,
            connections_of_one: 1024,
            downloads: 2048,
            downloads_of_one: 512,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(30),
            head_bytes: 32 * 1024,
            stall: Duration::from_secs(120),
        }
    }
}
