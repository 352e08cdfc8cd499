//! [`Administration`]: the tower service that admits, dispatches and answers requests.

use crate::access::authenticate::AuthenticateAdmin;
use crate::api;
use crate::api::call::{Call, Shared};
use crate::api::route::{self, RouteMatch};
use crate::console;
use crate::options::AdminOptions;
use crate::request::body::RequestBody;
use crate::request::path;
use crate::request::query::Query;
use crate::response::answer::Answer;
use crate::response::body::AdminBody;
use crate::response::problem::Problem;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header, request};
use http_body::Body;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use ucupdate::UpdateService;

/// The administrators' side of an [`UpdateService`]: a tower `Service` for `http` requests that
/// never fails. Clones share the state.
///
/// | path | answer |
/// |---|---|
/// | `/` and its files | the console: a page, its script and its style |
/// | `/api/v1/openapi.json` | the description of the API |
/// | below `/api/v1/` | the API, for requests that [`AuthenticateAdmin`] allows |
///
/// `GET` and `HEAD` change nothing. The history names the administrator as the author of each change. A request may
/// carry the address of its client as an extension: a [`RemoteAddress`](crate::RemoteAddress). The service needs a
/// tokio runtime with time enabled. Every refused login is reported as an
/// [`Event::LoginRefused`](ucupdate::Event::LoginRefused).
#[derive(Clone)]
pub struct Administration {
    shared: Arc<Shared>,
}

impl Administration {
    /// Creates the administrators' side of a service with the default [`AdminOptions`].
    pub fn new(service: UpdateService, authenticate: impl AuthenticateAdmin) -> Self {
        Self::with_options(service, authenticate, AdminOptions::default())
    }

    /// Creates the administrators' side of a service.
    pub fn with_options(
        service: UpdateService,
        authenticate: impl AuthenticateAdmin,
        options: AdminOptions,
    ) -> Self {
        Self { shared: Arc::new(Shared::new(service, authenticate, options)) }
    }

    /// Returns the service that is administered.
    pub fn service(&self) -> &UpdateService {
        &self.shared.service
    }
}

/// Answers a request. Then reads and drops what is left of its body, so that a client that still sends the body sees
/// the answer.
async fn respond<B>(shared: &Arc<Shared>, request: Request<B>) -> Response<AdminBody>
where
    B: Body<Data = Bytes> + Send + 'static,
{
    let (parts, body) = request.into_parts();
    let mut body = RequestBody::new(body, &parts.headers);
    let answer = match answer(shared, &parts, &mut body).await {
        Ok(answer) => answer,
        Err(problem) => problem.into_answer(),
    };
    body.drain().await;
    answer.into_response(&parts.method)
}

/// Returns the answer of a request: a file of the console, or the result of an operation.
async fn answer(
    shared: &Arc<Shared>,
    request: &request::Parts,
    body: &mut RequestBody,
) -> Result<Answer, Problem> {
    let segments = path::segments(request.uri.path())?;
    require_plain(request)?;
    let is_read = request.method == Method::GET || request.method == Method::HEAD;
    if is_read && let Some(file) = console::file(&segments, &shared.options.base_path) {
        return Ok(file);
    }
    let administrator = shared.admit(request).await?;
    let (operation, parameters) = match route::find(&request.method, &segments) {
        RouteMatch::Operation(operation, parameters) => (operation, parameters),
        RouteMatch::OtherMethods(allowed) => {
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
        RouteMatch::Nothing => {
            return Err(Problem::new(
                StatusCode::NOT_FOUND,
                "nothing-here",
                "nothing is here; api/v1/openapi.json describes what there is",
            ));
        }
    };
    shared.require(operation.role(), &administrator, request)?;
    let query = Query::read(request.uri.query(), operation.parameters())?;
    let call = Call { side: shared, administrator: &administrator, request, query, parameters };
    api::answer(operation, call, body).await
}

/// Refuses a request whose header fields another server could understand in another way, such as two `Host` fields.
/// Also refuses a request for a web socket.
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
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { Ok(respond(&shared, request).await) })
    }
}

impl fmt::Debug for Administration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Administration")
            .field("service", &self.shared.service)
            .field("options", &self.shared.options)
            .finish_non_exhaustive()
    }
}
