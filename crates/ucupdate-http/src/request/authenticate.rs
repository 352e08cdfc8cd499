//! Who may ask from outside: a hook, since how users are known is the embedder's business.

use async_trait::async_trait;
use http::{HeaderValue, request};
use std::fmt;

/// Decides who may ask and fetch from outside. Inside, everyone may, and nobody is asked who he is.
///
/// The original takes NTLM outside and refuses the anonymous; a phone then tries again with the credentials of the user
/// who is signed in to it. NTLM is of the connection, in three steps: keep its state beside the connection, by an
/// extension of the request.
///
/// ```
/// use http::{HeaderValue, header, request::Parts};
/// use ucupdate_http::{Authenticate, Verdict};
///
/// struct OnePassword;
///
/// #[async_trait::async_trait]
/// impl Authenticate for OnePassword {
///     async fn authenticate(&self, request: &Parts) -> Verdict {
///         match request.headers.get(header::AUTHORIZATION) {
///             Some(sent) if sent == "Basic cGhvbmU6c2VjcmV0" => Verdict::allow("phone"),
///             _ => Verdict::challenge(HeaderValue::from_static("Basic realm=\"updates\"")),
///         }
///     }
/// }
/// ```
#[async_trait]
pub trait Authenticate: Send + Sync + 'static {
    /// Decides by everything of a request but its body.
    async fn authenticate(&self, request: &request::Parts) -> Verdict;
}

/// What was decided of a request from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It is this user's, who may ask. The access row names him.
    Allow {
        /// The name.
        user: Box<str>,
    },
    /// It has no credentials, or none that are accepted: 401 with these challenges, in this order.
    Challenge {
        /// Values of `WWW-Authenticate`; when there is none, those of
        /// [`HttpOptions::with_challenges`](crate::HttpOptions::with_challenges) stand in.
        challenges: Vec<HeaderValue>,
    },
    /// It is this user's, who may not: 403, so that the device does not try again.
    Forbid {
        /// The name.
        user: Box<str>,
    },
    /// It cannot be decided now, as when a directory does not answer: 503, and the device is to come again.
    Unavailable,
}

impl Verdict {
    /// This user may ask.
    pub fn allow(user: impl Into<Box<str>>) -> Self {
        Self::Allow { user: user.into() }
    }

    /// Credentials are wanted, by one challenge.
    pub fn challenge(challenge: HeaderValue) -> Self {
        Self::Challenge { challenges: vec![challenge] }
    }
}

impl fmt::Debug for dyn Authenticate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authenticate")
    }
}
