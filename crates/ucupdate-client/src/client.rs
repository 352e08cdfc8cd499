//! The client: asking, and the connections beneath asking and downloading.

use crate::device_code::DeviceCode;
use crate::error::{ClientError, UrlFault, one_line};
use crate::options::ClientOptions;
use crate::{headers, target, tls};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, IF_RANGE, RANGE};
use reqwest::{Response, StatusCode, Url, redirect};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::time::{sleep, timeout};
use ucupdate_core::{UpdateRequest, UpdateResponse};
use ucupdate_upx::{Decoded, UnknownItem};

/// How many redirects of a download are followed.
const MAX_REDIRECTS: usize = 5;

/// How much of a refusal is read to find its reason.
const MAX_REFUSAL_BYTES: usize = 4 * 1024;

/// How long a refusal may take to say its reason.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(5);

/// What a device asks with.
///
/// Cheap to clone; the clones share their connections. No proxy is used, whatever the environment says. A client belongs to
/// the tokio runtime it is used in.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    pub(crate) options: Arc<ClientOptions>,
}

/// A file, or a part of it, that begins to come.
pub(crate) struct FoundFile {
    /// What comes.
    pub(crate) response: Response,
    /// The strong ETag of the file: of a redirect on the way where it is a SHA-256, else of what comes.
    pub(crate) etag: Option<Box<str>>,
}

/// The answer to an update request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UpdateAnswer {
    /// What to fetch; without modules there is nothing to do.
    pub response: UpdateResponse,
    /// What the response held that the dialect does not know; at most as many as the codec's limits keep.
    pub unknown: Vec<UnknownItem>,
    /// How many unknown items there were in all.
    pub unknown_count: usize,
    /// The HTTP status: always 200, since nothing else is an answer.
    pub status: u16,
    /// How many tries it took.
    pub tries: u32,
    /// How long it took, all tries and the waits between them included.
    pub elapsed: Duration,
}

impl UpdateAnswer {
    /// What a phone would show.
    pub fn device_code(&self) -> DeviceCode {
        DeviceCode::answered(self.status)
    }
}

impl Client {
    /// A client with these options. Connects to nothing yet.
    ///
    /// # Errors
    /// [`ClientError::Options`] when a root certificate cannot be read, or the user agent is no header value.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        let user_agent = HeaderValue::from_str(&options.user_agent).map_err(|_| {
            let found = &options.user_agent;
            ClientError::options(format_args!("user agent {found:?} cannot be a header value"))
        })?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::config(&options)?)
            .user_agent(user_agent)
            // Phones speak HTTP/1.1; and a file that was compressed on the way would have another size than declared.
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
            .build()
            .map_err(ClientError::options)?;
        Ok(Self { http, options: Arc::new(options) })
    }

    /// The options it was made with.
    pub fn options(&self) -> &ClientOptions {
        &self.options
    }

    /// Asks the request handler at `url` what to fetch.
    ///
    /// Redirects are not followed but reported: nobody should learn of a wrong URL from the phones.
    ///
    /// # Errors
    /// When the URL is none to ask, nobody answers, the answer is not a 200, is longer than
    /// [`response_limit`](ClientOptions::response_limit), or is no response the codec can read. What
    /// [may pass](ClientError::may_pass) is tried again as [`retry`](ClientOptions::retry) says; the error is the last try's.
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
                .unwrap_or_else(|_| Err(ClientError::timed_out(url.as_str(), limit)));
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

    async fn ask_once(&self, url: &Url, body: Vec<u8>) -> Result<Decoded<UpdateResponse>, ClientError> {
        let failed = |error: reqwest::Error| ClientError::connection(url.as_str(), &error);
        let request = self
            .http
            .post(url.clone())
            .header(CONTENT_TYPE, "text/xml; charset=utf-8")
            .header(ACCEPT_ENCODING, "identity")
            .body(body);
        let mut response = request.send().await.map_err(failed)?;
        if response.status() != StatusCode::OK {
            return Err(refusal(url, response).await);
        }
        let most = self.options.response_limit;
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if chunk.len() > most - answer.len() {
                let most = u64::try_from(most).unwrap_or(u64::MAX);
                return Err(ClientError::TooLarge { url: url.as_str().into(), most });
            }
            answer.extend_from_slice(&chunk);
        }
        self.options
            .codec
            .decode_response(&answer)
            .map_err(|cause| ClientError::Answer { url: url.as_str().into(), cause })
    }

    /// Asks for a file, or for the rest of one from `offset` on if it still has that ETag. Gives a 200, 206 or 416.
    ///
    /// Redirects are followed, so many and never from https to http. Nothing is sent along that would tell one server of
    /// another: this client has no credentials, keeps no cookies and names no referrer.
    pub(crate) async fn get(&self, url: &Url, rest: Option<(&str, u64)>) -> Result<FoundFile, ClientError> {
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
            // Who is asked says what the file is; who gives the bytes may have other words for it. Of a redirect only what is a
            // hash is believed, which the bytes are held against: any other tag may be that of the redirect itself.
            let told = headers::strong_etag(response.headers());
            let told =
                told.filter(|tag| !response.status().is_redirection() || headers::etag_sha256(tag).is_some());
            etag = etag.or_else(|| told.map(Into::into));
            match response.status().as_u16() {
                200 | 206 => return Ok(FoundFile { response, etag }),
                416 if rest.is_some() => return Ok(FoundFile { response, etag }),
                301 | 302 | 303 | 307 | 308 if headers::location(response.headers()).is_some() => {
                    let location = headers::location(response.headers()).unwrap_or_default();
                    url = target::redirected(&url, location)?;
                }
                _ => return Err(refusal(&url, response).await),
            }
        }
        let fault = UrlFault::TooManyRedirects { most: MAX_REDIRECTS };
        Err(ClientError::Url { url: target::shown(&url), fault })
    }

    /// Waits before the next try, or gives back the error where there is none.
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

/// The error that an answer is which is none: its status, and why the server says so.
async fn refusal(url: &Url, response: Response) -> ClientError {
    let status = response.status();
    let retry_after = headers::retry_after(response.headers(), SystemTime::now());
    let reason = match headers::location(response.headers()) {
        Some(location) if status.is_redirection() => {
            one_line(&format!("redirect to {}", target::without_query(location)))
        }
        _ => {
            let said = timeout(REFUSAL_TIMEOUT, first_line(response)).await.unwrap_or_default();
            if said.is_empty() { status.canonical_reason().unwrap_or("no reason given").into() } else { said }
        }
    };
    ClientError::Status { url: target::shown(url), status: status.as_u16(), reason, retry_after }
}

async fn first_line(mut response: Response) -> Box<str> {
    let mut start = Vec::new();
    while start.len() < MAX_REFUSAL_BYTES
        && let Ok(Some(chunk)) = response.chunk().await
    {
        let room = MAX_REFUSAL_BYTES - start.len();
        start.extend(chunk.iter().take(room));
    }
    one_line(&String::from_utf8_lossy(&start))
}
