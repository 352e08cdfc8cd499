//! [`Administration`]: the tower service that admits, dispatches and answers requests.

use crate::access::authenticate::{Authenticate, Verdict};
use crate::access::failures::Failures;
use crate::access::role::{Administrator, Role};
use crate::api::attention::LastOutcomes;
use crate::api::fleet::Fleets;
use crate::api::idempotency::Idempotency;
use crate::api::route::{self, Found};
use crate::api::{self, Call};
use crate::console;
use crate::options::AdminOptions;
use crate::request::body::RequestBody;
use crate::request::path;
use crate::request::query::Query;
use crate::request::remote::RemoteAddress;
use crate::response::answer::Answer;
use crate::response::body::AdminBody;
use crate::response::problem::Problem;
use crate::response::redacted::short;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header, request};
use http_body::Body;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::Semaphore;
use ucupdate::{Event, UpdateService};

/// The administrators' side of an [`UpdateService`]: a tower `Service` for `http` requests that never fails. Clones share it.
///
/// | path | answer |
/// |---|---|
/// | `/` and its files | the console: a page, its script and its style |
/// | `/api/v1/openapi.json` | the description of the API |
/// | below `/api/v1/` | the API, for requests that [`Authenticate`] allows |
///
/// `GET` and `HEAD` change nothing. A change is made in the name of the administrator. A request may carry a [`RemoteAddress`] as
/// an extension. The service needs a tokio runtime with time enabled. Every refused login is an
/// [`Event::LoginRefused`].
#[derive(Clone)]
pub struct Administration {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) service: UpdateService,
    pub(crate) options: AdminOptions,
    authenticate: Box<dyn Authenticate>,
    failures: Failures,
    /// The places of uploads and checks, which cost much.
    pub(crate) places: Semaphore,
    pub(crate) idempotency: Idempotency,
    pub(crate) fleets: Fleets,
    pub(crate) outcomes: LastOutcomes,
    /// The places of timelines, which read all logs.
    pub(crate) readings: Semaphore,
    /// The places of clients that listen to events.
    pub(crate) listeners: Arc<Semaphore>,
}

/// The largest number of bytes of a method in an event.
const SHOWN_METHOD_BYTES: usize = 16;

/// The largest number of bytes of a path in an event.
const SHOWN_PATH_BYTES: usize = 256;

/// The number of timelines that are read at a time.
const READINGS: usize = 4;

impl Administration {
    /// Creates the administrators' side of a service with the default [`AdminOptions`].
    pub fn new(service: UpdateService, authenticate: impl Authenticate) -> Self {
        Self::with_options(service, authenticate, AdminOptions::default())
    }

    /// Creates the administrators' side of a service.
    pub fn with_options(
        service: UpdateService,
        authenticate: impl Authenticate,
        options: AdminOptions,
    ) -> Self {
        let limits = &options.limits;
        let inner = Inner {
            failures: Failures::new(limits.failures, limits.failure_period, limits.addresses),
            places: Semaphore::new(limits.uploads.min(Semaphore::MAX_PERMITS)),
            idempotency: Idempotency::new(limits.idempotency_keys),
            fleets: Fleets::default(),
            outcomes: LastOutcomes::default(),
            readings: Semaphore::new(READINGS),
            listeners: Arc::new(Semaphore::new(limits.event_clients.min(Semaphore::MAX_PERMITS))),
            authenticate: Box::new(authenticate),
            service,
            options,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Returns the service that is administered.
    pub fn service(&self) -> &UpdateService {
        &self.inner.service
    }
}

impl Inner {
    async fn respond<B>(self: Arc<Self>, request: Request<B>) -> Response<AdminBody>
    where
        B: Body<Data = Bytes> + Send + 'static,
    {
        let (parts, body) = request.into_parts();
        let mut body = RequestBody::new(body, &parts.headers);
        let answer = match self.answer(&parts, &mut body).await {
            Ok(answer) => answer,
            Err(problem) => problem.into_answer(),
        };
        body.drain().await;
        answer.into_response(&parts.method)
    }

    async fn answer(
        self: &Arc<Self>,
        request: &request::Parts,
        body: &mut RequestBody,
    ) -> Result<Answer, Problem> {
        let segments = path::segments(request.uri.path())?;
        require_plain(request)?;
        let is_read = request.method == Method::GET || request.method == Method::HEAD;
        if is_read && let Some(file) = console::file(&segments, &self.options.base_path) {
            return Ok(file);
        }
        let administrator = self.admit(request).await?;
        let (operation, parameters) = match route::find(&request.method, &segments) {
            Found::Operation(operation, parameters) => (operation, parameters),
            Found::OtherMethods(allowed) => {
                let problem = Problem::new(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "method-not-allowed",
                    format!("the method is not allowed here, expected {allowed}"),
                );
                return Err(match HeaderValue::from_str(&allowed) {
                    Ok(allowed) => problem.with_field(header::ALLOW, allowed),
                    Err(_) => problem,
                });
            }
            Found::Nothing => {
                return Err(Problem::new(
                    StatusCode::NOT_FOUND,
                    "nothing-here",
                    "nothing is here; api/v1/openapi.json describes what there is",
                ));
            }
        };
        self.require(operation.role(), &administrator, request)?;
        let query = Query::read(request.uri.query(), operation.parameters())?;
        let call = Call { side: self, administrator: &administrator, request, query, parameters };
        api::answer(operation, call, body).await
    }

    /// Admits a request, or returns the refusal.
    async fn admit(&self, request: &request::Parts) -> Result<Administrator, Problem> {
        let remote = request.extensions.get::<RemoteAddress>().map(|remote| remote.0.to_canonical());
        let address = remote.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        if let Some(wait) = self.failures.wait(address) {
            self.report("", "too many refused logins", request);
            let problem = Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-failures",
                "too many logins from this address were refused; wait and try again",
            );
            return Err(problem.retry_after(wait));
        }
        match self.authenticate.authenticate(request).await {
            Verdict::Allow(administrator) => Ok(administrator),
            Verdict::Refuse { reason, name } => {
                self.failures.count(address);
                self.report(name.as_deref().unwrap_or_default(), &reason, request);
                let problem = Problem::new(StatusCode::UNAUTHORIZED, "no-token", reason);
                Err(problem.with_field(
                    header::WWW_AUTHENTICATE,
                    HeaderValue::from_static("Bearer realm=\"ucupdate administration\""),
                ))
            }
            Verdict::Unavailable => Err(Problem::unavailable("authentication is temporarily unavailable")),
        }
    }

    /// Returns whether the token of a request that was admitted before is still valid.
    pub(crate) async fn is_admitted(&self, request: &request::Parts) -> bool {
        !matches!(self.authenticate.authenticate(request).await, Verdict::Refuse { .. })
    }

    /// Refuses an administrator whose role is too small.
    pub(crate) fn require(
        &self,
        role: Role,
        administrator: &Administrator,
        request: &request::Parts,
    ) -> Result<(), Problem> {
        if administrator.role >= role {
            return Ok(());
        }
        let reason = format!("the role {} is too small, expected {role}", administrator.role);
        self.report(&administrator.name, &reason, request);
        Err(Problem::new(StatusCode::FORBIDDEN, "role-too-small", reason).with("expected_role", role.name()))
    }

    fn report(&self, name: &str, reason: &str, request: &request::Parts) {
        let remote = request.extensions.get::<RemoteAddress>();
        let host = remote.map(|remote| remote.0.to_canonical().to_string()).unwrap_or_default();
        // A client may send anything as its method and path, and its token in the wrong place.
        let method = short(request.method.as_str(), SHOWN_METHOD_BYTES);
        let path = short(request.uri.path(), SHOWN_PATH_BYTES);
        let (method, path) = (&*method, &*path);
        self.service.emit(&Event::LoginRefused { host: &host, name, method, path, reason });
    }
}

/// Refuses requests that another server could understand otherwise, and those for another protocol.
fn require_plain(request: &request::Parts) -> Result<(), Problem> {
    let count = |name| request.headers.get_all(name).iter().count();
    if count(header::HOST) > 1 {
        return Err(Problem::bad_request("the request has two fields Host, expected one"));
    }
    if count(header::CONTENT_LENGTH) > 0 && count(header::TRANSFER_ENCODING) > 0 {
        return Err(Problem::bad_request(
            "the request has the fields Content-Length and Transfer-Encoding, expected one of them",
        ));
    }
    if count(header::SEC_WEBSOCKET_KEY) > 0 {
        return Err(Problem::bad_request(
            "there is no web socket here; GET api/v1/events sends what happens as server-sent events",
        ));
    }
    Ok(())
}

impl<B> tower_service::Service<Request<B>> for Administration
where
    B: Body<Data = Bytes> + Send + 'static,
{
    type Response = Response<AdminBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let inner = Arc::clone(&self.inner);
        Box::pin(async move { Ok(inner.respond(request).await) })
    }
}

impl fmt::Debug for Administration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Administration")
            .field("service", &self.inner.service)
            .field("options", &self.inner.options)
            .finish_non_exhaustive()
    }
}
