//! [`AdminBody`]: the body of a response.

use bytes::Bytes;
use futures_util::Stream;
use http_body::{Body, Frame, SizeHint};
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The pieces of a body that is sent while it is made.
pub(crate) type ResponsePieces = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// The body of a response of [`Administration`](crate::Administration).
pub struct AdminBody(Inner);

enum Inner {
    Whole(Option<Bytes>),
    /// The pieces, and the number of bytes that are left if it is known.
    Pieces(ResponsePieces, Option<u64>),
}

impl AdminBody {
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self(Inner::Whole(Some(bytes).filter(|bytes| !bytes.is_empty())))
    }

    pub(crate) fn stream(pieces: ResponsePieces, length: Option<u64>) -> Self {
        Self(Inner::Pieces(pieces, length))
    }
}

impl From<Bytes> for AdminBody {
    /// Returns a body of these bytes, for a server that refuses a request before [`Administration`](crate::Administration) sees it.
    fn from(bytes: Bytes) -> Self {
        Self::new(bytes)
    }
}

impl Body for AdminBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut self.0 {
            Inner::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Inner::Pieces(pieces, left) => pieces.as_mut().poll_next(cx).map(|piece| {
                let piece = piece?;
                if let (Some(left), Ok(piece)) = (left, &piece) {
                    *left = left.saturating_sub(piece.len() as u64);
                }
                Some(piece.map(Frame::data))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.0, Inner::Whole(None) | Inner::Pieces(_, Some(0)))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Inner::Pieces(_, Some(left)) => SizeHint::with_exact(*left),
            Inner::Pieces(_, None) => SizeHint::default(),
        }
    }
}

impl fmt::Debug for AdminBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminBody").field("size", &self.size_hint()).finish_non_exhaustive()
    }
}
