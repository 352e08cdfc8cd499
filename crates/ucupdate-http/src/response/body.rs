//! The body of a response. It yields exactly the announced number of bytes, or ends in an error.

use crate::files::downloads::DownloadPlace;
use crate::response::exchange::Exchange;
use bytes::Bytes;
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::{fmt, io};
use ucupdate::store::ByteStream;

/// The body of a response of [`DeviceUpdates`](crate::DeviceUpdates).
///
/// It yields exactly as many bytes as `Content-Length` says or ends in an error. On an error the server closes the connection,
/// so a device never takes a part of an image for the whole. The access row of the exchange is written when the last byte was
/// taken, or when the body is dropped.
pub struct ResponseBody {
    content: BodyContent,
    /// Number of bytes that are not sent yet.
    remaining: u64,
    /// Number of bytes that were announced in `Content-Length`.
    length: u64,
    status: StatusCode,
    /// `None` after the access row was written.
    exchange: Option<Exchange>,
    _place: Option<DownloadPlace>,
}

pub(crate) enum BodyContent {
    Bytes(Bytes),
    /// A stream of the store and the number of its bytes.
    Stream(ByteStream, u64),
}

impl BodyContent {
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Stream(_, length) => *length,
        }
    }
}

impl ResponseBody {
    pub(crate) fn new(
        content: BodyContent,
        status: StatusCode,
        exchange: Exchange,
        place: Option<DownloadPlace>,
    ) -> Self {
        let length = content.length();
        Self { remaining: length, length, content, status, exchange: Some(exchange), _place: place }
    }

    fn finish(&mut self, whole: bool) {
        if let Some(exchange) = self.exchange.take() {
            exchange.finish(self.status, whole, self.length - self.remaining);
        }
    }

    /// Subtracts the size of a piece from `remaining`. `None` is the end of the content. Returns an
    /// error if the store returned more or fewer bytes than announced.
    fn count(&mut self, piece: io::Result<Option<Bytes>>) -> io::Result<Option<Bytes>> {
        let piece = piece?;
        let taken = piece.as_ref().map_or(0, Bytes::len) as u64;
        match (self.remaining.checked_sub(taken), &piece) {
            (None, _) => Err(io::Error::other("the store returned more bytes than announced")),
            (Some(1..), None) => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("the store returned {} bytes less than announced", self.remaining),
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
            BodyContent::Bytes(bytes) if bytes.is_empty() => Ok(None),
            BodyContent::Bytes(bytes) => Ok(Some(std::mem::take(bytes))),
            BodyContent::Stream(..) if this.remaining == 0 => Ok(None),
            BodyContent::Stream(stream, _) => ready!(stream.as_mut().poll_next(cx)).transpose(),
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
