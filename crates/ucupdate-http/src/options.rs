//! Options of the devices' HTTP side.

use crate::files::redirects::ImageRedirects;
use crate::request::authenticate::Authenticate;
use crate::request::paths::HandlerPaths;
use http::HeaderValue;
use std::sync::Arc;
use std::time::Duration;
use ucupdate::request::Side;

/// Options of [`DeviceUpdates`](crate::DeviceUpdates). The default serves every internal request. It refuses an
/// external request unless an outer layer has authenticated the user.
#[derive(Clone, Debug)]
#[must_use]
pub struct HttpOptions {
    pub(crate) authenticate: Option<Arc<dyn Authenticate>>,
    pub(crate) external_anonymous: bool,
    pub(crate) challenges: Vec<HeaderValue>,
    pub(crate) body_limit: Option<usize>,
    pub(crate) body_time: Duration,
    pub(crate) handler_paths: HandlerPaths,
    pub(crate) image_redirects: Option<ImageRedirects>,
    pub(crate) downloads: usize,
    pub(crate) downloads_of_one: usize,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            authenticate: None,
            external_anonymous: false,
            challenges: vec![HeaderValue::from_static("NTLM")],
            body_limit: None,
            body_time: Duration::from_secs(30),
            handler_paths: HandlerPaths::default(),
            image_redirects: None,
            downloads: usize::MAX,
            downloads_of_one: usize::MAX,
        }
    }
}

impl HttpOptions {
    /// Sets the implementation of [`Authenticate`](crate::Authenticate) that decides about external requests. Default: none, so
    /// an external request is admitted only if an outer layer has set [`Connection::with_user`](crate::Connection::with_user), or
    /// with [`with_external_anonymous`](Self::with_external_anonymous).
    pub fn with_authenticate(self, authenticate: impl Authenticate) -> Self {
        Self { authenticate: Some(Arc::new(authenticate)), ..self }
    }

    /// Sets whether external requests are served without credentials. Default: `false`. With
    /// `true`, anyone who reaches the server can download every image and send requests as any
    /// device. [`Authenticate`](crate::Authenticate) is not called.
    pub fn with_external_anonymous(self, allowed: bool) -> Self {
        Self { external_anonymous: allowed, ..self }
    }

    /// Sets the values of `WWW-Authenticate` in a 401. They are used if [`Authenticate`](crate::Authenticate) is not set or
    /// returned no values. Default: `NTLM`, as OCS sends. An empty list is ignored, because a 401 must have a challenge
    /// (RFC 9110, section 15.5.2).
    pub fn with_challenges(mut self, challenges: Vec<HeaderValue>) -> Self {
        if !challenges.is_empty() {
            self.challenges = challenges;
        }
        self
    }

    /// Sets the largest body of a request in bytes. Default: the limit of the service's codec (65,536). A value above the
    /// limit of the codec means that limit.
    pub fn with_body_limit(self, bytes: usize) -> Self {
        Self { body_limit: Some(bytes), ..self }
    }

    /// Sets the time within which the whole body of a request must arrive. Default: 30 seconds.
    pub fn with_body_time(self, time: Duration) -> Self {
        Self { body_time: time, ..self }
    }

    /// Adds a path to which devices may `POST` requests, or changes the side of one of
    /// [`HANDLER_PATHS`](crate::HANDLER_PATHS). `path` is compared with the decoded path of a
    /// request, without regard to ASCII case.
    pub fn with_handler_path(mut self, path: &str, side: Side) -> Self {
        self.handler_paths.insert(path, side);
        self
    }

    /// Sets the options for redirecting downloads of images to the bucket of the store. Default:
    /// none, so this server sends the bytes of every file.
    pub fn with_image_redirects(self, redirects: ImageRedirects) -> Self {
        Self { image_redirects: Some(redirects), ..self }
    }

    /// Sets the largest number of concurrent downloads, in total and for each address (for IPv6: each /64 network).
    /// Further downloads get 503 with a `Retry-After` of 30 to 90 seconds, which differs from device to device. Default: no
    /// limit, because the right number depends on the file descriptors and the memory of the server.
    ///
    /// With a store in a folder, each download holds a file descriptor. Set a limit that is lower
    /// than the number of connections that the server accepts. Otherwise slow devices can use up
    /// the descriptors that the store needs to read the rule book, and the server does not notice
    /// changes of the rule book, such as the kill switch.
    pub fn with_downloads(mut self, most: usize, most_of_one: usize) -> Self {
        self.downloads = most;
        self.downloads_of_one = most_of_one;
        self
    }
}
