//! A stream that fails if the client takes no bytes. Otherwise a client that stops reading in a
//! download would use a connection without end.

use super::places::Place;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// A stream whose writes fail if no bytes could be written for the time `patience`. Reads have no
/// limit here, because the caller limits them.
#[derive(Debug)]
pub(crate) struct Patient<S> {
    stream: S,
    patience: Duration,
    /// The timer after which a waiting write fails. `None` until a write waits for the first time.
    end: Option<Pin<Box<Sleep>>>,
    place: Arc<Place>,
}

impl<S> Patient<S> {
    /// Wraps a stream. `place` is the place of its connection. The state of this place says whether
    /// a write waits for the client.
    pub(crate) fn new(stream: S, patience: Duration, place: Arc<Place>) -> Self {
        Self { stream, patience, end: None, place }
    }

    pub(crate) fn get_ref(&self) -> &S {
        &self.stream
    }

    fn within_patience<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.place.has_written();
            return written;
        }
        let end = self.end.get_or_insert_with(|| Box::pin(sleep(self.patience)));
        if !self.place.begins_to_write() {
            end.as_mut().reset(Instant::now() + self.patience);
        }
        end.as_mut().poll(cx).map(|()| {
            self.place.has_written();
            Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("the client read nothing for {:?}", self.patience),
            ))
        })
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.within_patience(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.within_patience(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.within_patience(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.within_patience(cx, shut)
    }
}

#[cfg(test)]
mod tests {
    use super::super::places::Places;
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    const PATIENCE: Duration = Duration::from_secs(60);

    async fn place() -> Arc<Place> {
        let places = Arc::new(Places::new(1, 1));
        places.take([127, 0, 0, 1].into(), false).await.unwrap().into()
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_who_takes_nothing_is_given_up() {
        let (near, _far) = duplex(8);
        let mut near = Patient::new(near, PATIENCE, place().await);
        let begin = Instant::now();
        let error = near.write_all(&[0; 9]).await.unwrap_err();
        assert_eq!((error.kind(), begin.elapsed()), (io::ErrorKind::TimedOut, PATIENCE));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_is_waited_for_as_long_as_it_takes_something() {
        let (near, mut far) = duplex(8);
        let mut near = Patient::new(near, PATIENCE, place().await);
        let reader = tokio::spawn(async move {
            let mut taken = 0;
            while let Ok(1..) = far.read(&mut [0; 1]).await {
                taken += 1;
                tokio::time::sleep(PATIENCE - Duration::from_secs(1)).await;
            }
            taken
        });
        near.write_all(&[0; 30]).await.unwrap();
        drop(near);
        assert_eq!(reader.await.unwrap(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn time_between_writes_does_not_count() {
        let (near, mut far) = duplex(8);
        let mut near = Patient::new(near, PATIENCE, place().await);
        near.write_all(&[0; 8]).await.unwrap();
        tokio::time::sleep(PATIENCE * 3).await;
        let mut taken = [0; 8];
        let (written, read) = tokio::join!(near.write_all(&[0; 1]), far.read_exact(&mut taken));
        assert!(written.is_ok() && read.is_ok());
    }
}
