//! A TCP connection that the tokio runtime watches only after a read or a write had to wait.
//!
//! Nearly always, the request of a device has arrived when its connection is accepted, and the
//! answer fits into the send buffer of the system. A connection that is closed after one such
//! request is never watched. This saves two system calls and an event. On Linux, the answer and the
//! end of the connection leave in one packet. This saves one or two of ten packets.

use std::io::{self, ErrorKind, IoSlice, Read as _, Write as _};
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Largest number of bytes that are read at once without the runtime. The buffer is filled with
/// zeros before each of these reads, so a larger one costs time.
const DIRECT_BYTES: usize = 2 * 1024;

/// A flag: the connection ends after the answer that is written now. The stream and the code that
/// answers share it.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct IsLast(Arc<AtomicBool>);

impl IsLast {
    pub(in super::super) fn set(&self, is_last: bool) {
        self.0.store(is_last, Ordering::Relaxed);
    }

    pub(in super::super) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A TCP connection that is used directly until it must wait.
#[derive(Debug)]
pub(crate) struct DirectStream {
    state: State,
    is_last: IsLast,
    /// `true` if the last read without the runtime took all bytes that had arrived.
    is_drained: bool,
}

#[derive(Debug)]
enum State {
    /// Not watched: each read or write is a system call.
    Direct(std::net::TcpStream),
    /// The runtime reports when a read or a write is possible.
    Watched(TcpStream),
    /// The runtime could not watch the connection, so it was closed.
    Closed,
}

impl DirectStream {
    /// Wraps a connection in non-blocking mode.
    pub(in super::super) fn new(stream: std::net::TcpStream) -> Self {
        Self { state: State::Direct(stream), is_last: IsLast::default(), is_drained: false }
    }

    /// Returns the flag that says that the next answer is the last one. Set it before this answer
    /// is written. The sending side must be shut down after the answer.
    pub(in super::super) fn is_last(&self) -> IsLast {
        self.is_last.clone()
    }

    /// Returns the local address. Fails when the system does not know it.
    pub(crate) fn local_addr(&self) -> io::Result<std::net::SocketAddr> {
        match &self.state {
            State::Direct(stream) => stream.local_addr(),
            State::Watched(stream) => stream.local_addr(),
            State::Closed => Err(closed()),
        }
    }

    /// Returns whether bytes may have arrived that are not read yet.
    pub(crate) fn has_unread(&self) -> bool {
        match &self.state {
            State::Direct(_) => !self.is_drained,
            State::Watched(stream) => matches!(stream.try_read(&mut [0]), Ok(1..)),
            State::Closed => false,
        }
    }

    /// Calls `directly` if the connection is not watched. If `directly` must wait, the connection
    /// is watched from then on. Calls `watched` if the connection is watched.
    fn poll<T>(
        &mut self,
        mut directly: impl FnMut(&std::net::TcpStream) -> io::Result<T>,
        watched: impl FnOnce(Pin<&mut TcpStream>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        while let State::Direct(stream) = &self.state {
            match directly(stream) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.watch()?,
                done => return Poll::Ready(done),
            }
        }
        match &mut self.state {
            State::Watched(stream) => watched(Pin::new(stream)),
            State::Direct(_) | State::Closed => Poll::Ready(Err(closed())),
        }
    }

    fn watch(&mut self) -> io::Result<()> {
        if let State::Direct(stream) = std::mem::replace(&mut self.state, State::Closed) {
            self.state = State::Watched(TcpStream::from_std(stream)?);
        }
        Ok(())
    }
}

/// Writes to a connection without the runtime. With `is_last`, Linux keeps the last packet until
/// the sending side is shut down, but at most 200 ms.
fn write_directly(
    mut stream: &std::net::TcpStream,
    slices: &[IoSlice<'_>],
    is_last: bool,
) -> io::Result<usize> {
    #[cfg(target_os = "linux")]
    if is_last {
        use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
        // Linux reports a closed connection as an error. Without `NOSIGNAL` it would also send a
        // signal.
        let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
        return Ok(sendmsg(stream, slices, &mut SendAncillaryBuffer::default(), flags)?);
    }
    let _ = is_last;
    stream.write_vectored(slices)
}

fn closed() -> io::Error {
    ErrorKind::NotConnected.into()
}

impl AsyncRead for DirectStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let State::Watched(stream) = &mut self.state {
            return Pin::new(stream).poll_read(cx, buf);
        }
        let most = buf.remaining().min(DIRECT_BYTES);
        let mut read = 0;
        let polled = self.poll(
            |mut stream| {
                read = stream.read(buf.initialize_unfilled_to(most))?;
                Ok(())
            },
            |_| Poll::Pending,
        );
        if polled.is_pending() {
            // The connection is watched now, so this call does not read directly again.
            return self.poll_read(cx, buf);
        }
        buf.advance(read);
        self.is_drained = read < most;
        polled
    }
}

impl AsyncWrite for DirectStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll(|mut stream| stream.write(bytes), |stream| stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let is_last = self.is_last.get();
        self.poll(
            |stream| write_directly(stream, slices, is_last),
            |stream| stream.poll_write_vectored(cx, slices),
        )
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(|stream| stream.shutdown(Shutdown::Write), |stream| stream.poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    async fn pair() -> (DirectStream, TcpStream) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        (DirectStream::new(stream), client)
    }

    #[tokio::test]
    async fn what_arrived_before_is_read_and_answered_without_being_watched() {
        let (mut stream, mut client) = pair().await;
        client.write_all(b"request").await.unwrap();
        let mut read = [0; 100];
        assert_eq!(stream.read(&mut read).await.unwrap(), 7);
        stream.write_all(b"answer").await.unwrap();
        assert!(matches!(stream.state, State::Direct(_)) && !stream.has_unread());
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "answer");
    }

    #[tokio::test]
    async fn what_has_not_arrived_or_finds_no_room_is_waited_for() {
        let (mut stream, mut client) = pair().await;
        let large = vec![b'a'; 8 * 1024 * 1024];
        let (read, ()) = tokio::join!(
            async {
                let mut read = vec![0; large.len()];
                stream.read_exact(&mut read).await.unwrap();
                stream.write_all(&read).await.unwrap();
                read
            },
            async {
                client.write_all(&large).await.unwrap();
                let mut back = vec![0; large.len()];
                client.read_exact(&mut back).await.unwrap();
                assert_eq!(back, large);
            }
        );
        assert_eq!(read, large);
        assert!(matches!(stream.state, State::Watched(_)));
    }

    #[tokio::test]
    async fn a_last_answer_of_any_size_arrives_whole() {
        for size in [1, 1_400, 70_000, 8 * 1024 * 1024] {
            let (mut stream, mut client) = pair().await;
            let answer = vec![b'a'; size];
            stream.is_last().set(true);
            let mut taken = Vec::new();
            let (taking, ()) = tokio::join!(client.read_to_end(&mut taken), async {
                let (head, rest) = answer.split_at(size / 2);
                let mut slices = [IoSlice::new(head), IoSlice::new(rest)];
                let mut left = &mut slices[..];
                while !left.is_empty() {
                    let written = stream.write_vectored(left).await.unwrap();
                    IoSlice::advance_slices(&mut left, written);
                }
                stream.shutdown().await.unwrap();
            });
            assert_eq!((taking.unwrap(), taken == answer), (size, true));
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_last_answer_to_a_client_that_is_gone_is_an_error() {
        let (mut stream, client) = pair().await;
        client.set_zero_linger().unwrap();
        drop(client);
        stream.is_last().set(true);
        let slices = [IoSlice::new(b"answer")];
        let error = stream.write_vectored(&slices).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
    }

    #[tokio::test]
    async fn bytes_may_be_unread_until_a_read_finds_fewer_than_it_asked_for() {
        let (mut stream, mut client) = pair().await;
        client.write_all(&[b'a'; DIRECT_BYTES + 1]).await.unwrap();
        stream.read_exact(&mut [0; DIRECT_BYTES]).await.unwrap();
        assert!(stream.has_unread());
        assert_eq!(stream.read(&mut [0; 2]).await.unwrap(), 1);
        assert!(!stream.has_unread());
    }
}
