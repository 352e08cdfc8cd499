//! Causes faults between a client and the server. A script chooses the fault of each request.

use bytes::Bytes;
use futures_util::{StreamExt, future, stream};
use http::{Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::service::S3Service;
use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;

type BoxError = Box<dyn Error + Send + Sync>;
type Body = UnsyncBoxBody<Bytes, BoxError>;

/// The S3 requests that a store sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "what a store asks of S3")]
pub enum S3Call {
    /// `PutObject`.
    Put,
    /// `GetObject`.
    Get,
    /// `HeadObject`.
    Head,
    /// `DeleteObject`.
    Delete,
    /// `ListObjectsV2`.
    List,
    /// `CreateMultipartUpload`.
    Begin,
    /// `UploadPart`.
    Part,
    /// `CompleteMultipartUpload`.
    Complete,
    /// `AbortMultipartUpload`.
    Abort,
}

impl S3Call {
    /// Returns the kind of a request, or `None` for a request that stores do not send.
    fn of(method: &Method, path: &str, query: &str) -> Option<Self> {
        let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
        let whole_bucket = !path.trim_matches('/').contains('/');
        Some(match method.as_str() {
            "PUT" if has("partNumber") => Self::Part,
            "PUT" => Self::Put,
            "POST" if has("uploads") => Self::Begin,
            "POST" if has("uploadId") => Self::Complete,
            "DELETE" if has("uploadId") => Self::Abort,
            "DELETE" => Self::Delete,
            "HEAD" => Self::Head,
            "GET" if whole_bucket => Self::List,
            "GET" => Self::Get,
            _ => return None,
        })
    }
}

/// A fault of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum S3Fault {
    /// The server does not execute the request. The response has this status.
    Status(u16),
    /// The server does not execute the request. The connection is closed.
    Drops,
    /// The server executes the request. The connection is closed without a response.
    LosesAnswer,
    /// The server does not execute the request. The connection stays open without a response.
    Hangs,
    /// The server executes the request after this time, unless the client has closed the connection
    /// by then.
    Slow(Duration),
    /// The connection is closed without a response. The server executes the request after this
    /// time.
    Late(Duration),
    /// The server executes the request. The response body breaks off after this number of bytes.
    Truncates(u64),
    /// The server executes the request. The response body stalls after this number of bytes.
    Stalls(u64),
}

#[derive(Debug, Default)]
pub(super) struct S3Script(Mutex<S3ScriptState>);

#[derive(Debug, Default)]
struct S3ScriptState {
    faults: Vec<S3ScriptLine>,
    calls: HashMap<S3Call, usize>,
    requests: Vec<S3Call>,
    faults_done: usize,
}

#[derive(Debug)]
struct S3ScriptLine {
    /// The kind of call. `None` matches every call.
    call: Option<S3Call>,
    skipped: usize,
    times: usize,
    fault: S3Fault,
}

/// A fault that is being configured. [`S3Server::on`](super::S3Server::on) returns it.
#[derive(Debug)]
#[must_use = "nothing goes wrong before `once`, `times` or `always`"]
pub struct S3FaultBuilder<'a> {
    script: &'a S3Script,
    call: Option<S3Call>,
    skipped: usize,
}

impl S3FaultBuilder<'_> {
    /// Sets the number of matching requests that have no fault before the first one with the fault.
    /// Default: 0.
    pub fn after(self, calls: usize) -> Self {
        Self { skipped: calls, ..self }
    }

    /// Applies the fault to the next matching request.
    pub fn once(self, fault: S3Fault) {
        self.times(1, fault);
    }

    /// Applies the fault to the next `times` matching requests.
    pub fn times(self, times: usize, fault: S3Fault) {
        let line = S3ScriptLine { call: self.call, skipped: self.skipped, times, fault };
        self.script.lines().faults.push(line);
    }

    /// Applies the fault to every matching request until [`S3Server::heal`](super::S3Server::heal).
    pub fn always(self, fault: S3Fault) {
        self.times(usize::MAX, fault);
    }
}

impl S3Script {
    pub(super) fn on(&self, call: Option<S3Call>) -> S3FaultBuilder<'_> {
        S3FaultBuilder { script: self, call, skipped: 0 }
    }

    pub(super) fn heal(&self) {
        self.lines().faults.clear();
    }

    pub(super) fn calls(&self, call: S3Call) -> usize {
        self.lines().calls.get(&call).copied().unwrap_or(0)
    }

    pub(super) fn requests(&self) -> Vec<S3Call> {
        self.lines().requests.clone()
    }

    pub(super) fn faults_done(&self) -> usize {
        self.lines().faults_done
    }

    fn lines(&self) -> MutexGuard<'_, S3ScriptState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fault(&self, call: S3Call) -> Option<S3Fault> {
        let mut lines = self.lines();
        *lines.calls.entry(call).or_default() += 1;
        lines.requests.push(call);
        for line in &mut lines.faults {
            if line.call.is_some_and(|of| of != call) || line.times == 0 {
                continue;
            }
            if line.skipped > 0 {
                line.skipped -= 1;
                continue;
            }
            line.times -= 1;
            let fault = line.fault;
            lines.faults_done += 1;
            return Some(fault);
        }
        None
    }
}

/// The server that receives the requests.
#[derive(Clone)]
pub(super) enum Behind {
    Service(S3Service),
    /// Another server at this host and port.
    Server(Arc<str>),
}

impl Behind {
    async fn answer(&self, request: Request<s3s::Body>) -> Result<Response<Body>, BoxError> {
        match self {
            Self::Service(service) => {
                let answer = service.call(request).await?;
                Ok(answer.map(|body| BodyExt::map_err(body, BoxError::from).boxed_unsync()))
            }
            Self::Server(address) => {
                let socket = TcpStream::connect(&**address).await?;
                socket.set_nodelay(true)?;
                let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
                tokio::spawn(connection);
                let answer = sender.send_request(request).await?;
                Ok(answer.map(|body| BodyExt::map_err(body, BoxError::from).boxed_unsync()))
            }
        }
    }
}

/// Answers a request, with the fault that the script has for it. An error closes the connection.
pub(super) async fn answer(
    behind: Behind,
    script: Arc<S3Script>,
    request: Request<Incoming>,
) -> Result<Response<Body>, BoxError> {
    let call = S3Call::of(request.method(), request.uri().path(), request.uri().query().unwrap_or(""));
    let request = request.map(s3s::Body::from);
    match call.and_then(|call| script.fault(call)) {
        Some(S3Fault::Drops) => return Err("the script closed the connection".into()),
        Some(S3Fault::Hangs) => future::pending().await,
        Some(S3Fault::Status(status)) => {
            // The body is read to its end, because a client that still writes does not read the response.
            BodyExt::collect(request.into_body()).await?;
            return refusal(status);
        }
        Some(S3Fault::LosesAnswer) => {
            // A real server finishes the request before the connection breaks, so the response is read to its end.
            BodyExt::collect(behind.answer(request).await?.into_body()).await?;
            return Err("the script lost the answer".into());
        }
        Some(S3Fault::Slow(time)) => tokio::time::sleep(time).await,
        Some(S3Fault::Late(time)) => {
            let (head, body) = request.into_parts();
            let body = BodyExt::collect(body).await?.to_bytes();
            tokio::spawn(async move {
                tokio::time::sleep(time).await;
                let late = behind.answer(Request::from_parts(head, s3s::Body::from(body))).await;
                // The connection is closed already, so an error cannot be reported.
                if let Ok(answer) = late {
                    let _end = BodyExt::collect(answer.into_body()).await;
                }
            });
            return Err("the script closed the connection and goes on".into());
        }
        Some(S3Fault::Truncates(most)) => {
            let broken = stream::once(async {
                // The written bytes must leave first. Closing at once would discard them.
                tokio::time::sleep(Duration::from_millis(20)).await;
                Err(io::Error::other("the script broke the body off").into())
            });
            return cut(behind, request, most, broken.boxed()).await;
        }
        Some(S3Fault::Stalls(most)) => return cut(behind, request, most, stream::pending().boxed()).await,
        None => {}
    }
    behind.answer(request).await
}

fn refusal(status: u16) -> Result<Response<Body>, BoxError> {
    let code = match status {
        400 => "InvalidRequest",
        403 => "AccessDenied",
        404 => "NoSuchKey",
        409 => "ConditionalRequestConflict",
        500 => "InternalError",
        503 => "SlowDown",
        _ => "Unheard",
    };
    let text = format!("<Error><Code>{code}</Code><Message>the script said so</Message></Error>");
    let body = Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync();
    Ok(Response::builder().status(status).body(body)?)
}

/// Returns the response with a body of its first `most` bytes, followed by `rest`.
async fn cut(
    behind: Behind,
    request: Request<s3s::Body>,
    most: u64,
    rest: stream::BoxStream<'static, Result<Frame<Bytes>, BoxError>>,
) -> Result<Response<Body>, BoxError> {
    let answer = behind.answer(request).await?;
    Ok(answer.map(|body| {
        let first = stream::unfold((body.into_data_stream(), most), |(mut pieces, left)| async move {
            if left == 0 {
                return None;
            }
            let piece = pieces.next().await?.map(|mut piece| {
                piece.truncate(usize::try_from(left).unwrap_or(usize::MAX));
                piece
            });
            let taken = piece.as_ref().map_or(0, |piece| u64::try_from(piece.len()).unwrap_or(u64::MAX));
            Some((piece.map(Frame::data), (pieces, left - taken.min(left))))
        });
        StreamBody::new(first.chain(rest)).boxed_unsync()
    }))
}
