//! Servers for the tests. One answers by a function, and one serves files and can misbehave.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, Response, StatusCode, header};
use futures_util::{StreamExt, stream};
use std::collections::VecDeque;
use std::future::{Future, pending};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use ucupdate_client::{Client, ClientOptions, Retry};
use ucupdate_core::ReportedVersion;
use ucupdate_core::request::OfferedModule;
use ucupdate_core::value::{Reported, Sha256Digest};

/// Starts a server that answers each request by `answer`. Returns the URL of its root without a slash at the end.
pub(crate) async fn serve<F, A>(answer: F) -> String
where
    F: Fn(Request<Body>) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    url
}

/// Starts a server whose answer has no end and comes byte by byte.
pub(crate) async fn trickling() -> String {
    serve(|_| async {
        let pieces =
            stream::repeat(Ok::<_, std::convert::Infallible>(Bytes::from_static(b" "))).then(|piece| async {
                tokio::time::sleep(Duration::from_millis(10)).await;
                piece
            });
        Response::new(Body::from_stream(pieces))
    })
    .await
}

/// Returns a loopback address without a listener.
pub(crate) async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// Returns options with short timeouts.
pub(crate) fn options() -> ClientOptions {
    let retry = Retry::default()
        .with_tries(3)
        .with_first_wait(Duration::from_millis(5))
        .with_longest_wait(Duration::from_secs(2));
    ClientOptions::default()
        .with_system_roots(false)
        .with_idle_timeout(Duration::from_secs(5))
        .with_retry(retry)
}

pub(crate) fn client() -> Client {
    Client::new(options()).unwrap()
}

pub(crate) fn status(status: u16, body: &'static str) -> Response<Body> {
    Response::builder().status(status).body(Body::from(body)).unwrap()
}

/// The behaviour of a file server at the next request for an image.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Sends this number of bytes, then closes the connection.
    Cut(usize),
    /// Sends this number of bytes, and then no more bytes.
    Stall(usize),
    /// Replaces the image by these bytes, and serves them.
    Change(Vec<u8>),
    /// Refuses with this status and this value of `Retry-After`.
    Refuse(u16, Option<&'static str>),
}

/// The ETags that a file server sends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Etags {
    Sha256,
    Other,
    Weak,
    OnlyOnWhole,
    Wrong,
    Absent,
}

pub(crate) struct SentRequest {
    pub(crate) path: String,
    pub(crate) range: Option<String>,
    pub(crate) if_range: Option<String>,
}

/// A server of one image and one signature. The path of a request does not matter.
pub(crate) struct Files {
    pub(crate) image: Mutex<Vec<u8>>,
    pub(crate) replies: Mutex<VecDeque<Reply>>,
    pub(crate) signature_replies: Mutex<VecDeque<Reply>>,
    pub(crate) etags: Etags,
    pub(crate) heeds_if_range: bool,
    pub(crate) declares_size: bool,
    pub(crate) requests: Mutex<Vec<SentRequest>>,
}

pub(crate) const SIGNATURE: &[u8] = b"a signature catalogue";

impl Files {
    pub(crate) fn new(image: &[u8]) -> Self {
        Self {
            image: Mutex::new(image.to_vec()),
            replies: Mutex::default(),
            signature_replies: Mutex::default(),
            etags: Etags::Sha256,
            heeds_if_range: true,
            declares_size: true,
            requests: Mutex::default(),
        }
    }

    pub(crate) fn then(self, step: Reply) -> Self {
        self.replies.lock().unwrap().push_back(step);
        self
    }

    pub(crate) async fn start(self) -> (Arc<Self>, String) {
        let files = Arc::new(self);
        let served = Arc::clone(&files);
        let url = serve(move |request| {
            let answer = served.answer(&request);
            async move { answer }
        })
        .await;
        (files, url)
    }

    /// Returns the `Range` of each request for an image. `None` means the whole image.
    pub(crate) fn image_ranges(&self) -> Vec<Option<String>> {
        let requests = self.requests.lock().unwrap();
        requests
            .iter()
            .filter(|requests| requests.path.ends_with(".nbt"))
            .map(|requests| requests.range.clone())
            .collect()
    }

    pub(crate) fn answer(&self, request: &Request<Body>) -> Response<Body> {
        let said = |name| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (range, if_range) = (said(header::RANGE), said(header::IF_RANGE));
        let path = request.uri().path().to_owned();
        let is_image = path.ends_with(".nbt");
        self.requests.lock().unwrap().push(SentRequest {
            path,
            range: range.clone(),
            if_range: if_range.clone(),
        });
        let replies = if is_image { &self.replies } else { &self.signature_replies };
        let step = replies.lock().unwrap().pop_front();
        if let Some(Reply::Refuse(code, retry_after)) = step {
            let mut refusal = status(code, "");
            if let Some(wait) = retry_after {
                refusal.headers_mut().insert(header::RETRY_AFTER, wait.parse().unwrap());
            }
            return refusal;
        }
        if let Some(Reply::Change(bytes)) = &step {
            *self.image.lock().unwrap() = bytes.clone();
        }
        let bytes = if is_image { self.image.lock().unwrap().clone() } else { SIGNATURE.to_vec() };
        let etag = self.etag(&bytes);
        let fresh = !self.heeds_if_range || if_range == etag;
        let first = range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
        let first: Option<usize> = first.filter(|_| fresh);
        let rest = bytes[first.unwrap_or(0).min(bytes.len())..].to_vec();
        let mut headers = HeaderMap::new();
        if let Some(etag) = etag.filter(|_| self.etags != Etags::OnlyOnWhole || first.is_none()) {
            headers.insert(header::ETAG, etag.parse().unwrap());
        }
        if self.declares_size {
            headers.insert(header::CONTENT_LENGTH, rest.len().into());
        }
        let mut code = StatusCode::OK;
        if let Some(first) = first {
            if rest.is_empty() {
                return status(416, "");
            }
            code = StatusCode::PARTIAL_CONTENT;
            let range = format!("bytes {first}-{}/{}", bytes.len() - 1, bytes.len());
            headers.insert(header::CONTENT_RANGE, range.parse().unwrap());
        }
        let mut response = Response::new(self.body(rest, step));
        *response.status_mut() = code;
        *response.headers_mut() = headers;
        response
    }

    fn body(&self, mut bytes: Vec<u8>, step: Option<Reply>) -> Body {
        match step {
            Some(Reply::Cut(end)) => {
                bytes.truncate(end);
                // The pause lets the bytes leave before the connection breaks.
                let pieces = [Ok(Bytes::from(bytes)), Err(io::Error::other("cut"))];
                Body::from_stream(stream::iter(pieces).then(|piece| async {
                    if piece.is_err() {
                        tokio::time::sleep(Duration::from_millis(30)).await;
                    }
                    piece
                }))
            }
            Some(Reply::Stall(end)) => {
                bytes.truncate(end);
                let first = stream::iter([Ok::<_, io::Error>(Bytes::from(bytes))]);
                Body::from_stream(first.chain(stream::once(pending())))
            }
            _ if self.declares_size => Body::from(bytes),
            _ => Body::from_stream(stream::iter([Ok::<_, io::Error>(Bytes::from(bytes))])),
        }
    }

    fn etag(&self, bytes: &[u8]) -> Option<String> {
        match self.etags {
            Etags::Sha256 | Etags::OnlyOnWhole => Some(format!("\"{}\"", Sha256Digest::of(bytes))),
            Etags::Other => Some(format!("\"v{}\"", &Sha256Digest::of(bytes).to_string()[..8])),
            Etags::Weak => Some(format!("W/\"{}\"", Sha256Digest::of(bytes))),
            Etags::Wrong => Some(format!("\"{}\"", Sha256Digest::of(b"something else"))),
            Etags::Absent => None,
        }
    }
}

/// Returns bytes that depend on their position and on the seed.
pub(crate) fn image(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut step = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(|_| step()).collect()
}

/// Returns an offer of `CPE.nbt` and `CPE.cat` below `base`.
pub(crate) fn offer(base: &str) -> OfferedModule {
    OfferedModule {
        file_name: "CPE.nbt".parse().unwrap(),
        signature_file_name: "CPE.cat".parse().unwrap(),
        version: ReportedVersion::new("1.0.522.103"),
        time_stamp: Reported::new("16-12-2008 04:43:58"),
        base_url: base.into(),
        external_base_url: Box::default(),
    }
}
