//! [`DeviceUpdates`]: the tower service that answers requests and writes an access row for each answer.

use crate::files::downloads::Downloads;
use crate::options::HttpOptions;
use crate::request::authenticate::Verdict;
use crate::request::body::RequestBody;
use crate::request::connection::Connection;
use crate::request::framing;
use crate::request::paths::{self, Target};
use crate::response::answer::Answer;
use crate::response::body::ResponseBody;
use crate::response::exchange::Exchange;
use crate::{files, handler};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Version, request};
use http_body::Body;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use ucupdate::request::Side;
use ucupdate::{Asker, NoUrls, UpdateService};

/// The HTTP side of an [`UpdateService`], as a tower `Service` for `http` requests. It never returns an error. Clones
/// share the state.
///
/// | path | methods | answer |
/// |---|---|---|
/// | [`HANDLER_PATHS`](crate::HANDLER_PATHS) and added paths | `POST` | the update response for a device |
/// | below the roots of both [`UrlStyle`](ucupdate::UrlStyle)s | `GET`, `HEAD` | a file, with ranges and entity tags |
///
/// An internal path gets 403 on an [external](Connection::with_side) connection. Paths are compared
/// without regard to ASCII case. Another method gets 405 with `Allow`, and another path gets 404.
/// External paths need credentials (see [`HttpOptions`]). If the service has no external URL, every
/// external request is refused. A file gets 503 while [too many](HttpOptions::with_downloads)
/// downloads are running.
///
/// A request may carry a [`Connection`] as an extension. The service needs a tokio runtime with time enabled. The body can be
/// any [`http_body::Body`] of [`Bytes`].
///
/// If a request is refused before its body was read, up to 1 MiB of the body is read and dropped
/// within 2 seconds. Otherwise the client might not see the answer. If the body is then not read to
/// its end, an answer of HTTP/1 has `Connection: close`.
///
/// Each answer writes one access row, when its last byte was sent or when the answer is dropped. If the future of a request is
/// dropped before there is an answer, no row is written.
#[derive(Clone)]
pub struct DeviceUpdates {
    inner: Arc<Inner>,
}

struct Inner {
    service: UpdateService,
    options: HttpOptions,
    downloads: Downloads,
    /// `true` if the service has URLs for external devices.
    external: bool,
}

impl DeviceUpdates {
    /// Creates the HTTP side of a service with the default [`HttpOptions`].
    ///
    /// # Errors
    /// When the service has no URLs, because an answer must contain the URL of a file.
    pub fn new(service: UpdateService) -> Result<Self, NoUrls> {
        Self::with_options(service, HttpOptions::default())
    }

    /// Creates the HTTP side of a service with these options.
    ///
    /// # Errors
    /// When the service has no URLs, or when the options admit external devices and the service has no external URL.
    pub fn with_options(service: UpdateService, options: HttpOptions) -> Result<Self, NoUrls> {
        let external = service.urls().ok_or(NoUrls::Any)?.external().is_some();
        if !external && (options.external_anonymous || options.authenticate.is_some()) {
            return Err(NoUrls::External);
        }
        let downloads = Downloads::new(options.downloads, options.downloads_of_one);
        Ok(Self { inner: Arc::new(Inner { service, options, downloads, external }) })
    }

    /// Returns the service that answers the requests.
    pub fn service(&self) -> &UpdateService {
        &self.inner.service
    }

    /// Returns whether this service answers requests for `path`, even if no file exists there. `path` is the undecoded path of a
    /// request.
    pub fn serves(&self, path: &str) -> bool {
        self.inner.target(&paths::decoded(path)) != Target::Unknown
    }
}

impl Inner {
    /// Returns the resource that a decoded path names.
    fn target(&self, path: &str) -> Target {
        Target::of(path, &self.options.handler_paths)
    }

    async fn respond<B: Body<Data = Bytes>>(&self, request: Request<B>) -> Response<ResponseBody> {
        let (parts, body) = request.into_parts();
        let unknown = Connection::default();
        let connection = parts.extensions.get::<Connection>().unwrap_or(&unknown);
        let mut exchange = Exchange::begin(self.service.clone(), &parts, connection);
        self.service.wait_for_log_room().await;
        let mut body = pin!(body);
        let mut body = RequestBody::new(body.as_mut(), &parts.headers);
        let answer = match framing::check_framing(&parts) {
            Ok(()) => self.answer(&parts, connection, &mut body, &mut exchange).await,
            Err((status, reason)) => Answer::reason(status, &reason),
        };
        if let Some((status, reason)) = answer.refusal() {
            exchange.refuse(parts.uri.path(), status, reason);
        }
        let is_read = body.drain().await;
        // Later versions of HTTP have no `Connection` field. They can end a stream without it.
        let answer = if is_read || parts.version > Version::HTTP_11 { answer } else { answer.closing() };
        answer.into_response(&parts.method, exchange)
    }

    async fn answer<B: Body<Data = Bytes>>(
        &self,
        request: &request::Parts,
        connection: &Connection,
        body: &mut RequestBody<'_, B>,
        exchange: &mut Exchange,
    ) -> Answer {
        let target = self.target(&paths::decoded(request.uri.path()));
        let (side, allowed) = match &target {
            Target::Unknown => return Answer::nothing_here(),
            Target::Handler(side) => (*side, handler::ALLOWED),
            Target::File(side, _) => (*side, files::ALLOWED),
        };
        let is_allowed = match &target {
            Target::Handler(_) => request.method == Method::POST,
            _ => request.method == Method::GET || request.method == Method::HEAD,
        };
        if !is_allowed {
            return Answer::method_not_allowed(allowed);
        }
        if side == Side::Internal && connection.side() == Some(Side::External) {
            return Answer::reason(
                StatusCode::FORBIDDEN,
                "this path is for devices of the internal networks only",
            );
        }
        if side == Side::External
            && let Err(refusal) = self.admit(request, connection, exchange).await
        {
            return refusal;
        }
        let Target::File(_, path) = target else {
            // The device chooses the path, but not the connection.
            let side = connection.side().unwrap_or(side);
            let asker = Asker { side, host: connection.host() };
            return handler::answer(&self.service, asker, &request.headers, body, self.body_limits()).await;
        };
        let redirects = self.options.image_redirects.as_ref();
        let asked = (&request.method, &request.headers);
        let downloads = (&self.downloads, connection.remote());
        let by_tls = self.by_tls(side, connection);
        let (answer, fetched) =
            files::answer(&self.service, redirects, &path, asked, by_tls, downloads).await;
        if let Some(file) = fetched {
            exchange.fetch(file);
        }
        answer
    }

    /// Admits an external request, or returns the refusal.
    async fn admit(
        &self,
        request: &request::Parts,
        connection: &Connection,
        exchange: &mut Exchange,
    ) -> Result<(), Answer> {
        if self.external && (self.options.external_anonymous || connection.user().is_some()) {
            return Ok(());
        }
        let verdict = match &self.options.authenticate {
            Some(hook) => hook.authenticate(request).await,
            None => Verdict::Challenge { challenges: Vec::new() },
        };
        if let Verdict::Allow { user } | Verdict::Forbid { user } = &verdict {
            exchange.set_user(user);
        }
        match verdict {
            Verdict::Allow { .. } => Ok(()),
            refused => Err(Answer::refused(refused, &self.options.challenges)),
        }
    }

    /// Returns whether a device uses TLS: its connection uses TLS, or the configured origin of its
    /// side is `https`.
    fn by_tls(&self, side: Side, connection: &Connection) -> bool {
        let by_urls = self.service.urls().is_some_and(|urls| {
            let origin = if side == Side::External { urls.external() } else { Some(urls.internal()) };
            origin.is_some_and(ucupdate::Origin::is_https)
        });
        by_urls || connection.is_tls()
    }

    fn body_limits(&self) -> (usize, std::time::Duration) {
        let readable = self.service.codec().limits().xml().bytes();
        (self.options.body_limit.map_or(readable, |limit| limit.min(readable)), self.options.body_time)
    }
}

impl<B> tower_service::Service<Request<B>> for DeviceUpdates
where
    B: Body<Data = Bytes> + Send + 'static,
{
    type Response = Response<ResponseBody>;
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

impl fmt::Debug for DeviceUpdates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceUpdates")
            .field("service", &self.inner.service)
            .field("options", &self.inner.options)
            .finish_non_exhaustive()
    }
}
