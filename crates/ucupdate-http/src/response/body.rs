//! The body of an answer: it gives exactly as many bytes as it promised or ends in an error, and knows when it is done.

use crate::response::exchange::Exchange;
use bytes::Bytes;
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::{fmt, io};
use ucupdate::store::ByteStream;

/// The body of an answer of [`DeviceUpdates`](crate::DeviceUpdates).
///
/// It gives exactly as many bytes as `Content-Length` says or ends in an error, so that a server breaks the connection
/// and a device never takes half an image for a whole one. When the last byte is taken, or when it is dropped, the access
/// row of the exchange is left.
pub struct ResponseBody {
    content: Content,
    /// Bytes still to come.
    remaining: u64,
    status: StatusCode,
    /// None once the row is left.
    exchange: Option<Exchange>,
}

/// What the bytes come from.
pub(crate) enum Content {
    /// At hand.
    Bytes(Bytes),
    /// From the store, so many of them.
    Stream(ByteStream, u64),
}

impl Content {
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Stream(_, length) => *length,
        }
    }
}

impl ResponseBody {
    pub(crate) fn new(content: Content, status: StatusCode, exchange: Exchange) -> Self {
        Self { remaining: content.length(), content, status, exchange: Some(exchange) }
    }

    fn finish(&mut self, whole: bool) {
        if let Some(exchange) = self.exchange.take() {
            exchange.finish(self.status, whole);
        }
    }

    /// Counts a piece. A store that gives other than it promised is not to be believed in anything.
    fn count(&mut self, piece: io::Result<Option<Bytes>>) -> io::Result<Option<Bytes>> {
        let piece = piece?;
        let taken = piece.as_ref().map_or(0, Bytes::len) as u64;
        match (self.remaining.checked_sub(taken), &piece) {
            (None, _) => Err(io::Error::other("more bytes came than promised")),
            (Some(1..), None) => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("bytes ended {} short of what was promised", self.remaining),
            )),
            (Some(remaining), _) => {
                self.remaining = remaining;
                Ok(piece)
            }
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        if this.exchange.is_none() {
            return Poll::Ready(None);
        }
        let piece = match &mut this.content {
            Content::Bytes(bytes) if bytes.is_empty() => Ok(None),
            Content::Bytes(bytes) => Ok(Some(std::mem::take(bytes))),
            Content::Stream(..) if this.remaining == 0 => Ok(None),
            Content::Stream(stream, _) => ready!(stream.as_mut().poll_next(cx)).transpose(),
        };
        let counted = this.count(piece);
        if counted.is_err() || this.remaining == 0 {
            this.finish(counted.is_ok());
        }
        Poll::Ready(counted.map(|piece| piece.map(Frame::data)).transpose())
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        let whole = self.remaining == 0;
        self.finish(whole);
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").field("remaining", &self.remaining).finish_non_exhaustive()
    }
}
