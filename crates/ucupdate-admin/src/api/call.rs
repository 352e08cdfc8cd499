//! [`Call`]: a request that was admitted. [`Shared`]: the state that all requests share.

use crate::access::authenticate::{AdminVerdict, AuthenticateAdmin};
use crate::access::failures::Failures;
use crate::access::role::{AdminRole, Administrator};
use crate::api::devices::fleet::Fleets;
use crate::api::devices::outcomes::LastOutcomes;
use crate::api::idempotency::Idempotency;
use crate::options::AdminOptions;
use crate::request::query::Query;
use crate::request::remote::RemoteAddress;
use crate::response::problem::Problem;
use crate::response::redacted::short;
use http::{HeaderValue, StatusCode, header, request};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use tokio::sync::Semaphore;
use ucupdate::{Event, UpdateService};

pub(crate) struct Call<'a> {
    pub(crate) side: &'a Arc<Shared>,
    pub(crate) administrator: &'a Administrator,
    pub(crate) request: &'a request::Parts,
    pub(crate) query: Query,
    /// The values of the parameters in the path, in the order of the path.
    pub(crate) parameters: Vec<String>,
}

pub(crate) struct Shared {
    pub(crate) service: UpdateService,
    pub(crate) options: AdminOptions,
    authenticate: Box<dyn AuthenticateAdmin>,
    failures: Failures,
    /// The permits for uploads and for checks of the store. Few of them run at the same time, because they are
    /// expensive.
    pub(crate) places: Semaphore,
    pub(crate) idempotency: Idempotency,
    pub(crate) fleets: Fleets,
    pub(crate) outcomes: LastOutcomes,
    /// The permits for reading timelines. Few are read at the same time, because each one is read from all logs.
    pub(crate) readings: Semaphore,
    /// The permits for clients that receive events.
    pub(crate) listeners: Arc<Semaphore>,
}

/// The largest number of bytes of an HTTP method that an event shows. A longer method is cut.
const SHOWN_METHOD_BYTES: usize = 16;

/// The largest number of bytes of a path that an event shows. A longer path is cut.
const SHOWN_PATH_BYTES: usize = 256;

/// The largest number of timelines that are read at the same time.
const READINGS: usize = 4;

impl Shared {
    pub(crate) fn new(
        service: UpdateService,
        authenticate: impl AuthenticateAdmin,
        options: AdminOptions,
    ) -> Self {
        let limits = &options.limits;
        Self {
            failures: Failures::new(limits.failures, limits.failure_period, limits.addresses),
            places: Semaphore::new(limits.uploads.min(Semaphore::MAX_PERMITS)),
            idempotency: Idempotency::new(limits.idempotency_keys),
            fleets: Fleets::default(),
            outcomes: LastOutcomes::default(),
            readings: Semaphore::new(READINGS),
            listeners: Arc::new(Semaphore::new(limits.event_clients.min(Semaphore::MAX_PERMITS))),
            authenticate: Box::new(authenticate),
            service,
            options,
        }
    }

    /// Authenticates the administrator who sends a request. Returns the problem if the request is refused, if too
    /// many logins from its address were refused before, or if authentication is temporarily unavailable.
    pub(crate) async fn admit(&self, request: &request::Parts) -> Result<Administrator, Problem> {
        let remote = request.extensions.get::<RemoteAddress>().map(|remote| remote.0.to_canonical());
        let address = remote.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        if let Some(wait) = self.failures.wait(address) {
            self.report("", "too many refused logins", request);
            let problem = Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-failures",
                "too many logins from this address were refused; wait and try again",
            );
            return Err(problem.retry_after(wait));
        }
        match self.authenticate.authenticate(request).await {
            AdminVerdict::Allow(administrator) => Ok(administrator),
            AdminVerdict::Refuse { reason, name } => {
                self.failures.count(address);
                self.report(name.as_deref().unwrap_or_default(), &reason, request);
                let problem = Problem::new(StatusCode::UNAUTHORIZED, "no-token", reason);
                Err(problem.with_field(
                    header::WWW_AUTHENTICATE,
                    HeaderValue::from_static("Bearer realm=\"ucupdate administration\""),
                ))
            }
            AdminVerdict::Unavailable => {
                Err(Problem::unavailable("authentication is temporarily unavailable"))
            }
        }
    }

    /// Authenticates a request again that was admitted before. Returns `false` if it is refused now, for example
    /// because its token was revoked. Returns `true` if authentication is temporarily unavailable.
    pub(crate) async fn is_admitted(&self, request: &request::Parts) -> bool {
        !matches!(self.authenticate.authenticate(request).await, AdminVerdict::Refuse { .. })
    }

    /// Refuses an administrator whose role is too small, and reports this as an event.
    pub(crate) fn require(
        &self,
        role: AdminRole,
        administrator: &Administrator,
        request: &request::Parts,
    ) -> Result<(), Problem> {
        if administrator.role >= role {
            return Ok(());
        }
        let reason = format!("the role {} is too small, expected {role}", administrator.role);
        self.report(&administrator.name, &reason, request);
        Err(Problem::new(StatusCode::FORBIDDEN, "role-too-small", reason).with("expected_role", role.name()))
    }

    fn report(&self, name: &str, reason: &str, request: &request::Parts) {
        let remote = request.extensions.get::<RemoteAddress>();
        let host = remote.map(|remote| remote.0.to_canonical().to_string()).unwrap_or_default();
        // A client may send anything as its method and path, and its token in the wrong place.
        let method = short(request.method.as_str(), SHOWN_METHOD_BYTES);
        let path = short(request.uri.path(), SHOWN_PATH_BYTES);
        let (method, path) = (&*method, &*path);
        self.service.emit(&Event::LoginRefused { host: &host, name, method, path, reason });
    }
}
