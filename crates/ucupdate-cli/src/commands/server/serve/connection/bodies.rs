//! The bodies of requests and answers. They record in the [`Place`] of the connection when the
//! connection is busy and when it waits.

use super::places::Place;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use ucupdate_http::ResponseBody;

/// The largest size in bytes of an answer that does not count as a download. One such answer fits
/// into the send buffer of the system. Therefore it waits only for a client that sends many
/// requests and reads nothing.
const LARGEST_TEXT_BYTES: u64 = 64 * 1024;

/// The body of a request. The connection counts as waiting as long as the next bytes of the body
/// have not arrived.
#[derive(Debug)]
pub(crate) struct IncomingBody {
    body: Incoming,
    place: Arc<Place>,
    waits: bool,
}

impl IncomingBody {
    pub(crate) fn new(body: Incoming, place: Arc<Place>) -> Self {
        Self { body, place, waits: false }
    }
}

impl Body for IncomingBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if polled.is_pending() != self.waits {
            self.waits = polled.is_pending();
            if self.waits { self.place.waits_on() } else { self.place.is_busy() }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer. The connection counts as busy from the head of the request until the last
/// piece of this body was read.
#[derive(Debug)]
pub(crate) struct OutgoingBody<B = ResponseBody> {
    body: Option<B>,
    place: Arc<Place>,
}

impl<B> OutgoingBody<B> {
    /// Creates the body of an answer before its content is known. The connection counts as busy
    /// from now on. Call this when the head of a request has arrived.
    pub(crate) fn begin(place: Arc<Place>) -> Self {
        place.is_busy();
        Self { body: None, place }
    }
}

impl<B: Body> OutgoingBody<B> {
    pub(crate) fn with(mut self, body: B) -> Self {
        self.place.is_busy();
        self.place.downloads(body.size_hint().lower() > LARGEST_TEXT_BYTES);
        self.body = Some(body);
        self
    }
}

impl<B: Body<Data = Bytes, Error = io::Error> + Unpin> Body for OutgoingBody<B> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        // If the client takes no bytes, the next piece would only wait in memory, so it is not read
        // yet.
        if self.place.poll_writing(cx) {
            return Poll::Pending;
        }
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl<B> Drop for OutgoingBody<B> {
    fn drop(&mut self) {
        self.place.waits_anew();
    }
}

#[cfg(test)]
mod tests {
    use super::super::places::Places;
    use super::super::stall::Patient;
    use super::*;
    use futures_util::{StreamExt as _, stream};
    use http_body_util::StreamBody;
    use hyper_util::rt::TokioIo;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::sync::Semaphore;

    /// The client sends two requests at once. It takes nothing until the last piece of the first answer can be read.
    #[tokio::test(start_paused = true)]
    async fn a_request_is_answered_though_the_answer_before_it_waited_for_its_client() {
        let place = Arc::new(Places::new(1, 1)).take([127, 0, 0, 1].into(), false).await.unwrap();
        let (place, last_pieces) = (Arc::new(place), Arc::new(Semaphore::new(0)));
        let (mut client, server) = duplex(64 * 1024);
        let server = Patient::new(server, Duration::from_secs(600), Arc::clone(&place));
        let pieces = Arc::clone(&last_pieces);
        let service = hyper::service::service_fn(move |_| {
            let pieces = Arc::clone(&pieces);
            let pieces = stream::iter([100_000, 1]).then(move |size| {
                let pieces = Arc::clone(&pieces);
                async move {
                    if size == 1 {
                        pieces.acquire().await.unwrap().forget();
                    }
                    Ok(Frame::data(Bytes::from(vec![0; size])))
                }
            });
            let body = OutgoingBody::begin(Arc::clone(&place)).with(StreamBody::new(Box::pin(pieces)));
            std::future::ready(Ok::<_, io::Error>(http::Response::new(body)))
        });
        tokio::spawn(
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(server), service),
        );
        client.write_all(&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(2)).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        last_pieces.add_permits(2);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut taken = Vec::new();
        while taken.len() < 200_002 {
            let reading = tokio::time::timeout(Duration::from_secs(60), client.read_buf(&mut taken)).await;
            assert!(matches!(reading, Ok(Ok(1..))), "{reading:?} after {} bytes", taken.len());
        }
    }
}
