//! How the HTTP face is to behave.

use crate::files::redirects::ImageRedirects;
use crate::request::authenticate::Authenticate;
use crate::request::paths::HandlerPaths;
use http::HeaderValue;
use std::sync::Arc;
use std::time::Duration;
use ucupdate::request::Side;

/// How the HTTP face is to behave. The default serves everyone inside, and outside refuses everyone whom no layer in
/// front has authenticated.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    pub(crate) authenticate: Option<Arc<dyn Authenticate>>,
    pub(crate) external_anonymous: bool,
    pub(crate) challenges: Vec<HeaderValue>,
    pub(crate) body_limit: Option<usize>,
    pub(crate) body_time: Duration,
    pub(crate) handler_paths: HandlerPaths,
    pub(crate) image_redirects: Option<ImageRedirects>,
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
        }
    }
}

impl HttpOptions {
    /// With a hook that decides who may ask from outside.
    #[must_use]
    pub fn with_authenticate(mut self, authenticate: impl Authenticate) -> Self {
        self.authenticate = Some(Arc::new(authenticate));
        self
    }

    /// Serves everyone outside too, without credentials. Whoever finds the server can then fetch every image and ask as
    /// any device; a hook is not asked.
    #[must_use]
    pub fn external_anonymous(mut self, allowed: bool) -> Self {
        self.external_anonymous = allowed;
        self
    }

    /// With other values of `WWW-Authenticate` in a 401 for which no hook gave any. Default `NTLM`, which is what the
    /// original asked for. An empty list changes nothing: a 401 has a challenge (RFC 9110, section 15.5.2).
    #[must_use]
    pub fn with_challenges(mut self, challenges: Vec<HeaderValue>) -> Self {
        if !challenges.is_empty() {
            self.challenges = challenges;
        }
        self
    }

    /// With another limit of a request's body in bytes. Default that of the service's codec (65,536), beyond which
    /// a larger number is of no use.
    #[must_use]
    pub fn with_body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = Some(bytes);
        self
    }

    /// With another time in which a request's body must have come, all of it. Default 30 seconds.
    #[must_use]
    pub fn with_body_time(mut self, time: Duration) -> Self {
        self.body_time = time;
        self
    }

    /// With one more path that devices ask at, or another side for one of [`HANDLER_PATHS`](crate::HANDLER_PATHS). It
    /// is matched without ASCII case, against the decoded path.
    #[must_use]
    pub fn with_handler_path(mut self, path: &str, side: Side) -> Self {
        self.handler_paths.insert(path, side);
        self
    }

    /// Sends devices on to fetch images from the store itself. Default no: every file is streamed by this server.
    #[must_use]
    pub fn with_image_redirects(mut self, redirects: ImageRedirects) -> Self {
        self.image_redirects = Some(redirects);
        self
    }
}
