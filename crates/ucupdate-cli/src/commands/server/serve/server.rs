//! The server proper: it accepts connections on several endpoints and hands their requests on, and it ends in an orderly
//! way.
//!
//! ```text
//! Serving ──► Draining: nothing new is accepted, what was begun is finished ──► Cut: what is still open is closed
//! ```

use super::endpoint::Endpoint;
use super::forwarded::{self, Network, Origin, Proxies};
use super::limits::{BUFFER_BYTES, Limits};
use super::prefix::Prefixes;
use super::stall::Patient;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::Service as _;
use ucupdate_http::{Connection, DeviceUpdates};

/// How long accepting pauses after the system refused it: it is short of files or memory, and others may give some back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Largest number of bytes that are read and dropped after the last answer of a connection.
const LINGER_BYTES: usize = 4 * 1024 * 1024;

/// Time for reading and dropping them.
const LINGER_TIME: Duration = Duration::from_secs(2);

const LINGER_BUFFER_BYTES: usize = 4 * 1024;

/// How requests are taken.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) updates: DeviceUpdates,
    pub(crate) prefixes: Prefixes,
    pub(crate) proxies: Proxies,
    /// The networks whose devices may use the internal paths; every network where it is empty.
    pub(crate) inside: Vec<Network>,
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
    /// Accepts connections on all of the endpoints from now on.
    pub(crate) fn start(endpoints: Vec<Endpoint>, intake: Intake) -> Self {
        let (stage, at) = watch::channel(Stage::Serving);
        let slots = Arc::new(Semaphore::new(intake.limits.connections));
        let intake = Arc::new(intake);
        let mut tasks = JoinSet::new();
        for endpoint in endpoints {
            tasks.spawn(accept(endpoint, Arc::clone(&intake), Arc::clone(&slots), at.clone()));
        }
        Self { stage, endpoints: tasks }
    }

    /// Accepts nothing more and waits until what was begun is finished, but no longer than until `hurry` is done. Gives how
    /// many connections were closed in the middle of something then.
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

/// Accepts until the server drains, then waits for the connections. Gives how many were cut.
async fn accept(
    endpoint: Endpoint,
    intake: Arc<Intake>,
    slots: Arc<Semaphore>,
    mut stage: watch::Receiver<Stage>,
) -> usize {
    let mut connections = JoinSet::new();
    loop {
        let accepted = async {
            // Closing the semaphore is nobody's business, so this is always a slot.
            let slot = Arc::clone(&slots).acquire_owned().await;
            (endpoint.listener.accept().await, slot)
        };
        tokio::select! {
            () = reached(&mut stage, Stage::Draining) => break,
            Some(_ended) = connections.join_next() => {}
            (accepted, slot) = accepted => match accepted {
                Ok((stream, remote)) => {
                    let peer = Peer { remote, local: stream.local_addr().unwrap_or(endpoint.local()) };
                    let serving = serve(stream, peer, endpoint.tls.clone(), Arc::clone(&intake), stage.clone());
                    connections.spawn(async move {
                        serving.await;
                        drop(slot);
                    });
                }
                // It was gone before we took it.
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => {}
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
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

/// Waits until the server is at this stage, or gone.
async fn reached(stage: &mut watch::Receiver<Stage>, at: Stage) {
    drop(stage.wait_for(|now| *now >= at).await);
}

/// The two ends of a connection.
#[derive(Clone, Copy, Debug)]
struct Peer {
    remote: SocketAddr,
    local: SocketAddr,
}

/// Serves one connection to its end.
async fn serve(
    stream: TcpStream,
    peer: Peer,
    tls: Option<tokio_rustls::TlsAcceptor>,
    intake: Arc<Intake>,
    mut stage: watch::Receiver<Stage>,
) {
    // Without it the last piece of an answer may wait for a good while; a system that does not know it is as well.
    let _unset = stream.set_nodelay(true);
    let stream = Patient::new(stream, intake.limits.stall);
    let Some(tls) = tls else {
        return serve_http(stream, peer, false, intake, stage).await;
    };
    let shaken = tokio::select! {
        shaken = tokio::time::timeout(intake.limits.handshake, tls.accept(stream)) => shaken,
        () = reached(&mut stage, Stage::Draining) => return,
    };
    match shaken {
        Ok(Ok(stream)) => serve_http(stream, peer, true, intake, stage).await,
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
    mut stage: watch::Receiver<Stage>,
) {
    let limits = intake.limits;
    let service = service_fn(move |request| intake.answer(request, peer, tls));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_header_size(limits.head_bytes)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut is_draining = false;
    let ended = loop {
        tokio::select! {
            ended = std::future::poll_fn(|cx| connection.poll_without_shutdown(cx)) => break ended,
            () = reached(&mut stage, Stage::Draining), if !is_draining => {
                std::pin::Pin::new(&mut connection).graceful_shutdown();
                is_draining = true;
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(remote = %peer.remote, error = &error as &dyn std::error::Error, "connection ended");
    }
    tokio::select! {
        () = linger(connection.into_parts().io.into_inner()) => {}
        () = reached(&mut stage, Stage::Draining) => {}
    }
}

/// Says that nothing more comes, and reads what the client still sends, up to a limit. A connection that is closed with unread
/// bytes is reset, and a client that is still sending may then lose the answer.
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

impl Intake {
    /// Answers a request of the client that sent it, without the prefix of the public URLs.
    fn answer(
        &self,
        mut request: http::Request<Incoming>,
        peer: Peer,
        tls: bool,
    ) -> <DeviceUpdates as tower::Service<http::Request<Incoming>>>::Future {
        let from =
            forwarded::origin(Origin { remote: peer.remote.ip(), tls }, request.headers(), &self.proxies);
        let is_outside = !self.inside.is_empty() && !forwarded::is_in(from.remote, &self.inside);
        let connection = Connection::from_remote(from.remote)
            .with_local(peer.local)
            .with_tls(from.tls)
            .with_outside(is_outside);
        request.extensions_mut().insert(connection);
        if let Some(uri) = self.prefixes.strip(request.uri(), |path| self.updates.serves(path)) {
            *request.uri_mut() = uri;
        }
        // It is always ready.
        self.updates.clone().call(request)
    }
}

#[cfg(test)]
mod tests;
