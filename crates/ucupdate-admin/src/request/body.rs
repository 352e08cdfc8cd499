//! [`RequestBody`]: reads a body with limits on bytes and time.

use crate::options::AdminLimits;
use crate::response::problem::Problem;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::{HeaderMap, header};
use http_body::Body;
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};
use ucupdate::store::ByteStream;

/// Largest number of unread bytes that are read and dropped before a refusal is sent, so that the client sees the answer.
const DRAIN_BYTES: usize = 1024 * 1024;

/// Time limit for reading and dropping the rest of a body.
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// Largest number of pieces in which a JSON body may arrive, and of pieces that are read and dropped. This limit
/// stops a client that sends very small pieces.
const MAX_PIECES: usize = 65_536;

/// The body of a request as its pieces. It hides the type that the HTTP server uses for bodies.
type RequestPieces = Pin<Box<dyn Body<Data = Bytes, Error = io::Error> + Send>>;

pub(crate) struct RequestBody {
    pieces: Option<RequestPieces>,
    declared: Option<u64>,
    is_awaited: bool,
}

/// The reason why an upload ended early.
#[derive(Clone, Debug, Default)]
pub(crate) struct UploadEnd(Arc<AtomicU8>);

const TOO_LARGE: u8 = 1;
const TOO_SLOW: u8 = 2;
const BROKEN: u8 = 3;

impl RequestBody {
    pub(crate) fn new<B: Body<Data = Bytes> + Send + 'static>(body: B, headers: &HeaderMap) -> Self {
        let declared =
            headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let is_awaited = headers
            .get(header::EXPECT)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        // Errors of a foreign body may hold anything, and the client that caused them knows the reason.
        let body = body.map_err(|_| io::Error::from(io::ErrorKind::ConnectionAborted));
        let pieces: RequestPieces = Box::pin(body);
        Self { pieces: Some(pieces), declared, is_awaited }
    }

    pub(crate) async fn json<T: DeserializeOwned>(
        &mut self,
        headers: &HeaderMap,
        limits: &AdminLimits,
    ) -> Result<T, Problem> {
        let all = self.whole(headers, limits).await?;
        serde_json::from_slice(&all).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => {
                Problem::not_understood(format!("the body is not understood: {error}"))
            }
            _ => Problem::bad_request(format!("the body is not JSON: {error}")),
        })
    }

    /// Reads the bytes of a body whose media type is JSON. Refuses another media type.
    pub(crate) async fn whole(
        &mut self,
        headers: &HeaderMap,
        limits: &AdminLimits,
    ) -> Result<Bytes, Problem> {
        let content_type =
            headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/json") {
            return Err(Problem::new(
                http::StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "media-type",
                "the body has another media type, expected application/json",
            ));
        }
        let limit = limits.json_bytes;
        let too_large =
            || Problem::too_large(format!("the body is too large, expected at most {limit} bytes"));
        if self.declared.is_some_and(|declared| declared > limit as u64) {
            return Err(too_large());
        }
        let Some(mut pieces) = self.pieces.take() else {
            return Err(Problem::bad_request("the request has no body"));
        };
        let mut all = BytesMut::new();
        let read = async {
            for _ in 0..MAX_PIECES {
                let Some(piece) = pieces.frame().await else { return Ok(()) };
                let piece = piece.map_err(|_| Problem::bad_request("the body ended early"))?;
                let piece = piece.into_data().unwrap_or_default();
                if piece.len() > limit - all.len() {
                    return Err(too_large());
                }
                all.extend_from_slice(&piece);
            }
            Err(too_large())
        };
        match timeout(limits.body_time, read).await {
            Ok(read) => read?,
            Err(_late) => return Err(Problem::too_slow("the body did not arrive in time")),
        }
        Ok(all.freeze())
    }

    pub(crate) fn package(&mut self, limits: &AdminLimits) -> Result<(ByteStream, UploadEnd), Problem> {
        let limit = limits.package_bytes;
        let too_large = || {
            Problem::too_large(format!(
                "the package is too large, expected at most {limit} bytes; the command `ucupdate ingest` has no such limit"
            ))
        };
        if self.declared.is_some_and(|declared| declared > limit) {
            return Err(too_large());
        }
        let Some(pieces) = self.pieces.take() else {
            return Err(Problem::bad_request("the request has no body"));
        };
        let end = UploadEnd::default();
        let reason = end.clone();
        let (idle, deadline) = (limits.body_time, Instant::now() + limits.upload_time);
        let bytes = stream::try_unfold((pieces, limit), move |(mut pieces, left)| {
            let reason = reason.clone();
            async move {
                loop {
                    let until = deadline.min(Instant::now() + idle);
                    let Ok(frame) = timeout_at(until, pieces.frame()).await else {
                        return Err(reason.because(TOO_SLOW, io::ErrorKind::TimedOut));
                    };
                    let Some(frame) = frame else { return Ok(None) };
                    let Ok(frame) = frame else {
                        return Err(reason.because(BROKEN, io::ErrorKind::ConnectionAborted));
                    };
                    let data = frame.into_data().unwrap_or_default();
                    if data.is_empty() {
                        continue;
                    }
                    let Some(left) = left.checked_sub(data.len() as u64) else {
                        return Err(reason.because(TOO_LARGE, io::ErrorKind::FileTooLarge));
                    };
                    return Ok(Some((data, (pieces, left))));
                }
            }
        });
        Ok((Box::pin(bytes), end))
    }

    /// Reads and drops the rest of a body that was not read, up to a limit.
    pub(crate) async fn drain(self) {
        let Some(mut pieces) = self.pieces.filter(|_| !self.is_awaited) else { return };
        let dropped = async {
            let (mut bytes, mut count) = (0, 0);
            while bytes <= DRAIN_BYTES && count <= MAX_PIECES {
                let Some(Ok(frame)) = pieces.frame().await else { return };
                bytes += frame.data_ref().map_or(0, Bytes::len);
                count += 1;
            }
        };
        let _late = timeout(DRAIN_TIME, dropped).await;
    }
}

impl UploadEnd {
    fn because(&self, reason: u8, kind: io::ErrorKind) -> io::Error {
        self.0.store(reason, Ordering::Relaxed);
        kind.into()
    }

    /// Returns the problem of an upload that ended early. `None` if it did not end early.
    pub(crate) fn problem(&self, limits: &AdminLimits) -> Option<Problem> {
        match self.0.load(Ordering::Relaxed) {
            TOO_LARGE => Some(Problem::too_large(format!(
                "the package is too large, expected at most {} bytes; the command `ucupdate ingest` has no such limit",
                limits.package_bytes
            ))),
            TOO_SLOW => Some(Problem::too_slow("the package did not arrive in time")),
            BROKEN => Some(Problem::bad_request("the package ended early")),
            _ => None,
        }
    }
}
