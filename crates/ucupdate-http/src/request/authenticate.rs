//! [`Authenticate`]: authenticates external requests. The program that embeds the service implements it.

use async_trait::async_trait;
use http::{HeaderValue, request};
use std::fmt;

/// Decides which external requests are allowed. Internal requests need no authentication.
///
/// OCS uses NTLM for external requests and refuses anonymous ones. A phone then tries again with
/// the credentials of the user who is signed in. NTLM authenticates a connection in three steps. An
/// implementation of NTLM keeps the state of these steps with the connection, and gets it from an
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
    /// Returns the verdict on a request. The body is not available.
    async fn authenticate(&self, request: &request::Parts) -> Verdict;
}

/// The decision of [`Authenticate`] about an external request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The user is known, and the request is allowed. The access row names the user.
    Allow {
        /// Name of the user, as the access row shows it.
        user: Box<str>,
    },
    /// There are no credentials, or they are not accepted: 401 with challenges.
    Challenge {
        /// Values of `WWW-Authenticate`. If the list is empty, the values of
        /// [`HttpOptions::with_challenges`](crate::HttpOptions::with_challenges) are used.
        challenges: Vec<HeaderValue>,
    },
    /// The user is known but not allowed: 403, so that the device does not try again.
    Forbid {
        /// Name of the user, as the access row shows it.
        user: Box<str>,
    },
    /// The decision is not possible now, for example because a directory does not respond: 503 with `Retry-After`.
    Unavailable,
}

impl Verdict {
    /// Creates the verdict that allows the request of this user.
    pub fn allow(user: impl Into<Box<str>>) -> Self {
        Self::Allow { user: user.into() }
    }

    /// Creates the verdict that requests credentials with one challenge.
    pub fn challenge(challenge: HeaderValue) -> Self {
        Self::Challenge { challenges: vec![challenge] }
    }

    /// Creates the verdict that refuses this known user.
    pub fn forbid(user: impl Into<Box<str>>) -> Self {
        Self::Forbid { user: user.into() }
    }
}

impl fmt::Debug for dyn Authenticate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authenticate")
    }
}
