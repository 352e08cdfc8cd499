//! Options of a client.

use crate::retry::Retry;
use std::time::Duration;
use ucupdate_upx::Codec;

/// The user agent of phones in the field, as logs of web servers show it.
pub const DEFAULT_USER_AGENT: &str = "Microsoft UCPhone Device";

/// Options of a [`Client`](crate::Client): timeouts, limits, trust and retries.
///
/// ```
/// use std::time::Duration;
/// use ucupdate_client::{ClientOptions, Retry};
/// let options = ClientOptions::default()
///     .with_user_agent("Microsoft UCPhone Device")
///     .with_connect_timeout(Duration::from_secs(2))
///     .with_retry(Retry::never());
/// assert!(format!("{options:?}").contains("connect_timeout: 2s"));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ClientOptions {
    pub(crate) user_agent: String,
    pub(crate) root_certificates: Vec<Vec<u8>>,
    pub(crate) system_roots: bool,
    pub(crate) connect_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) keeps_connections: bool,
    pub(crate) follows: fn(&str) -> bool,
    pub(crate) ask_timeout: Duration,
    pub(crate) response_limit: usize,
    pub(crate) file_limit: u64,
    pub(crate) retry: Retry,
    pub(crate) codec: Codec,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            user_agent: DEFAULT_USER_AGENT.to_owned(),
            root_certificates: Vec::new(),
            system_roots: true,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            keeps_connections: true,
            follows: |_| true,
            ask_timeout: Duration::from_secs(60),
            response_limit: 64 * 1024,
            file_limit: 1024 * 1024 * 1024,
            retry: Retry::default(),
            codec: Codec::default(),
        }
    }
}

impl ClientOptions {
    /// Sets the value of `User-Agent`. Default: [`DEFAULT_USER_AGENT`].
    pub fn with_user_agent(self, user_agent: impl Into<String>) -> Self {
        Self { user_agent: user_agent.into(), ..self }
    }

    /// Sets whether a connection is kept for later requests. Default: `true`. With `false`, each request opens a connection,
    /// as the requests of different devices do.
    pub fn with_kept_connections(self, kept: bool) -> Self {
        Self { keeps_connections: kept, ..self }
    }

    /// Sets which redirects of a download are followed: only those for which `follows` returns
    /// `true`. Its argument is the absolute URL to which the redirect leads. Default: all.
    ///
    /// Redirects from https to http, and to other schemes, are never followed.
    ///
    /// ```
    /// # use ucupdate_client::ClientOptions;
    /// let options = ClientOptions::default().with_redirects(|url| url.starts_with("https://images.contoso.com/"));
    /// # let _ = options;
    /// ```
    pub fn with_redirects(self, follows: fn(&str) -> bool) -> Self {
        Self { follows, ..self }
    }

    /// Adds trusted root certificates. `pem` contains one certificate or more in PEM format.
    /// Default: none.
    pub fn with_root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificates.push(pem.into());
        self
    }

    /// Sets whether the root certificates of the system are trusted too. Default: `true`.
    ///
    /// On Unix the environment variables `SSL_CERT_FILE` and `SSL_CERT_DIR` name the place of these
    /// certificates. The client reads no other variable, and with `false` it reads no variable. A
    /// system without certificates is not an error. Then only the certificates of
    /// [`with_root_certificates`](Self::with_root_certificates) are trusted.
    pub fn with_system_roots(self, trusted: bool) -> Self {
        Self { system_roots: trusted, ..self }
    }

    /// Sets the time within which a connection must be established, including TLS. Default: 10 seconds.
    pub fn with_connect_timeout(self, timeout: Duration) -> Self {
        Self { connect_timeout: timeout, ..self }
    }

    /// Sets the longest time to wait for the next bytes from the server. After this time a request or download fails
    /// with a timeout. Default: 30 seconds.
    pub fn with_idle_timeout(self, timeout: Duration) -> Self {
        Self { idle_timeout: timeout, ..self }
    }

    /// Sets the time limit for one try of an update request. Default: 60 seconds. Downloads have no
    /// such limit.
    pub fn with_ask_timeout(self, timeout: Duration) -> Self {
        Self { ask_timeout: timeout, ..self }
    }

    /// Sets the largest size of the response to an update request, in bytes. Default: 65,536.
    pub fn with_response_limit(self, bytes: usize) -> Self {
        Self { response_limit: bytes, ..self }
    }

    /// Sets the largest size of an image or signature in bytes. Default: 1 GiB.
    pub fn with_file_limit(self, bytes: u64) -> Self {
        Self { file_limit: bytes, ..self }
    }

    /// Sets the schedule of retries. Default: four tries, see [`Retry`].
    pub fn with_retry(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    /// Returns the codec for update requests and their responses.
    pub const fn codec(&self) -> &Codec {
        &self.codec
    }

    /// Sets the codec for update requests and their responses. Default: [`Codec::default`], which
    /// uses the canonical dialect.
    pub fn with_codec(self, codec: Codec) -> Self {
        Self { codec, ..self }
    }
}
