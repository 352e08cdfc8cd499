//! [`Site`]: what all operations of the API share.

use super::fleet::Fleets;
use super::idempotency::Idempotency;
use crate::access::role::{Administrator, Role};
use crate::options::AdminOptions;
use crate::request::remote::RemoteAddress;
use crate::response::problem::Problem;
use http::{StatusCode, request};
use tokio::sync::Semaphore;
use ucupdate::{Event, UpdateService};

/// The administered service, and the state that its requests share.
pub(crate) struct Site {
    pub(crate) service: UpdateService,
    pub(crate) options: AdminOptions,
    /// The places of uploads and checks, which cost much.
    pub(crate) places: Semaphore,
    pub(crate) idempotency: Idempotency,
    pub(crate) fleets: Fleets,
}

impl Site {
    pub(crate) fn new(service: UpdateService, options: AdminOptions) -> Self {
        Self {
            places: Semaphore::new(options.limits.uploads.min(Semaphore::MAX_PERMITS)),
            idempotency: Idempotency::new(options.limits.idempotency_keys),
            fleets: Fleets::default(),
            service,
            options,
        }
    }

    /// Refuses an administrator whose role is too small.
    pub(crate) fn require(
        &self,
        role: Role,
        administrator: &Administrator,
        request: &request::Parts,
    ) -> Result<(), Problem> {
        if administrator.role >= role {
            return Ok(());
        }
        let reason = format!("the role {} is too small, expected {role}", administrator.role);
        self.report_refusal(&administrator.name, &reason, request);
        Err(Problem::new(StatusCode::FORBIDDEN, "role-too-small", reason).with("expected_role", role.name()))
    }

    /// Reports a refused login or operation to the listeners of the service.
    pub(crate) fn report_refusal(&self, name: &str, reason: &str, request: &request::Parts) {
        let remote = request.extensions.get::<RemoteAddress>();
        let host = remote.map(|remote| remote.0.to_canonical().to_string()).unwrap_or_default();
        let (method, path) = (request.method.as_str(), request.uri.path());
        self.service.emit(&Event::LoginRefused { host: &host, name, method, path, reason });
    }
}
