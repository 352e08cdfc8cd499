//! The server. It accepts connections on several endpoints, passes their requests on, and shuts down gracefully.
//!
//! ```text
//! Serving ──► Draining: nothing new is accepted, what was begun is finished ──► Cut: what is still open is closed
//! ```

use super::bodies::{IncomingBody, OutgoingBody};
use super::endpoint::Endpoint;
use super::forwarded::Origin;
use super::limits::{BUFFER_BYTES, Limits};
use super::networks::LiveNetworks;
use super::places::{Place, Places};
use super::prefix::Prefixes;
use super::stall::Patient;
use super::two_lengths::{TwoLengths, WatchedStream};
use http::header;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::Service as _;
use ucupdate::audit::AccessRow;
use ucupdate::request::Side;
use ucupdate_http::{Connection, DeviceUpdates};

/// The pause after the system refused to accept a connection, for example because there are no free file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Largest number of bytes that are read and dropped after the last answer of a connection.
const LINGER_BYTES: usize = 4 * 1024 * 1024;

/// Time limit of reading and dropping these bytes.
const LINGER_TIME: Duration = Duration::from_secs(2);

const LINGER_BUFFER_BYTES: usize = 4 * 1024;

/// The parts that handle a request.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) updates: DeviceUpdates,
    pub(crate) prefixes: Prefixes,
    pub(crate) networks: LiveNetworks,
    pub(crate) limits: Limits,
}

/// A server that runs.
#[derive(Debug)]
pub(crate) struct Server {
    stage: watch::Sender<Stage>,
    endpoints: JoinSet<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Serving,
    Draining,
    Cut,
}

impl Server {
    /// Begins to accept connections on all endpoints.
    pub(crate) fn start(endpoints: Vec<Endpoint>, intake: Intake) -> Self {
        let (stage, at) = watch::channel(Stage::Serving);
        // Each kind of connection has its own places, so that one kind cannot lock out the other.
        let places = || {
            let Limits { connections, connections_of_one, .. } = intake.limits;
            Arc::new(Places::new(connections, connections_of_one))
        };
        let (plain, tls) = (places(), places());
        let intake = Arc::new(intake);
        let mut tasks = JoinSet::new();
        for endpoint in endpoints {
            let places = if endpoint.tls.is_some() { &tls } else { &plain };
            tasks.spawn(accept(endpoint, Arc::clone(&intake), Arc::clone(places), at.clone()));
        }
        Self { stage, endpoints: tasks }
    }

    /// Stops accepting connections, and waits until open requests are finished, or until `hurry` is done. Returns the
    /// number of connections that were closed within a request.
    pub(crate) async fn shutdown(mut self, hurry: impl Future<Output = ()>) -> usize {
        self.stage.send_replace(Stage::Draining);
        let mut cut = 0;
        let drained = async {
            while let Some(ended) = self.endpoints.join_next().await {
                cut += ended.unwrap_or(0);
            }
        };
        tokio::select! {
            () = drained => return cut,
            () = hurry => {}
        }
        self.stage.send_replace(Stage::Cut);
        while let Some(ended) = self.endpoints.join_next().await {
            cut += ended.unwrap_or(0);
        }
        cut
    }
}

/// Accepts connections until the server shuts down, and then waits for them. Returns the number of connections that
/// were cut.
async fn accept(
    endpoint: Endpoint,
    intake: Arc<Intake>,
    places: Arc<Places>,
    mut stage: watch::Receiver<Stage>,
) -> usize {
    let mut connections = JoinSet::new();
    accept_until_draining(&endpoint, &intake, &places, &mut stage, &mut connections).await;
    drop(endpoint);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    tokio::select! {
        () = all_ended => return 0,
        () = reached(&mut stage, Stage::Cut) => {}
    }
    while connections.try_join_next().is_some() {}
    let cut = connections.len();
    connections.shutdown().await;
    cut
}

async fn accept_until_draining(
    endpoint: &Endpoint,
    intake: &Arc<Intake>,
    places: &Arc<Places>,
    stage: &mut watch::Receiver<Stage>,
    connections: &mut JoinSet<()>,
) {
    let accept_next = || async {
        let (stream, remote) = endpoint.listener.accept().await?;
        let place = places.take(remote.ip(), intake.networks.is_proxy(remote.ip())).await;
        Ok::<_, std::io::Error>((stream, remote, place))
    };
    // The future is kept during other events, because an accepted connection may have to wait for its place.
    let mut accepting = pin!(accept_next());
    loop {
        let accepted = tokio::select! {
            () = reached(stage, Stage::Draining) => return,
            Some(_ended) = connections.join_next() => continue,
            accepted = &mut accepting => accepted,
        };
        accepting.set(accept_next());
        match accepted {
            Ok((stream, remote, Some(place))) => {
                let local = stream.local_addr().unwrap_or(endpoint.local());
                let peer = Peer { remote, local, side: endpoint.side };
                connections.spawn(serve(
                    stream,
                    peer,
                    endpoint.tls.clone(),
                    Arc::clone(intake),
                    place,
                    stage.clone(),
                ));
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

type AnswerFuture = Pin<Box<dyn Future<Output = Result<http::Response<OutgoingBody>, Infallible>> + Send>>;

/// The two ends of a connection, and its side if its listener has one.
#[derive(Clone, Copy, Debug)]
struct Peer {
    remote: SocketAddr,
    local: SocketAddr,
    side: Option<Side>,
}

/// Serves one connection to its end, or until another connection needs its place.
async fn serve(
    stream: TcpStream,
    peer: Peer,
    tls: Option<tokio_rustls::TlsAcceptor>,
    intake: Arc<Intake>,
    place: Place,
    stage: watch::Receiver<Stage>,
) {
    let place = Arc::new(place);
    tokio::select! {
        biased;
        () = place.is_needed() => {
            tracing::debug!(remote = %peer.remote, "an idle connection is closed, because places are short");
        }
        () = serve_stream(stream, peer, tls, intake, Arc::clone(&place), stage) => {}
    }
}

async fn serve_stream(
    stream: TcpStream,
    peer: Peer,
    tls: Option<tokio_rustls::TlsAcceptor>,
    intake: Arc<Intake>,
    place: Arc<Place>,
    mut stage: watch::Receiver<Stage>,
) {
    // Without this option the last piece of an answer may be delayed. A system that does not support it is fine too.
    let _unset = stream.set_nodelay(true);
    let stream = Patient::new(stream, intake.limits.stall, place.writing_flag());
    let Some(tls) = tls else {
        return serve_http(stream, peer, false, intake, place, stage).await;
    };
    let shaken = tokio::select! {
        shaken = tokio::time::timeout(intake.limits.handshake, tls.accept(stream)) => shaken,
        () = reached(&mut stage, Stage::Draining) => return,
    };
    match shaken {
        Ok(Ok(stream)) => serve_http(stream, peer, true, intake, place, stage).await,
        Ok(Err(error)) => {
            tracing::info!(remote = %peer.remote, error = &error as &dyn std::error::Error, "TLS handshake failed");
        }
        Err(_elapsed) => tracing::info!(remote = %peer.remote, "TLS handshake took too long"),
    }
}

async fn serve_http(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: Peer,
    tls: bool,
    intake: Arc<Intake>,
    place: Arc<Place>,
    mut stage: watch::Receiver<Stage>,
) {
    let limits = intake.limits;
    let answering = Arc::clone(&intake);
    let direct = Origin { remote: peer.remote.ip().to_canonical(), tls };
    // Nearly all requests come from the client itself, so its connection is described once.
    let connection = described(peer, direct);
    let is_last = Arc::new(AtomicBool::new(false));
    let ending = Arc::clone(&is_last);
    let two_lengths = TwoLengths::default();
    let stream = WatchedStream::new(stream, two_lengths.clone());
    let service = service_fn(move |mut request: http::Request<Incoming>| {
        two_lengths.put_back(&mut request);
        let is_last = asks_to_close(&request).then(|| Arc::clone(&ending));
        answering.answer(request, peer, (direct, &connection), Arc::clone(&place), is_last)
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_header_size(limits.head_bytes)
        .max_buf_size(BUFFER_BYTES)
        // A client may close its sending side and still expect its answer.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut is_draining = false;
    let ended = loop {
        tokio::select! {
            ended = std::future::poll_fn(|cx| connection.poll_without_shutdown(cx)) => break ended,
            () = reached(&mut stage, Stage::Draining), if !is_draining => {
                Pin::new(&mut connection).graceful_shutdown();
                is_draining = true;
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(remote = %peer.remote, error = &error as &dyn std::error::Error, "connection ended");
        intake.refused_by_hyper(&error, peer);
    }
    let parts = connection.into_parts();
    let mut stream = parts.io.into_inner().into_inner();
    // Nearly all clients that ask to close the connection send nothing after their request. Nothing can be reset then.
    let is_whole = !tls && is_last.load(Ordering::Relaxed) && parts.read_buf.is_empty();
    if is_whole && !has_unread(&mut stream).await {
        return;
    }
    tokio::select! {
        () = linger(stream) => {}
        () = reached(&mut stage, Stage::Draining) => {}
    }
}

/// Returns whether a client asks to close the connection after the answer.
fn asks_to_close<B>(request: &http::Request<B>) -> bool {
    let fields = request.headers().get_all(header::CONNECTION);
    fields.iter().any(|field| field.as_bytes().eq_ignore_ascii_case(b"close"))
}

/// Returns whether the client has sent bytes that were not read. It does not wait for any.
async fn has_unread(stream: &mut (impl AsyncRead + Unpin)) -> bool {
    std::future::poll_fn(|cx| {
        let mut byte = [0];
        let mut buffer = ReadBuf::new(&mut byte);
        let polled = Pin::new(&mut *stream).poll_read(cx, &mut buffer);
        Poll::Ready(matches!(polled, Poll::Ready(Ok(()))) && !buffer.filled().is_empty())
    })
    .await
}

/// Closes the sending side, and reads what the client still sends, up to a limit. A connection that is closed with
/// unread bytes is reset, and a client that is still sending may then lose the answer.
async fn linger(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let dropped = async {
        if stream.shutdown().await.is_err() {
            return;
        }
        let mut buffer = vec![0; LINGER_BUFFER_BYTES];
        let mut left = LINGER_BYTES;
        while left > 0 {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(read) => left = left.saturating_sub(read),
            }
        }
    };
    let _elapsed = tokio::time::timeout(LINGER_TIME, dropped).await;
}

/// Describes the connection of a client to the services, but for its side.
fn described(peer: Peer, from: Origin) -> Connection {
    Connection::from_remote(from.remote).with_local(peer.local).with_tls(from.tls)
}

impl Intake {
    /// Answers a request of the client that sent it, without the prefix of the public URLs. Sets `is_last` if the request was
    /// read to its end.
    fn answer(
        &self,
        request: http::Request<Incoming>,
        peer: Peer,
        (direct, connection): (Origin, &Connection),
        place: Arc<Place>,
        is_last: Option<Arc<AtomicBool>>,
    ) -> AnswerFuture {
        let mut request = request.map(|body| IncomingBody::new(body, Arc::clone(&place)));
        let from = self.networks.origin(direct, request.headers());
        let connection = if from == direct { connection.clone() } else { described(peer, from) };
        // The networks can change while the connection is open.
        let connection = match self.side(peer, from.remote) {
            Some(side) => connection.with_side(side),
            None => connection,
        };
        request.extensions_mut().insert(connection);
        if let Some(uri) = self.prefixes.strip(request.uri(), |path| self.updates.serves(path)) {
            *request.uri_mut() = uri;
        }
        // The service is always ready.
        let answered = self.updates.clone().call(request);
        let answering = OutgoingBody::begin(place);
        Box::pin(async move {
            let response = answered.await?;
            if let Some(is_last) = is_last {
                // The service closes the connection by itself if it did not read the whole request.
                is_last.store(!response.headers().contains_key(header::CONNECTION), Ordering::Relaxed);
            }
            Ok(response.map(|body| answering.with(body)))
        })
    }

    /// Returns the side of a device: that of its listener, or else that of its network.
    fn side(&self, peer: Peer, remote: IpAddr) -> Option<Side> {
        match peer.side {
            // The networks restrict an internal listener, and never extend it.
            Some(Side::Internal) => self.networks.side(remote).or(peer.side),
            Some(Side::External) => peer.side,
            None => self.networks.side(remote),
        }
    }

    /// Writes an access row for a request that never reached the service, because it was not valid HTTP. hyper has
    /// answered it with a status and no reason.
    fn refused_by_hyper(&self, error: &hyper::Error, peer: Peer) {
        if !error.is_parse() {
            return;
        }
        let status = if error.is_parse_too_large() { 431 } else { 400 };
        let service = self.updates.service();
        let row = AccessRow::finished("", "", status, Duration::ZERO, service.now());
        service.log_access(&AccessRow {
            client_ip: peer.remote.ip().to_canonical().to_string().as_str().into(),
            server_ip: peer.local.ip().to_canonical().to_string().as_str().into(),
            server_port: Some(peer.local.port()),
            ..row
        });
    }
}

#[cfg(test)]
mod tests;
