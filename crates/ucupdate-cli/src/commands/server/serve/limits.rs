//! The limits of connections.

use std::time::Duration;

/// The limits of connections. The limits of one request are those of `ucupdate-http`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections at a time over all listeners of one kind: with TLS, or without. Further ones wait in the system's queue.
    pub(crate) connections: usize,
    /// Connections at a time of one address.
    pub(crate) connections_of_one: usize,
    /// Files that are fetched at a time.
    pub(crate) downloads: usize,
    /// Files that one address fetches at a time.
    pub(crate) downloads_of_one: usize,
    /// The time for the TLS handshake.
    pub(crate) handshake: Duration,
    /// The time for the head of a request, from the moment the connection is open or the answer before is out. An idle
    /// connection is kept for the same time.
    pub(crate) head: Duration,
    /// Bytes of a head. hyper itself allows 100 headers. Beyond either is 431.
    pub(crate) head_bytes: usize,
    /// The time for which a reader may take nothing of an answer.
    pub(crate) stall: Duration,
}

/// For each connection: the bytes that are read ahead, and those that wait to be written. A head must fit.
pub(crate) const BUFFER_BYTES: usize = 40 * 1024;

/// For each connection: the bytes that the system keeps for the client. The system reports that the client has taken something
/// only when a third of them is free. A larger buffer would make a slow, steady reader look like one that takes nothing.
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
