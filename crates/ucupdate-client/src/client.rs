//! [`Client`]: sends update requests, and shares its connections with downloads.

use crate::device_code::DeviceCode;
use crate::error::{ClientError, UrlFault, one_line};
use crate::handler::HandlerConnection;
use crate::options::ClientOptions;
use crate::{headers, target, tls};
use hyper::body::Bytes;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, IF_RANGE, RANGE};
use reqwest::{Response, StatusCode, Url, redirect};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::time::{sleep, timeout};
use ucupdate_core::{UpdateRequest, UpdateResponse};
use ucupdate_upx::{Decoded, UnknownItem};

/// Largest number of redirects of a download.
const MAX_REDIRECTS: usize = 5;

/// Number of bytes that are read from the body of an error response to find its reason.
const MAX_REFUSAL_BYTES: usize = 4 * 1024;

/// Time within which the reason in an error response must arrive.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(5);

/// An HTTP client with the behaviour of a device.
///
/// Clones are cheap and share their connections. The client uses no proxy and ignores proxy variables. It belongs to the
/// tokio runtime in which it is used.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    /// TLS settings for a [`HandlerConnection`]. The client in `http` trusts the same certificates.
    pub(crate) tls: Arc<rustls::ClientConfig>,
    pub(crate) options: Arc<ClientOptions>,
}

/// A response with a file, or with a part of it, whose body has not been read yet.
pub(crate) struct FileResponse {
    /// The response, with the status 200, 206 or 416.
    pub(crate) response: Response,
    /// The strong ETag of the file, from the first server that sent one. `None` if no server sent one. The ETag of a
    /// redirect is ignored unless it is a SHA-256.
    pub(crate) etag: Option<Box<str>>,
}

/// The answer to an update request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UpdateAnswer {
    /// The modules to fetch. An empty list means that there is nothing to do.
    pub response: UpdateResponse,
    /// Items of the response that the dialect of the codec does not know. Their number is limited
    /// by the codec.
    pub unknown: Vec<UnknownItem>,
    /// Number of all unknown items. `unknown` has only the first ones, up to the limit of the
    /// codec.
    pub unknown_count: usize,
    /// HTTP status. It is always 200, because every other status is an error.
    pub status: u16,
    /// Number of tries, at least 1.
    pub tries: u32,
    /// Duration of all tries, including the waits between them.
    pub elapsed: Duration,
}

impl UpdateAnswer {
    /// Returns the code that a phone would show after this answer.
    pub fn device_code(&self) -> DeviceCode {
        DeviceCode::answered(self.status)
    }
}

impl Client {
    /// Creates a client. It does not connect yet.
    ///
    /// # Errors
    /// [`ClientError::Options`] when a root certificate cannot be read, or when the user agent is not a valid header value.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        let user_agent = HeaderValue::from_str(&options.user_agent).map_err(|_| {
            let found = &options.user_agent;
            ClientError::options(format_args!("user agent {found:?} cannot be a header value"))
        })?;
        let mut tls = tls::config(&options)?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .user_agent(user_agent)
            // Phones use HTTP/1.1. A compressed file would not have the declared size.
            .http1_only()
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(options.connect_timeout)
            .read_timeout(options.idle_timeout)
            .pool_max_idle_per_host(if options.keeps_connections { usize::MAX } else { 0 })
            .build()
            .map_err(ClientError::options)?;
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { http, tls: Arc::new(tls), options: Arc::new(options) })
    }

    /// Returns the options that were passed to [`new`](Self::new).
    pub fn options(&self) -> &ClientOptions {
        &self.options
    }

    /// Sends an update request to the request handler at `url`.
    ///
    /// A redirect is an error, so that a wrong URL is noticed before phones use it.
    ///
    /// # Errors
    /// When the URL is not usable, the server does not respond, the status is not 200, the response is longer than
    /// [`with_response_limit`](ClientOptions::with_response_limit) allows, or the codec cannot read it. Temporary
    /// errors ([`may_pass`](ClientError::may_pass)) are retried by the schedule of
    /// [`with_retry`](ClientOptions::with_retry). The error of the last try is returned.
    pub async fn ask(&self, url: &str, request: &UpdateRequest) -> Result<UpdateAnswer, ClientError> {
        let url = target::handler_url(url)?;
        let body = self.options.codec.encode_request(request);
        let started = Instant::now();
        let mut tries = 0;
        loop {
            tries += 1;
            let limit = self.options.ask_timeout;
            let answer = timeout(limit, self.ask_once(&url, body.clone()))
                .await
                .unwrap_or_else(|_| Err(ClientError::timed_out(&target::shown(&url), limit)));
            let error = match answer {
                Ok(Decoded { value, unknown, unknown_count, .. }) => {
                    let elapsed = started.elapsed();
                    return Ok(UpdateAnswer {
                        response: value,
                        unknown,
                        unknown_count,
                        status: 200,
                        tries,
                        elapsed,
                    });
                }
                Err(error) => error,
            };
            self.wait_after(tries, error).await?;
        }
    }

    /// Returns a new connection to the request handler at `url`, for many requests. Other calls do
    /// not use this connection. The first request opens it.
    ///
    /// ```
    /// # use ucupdate_client::{Client, ClientOptions};
    /// let client = Client::new(ClientOptions::default())?;
    /// assert!(client.handler("http://127.0.0.1:8080/RequestHandler/ucdevice.upx").is_ok());
    /// let refused = client.handler("ftp://127.0.0.1/").unwrap_err();
    /// assert_eq!(refused.to_string(), "URL \"ftp://127.0.0.1/\" has the scheme ftp, expected http or https");
    /// # Ok::<(), ucupdate_client::ClientError>(())
    /// ```
    ///
    /// # Errors
    /// When the URL is not usable.
    pub fn handler(&self, url: &str) -> Result<HandlerConnection, ClientError> {
        HandlerConnection::new(self.clone(), target::handler_url(url)?)
    }

    /// Checks that a URL can be used for [`ask`](Self::ask) and [`post`](Self::post).
    ///
    /// # Errors
    /// When the URL is not usable.
    pub fn check_url(&self, url: &str) -> Result<(), ClientError> {
        target::handler_url(url).map(drop)
    }

    /// Posts a body once to a URL of any service. The time limit is
    /// [`with_ask_timeout`](ClientOptions::with_ask_timeout). A status from 200 to 299 is success. The body of the
    /// response is not read.
    ///
    /// # Errors
    /// When the URL or a header is not usable, the server does not respond, or responds with another status.
    /// [`may_pass`](ClientError::may_pass) says whether a later try may succeed.
    pub async fn post(
        &self,
        url: &str,
        headers: &[(&'static str, &str)],
        body: Vec<u8>,
    ) -> Result<(), ClientError> {
        let url = target::handler_url(url)?;
        let mut request = self.http.post(url.clone()).body(body);
        for (name, value) in headers {
            let value = HeaderValue::from_str(value)
                .map_err(|_| ClientError::options(format_args!("{value:?} cannot be the value of {name}")))?;
            request = request.header(*name, value);
        }
        let posted = async {
            let response = request
                .send()
                .await
                .map_err(|error| ClientError::connection(&target::shown(&url), &error))?;
            if response.status().is_success() { Ok(()) } else { Err(refusal(&url, response).await) }
        };
        let limit = self.options.ask_timeout;
        timeout(limit, posted)
            .await
            .unwrap_or_else(|_| Err(ClientError::timed_out(&target::shown(&url), limit)))
    }

    async fn ask_once(&self, url: &Url, body: Vec<u8>) -> Result<Decoded<UpdateResponse>, ClientError> {
        let failed = |error: reqwest::Error| ClientError::connection(&target::shown(url), &error);
        let request = self
            .http
            .post(url.clone())
            .header(CONTENT_TYPE, "text/xml; charset=utf-8")
            .header(ACCEPT_ENCODING, "identity")
            .body(body);
        let response = request.send().await.map_err(failed)?;
        self.read_answer(url, response).await
    }

    pub(crate) async fn read_answer(
        &self,
        url: &Url,
        mut answer: impl UnreadAnswer,
    ) -> Result<Decoded<UpdateResponse>, ClientError> {
        if answer.head().0 != StatusCode::OK {
            return Err(refusal(url, answer).await);
        }
        let most = self.options.response_limit;
        let mut body = Vec::new();
        while let Some(chunk) = answer.next_chunk(url).await? {
            if chunk.len() > most - body.len() {
                let most = u64::try_from(most).unwrap_or(u64::MAX);
                return Err(ClientError::TooLarge { url: target::shown(url), most });
            }
            body.extend_from_slice(&chunk);
        }
        self.options
            .codec
            .decode_response(&body)
            .map_err(|cause| ClientError::Answer { url: target::shown(url), cause })
    }

    /// Requests the file at `url`. Returns a response with the status 200, 206 or 416.
    ///
    /// `rest` is a strong ETag and an offset. If it is set, only the bytes from this offset on are
    /// requested, and only if the file still has this ETag. Otherwise the server sends the whole
    /// file.
    ///
    /// Follows at most [`MAX_REDIRECTS`] redirects, never from https to http, and only those that
    /// the options allow. The client sends no credentials, no cookies and no referrer, so the
    /// target of a redirect learns nothing about the first server.
    pub(crate) async fn get(
        &self,
        url: &Url,
        rest: Option<(&str, u64)>,
    ) -> Result<FileResponse, ClientError> {
        let mut wanted = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("identity"))]);
        if let Some((etag, offset)) = rest
            && let (Ok(etag), Ok(range)) = (etag.parse(), format!("bytes={offset}-").parse())
        {
            wanted.insert(IF_RANGE, etag);
            wanted.insert(RANGE, range);
        }
        let mut url = url.clone();
        let mut etag = None;
        for _ in 0..=MAX_REDIRECTS {
            let response = self
                .http
                .get(url.clone())
                .headers(wanted.clone())
                .send()
                .await
                .map_err(|error| ClientError::connection(&target::shown(&url), &error))?;
            // The first server knows the file. The server that sends the bytes may use other tags. The tag of a
            // redirect is used only if it is a SHA-256, because the bytes are compared with it. Any other tag may be
            // that of the redirect itself.
            let sent = headers::strong_etag(response.headers());
            let sent =
                sent.filter(|tag| !response.status().is_redirection() || headers::etag_sha256(tag).is_some());
            etag = etag.or_else(|| sent.map(Into::into));
            match response.status().as_u16() {
                200 | 206 => return Ok(FileResponse { response, etag }),
                416 if rest.is_some() => return Ok(FileResponse { response, etag }),
                301 | 302 | 303 | 307 | 308 if headers::location(response.headers()).is_some() => {
                    let location = headers::location(response.headers()).unwrap_or_default();
                    url = target::redirected(&url, location, self.options.follows)?;
                }
                _ => return Err(refusal(&url, response).await),
            }
        }
        let fault = UrlFault::TooManyRedirects { most: MAX_REDIRECTS };
        Err(ClientError::Url { url: target::shown(&url), fault })
    }

    /// Waits before the next try. Returns `error` if there is no further try. `tries` is the number
    /// of tries until now.
    pub(crate) async fn wait_after(&self, tries: u32, error: ClientError) -> Result<(), ClientError> {
        match self.options.retry.wait_after(tries, error.retry_after()) {
            Some(wait) if error.may_pass() => {
                sleep(wait).await;
                Ok(())
            }
            _ => Err(error),
        }
    }
}

/// An answer whose body has not been read yet.
pub(crate) trait UnreadAnswer: Send {
    /// Returns the status and the header fields.
    fn head(&self) -> (StatusCode, &HeaderMap);

    /// Receives the next bytes of the body. Returns `None` at the end of the body. `url` is for
    /// error messages.
    fn next_chunk(&mut self, url: &Url) -> impl Future<Output = Result<Option<Bytes>, ClientError>> + Send;
}

impl UnreadAnswer for Response {
    fn head(&self) -> (StatusCode, &HeaderMap) {
        (self.status(), self.headers())
    }

    async fn next_chunk(&mut self, url: &Url) -> Result<Option<Bytes>, ClientError> {
        self.chunk().await.map_err(|error| ClientError::connection(&target::shown(url), &error))
    }
}

/// Returns the error for a response with an error status: the status and the server's reason.
async fn refusal(url: &Url, answer: impl UnreadAnswer) -> ClientError {
    let (status, headers) = answer.head();
    let retry_after = headers::retry_after(headers, SystemTime::now());
    let reason = match headers::location(headers) {
        Some(location) if status.is_redirection() => {
            one_line(&format!("redirect to {}", target::without_query(location)))
        }
        _ => {
            let said = timeout(REFUSAL_TIMEOUT, first_line(url, answer)).await.unwrap_or_default();
            if said.is_empty() { status.canonical_reason().unwrap_or("no reason given").into() } else { said }
        }
    };
    ClientError::Status { url: target::shown(url), status: status.as_u16(), reason, retry_after }
}

/// Returns the first non-blank line of the body. If the body breaks off, the bytes before that are
/// used.
async fn first_line(url: &Url, mut answer: impl UnreadAnswer) -> Box<str> {
    let mut start = Vec::new();
    while start.len() < MAX_REFUSAL_BYTES
        && let Ok(Some(chunk)) = answer.next_chunk(url).await
    {
        let room = MAX_REFUSAL_BYTES - start.len();
        start.extend(chunk.iter().take(room));
    }
    one_line(&String::from_utf8_lossy(&start))
}
