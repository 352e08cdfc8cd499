//! The listeners for load balancers and monitoring. `/healthz` answers while the process runs. `/readyz` says whether
//! devices may be sent here. `/metrics` has the counters for Prometheus.

use crate::failure::Failure;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use ucupdate::{Metrics, UpdateService};

/// The number of connections at a time.
const CONNECTIONS: usize = 16;

/// The time limit of a whole connection. It has a single request.
const TIME: Duration = Duration::from_secs(5);

/// A listener that is bound and does not answer yet.
pub(crate) struct HealthListener(TcpListener);

impl HealthListener {
    /// # Errors
    /// Names the address that cannot be bound.
    pub(crate) async fn bind(address: SocketAddr) -> Result<Self, Failure> {
        let bound = TcpListener::bind(address).await;
        let failed = |error| Failure::in_doing(format_args!("cannot listen on {address}"), &error);
        bound.map(Self).map_err(failed)
    }

    /// Returns the address and the actual port.
    pub(crate) fn local(&self) -> Result<SocketAddr, Failure> {
        Ok(self.0.local_addr()?)
    }

    /// Answers until it is dropped. Answers `/metrics` only if there are metrics.
    pub(crate) async fn serve(self, service: UpdateService, metrics: Option<Arc<Metrics>>) -> Infallible {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let place = Arc::clone(&places).acquire_owned().await;
            let Ok((stream, _)) = self.0.accept().await else {
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            };
            let (service, metrics) = (service.clone(), metrics.clone());
            tokio::spawn(async move {
                let answering = service_fn(|request| {
                    let answered = answer(&service, metrics.as_deref(), &request);
                    async { Ok::<_, Infallible>(answered) }
                });
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .keep_alive(false)
                    .serve_connection(TokioIo::new(stream), answering);
                let _ended = tokio::time::timeout(TIME, connection).await;
                drop(place);
            });
        }
    }
}

fn answer<B>(
    service: &UpdateService,
    metrics: Option<&Metrics>,
    request: &Request<B>,
) -> Response<Full<Bytes>> {
    let mut content_type = header::HeaderValue::from_static("text/plain; charset=utf-8");
    let (status, text) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/healthz") => (StatusCode::OK, "the server runs".to_owned()),
        (&Method::GET | &Method::HEAD, "/readyz") => readiness(service),
        (&Method::GET | &Method::HEAD, "/metrics") if metrics.is_some() => {
            content_type = header::HeaderValue::from_static(Metrics::CONTENT_TYPE);
            (StatusCode::OK, metrics.map(|metrics| metrics.prometheus_text(service)).unwrap_or_default())
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

/// Returns whether devices may be sent here, and the reason if not.
fn readiness(service: &UpdateService) -> (StatusCode, String) {
    let health = service.health();
    if health.is_ready() {
        return (StatusCode::OK, format!("ready at revision {}", health.revision));
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
        format!("not ready at revision {}: {what}{offers}{problem}", health.revision),
    )
}
