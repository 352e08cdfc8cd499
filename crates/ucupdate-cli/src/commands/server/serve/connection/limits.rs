//! The limits of connections.

use std::time::Duration;

/// The limits of connections. The limits of one request are those of `ucupdate-http`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Largest number of connections over all listeners of one kind: with TLS, or without. Further connections wait in
    /// the system's queue.
    pub(crate) connections: usize,
    /// Largest number of connections of one address.
    pub(crate) connections_of_one: usize,
    /// Largest number of concurrent downloads.
    pub(crate) downloads: usize,
    /// Largest number of concurrent downloads of one address.
    pub(crate) downloads_of_one: usize,
    /// Time limit of the TLS handshake.
    pub(crate) handshake: Duration,
    /// Time limit of the head of a request, from the start of the connection or the end of the last answer. An idle
    /// connection is kept for the same time.
    pub(crate) head: Duration,
    /// Largest size of a head in bytes. hyper allows 100 headers. Larger heads get 431.
    pub(crate) head_bytes: usize,
    /// The longest time in which a client may take no bytes of an answer.
    pub(crate) stall: Duration,
}

/// For each connection: the largest number of bytes that are read in advance, and of bytes that wait to be written. A
/// head must fit.
pub(crate) const BUFFER_BYTES: usize = 33 * 1024;

/// For each connection: the size in bytes of the system's send buffer. The system reports that the client has taken
/// something only when a third of them is free. A larger buffer would make a slow, steady reader look like one that
/// takes nothing.
pub(crate) const SEND_BUFFER_BYTES: u32 = 128 * 1024;

impl Default for Limits {
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
