//! The listeners for load balancers and monitoring. `/healthz` answers 200 while the process runs.
//! `/readyz` says whether devices may be sent to this server. `/metrics` has the counters for
//! Prometheus.

use super::connection::bodies::OutgoingBody;
use super::connection::linger::linger;
use super::connection::places::Places;
use super::connection::refused;
use super::connection::two_lengths::{TwoLengths, WatchedStream};
use crate::failure::Failure;
use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::time::Instant;
use ucupdate::{Metrics, UpdateService, check_log_access};

/// The largest number of connections at a time. If all are in use, the one that has waited longest
/// for a request is closed.
const CONNECTIONS: usize = 16;

/// The largest number of connections of one address at a time.
const CONNECTIONS_OF_ONE: usize = 8;

/// The time limit of a whole connection. A connection has only one request.
const TIME: Duration = Duration::from_secs(5);

/// The time limit of a check of the log folders.
const LOOK_TIME: Duration = Duration::from_secs(3);

/// The time for which the result of a check is used if log rows could be written.
const GOOD_LOOK: Duration = Duration::from_secs(30);

/// The time for which the result of a check is used if it found a problem.
const BAD_LOOK: Duration = Duration::from_secs(5);

/// A bound listener that does not answer requests yet.
pub(crate) struct HealthListener(TcpListener);

impl HealthListener {
    /// Binds the address. The failure contains the address that cannot be bound.
    pub(crate) async fn bind(address: SocketAddr) -> Result<Self, Failure> {
        let bound = TcpListener::bind(address).await;
        let failed = |error| Failure::in_doing(format_args!("cannot listen on {address}"), &error);
        bound.map(Self).map_err(failed)
    }

    /// Returns the address of the listener, with the port that the system chose.
    pub(crate) fn local(&self) -> Result<SocketAddr, Failure> {
        Ok(self.0.local_addr()?)
    }

    /// Answers requests until the future is dropped. `/metrics` is answered only with `metrics`.
    pub(crate) async fn serve(self, readiness: Readiness, metrics: Option<Arc<Metrics>>) -> Infallible {
        let places = Arc::new(Places::new(CONNECTIONS, CONNECTIONS_OF_ONE));
        loop {
            let Ok((stream, remote)) = self.0.accept().await else {
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            };
            let Some(place) = places.take(remote.ip(), false).await else { continue };
            let (readiness, metrics) = (readiness.clone(), metrics.clone());
            tokio::spawn(async move {
                let place = Arc::new(place);
                let stream = WatchedStream::new(stream, TwoLengths::default());
                let answering = service_fn(|request| {
                    let (request, _body) = Request::into_parts(request);
                    let (readiness, metrics) = (readiness.clone(), metrics.clone());
                    let answering = OutgoingBody::begin(Arc::clone(&place));
                    Box::pin(async move {
                        let response = answer(&readiness, metrics.as_deref(), &request).await;
                        Ok::<_, Infallible>(
                            response.map(|text| answering.with(text.map_err(|never| match never {}))),
                        )
                    })
                });
                let mut connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .keep_alive(false)
                    .half_close(true)
                    .serve_connection(TokioIo::new(stream), answering);
                let served = async {
                    let served = std::future::poll_fn(|cx| connection.poll_without_shutdown(cx));
                    let ended = tokio::time::timeout(TIME, served).await;
                    let parts = connection.into_parts();
                    let mut stream = parts.io.into_inner();
                    if let Ok(Err(error)) = ended {
                        refused::answer(&mut stream, &error, !parts.read_buf.is_empty()).await;
                    }
                    linger(stream).await;
                };
                tokio::select! {
                    biased;
                    () = place.is_needed() => {}
                    () = served => {}
                }
            });
        }
    }
}

/// Decides whether devices may be sent to this server.
#[derive(Clone)]
pub(crate) struct Readiness {
    service: UpdateService,
    needs_logs: bool,
    last_look: Arc<Mutex<Option<Look>>>,
}

/// The result of a check of the log folders.
struct Look {
    at: Instant,
    /// The reason why log rows cannot be written. `None` if they can.
    problem: Option<String>,
    /// A sentence about the first entry of the store that would make later changes fail. `None` if
    /// there is none.
    in_the_way: Option<String>,
}

impl Readiness {
    /// Creates the value. With `needs_logs`, a server that cannot write log rows is not ready.
    pub(crate) fn new(service: UpdateService, needs_logs: bool) -> Self {
        Self { service, needs_logs, last_look: Arc::default() }
    }

    /// Returns the status and the body of the answer to `/readyz`.
    async fn status(&self) -> (StatusCode, String) {
        let health = self.service.health();
        let revision = health.revision;
        if health.is_ready() {
            let (problem, in_the_way) = match health.log_problem {
                Some(problem) => (Some(problem), None),
                None => self.look().await,
            };
            return match problem {
                // Every other server of the store has the same problem, so devices are still sent
                // to this one.
                None => match in_the_way {
                    None => (StatusCode::OK, format!("ready at revision {revision}")),
                    Some(problem) => (
                        StatusCode::OK,
                        format!("ready at revision {revision}, but later changes fail: {problem}"),
                    ),
                },
                Some(problem) if self.needs_logs => (
                    StatusCode::SERVICE_UNAVAILABLE,
                    format!("not ready at revision {revision}: log rows cannot be written: {problem}"),
                ),
                Some(problem) => (
                    StatusCode::OK,
                    format!("ready at revision {revision}, but log rows cannot be written: {problem}"),
                ),
            };
        }
        let what = if health.history_replaced {
            "the history in the store was replaced"
        } else {
            "the store cannot be read, so changes such as the kill switch have no effect here"
        };
        let offers = if health.offers_stopped { "; nothing is offered" } else { "; offers go on" };
        let problem = health.problem.map(|problem| format!(": {problem}")).unwrap_or_default();
        (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("not ready at revision {revision}: {what}{offers}{problem}"),
        )
    }

    /// Returns the reason why the log folders cannot be written, and a sentence about an entry that
    /// would make later changes fail. A result of the last seconds is used again. The check tries
    /// to write, because a server without requests writes no rows by which a problem would be
    /// found.
    async fn look(&self) -> (Option<String>, Option<String>) {
        let mut last = self.last_look.lock().await;
        if let Some(look) = &*last {
            let life = if look.problem.is_none() { GOOD_LOOK } else { BAD_LOOK };
            if look.at.elapsed() < life {
                return (look.problem.clone(), look.in_the_way.clone());
            }
        }
        let looking = check_log_access(&**self.service.store());
        let (problem, in_the_way) = match tokio::time::timeout(LOOK_TIME, looking).await {
            Ok(access) => {
                (access.refused.into_iter().chain(access.failed).next(), access.in_the_way.into_iter().next())
            }
            Err(_) => {
                (Some(("Logs/".to_owned(), format!("no answer within {} s", LOOK_TIME.as_secs()))), None)
            }
        };
        let problem = problem.map(|(folder, reason)| format!("`{folder}`: {reason}"));
        *last = Some(Look { at: Instant::now(), problem: problem.clone(), in_the_way: in_the_way.clone() });
        (problem, in_the_way)
    }
}

async fn answer(readiness: &Readiness, metrics: Option<&Metrics>, request: &Parts) -> Response<Full<Bytes>> {
    let mut content_type = header::HeaderValue::from_static("text/plain; charset=utf-8");
    let (status, text) = match (&request.method, request.uri.path()) {
        (&Method::GET | &Method::HEAD, "/healthz") => (StatusCode::OK, "the server runs".to_owned()),
        (&Method::GET | &Method::HEAD, "/readyz") => readiness.status().await,
        (&Method::GET | &Method::HEAD, "/metrics") if metrics.is_some() => {
            content_type = header::HeaderValue::from_static(Metrics::CONTENT_TYPE);
            (
                StatusCode::OK,
                metrics.map(|metrics| metrics.prometheus_text(&readiness.service)).unwrap_or_default(),
            )
        }
        (_, "/healthz" | "/readyz") => {
            (StatusCode::METHOD_NOT_ALLOWED, "the method is not allowed here, expected GET".to_owned())
        }
        _ => (StatusCode::NOT_FOUND, "nothing is here, expected /healthz or /readyz".to_owned()),
    };
    let end = if text.ends_with('\n') { "" } else { "\n" };
    let mut response = Response::new(Full::from(text + end));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}
