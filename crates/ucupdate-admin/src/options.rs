//! [`AdminOptions`] and [`AdminLimits`].

use crate::live_events::LiveEvents;
use std::time::Duration;

/// Options of [`Administration`](crate::Administration).
#[derive(Clone, Debug)]
#[must_use]
pub struct AdminOptions {
    pub(crate) base_path: Box<str>,
    pub(crate) limits: AdminLimits,
    pub(crate) live_events: Option<LiveEvents>,
    pub(crate) four_eyes: bool,
}

impl Default for AdminOptions {
    fn default() -> Self {
        Self { base_path: "/".into(), limits: AdminLimits::default(), live_events: None, four_eyes: false }
    }
}

impl AdminOptions {
    /// Sets the path below which the service is mounted, such as `/admin/`. The console needs this path for the URLs of its
    /// requests. A slash that is missing at the start or the end is added. Default: `/`.
    pub fn with_base_path(mut self, path: &str) -> Self {
        let path = path.trim_matches('/');
        self.base_path = if path.is_empty() { "/".into() } else { format!("/{path}/").into() };
        self
    }

    /// Sets the listener whose events `GET /api/v1/events` sends. Default: none, and this path answers 404.
    pub fn with_live_events(self, events: LiveEvents) -> Self {
        Self { live_events: Some(events), ..self }
    }

    /// Sets whether two people are needed to give a version to devices: one ingests its package, and another one approves the
    /// version for a rule, pins devices to it, starts a rollout of it, changes the share of that rollout, or restores a revision that
    /// does so. The person who ingested the package last is refused with 403. Default: `false`.
    pub fn with_four_eyes(self, four_eyes: bool) -> Self {
        Self { four_eyes, ..self }
    }

    /// Sets the limits for clients, such as the largest size of a package. Default: the defaults of [`AdminLimits`].
    pub fn with_limits(self, limits: AdminLimits) -> Self {
        Self { limits, ..self }
    }
}

/// The limits for clients: sizes of bodies, times, and numbers of uploads, entries on a page and refused logins.
#[derive(Clone, Debug)]
#[must_use]
pub struct AdminLimits {
    pub(crate) json_bytes: usize,
    pub(crate) package_bytes: u64,
    pub(crate) body_time: Duration,
    pub(crate) upload_time: Duration,
    pub(crate) uploads: usize,
    pub(crate) page: usize,
    pub(crate) failures: u32,
    pub(crate) failure_period: Duration,
    pub(crate) addresses: usize,
    pub(crate) idempotency_keys: usize,
    pub(crate) answers: usize,
    pub(crate) log_rows: u64,
    pub(crate) log_age: Duration,
    pub(crate) event_clients: usize,
    pub(crate) parts: usize,
}

impl Default for AdminLimits {
    fn default() -> Self {
        Self {
            json_bytes: 1024 * 1024,
            package_bytes: 1024 * 1024 * 1024,
            body_time: Duration::from_secs(30),
            upload_time: Duration::from_secs(60 * 60),
            uploads: 2,
            page: 500,
            failures: 10,
            failure_period: Duration::from_secs(60),
            addresses: 4096,
            idempotency_keys: 256,
            answers: 1000,
            log_rows: 5_000_000,
            log_age: Duration::from_secs(10),
            event_clients: 32,
            parts: 64,
        }
    }
}

impl AdminLimits {
    /// Sets the largest JSON body in bytes. Default: 1 MiB.
    pub fn with_json_bytes(self, bytes: usize) -> Self {
        Self { json_bytes: bytes, ..self }
    }

    /// Sets the largest package in bytes. Default: 1 GiB. The size and number of the files in a cabinet are limited by
    /// [`Options::with_ingest`](ucupdate::Options::with_ingest).
    pub fn with_package_bytes(self, bytes: u64) -> Self {
        Self { package_bytes: bytes, ..self }
    }

    /// Sets the time within which a JSON body must arrive, and within which the next bytes of a package must arrive. Default:
    /// 30 seconds.
    pub fn with_body_time(self, time: Duration) -> Self {
        Self { body_time: time, ..self }
    }

    /// Sets the time within which a whole package must arrive. Default: one hour.
    pub fn with_upload_time(self, time: Duration) -> Self {
        Self { upload_time: time, ..self }
    }

    /// Sets how many uploads of packages and checks of the store may run at the same time. A further request gets the status 503.
    /// Default: 2.
    pub fn with_uploads(self, uploads: usize) -> Self {
        Self { uploads, ..self }
    }

    /// Sets the largest number of clients that receive events at the same time. A further client gets the status 503. Default: 32.
    pub fn with_event_clients(self, clients: usize) -> Self {
        Self { event_clients: clients, ..self }
    }

    /// Sets the largest number of cabinets in one upload. Several cabinets are needed if the files of a package are
    /// spread over a set of cabinets. Default: 64.
    pub fn with_parts(self, parts: usize) -> Self {
        Self { parts, ..self }
    }

    /// Sets the largest number of entries on a page. Default: 500.
    pub fn with_page(self, entries: usize) -> Self {
        Self { page: entries.max(1), ..self }
    }

    /// Sets the largest number of refused logins of one address within a period. Further requests from this address
    /// get the status 429 until the period is over, even if their token is valid. All IPv6 addresses of a /64 network
    /// count as one address. Default: 10 in one minute.
    pub fn with_failures(mut self, most: u32, period: Duration) -> Self {
        (self.failures, self.failure_period) = (most, period);
        self
    }

    /// Sets the number of addresses whose refused logins are remembered. Default: 4096.
    pub fn with_addresses(self, addresses: usize) -> Self {
        Self { addresses, ..self }
    }

    /// Sets the number of `Idempotency-Key`s that are remembered, the newest ones. Default: 256.
    pub fn with_idempotency_keys(self, keys: usize) -> Self {
        Self { idempotency_keys: keys, ..self }
    }

    /// Sets the largest number of changed answers that a dry run lists. The dry run also returns the number of all changed
    /// answers, which has no limit. Default: 1,000.
    pub fn with_answers(self, answers: usize) -> Self {
        Self { answers, ..self }
    }

    /// Sets the largest number of log rows that are read to find the devices, and the time after which the rows are read again.
    /// If reading takes long, the next reading begins only after twenty times the duration of the last one. Default: 5,000,000
    /// rows, and ten seconds.
    pub fn with_log_rows(mut self, rows: u64, age: Duration) -> Self {
        (self.log_rows, self.log_age) = (rows, age);
        self
    }
}
