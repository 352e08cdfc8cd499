//! [`HandlerConnection`]: one connection to one request handler.

use crate::client::{Client, UnreadAnswer, UpdateAnswer};
use crate::error::{ClientError, ConnectionFault};
use crate::target;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use reqwest::Url;
use rustls::pki_types::ServerName;
use std::error::Error as StdError;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use ucupdate_core::{UpdateRequest, UpdateResponse};
use ucupdate_upx::Decoded;

/// One connection to one request handler, for many requests that follow one another.
///
/// It needs about half of the CPU time of [`Client::ask`], which shares its connections between
/// tasks. It follows no redirects, and does not use the schedule of
/// [`with_retry`](crate::ClientOptions::with_retry). [`Client::handler`] creates it.
///
/// ```
/// # use ucupdate_client::{Client, ClientOptions, SimulatedDevice};
/// # use ucupdate_core::{Device, value::{FieldTime, Reported}};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let url = format!("http://{}/RequestHandler/ucdevice.upx", listener.local_addr()?);
/// # let nothing = "<Response><NumOfFiles>0</NumOfFiles><Modules></Modules></Response>";
/// # tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(move || async move { nothing })).await });
/// # let mac_address = Reported::default();
/// # let device = Device { kind: "UCPhone/Polycom/CX700/A/ENU".parse()?, mac_address, serial_number: Reported::default() };
/// let phone = SimulatedDevice::new(device);
/// let mut connection = Client::new(ClientOptions::default())?.handler(&url)?;
/// for number in 0..3 {
///     let request = phone.clone().numbered(number).next_request(FieldTime::FILETIME_ZERO);
///     assert!(connection.ask(&request).await?.response.modules.is_empty());
/// }
/// # Ok(())
/// # }
/// ```
pub struct HandlerConnection {
    handler: Handler,
    open: Option<OpenConnection>,
}

/// A request handler, with the URL and the header fields that all requests to it share.
struct Handler {
    client: Client,
    url: Url,
    uri: Uri,
    headers: HeaderMap,
    /// The start time of the current request.
    asked_at: Instant,
}

impl fmt::Debug for HandlerConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerConnection")
            .field("url", &target::shown(&self.handler.url))
            .field("is_open", &self.open.is_some())
            .finish_non_exhaustive()
    }
}

/// TCP, or TLS over TCP.
trait HandlerStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> HandlerStream for S {}

/// An open HTTP connection. No background task serves it: the task that waits for an answer polls
/// `driver`.
struct OpenConnection {
    sender: SendRequest<Full<Bytes>>,
    /// Sends and receives the bytes of the connection. `None` after the connection ended.
    driver: Option<Driver>,
}

type Driver = Pin<Box<http1::Connection<TokioIo<Box<dyn HandlerStream>>, Full<Bytes>>>>;

/// An answer whose body has not been read yet, together with its connection.
struct HandlerExchange<'a> {
    handler: &'a Handler,
    open: &'a mut OpenConnection,
    response: Response<Incoming>,
}

impl UnreadAnswer for HandlerExchange<'_> {
    fn head(&self) -> (StatusCode, &HeaderMap) {
        (self.response.status(), self.response.headers())
    }

    async fn next_chunk(&mut self, _url: &Url) -> Result<Option<Bytes>, ClientError> {
        let Self { handler, open, response } = self;
        while let Some(frame) = handler.drive(&mut open.driver, response.body_mut().frame()).await? {
            let frame = frame.map_err(|error| handler.failed(ConnectionFault::Broken, &error))?;
            // The other frames are trailers.
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }
}

/// The failure of a request that got no answer.
struct Unanswered {
    error: ClientError,
    /// The request, if it was not sent at all. It can be sent again through another connection.
    unsent: Option<Request<Full<Bytes>>>,
}

impl From<ClientError> for Unanswered {
    fn from(error: ClientError) -> Self {
        Self { error, unsent: None }
    }
}

impl From<Unanswered> for ClientError {
    fn from(unanswered: Unanswered) -> Self {
        unanswered.error
    }
}

impl HandlerConnection {
    pub(crate) fn new(client: Client, url: Url) -> Result<Self, ClientError> {
        let unusable =
            |cause: &dyn fmt::Display| ClientError::options(format_args!("{}: {cause}", target::shown(&url)));
        let target = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let uri = target.parse().map_err(|cause| unusable(&cause))?;
        let host = url.host_str().unwrap_or_default();
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let value = |text: &str| HeaderValue::from_str(text).map_err(|cause| unusable(&cause));
        let headers = HeaderMap::from_iter([
            (HOST, value(&authority)?),
            (USER_AGENT, value(&client.options.user_agent)?),
            (CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=utf-8")),
            (ACCEPT_ENCODING, HeaderValue::from_static("identity")),
            (ACCEPT, HeaderValue::from_static("*/*")),
        ]);
        Ok(Self { handler: Handler { client, url, uri, headers, asked_at: Instant::now() }, open: None })
    }

    /// Sends one update request, and returns its answer. Opens a connection if there is none. The
    /// connection is kept unless
    /// [`with_kept_connections`](crate::ClientOptions::with_kept_connections) is `false` or the
    /// server closes it.
    ///
    /// A request that could not be sent, because the server had closed the kept connection, is sent through a new one.
    ///
    /// # Errors
    /// The errors of [`Client::ask`], after one try. After an error the next request opens a new
    /// connection.
    pub async fn ask(&mut self, request: &UpdateRequest) -> Result<UpdateAnswer, ClientError> {
        let body = Bytes::from(self.handler.client.options.codec.encode_request(request));
        self.handler.asked_at = Instant::now();
        // A connection is kept only after a whole answer. After an error or a dropped future, the
        // next bytes may belong to the old answer.
        let (decoded, open) = self.handler.exchange(self.open.take(), body).await?;
        self.open = open;
        let Decoded { value, unknown, unknown_count, .. } = decoded;
        let elapsed = self.handler.asked_at.elapsed();
        Ok(UpdateAnswer { response: value, unknown, unknown_count, status: 200, tries: 1, elapsed })
    }
}

impl Handler {
    /// Sends a request through the kept connection or a new one. Returns the answer, and the connection if it can be kept.
    async fn exchange(
        &self,
        kept: Option<OpenConnection>,
        body: Bytes,
    ) -> Result<(Decoded<UpdateResponse>, Option<OpenConnection>), ClientError> {
        let mut request =
            Request::post(self.uri.clone()).body(Full::new(body)).map_err(ClientError::options)?;
        request.headers_mut().clone_from(&self.headers);
        let (mut open, response) = match kept {
            Some(open) => match self.send(open, request).await {
                Ok(sent) => sent,
                Err(Unanswered { unsent: Some(unsent), .. }) => {
                    self.send(self.connect().await?, unsent).await?
                }
                Err(unanswered) => return Err(unanswered.error),
            },
            None => self.send(self.connect().await?, request).await?,
        };
        let answer = HandlerExchange { handler: self, open: &mut open, response };
        let decoded = self.client.read_answer(&self.url, answer).await?;
        let is_kept = self.client.options.keeps_connections && !open.sender.is_closed();
        Ok((decoded, is_kept.then_some(open)))
    }

    /// Opens a connection, within the limit of
    /// [`with_connect_timeout`](crate::ClientOptions::with_connect_timeout).
    async fn connect(&self) -> Result<OpenConnection, ClientError> {
        let limit = self.client.options.connect_timeout;
        self.within(limit, "no connection", self.connect_without_limit()).await?
    }

    async fn connect_without_limit(&self) -> Result<OpenConnection, ClientError> {
        let host = self.url.host_str().unwrap_or_default();
        // An IPv6 address has brackets in a URL.
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let port = self.url.port_or_known_default().unwrap_or(80);
        let addresses =
            lookup_host((name, port)).await.map_err(|error| self.failed(ConnectionFault::Name, &error))?;
        let addresses: Vec<SocketAddr> = addresses.collect();
        let tcp = connect_to_any(&addresses, self.client.options.connect_timeout)
            .await
            .map_err(|error| self.failed(ConnectionFault::Connect, &error))?;
        tcp.set_nodelay(true).map_err(|error| self.failed(ConnectionFault::Connect, &error))?;
        let stream: Box<dyn HandlerStream> = if self.url.scheme() == "https" {
            let name = ServerName::try_from(name.to_owned())
                .map_err(|error| self.failed(ConnectionFault::Name, &error))?;
            let tls = TlsConnector::from(Arc::clone(&self.client.tls)).connect(name, tcp).await;
            Box::new(tls.map_err(|error| self.failed(ConnectionFault::Tls, &error))?)
        } else {
            Box::new(tcp)
        };
        let (sender, driver) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.failed(ConnectionFault::Broken, &error))?;
        Ok(OpenConnection { sender, driver: Some(Box::pin(driver)) })
    }

    /// Sends a request, and receives the status and the header fields of the answer. Returns the connection and the
    /// answer, whose body has not been read yet.
    async fn send(
        &self,
        mut open: OpenConnection,
        request: Request<Full<Bytes>>,
    ) -> Result<(OpenConnection, Response<Incoming>), Unanswered> {
        let response = open.sender.try_send_request(request);
        match self.drive(&mut open.driver, response).await? {
            Ok(response) => Ok((open, response)),
            Err(mut failed) => {
                let error = self.failed(ConnectionFault::Broken, failed.error());
                Err(Unanswered { error, unsent: failed.take_message() })
            }
        }
    }

    /// Waits for `work`. During the wait `driver` sends and receives the bytes of the connection.
    async fn drive<T>(
        &self,
        driver: &mut Option<Driver>,
        work: impl Future<Output = T>,
    ) -> Result<T, ClientError> {
        let mut work = pin!(work);
        let driven = poll_fn(|context| {
            // The connection is polled before `work`, so that `work` finds the bytes that have
            // arrived. This saves a wake-up.
            if let Some(open) = driver
                && open.as_mut().poll(context).is_ready()
            {
                // An error of the connection also reaches `work`.
                *driver = None;
            }
            work.as_mut().poll(context)
        });
        self.within(self.client.options.idle_timeout, "no bytes", driven).await
    }

    /// Waits for `work`, but not longer than `limit`, and not longer than the time that is left for
    /// the whole request. `missing` is for the error: the thing that did not arrive in time.
    async fn within<T>(
        &self,
        limit: Duration,
        missing: &str,
        work: impl Future<Output = T>,
    ) -> Result<T, ClientError> {
        let whole = self.client.options.ask_timeout;
        let left = whole.saturating_sub(self.asked_at.elapsed());
        timeout(limit.min(left), work).await.map_err(|_| {
            if left < limit {
                return ClientError::timed_out(&target::shown(&self.url), whole);
            }
            let cause = format!("{missing} within {limit:?}");
            self.failed(ConnectionFault::Timeout, &io::Error::other(cause))
        })
    }

    fn failed(&self, fault: ConnectionFault, error: &(dyn StdError + 'static)) -> ClientError {
        ClientError::broken(&target::shown(&self.url), fault, error)
    }
}

/// Connects to the first address that answers. Each address except the last gets an equal part of `limit`, so that an
/// address that never answers leaves time for the others. For the last address, the caller must limit the time.
async fn connect_to_any(addresses: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    let Some((last, others)) = addresses.split_last() else {
        return Err(io::Error::other("the name has no address"));
    };
    let part = limit / u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in others {
        if let Ok(Ok(connected)) = timeout(part, TcpStream::connect(address)).await {
            return Ok(connected);
        }
    }
    TcpStream::connect(last).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::{TcpListener, TcpSocket};

    #[tokio::test]
    async fn an_address_that_never_answers_hides_no_other() {
        let silent = TcpSocket::new_v4().unwrap();
        silent.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let silent = silent.listen(1).unwrap();
        let full = silent.local_addr().unwrap();
        // The queue of the listener is full after a few connections. Further ones wait.
        let mut waiting = Vec::new();
        for _ in 0..8 {
            waiting.push(tokio::spawn(TcpStream::connect(full)));
        }
        let answering = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let refusing = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let wanted = answering.local_addr().unwrap();
        for addresses in [vec![full, wanted], vec![refusing, full, wanted], vec![wanted, full]] {
            let connected = connect_to_any(&addresses, Duration::from_millis(300)).await.unwrap();
            let connected = connected.peer_addr().unwrap();
            // The system may let one more connection into a full queue.
            assert!(connected == wanted || connected == full && addresses[0] != wanted, "{connected}");
        }
        assert!(connect_to_any(&[refusing], Duration::from_secs(1)).await.is_err());
        assert!(connect_to_any(&[], Duration::from_secs(1)).await.is_err());
    }
}
