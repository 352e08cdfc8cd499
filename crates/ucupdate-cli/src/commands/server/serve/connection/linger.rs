//! Closes a connection after its last answer.

use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Largest number of bytes that are read and dropped after the last answer of a connection.
const LINGER_BYTES: usize = 4 * 1024 * 1024;

/// Time limit of reading and dropping bytes after the last answer.
const LINGER_TIME: Duration = Duration::from_secs(2);

const LINGER_BUFFER_BYTES: usize = 4 * 1024;

/// Closes the sending side, and reads and drops the bytes that the client still sends, up to a
/// limit. If a connection is closed with unread bytes, the system resets it. Then a client that is
/// still sending may lose the answer.
pub(in super::super) async fn linger(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let dropped = async {
        if stream.shutdown().await.is_err() {
            return;
        }
        let mut buffer = vec![0; LINGER_BUFFER_BYTES];
        let mut left = LINGER_BYTES;
        while left > 0 {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(read) => left = left.saturating_sub(read),
            }
        }
    };
    let _elapsed = tokio::time::timeout(LINGER_TIME, dropped).await;
}
