//! The listener for administrators. It answers the API and the console, and never a device.

use super::connection::bodies::{IncomingBody, OutgoingBody};
use super::connection::linger::linger;
use super::connection::places::{Place, Places};
use super::connection::refused;
use super::connection::stall::Patient;
use super::connection::two_lengths::{TwoLengths, WatchedStream};
use super::network::forwarded::ClientOrigin;
use super::network::networks::LiveNetworks;
use super::network::tls::ServedCertificate;
use crate::args::number::listener;
use crate::commands::server::token::failure;
use crate::failure::Failure;
use crate::files;
use bytes::Bytes;
use http::{HeaderValue, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tower::Service as _;
use ucupdate::UpdateService;
use ucupdate_admin::{AdminOptions, Administration, LiveEvents, RemoteAddress, TokenFile};

/// The largest number of connections at a time. If all are in use, the one that has waited longest
/// for a request is closed.
const CONNECTIONS: usize = 64;

/// The largest number of connections of one address at a time. This machine has no such limit,
/// because a proxy may run on it.
const CONNECTIONS_OF_ONE: usize = 32;

/// The longest time in which a client may take no bytes of an answer.
const STALL: Duration = Duration::from_secs(60);

/// The largest head of a request in bytes.
const HEAD_BYTES: usize = 64 * 1024;

/// The time limit of the head of a request, and of the TLS handshake.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// The time limit of a whole connection. Uploading a package may take an hour.
const TIME: Duration = Duration::from_secs(2 * 60 * 60);

#[derive(Debug, clap::Args)]
pub(crate) struct AdminArgs {
    /// Address and port of the API and the console for administrators; devices are not served there. Needs --token-file
    #[arg(long = "admin", value_name = "ADDR", requires = "token_file", value_parser = listener)]
    address: Option<SocketAddr>,
    /// The file of tokens, which `ucupdate token add` creates
    #[arg(long, value_name = "FILE", requires = "address")]
    token_file: Option<PathBuf>,
    /// Allow an address for --admin that other machines can reach. Without a TLS proxy, tokens and packages cross the
    /// network unencrypted
    #[arg(long, requires = "address", conflicts_with = "admin_tls_cert")]
    admin_anywhere: bool,
    /// Certificate chain in PEM for administrators, who are answered with TLS only then. Other machines may reach --admin
    #[arg(long, value_name = "CERT", requires_all = ["address", "admin_tls_key"])]
    admin_tls_cert: Option<PathBuf>,
    /// Private key in PEM for --admin-tls-cert
    #[arg(long, value_name = "KEY", requires = "admin_tls_cert")]
    admin_tls_key: Option<PathBuf>,
    /// A version must be approved by another person than the one who ingested its package. This concerns the API and the console,
    /// and not the device types that are approved at ingest
    #[arg(long, requires = "address")]
    admin_four_eyes: bool,
}

/// A bound listener that does not answer requests yet.
pub(super) struct AdminListener {
    listener: TcpListener,
    tokens: TokenFile,
    tls: Option<TlsAcceptor>,
    /// The certificate that `tls` uses. `None` without TLS.
    certificate: Option<Arc<ServedCertificate>>,
    four_eyes: bool,
}

impl AdminArgs {
    pub(super) fn token_file(&self) -> Option<&Path> {
        self.token_file.as_deref()
    }

    /// Binds the listener and returns it with warnings. Returns `None` if `--admin` is not given.
    ///
    /// Fails when other machines would reach the address without TLS and `--admin-anywhere` is not
    /// given, when the token file or the certificate cannot be read, and when the address cannot be
    /// bound.
    pub(super) async fn bind(&self) -> Result<Option<(AdminListener, Vec<String>)>, Failure> {
        let (Some(address), Some(path)) = (self.address, self.token_file.clone()) else { return Ok(None) };
        let is_local = address.ip().to_canonical().is_loopback();
        let (certificate, mut warnings): (_, Vec<String>) = match self
            .admin_tls_cert
            .as_deref()
            .zip(self.admin_tls_key.as_deref())
        {
            Some((certificates, key)) => {
                let (served, warnings) = ServedCertificate::open_on_own_thread(certificates, key).await?;
                (Some(served), warnings.into_iter().map(|warning| format!("warning: {warning}")).collect())
            }
            None => (None, Vec::new()),
        };
        let tls = certificate.as_ref().map(ServedCertificate::acceptor).transpose()?;
        if !is_local && tls.is_none() && !self.admin_anywhere {
            return Err(Failure::usage(format_args!(
                "--admin {address} can be reached by other machines, and tokens would cross the network without TLS; expected an \
                 address of this machine such as 127.0.0.1:8081, --admin-tls-cert, or --admin-anywhere with a proxy with TLS in front"
            )));
        }
        let tokens = files::on_own_thread(|| TokenFile::open(path).map_err(failure)).await?;
        let bound = TcpListener::bind(address).await;
        let failed = |error| Failure::in_doing(format_args!("cannot listen on {address}"), &error);
        if !is_local && tls.is_none() {
            warnings.push(format!(
                "warning: administrators reach {address} without TLS; put a proxy with TLS in front of it"
            ));
        }
        let four_eyes = self.admin_four_eyes;
        Ok(Some((
            AdminListener { listener: bound.map_err(failed)?, tokens, tls, certificate, four_eyes },
            warnings,
        )))
    }
}

impl AdminListener {
    pub(super) fn certificate(&self) -> Option<&Arc<ServedCertificate>> {
        self.certificate.as_ref()
    }

    /// Returns the URL of the listener, with the port that the system chose.
    pub(super) fn url(&self) -> Result<String, Failure> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Ok(format!("{scheme}://{}/", self.listener.local_addr()?))
    }

    /// Answers requests until the future is dropped. Dropping the future also ends the streams of
    /// events. `networks` has the trusted proxies: failed logins are counted by the address that a
    /// trusted proxy forwards.
    pub(super) async fn serve(
        self,
        service: UpdateService,
        live: LiveEvents,
        networks: LiveNetworks,
    ) -> Infallible {
        let options = AdminOptions::default().with_live_events(live.clone()).with_four_eyes(self.four_eyes);
        let administration = Administration::with_options(service, self.tokens, options);
        let _close = CloseAtEnd(live);
        let places = Arc::new(Places::new(CONNECTIONS, CONNECTIONS_OF_ONE));
        loop {
            let Ok((stream, remote)) = self.listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            };
            // A connection is closed if its address uses all of its connections already.
            let is_here = remote.ip().to_canonical().is_loopback();
            let Some(place) = places.take(remote.ip(), is_here).await else { continue };
            let (administration, tls) = (administration.clone(), self.tls.clone());
            let networks = networks.clone();
            tokio::spawn(async move {
                let place = Arc::new(place);
                let stream = Patient::new(stream, STALL, Arc::clone(&place));
                let answering = async {
                    let Some(tls) = tls else {
                        return answer(stream, (remote, networks), administration, Arc::clone(&place)).await;
                    };
                    let shaken = tokio::time::timeout(HEAD_TIME, tls.accept(stream)).await;
                    if let Ok(Ok(stream)) = shaken {
                        answer(stream, (remote, networks), administration, Arc::clone(&place)).await;
                    }
                };
                tokio::select! {
                    biased;
                    () = place.is_needed() => {}
                    () = answering => {}
                }
            });
        }
    }
}

/// Ends the streams of events when it is dropped.
struct CloseAtEnd(LiveEvents);

impl Drop for CloseAtEnd {
    fn drop(&mut self) {
        self.0.close();
    }
}

async fn answer<S>(
    stream: S,
    (peer, networks): (SocketAddr, LiveNetworks),
    administration: Administration,
    place: Arc<Place>,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let two_lengths = TwoLengths::default();
    let stream = WatchedStream::new(stream, two_lengths.clone());
    let answering = service_fn(move |mut request: http::Request<Incoming>| {
        two_lengths.put_back(&mut request);
        let (parts, body) = request.into_parts();
        let checked = ucupdate_http::check_framing(&parts);
        let body = IncomingBody::new(body, Arc::clone(&place));
        let mut request = http::Request::from_parts(parts, body);
        // Only the address is used here, so the value of `tls` has no effect.
        let client = networks.origin(ClientOrigin::direct(peer.ip(), false), request.headers());
        request.extensions_mut().insert(RemoteAddress(client.remote));
        let answering = OutgoingBody::begin(Arc::clone(&place));
        let mut administration = administration.clone();
        Box::pin(async move {
            if let Err((status, reason)) = checked {
                let mut response = http::Response::new(answering.with(Bytes::from(reason + "\n").into()));
                *response.status_mut() = status;
                let text = HeaderValue::from_static("text/plain; charset=utf-8");
                response.headers_mut().insert(header::CONTENT_TYPE, text);
                return Ok(response);
            }
            // The service is always ready.
            let answered = administration.call(request).await;
            answered.map(|response| response.map(|body| answering.with(body)))
        })
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES)
        // A client may close its sending side and still expect its answer.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), answering);
    let served = std::future::poll_fn(|cx| connection.poll_without_shutdown(cx));
    let ended = tokio::time::timeout(TIME, served).await;
    let parts = connection.into_parts();
    let mut stream = parts.io.into_inner();
    if let Ok(Err(error)) = ended {
        refused::answer(&mut stream, &error, !parts.read_buf.is_empty()).await;
    }
    // A client that is still sending a package would lose the refusal if the connection were reset
    // now.
    linger(stream).await;
}
