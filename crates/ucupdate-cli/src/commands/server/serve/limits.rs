//! The limits of connections.

use std::time::Duration;

/// The limits of connections. The limits of one request are those of `ucupdate-http`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections at a time, over all listeners. Further ones wait in the system's queue until one ends.
    pub(crate) connections: usize,
    /// How long the TLS handshake may take.
    pub(crate) handshake: Duration,
    /// How long the head of a request may take, from the moment the connection is open or the answer before is out: so
    /// it is also how long a connection is kept that nobody uses.
    pub(crate) head: Duration,
    /// Bytes of a head. How many headers there may be is hyper's own limit, 100. Beyond either is 431.
    pub(crate) head_bytes: usize,
    /// How long a reader may take nothing of an answer.
    pub(crate) stall: Duration,
}

/// For each connection: what is read ahead, and what waits to be written.
pub(crate) const BUFFER_BYTES: usize = 64 * 1024;

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(30),
            head_bytes: 32 * 1024,
            stall: Duration::from_secs(120),
        }
    }
}
