//! The server. It accepts connections on several endpoints, passes their requests on, and shuts down gracefully.
//!
//! ```text
//! Serving ──► Draining: nothing new is accepted, what was begun is finished ──► Cut: what is still open is closed
//! ```

use super::connection::bodies::{IncomingBody, OutgoingBody};
use super::connection::direct::{DirectStream, IsLast};
use super::connection::limits::{BUFFER_BYTES, ConnectionLimits};
use super::connection::linger::linger;
use super::connection::places::{Place, Places};
use super::connection::refused;
use super::connection::stall::Patient;
use super::connection::two_lengths::{TwoLengths, WatchedStream};
use super::network::endpoint::Endpoint;
use super::network::forwarded::ClientOrigin;
use super::network::networks::LiveNetworks;
use super::network::prefix::Prefixes;
use http::{StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tower::Service as _;
use ucupdate::UpdateService;
use ucupdate::audit::AccessRow;
use ucupdate::request::Side;
use ucupdate_http::{Connection, DeviceUpdates};

/// The pause after the system could not accept a connection, for example because there are no free
/// file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// The parts that handle a request: the service, the paths of public URLs, the networks and the
/// limits.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) updates: DeviceUpdates,
    pub(crate) prefixes: Prefixes,
    pub(crate) networks: LiveNetworks,
    pub(crate) limits: ConnectionLimits,
}

#[derive(Debug)]
pub(crate) struct Server {
    /// The stage of the server. Each connection has a receiver of it until the connection ends.
    stage: watch::Sender<Stage>,
    endpoints: JoinSet<()>,
    service: UpdateService,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Serving,
    Draining,
    Cut,
}

impl Server {
    /// Starts accepting connections on all endpoints.
    pub(crate) fn start(endpoints: Vec<Endpoint>, intake: Intake) -> Self {
        let (stage, at) = watch::channel(Stage::Serving);
        // Each kind of connection has its own places, so that one kind cannot lock out the other.
        let places = || {
            let ConnectionLimits { connections, connections_of_one, .. } = intake.limits;
            Arc::new(Places::new(connections, connections_of_one))
        };
        let (plain, tls) = (places(), places());
        let service = intake.updates.service().clone();
        let intake = Arc::new(intake);
        let mut tasks = JoinSet::new();
        for endpoint in endpoints {
            let places = if endpoint.tls.is_some() { &tls } else { &plain };
            tasks.spawn(accept(endpoint, Arc::clone(&intake), Arc::clone(places), at.clone()));
        }
        Self { stage, endpoints: tasks, service }
    }

    /// Stops accepting connections, and waits until the requests in flight are finished, or until
    /// `hurry` is done. From now on, no request waits for space in the log. Returns the number of
    /// connections that were closed during a request.
    pub(crate) async fn shutdown(mut self, hurry: impl Future<Output = ()>) -> usize {
        self.stage.send_replace(Stage::Draining);
        self.service.end_log_waits();
        while self.endpoints.join_next().await.is_some() {}
        tokio::select! {
            () = self.stage.closed() => return 0,
            () = hurry => {}
        }
        let cut = self.stage.receiver_count();
        self.stage.send_replace(Stage::Cut);
        self.stage.closed().await;
        cut
    }
}

/// Accepts connections until the server shuts down.
async fn accept(endpoint: Endpoint, intake: Arc<Intake>, places: Arc<Places>, stage: watch::Receiver<Stage>) {
    let accept_next = || async {
        let (stream, remote) = endpoint.accept().await?;
        let place = places.take(remote.ip(), intake.networks.is_proxy(remote.ip())).await;
        Ok::<_, std::io::Error>((stream, remote, place))
    };
    let mut watched = stage.clone();
    let mut draining = pin!(reached(&mut watched, Stage::Draining));
    // The future is kept between the rounds of the loop, because an accepted connection may have to
    // wait for its place.
    let mut accepting = pin!(accept_next());
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut draining => return,
            accepted = &mut accepting => accepted,
        };
        accepting.set(accept_next());
        match accepted {
            Ok((stream, remote, Some(place))) => {
                let here = endpoint.described(&stream);
                let peer = Peer { remote: remote.ip().to_canonical(), here, side: endpoint.side };
                let tls = endpoint.tls.clone();
                let task = serve(stream, peer, tls, Arc::clone(&intake), place, stage.clone());
                // The connection is counted by its receiver of the stage. Its task has several KB.
                // Without the box, the runtime would copy the task several times.
                let _detached = tokio::spawn(Box::pin(task));
            }
            Ok((_closed, remote, None)) => {
                tracing::warn!(
                    address = %remote.ip(), connections = places.most_of_one(),
                    "a connection is refused, because its address has all of its connections in use: \
                     if it is a proxy, see --trust-proxy, else --connections-per-address"
                );
            }
            // The connection was closed before it was accepted.
            Err(error)
                if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => {}
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Waits until the server has reached this stage or has ended.
async fn reached(stage: &mut watch::Receiver<Stage>, at: Stage) {
    drop(stage.wait_for(|now| *now >= at).await);
}

/// The two ends of a connection, and the side of the listener, if the listener has one.
#[derive(Debug)]
struct Peer {
    remote: IpAddr,
    /// The local end.
    here: Connection,
    side: Option<Side>,
}

/// Serves one connection until it ends, or until another connection needs its place.
async fn serve(
    stream: DirectStream,
    peer: Peer,
    tls: Option<TlsAcceptor>,
    intake: Arc<Intake>,
    place: Place,
    stage: watch::Receiver<Stage>,
) {
    let (place, remote, is_last) = (Arc::new(place), peer.remote, stream.is_last());
    let stream = Patient::new(stream, intake.limits.stall, Arc::clone(&place));
    let link = Link::new(peer, tls.is_some(), intake, Arc::clone(&place), is_last);
    tokio::select! {
        // Most connections have finished their only request when the stream is polled for the first
        // time.
        biased;
        () = serve_stream(stream, tls, link, stage) => {}
        () = place.is_needed() => {
            tracing::debug!(%remote, "an idle connection is closed, because places are short");
        }
    }
}

async fn serve_stream(
    stream: Patient<DirectStream>,
    tls: Option<TlsAcceptor>,
    link: Link,
    stage: watch::Receiver<Stage>,
) {
    match tls {
        None => serve_http(stream, |stream| stream.get_ref().has_unread(), link, stage).await,
        // The state of TLS is ten times as large as the rest of the task. Without the box, each
        // connection would have this size, and would be copied when it begins and ends.
        Some(tls) => Box::pin(serve_tls(stream, tls, link, stage)).await,
    }
}

async fn serve_tls(
    stream: Patient<DirectStream>,
    tls: TlsAcceptor,
    link: Link,
    mut stage: watch::Receiver<Stage>,
) {
    let shaken = tokio::select! {
        shaken = tokio::time::timeout(link.intake.limits.handshake, tls.accept(stream)) => shaken,
        () = reached(&mut stage, Stage::Draining) => return,
    };
    let remote = link.peer.remote;
    match shaken {
        Ok(Ok(stream)) => serve_http(stream, |_| true, link, stage).await,
        Ok(Err(error)) => {
            tracing::info!(%remote, error = &error as &dyn std::error::Error, "TLS handshake failed");
        }
        Err(_elapsed) => tracing::info!(%remote, "TLS handshake took too long"),
    }
}

/// Answers the requests of a connection. `has_unread` returns whether the client may have sent
/// bytes that are not read yet.
async fn serve_http<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    has_unread: impl Fn(&S) -> bool,
    link: Link,
    mut stage: watch::Receiver<Stage>,
) {
    let (limits, link) = (link.intake.limits, Arc::new(link));
    let answering = Arc::clone(&link);
    let two_lengths = TwoLengths::default();
    let stream = WatchedStream::new(stream, two_lengths.clone());
    let service = service_fn(move |mut request| {
        two_lengths.put_back(&mut request);
        answering.answer(request)
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_header_size(limits.head_bytes)
        .max_buf_size(BUFFER_BYTES)
        // A client may close its sending side and still expect its answer.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut next = Stage::Draining;
    let ended = loop {
        tokio::select! {
            biased;
            ended = std::future::poll_fn(|cx| connection.poll_without_shutdown(cx)) => break ended,
            () = reached(&mut stage, next) => {
                if next == Stage::Cut {
                    return;
                }
                Pin::new(&mut connection).graceful_shutdown();
                next = Stage::Cut;
            }
        }
    };
    let parts = connection.into_parts();
    let mut watched = parts.io.into_inner();
    if let Err(error) = ended {
        tracing::debug!(remote = %link.peer.remote, error = &error as &dyn std::error::Error, "connection ended");
        if let Some(status) = refused::answer(&mut watched, &error, !parts.read_buf.is_empty()).await {
            link.refused_by_hyper(status);
        }
    }
    let mut stream = watched.into_inner();
    // Nearly all clients that ask to close the connection send nothing after their request. Without
    // unread bytes, closing does not reset the connection.
    if link.is_last.get() && parts.read_buf.is_empty() && !has_unread(&stream) {
        // The answer is sent before the connection is closed, so that bytes that arrive meanwhile
        // cannot discard the answer.
        let _gone = stream.shutdown().await;
        return;
    }
    tokio::select! {
        () = linger(stream) => {}
        () = reached(&mut stage, Stage::Draining) => {}
    }
}

/// Returns whether the request asks to close the connection after the answer.
fn asks_to_close<B>(request: &http::Request<B>) -> bool {
    let fields = request.headers().get_all(header::CONNECTION);
    fields.iter().any(|field| field.as_bytes().eq_ignore_ascii_case(b"close"))
}

/// A connection, as its requests need it.
#[derive(Debug)]
struct Link {
    intake: Arc<Intake>,
    place: Arc<Place>,
    peer: Peer,
    direct: ClientOrigin,
    /// The description of the connection for the service, without the side. It is valid for a
    /// request whose client opened this connection. A request that a trusted proxy forwards needs a
    /// new description with the address of its client.
    described: Connection,
    /// Set if the client asked to close the connection, and its request was read to the end.
    is_last: IsLast,
}

impl Link {
    fn new(peer: Peer, tls: bool, intake: Arc<Intake>, place: Arc<Place>, is_last: IsLast) -> Self {
        let direct = ClientOrigin::direct(peer.remote, tls);
        let described = peer.described(direct);
        Self { intake, place, peer, direct, described, is_last }
    }

    /// Passes a request to the service. The origin of the client is read from the headers of
    /// trusted proxies, and the path of the public URL is removed.
    fn answer(self: &Arc<Self>, request: http::Request<Incoming>) -> Answering {
        let Intake { updates, prefixes, networks, .. } = &*self.intake;
        let asks_to_close = asks_to_close(&request);
        let mut request = request.map(|body| IncomingBody::new(body, Arc::clone(&self.place)));
        let from = networks.origin(self.direct, request.headers());
        let connection = if from == self.direct { self.described.clone() } else { self.peer.described(from) };
        // The networks can change while the connection is open.
        let connection = match self.peer.side(networks, from) {
            Some(side) => connection.with_side(side),
            None => connection,
        };
        request.extensions_mut().insert(connection);
        if let Some(uri) = prefixes.strip(request.uri(), |path| updates.serves(path)) {
            *request.uri_mut() = uri;
        }
        Answering {
            // The service is always ready.
            answered: updates.clone().call(request),
            body: Some(OutgoingBody::begin(Arc::clone(&self.place))),
            last_of: asks_to_close.then(|| Arc::clone(self)),
        }
    }

    /// Writes an access row for a request that never reached the service, because hyper refused it.
    fn refused_by_hyper(&self, status: StatusCode) {
        let service = self.intake.updates.service();
        let row = AccessRow::finished("", "", status.as_u16(), Duration::ZERO, service.now());
        let local = self.peer.here.local();
        service.log_access(&AccessRow {
            client_ip: self.peer.remote.to_string().as_str().into(),
            server_ip: local.map(|local| local.ip().to_string()).unwrap_or_default().as_str().into(),
            server_port: local.map(|local| local.port()),
            ..row
        });
    }
}

/// The answer to one request, which is not complete yet.
struct Answering {
    answered: <DeviceUpdates as tower::Service<http::Request<IncomingBody>>>::Future,
    /// The body of the answer. `None` after the answer was returned.
    body: Option<OutgoingBody>,
    /// The connection, if the client asked to close it. Otherwise `None`.
    last_of: Option<Arc<Link>>,
}

impl Future for Answering {
    type Output = Result<http::Response<OutgoingBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let response = ready!(self.answered.as_mut().poll(cx))?;
        if let Some(link) = self.last_of.take() {
            // If the service did not read the whole request, it closes the connection itself, by a
            // header field.
            link.is_last.set(!response.headers().contains_key(header::CONNECTION));
        }
        let body = self.body.take().expect("an answer is polled until it is ready");
        Poll::Ready(Ok(response.map(|content| body.with(content))))
    }
}

impl Peer {
    /// Returns the description of a connection for the service, without the side. `from` is the
    /// client.
    fn described(&self, from: ClientOrigin) -> Connection {
        self.here.clone().with_remote(from.remote).with_tls(from.tls)
    }

    /// Returns the side of a device: that of its listener, or else that of its network. For an
    /// internal listener, the network of a device may make the device external. `None` if the path
    /// of the request decides.
    fn side(&self, networks: &LiveNetworks, from: ClientOrigin) -> Option<Side> {
        match self.side {
            // The networks can restrict an internal listener, but they cannot extend it.
            Some(Side::Internal) => networks.side(from).or(self.side),
            Some(Side::External) => self.side,
            None => networks.side(from),
        }
    }
}

#[cfg(test)]
mod tests;
