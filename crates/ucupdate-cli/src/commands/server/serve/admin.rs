//! The listener of administrators: the API and the console, and never a device.

use crate::commands::server::token::failure;
use crate::failure::Failure;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower::Service as _;
use ucupdate::UpdateService;
use ucupdate_admin::{Administration, RemoteAddress, TokenFile};

/// The number of connections at a time.
const CONNECTIONS: usize = 64;

/// The time for the head of a request.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// The time for a whole connection. A package may take an hour.
const TIME: Duration = Duration::from_secs(2 * 60 * 60);

#[derive(Debug, clap::Args)]
pub(crate) struct AdminArgs {
    /// Address and port of the API and the console for administrators; devices are not served there. Needs --token-file
    #[arg(long = "admin", value_name = "ADDR", requires = "token_file")]
    address: Option<SocketAddr>,
    /// The file of tokens, which `ucupdate token add` creates
    #[arg(long, value_name = "FILE", requires = "address")]
    token_file: Option<PathBuf>,
    /// Allow an address for --admin that other machines can reach. Without a TLS proxy, tokens and packages cross the
    /// network unencrypted
    #[arg(long, requires = "address")]
    admin_anywhere: bool,
}

/// A listener that is bound and does not answer yet.
pub(super) struct AdminListener {
    listener: TcpListener,
    tokens: TokenFile,
}

impl AdminArgs {
    /// Binds the listener, if one is asked for. Also returns a warning.
    ///
    /// # Errors
    /// When other machines would reach the address and `--admin-anywhere` is not given, when the file of tokens cannot be read,
    /// and when the address cannot be bound.
    pub(super) async fn bind(&self) -> Result<Option<(AdminListener, Option<String>)>, Failure> {
        let (Some(address), Some(path)) = (self.address, self.token_file.clone()) else { return Ok(None) };
        let is_local = address.ip().to_canonical().is_loopback();
        if !is_local && !self.admin_anywhere {
            return Err(Failure::usage(format_args!(
                "--admin {address} can be reached by other machines, and tokens would cross the network without TLS; expected an \
                 address of this machine such as 127.0.0.1:8081 with a proxy in front, or --admin-anywhere"
            )));
        }
        let tokens = TokenFile::open(path).map_err(failure)?;
        let bound = TcpListener::bind(address).await;
        let failed = |error| Failure::in_doing(format_args!("cannot listen on {address}"), &error);
        let warning = (!is_local).then(|| {
            format!(
                "warning: administrators reach {address} without TLS; put a proxy with TLS in front of it"
            )
        });
        Ok(Some((AdminListener { listener: bound.map_err(failed)?, tokens }, warning)))
    }
}

impl AdminListener {
    /// The address and real port.
    pub(super) fn local(&self) -> Result<SocketAddr, Failure> {
        Ok(self.listener.local_addr()?)
    }

    /// Answers until it is dropped.
    pub(super) async fn serve(self, service: UpdateService) -> Infallible {
        let administration = Administration::new(service, self.tokens);
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let place = Arc::clone(&places).acquire_owned().await;
            let Ok((stream, remote)) = self.listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            };
            let administration = administration.clone();
            tokio::spawn(async move {
                let answering = service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
                    request.extensions_mut().insert(RemoteAddress(remote.ip()));
                    administration.clone().call(request)
                });
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEAD_TIME)
                    .serve_connection(TokioIo::new(stream), answering);
                let _ended = tokio::time::timeout(TIME, connection).await;
                drop(place);
            });
        }
    }
}
