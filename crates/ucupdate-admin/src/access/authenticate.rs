//! The hook that authenticates administrators.

use super::role::Administrator;
use async_trait::async_trait;
use http::request;
use std::fmt;

/// Decides which administrator sends a request, and whether the request is allowed. [`TokenFile`](crate::TokenFile) is the
/// implementation for bearer tokens.
///
/// An implementation must not use cookies or another credential that a browser sends by itself: the API has no other
/// protection against requests that a foreign page makes.
///
/// ```
/// use http::{Request, StatusCode, request::Parts};
/// use std::sync::Arc;
/// use tower::ServiceExt as _;
/// use ucupdate::store::MemoryStore;
/// use ucupdate::{Options, UpdateService};
/// use ucupdate_admin::{Administration, Administrator, AuthenticateAdmin, AdminRole, AdminVerdict};
///
/// /// The proxy in front authenticates by client certificates, and removes this field from other requests.
/// struct ByProxy;
///
/// #[async_trait::async_trait]
/// impl AuthenticateAdmin for ByProxy {
///     async fn authenticate(&self, request: &Parts) -> AdminVerdict {
///         match request.headers.get("x-client-name").and_then(|name| name.to_str().ok()) {
///             Some(name) => AdminVerdict::Allow(Administrator::new(name, AdminRole::Viewer)),
///             None => AdminVerdict::Refuse { reason: "no client certificate".into(), name: None },
///         }
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let service = UpdateService::open(Arc::new(MemoryStore::default()), Options::default()).await.unwrap();
/// let administration = Administration::new(service, ByProxy);
/// let answered = async |request: http::request::Builder| {
///     administration.clone().oneshot(request.body(String::new()).unwrap()).await.unwrap().status()
/// };
/// let rules = || Request::get("/api/v1/rules");
/// assert_eq!(answered(rules()).await, StatusCode::UNAUTHORIZED);
/// assert_eq!(answered(rules().header("x-client-name", "ann")).await, StatusCode::OK);
/// // A viewer checks the store quickly. Reading every image needs an operator.
/// let whole = Request::get("/api/v1/verify?quick=false").header("x-client-name", "ann");
/// assert_eq!(answered(whole).await, StatusCode::FORBIDDEN);
/// # });
/// ```
#[async_trait]
pub trait AuthenticateAdmin: Send + Sync + 'static {
    /// Returns the verdict on a request. The body is not available.
    async fn authenticate(&self, request: &request::Parts) -> AdminVerdict;
}

/// The decision of [`AuthenticateAdmin`] about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdminVerdict {
    /// The administrator is known.
    Allow(Administrator),
    /// There are no credentials, or they are not accepted: 401.
    Refuse {
        /// The reason, which the answer and the event [`LoginRefused`](ucupdate::Event::LoginRefused) contain. It must not
        /// contain any part of the credentials.
        reason: Box<str>,
        /// The name of the administrator if the credentials were recognised but are not valid, for example because they expired.
        /// `None` if they are unknown.
        name: Option<Box<str>>,
    },
    /// The decision is not possible now, for example because a directory does not respond: 503.
    Unavailable,
}

impl fmt::Debug for dyn AuthenticateAdmin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthenticateAdmin")
    }
}
