//! What a client is made with.

use crate::retry::Retry;
use std::time::Duration;
use ucupdate_upx::Codec;

/// The user agent of the field's phones, as the web servers of the time logged it.
pub const DEFAULT_USER_AGENT: &str = "Microsoft UCPhone Device";

/// How a [`Client`](crate::Client) asks, how long it waits, and how much it takes.
///
/// ```
/// use std::time::Duration;
/// use ucupdate_client::{ClientOptions, Retry};
/// let options = ClientOptions::default()
///     .with_connect_timeout(Duration::from_secs(2))
///     .with_retry(Retry::never());
/// assert_eq!(options.user_agent, "Microsoft UCPhone Device");
/// assert_eq!(options.connect_timeout.as_secs(), 2);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientOptions {
    /// What the device calls itself. Default [`DEFAULT_USER_AGENT`].
    pub user_agent: String,
    /// Root certificates to trust, in PEM, any number in each text. Default none.
    pub root_certificates: Vec<Vec<u8>>,
    /// Whether the system's root certificates are trusted too. Default yes.
    ///
    /// Where they lie is the system's to say; on Unix `SSL_CERT_FILE` and `SSL_CERT_DIR` are heeded. That is the only thing
    /// of the environment a client ever looks at, and with `false` it does not. A system without any is no error: then
    /// certificates are not trusted.
    pub system_roots: bool,
    /// How long connecting may take, TLS among it. Default 10 s.
    pub connect_timeout: Duration,
    /// How long a server may be silent. Default 30 s.
    pub idle_timeout: Duration,
    /// How long one try of an update request may take in all. Default 60 s. Downloads have no such bound: they take minutes.
    pub ask_timeout: Duration,
    /// Bytes of a response that are taken. Default 65,536.
    pub response_limit: usize,
    /// Bytes of an image or signature that are taken. Default 1 GiB.
    pub file_limit: u64,
    /// How often to try.
    pub retry: Retry,
    /// How requests are written and responses read.
    pub codec: Codec,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            user_agent: DEFAULT_USER_AGENT.to_owned(),
            root_certificates: Vec::new(),
            system_roots: true,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            ask_timeout: Duration::from_secs(60),
            response_limit: 64 * 1024,
            file_limit: 1024 * 1024 * 1024,
            retry: Retry::default(),
            codec: Codec::default(),
        }
    }
}

impl ClientOptions {
    /// The same under another name.
    #[must_use]
    pub fn with_user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// The same with one more text of root certificates in PEM.
    #[must_use]
    pub fn with_root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificates.push(pem.into());
        self
    }

    /// The same, trusting the system's root certificates or not.
    #[must_use]
    pub fn with_system_roots(mut self, trusted: bool) -> Self {
        self.system_roots = trusted;
        self
    }

    /// The same with another time for connecting.
    #[must_use]
    pub fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The same with another time a server may be silent.
    #[must_use]
    pub fn with_idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// The same with another time for one try of an update request.
    #[must_use]
    pub fn with_ask_timeout(mut self, timeout: Duration) -> Self {
        self.ask_timeout = timeout;
        self
    }

    /// The same with another limit for responses, in bytes.
    #[must_use]
    pub fn with_response_limit(mut self, bytes: usize) -> Self {
        self.response_limit = bytes;
        self
    }

    /// The same with another limit for files, in bytes.
    #[must_use]
    pub fn with_file_limit(mut self, bytes: u64) -> Self {
        self.file_limit = bytes;
        self
    }

    /// The same with other tries.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// The same with another codec.
    #[must_use]
    pub fn with_codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }
}
