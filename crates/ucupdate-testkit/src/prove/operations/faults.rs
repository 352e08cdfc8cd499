//! Makes every request of an operation to a bucket fail, one at a time, with each fault of a list.
//! The bucket must keep the promises, whether the service reports success or failure.

use crate::prove::operations::operation::{Operation, Promise, Trial};
use crate::prove::report::{ProofRow, Scale};
use crate::s3::{BUCKET, Bucket, KEY_ID, S3Call, S3Fault, S3Server, SECRET};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};
use tokio::task::JoinSet;
use ucupdate::s3::{Credentials, S3Options, S3Store};
use ucupdate::store::ImageStore;
use ucupdate::value::UnixTime;
use ucupdate_store::error_chain;

/// The time limit of one try of a request. It is long, so that no request exceeds it even on a busy
/// machine. Faults that let a request hang use [`HANGING_ATTEMPT`].
const ATTEMPT: Duration = Duration::from_secs(20);
/// The time limit of one try of a request where a fault lets a request hang.
const HANGING_ATTEMPT: Duration = Duration::from_millis(500);
/// The time for which a failed request is retried.
const DEADLINE: Duration = Duration::from_secs(20);
/// The time for which a failed request is retried when the fault is permanent.
const SHORT_DEADLINE: Duration = Duration::from_millis(300);
/// The number of tries to open a service before the faults begin. A busy machine may miss the short deadline.
const OPEN_TRIES: usize = 20;
/// The delay of a request whose connection was closed. The request reaches the store after the requests that follow it.
const LATE: Duration = Duration::from_millis(600);
/// The number of points (pairs of a request and a fault) that are tried at the same time. Most of
/// their time is spent waiting.
const AT_ONCE: usize = 16;

/// The name of each fault, the fault, and `true` if all later requests of the operation have the
/// fault too.
const FAULTS: [(&str, S3Fault, bool); 14] = [
    ("500", S3Fault::Status(500), false),
    ("503", S3Fault::Status(503), false),
    ("time-out", S3Fault::Hangs, false),
    ("dropped connection", S3Fault::Drops, false),
    ("lost answer", S3Fault::LosesAnswer, false),
    ("done late", S3Fault::Late(LATE), false),
    ("slow answer", S3Fault::Slow(Duration::from_millis(50)), false),
    ("slow body", S3Fault::Stalls(9), false),
    ("body truncated at once", S3Fault::Truncates(0), false),
    ("body truncated later", S3Fault::Truncates(9), false),
    ("503 from then on", S3Fault::Status(503), true),
    ("dropped connections from then on", S3Fault::Drops, true),
    ("lost answers from then on", S3Fault::LosesAnswer, true),
    ("truncated bodies from then on", S3Fault::Truncates(9), true),
];

/// The buckets of the proof. A point (a pair of a request and a fault) has a bucket of its own in a
/// server of this process, or a prefix of its own on one real server.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_enums, reason = "a literal is how it is made")]
pub enum Buckets {
    /// A new server in this process for each point. The server has one bucket.
    InProcess,
    /// The server at this address. A proxy in front of the server causes the faults.
    At {
        /// Host and port of the server.
        address: String,
        /// Name of an existing bucket.
        bucket: String,
        /// Credentials for the bucket.
        credentials: Credentials,
        /// Region that is part of the signatures.
        region: String,
    },
}

/// The numbers of points of a proof. A point is a pair of a request and a fault.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct FaultCounts {
    /// Number of requests that the operation sends if there is no fault.
    pub requests: usize,
    /// Number of points that were tried.
    pub points: usize,
    /// Number of tried points at which the operation reported success in spite of the fault.
    pub acknowledged: usize,
    /// Number of tried points for each fault, by the name of the fault.
    pub by_fault: BTreeMap<&'static str, usize>,
}

/// A function that may wrap the store of the service.
pub type StoreWrapper = fn(Arc<dyn ImageStore>) -> Arc<dyn ImageStore>;

/// Runs every operation with each fault in the network. Returns rows of the table.
pub async fn rows(scale: &Scale, endpoint: Option<&str>) -> Vec<ProofRow> {
    let buckets = match buckets(endpoint) {
        Ok(buckets) => buckets,
        Err(found) => return vec![ProofRow { what: "faults on the wire, S3".into(), found, holds: false }],
    };
    let place = if endpoint.is_some() { "S3 at an endpoint" } else { "S3 in this process" };
    let mut rows = Vec::new();
    let mut points = 0;
    let mut by_fault = BTreeMap::new();
    for operation in Operation::ALL {
        let what = format!("faults in {operation}, {place}");
        rows.push(match fault_points(operation, scale, &buckets, |store| store).await {
            Ok(tried) => {
                points += tried.points;
                tried.by_fault.iter().for_each(|(fault, n)| *by_fault.entry(*fault).or_insert(0) += n);
                let found = format!(
                    "{} requests, {} distinct points, {} acknowledged; each old or new and complete",
                    tried.requests, tried.points, tried.acknowledged
                );
                ProofRow { what, found, holds: true }
            }
            Err(found) => ProofRow { what, found, holds: false },
        });
    }
    let each: Vec<_> = by_fault.iter().map(|(fault, n)| format!("{fault} {n}")).collect();
    rows.push(ProofRow {
        what: format!("faults in all operations, {place}"),
        found: format!("{points} distinct points: {}", each.join(", ")),
        holds: rows.iter().all(|row| row.holds),
    });
    rows
}

/// Returns the buckets on the server at this endpoint, or buckets in this process without an endpoint. Bucket, region
/// and key are read from the variables `UCUPDATE_TEST_S3_*`.
///
/// # Errors
/// When the endpoint is not an `http://` URL: faults can be caused only on a connection without TLS.
pub fn buckets(endpoint: Option<&str>) -> Result<Buckets, String> {
    let Some(endpoint) = endpoint else { return Ok(Buckets::InProcess) };
    let address = endpoint.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    let address = address.ok_or("not tried: the endpoint begins with https://, expected http:// because faults need a connection without TLS")?;
    let or = |name: &str, default: &str| {
        std::env::var(format!("UCUPDATE_TEST_S3_{name}")).unwrap_or_else(|_| default.to_owned())
    };
    Ok(Buckets::At {
        address: address.to_owned(),
        bucket: or("BUCKET", BUCKET),
        credentials: Credentials::keys(or("KEY_ID", "test"), or("SECRET", "test")),
        region: or("REGION", "us-east-1"),
    })
}

/// Makes every request of an operation fail, one at a time, with each fault of a list. Checks the
/// store after each fault. `wrap` may wrap the store while the operation runs.
///
/// # Errors
/// The text of the broken promise, and the request that failed.
pub async fn fault_points(
    operation: Operation,
    scale: &Scale,
    buckets: &Buckets,
    wrap: StoreWrapper,
) -> Result<FaultCounts, String> {
    let clock = UnixTime::from_millis(UnixTime::from(SystemTime::now()).as_millis() + 3_600_000);
    let mut trial = Trial::new(operation, clock, false);
    let requests = undisturbed(&mut trial, buckets, wrap).await?;
    let prepared = prepared(&trial, buckets).await?;
    let trial = Arc::new(trial);

    let mut tried = FaultCounts { requests: requests.len(), ..FaultCounts::default() };
    let mut points = Vec::new();
    for (number, call) in requests.iter().enumerate() {
        for (name, fault, lasting) in FAULTS {
            // A response without a body cannot be truncated.
            let has_body = matches!(call, S3Call::Get | S3Call::List);
            let needs_body = matches!(fault, S3Fault::Stalls(_) | S3Fault::Truncates(_));
            if (has_body || !needs_body) && wanted(scale, number, requests.len()) {
                points.push((number, *call, name, fault, lasting));
            }
        }
    }
    let mut points = points.into_iter();
    let mut running = JoinSet::new();
    loop {
        while running.len() < AT_ONCE
            && let Some((number, call, name, fault, lasting)) = points.next()
        {
            let (trial, buckets, prepared) = (Arc::clone(&trial), buckets.clone(), prepared.clone());
            running.spawn(async move {
                let end = point(&trial, (&buckets, prepared), (number, fault, lasting), wrap).await;
                (name, end.map_err(|found| format!("{name} at request {number}, a {call:?}: {found}")))
            });
        }
        let Some(done) = running.join_next().await else { return Ok(tried) };
        let (name, end) = done.map_err(|error| error.to_string())?;
        let Some(acknowledged) = end? else { continue };
        tried.points += 1;
        tried.acknowledged += usize::from(acknowledged);
        *tried.by_fault.entry(name).or_default() += 1;
    }
}

/// Returns `true` if the request of this number is tried. At the size of a test, these are the
/// first two, the last three, and each sixth between them.
fn wanted(scale: &Scale, number: usize, requests: usize) -> bool {
    scale.full || number < 2 || number + 3 >= requests || number.is_multiple_of(6)
}

/// Runs the operation once without any fault. Returns the S3 requests that its steps sent, in
/// order.
async fn undisturbed(
    trial: &mut Trial,
    buckets: &Buckets,
    wrap: StoreWrapper,
) -> Result<Vec<S3Call>, String> {
    let place = DisturbedBucket::new(buckets).await;
    trial.prepare(place.store(None).await?).await?;
    let service = trial.open(wrap(place.store(None).await?)).await?;
    trial.remember(&service).await?;
    place.quiet().await;
    let mut requests = Vec::new();
    for step in 0..trial.steps() {
        let before = place.server.requests().len();
        let done = trial.perform(&service, step, trial.rows_after(step)).await;
        done.map_err(|error| format!("{} {error}, although nothing goes wrong", trial.operation()))?;
        // `remember` sends requests too.
        requests.extend_from_slice(&place.server.requests()[before..]);
        trial.remember(&service).await?;
    }
    service.shutdown().await.map_err(|error| error_chain(&error))?;
    place.end().await;
    Ok(requests)
}

/// Returns a bucket of this process that is ready for the operation. Each point begins with a copy
/// of it, because preparing a new store for each point would take most of the time. Returns `None`
/// for a server at an address.
async fn prepared(trial: &Trial, buckets: &Buckets) -> Result<Option<Bucket>, String> {
    let Buckets::InProcess = buckets else { return Ok(None) };
    let place = DisturbedBucket::new(buckets).await;
    trial.prepare(place.store(None).await?).await?;
    place.quiet().await;
    Ok(Some(place.server.bucket().deep_copy()))
}

/// Tries one point: runs the operation with one fault at one request. Returns whether the operation
/// reported success, or `None` when the operation did not reach the fault.
async fn point(
    trial: &Trial,
    (buckets, prepared): (&Buckets, Option<Bucket>),
    (number, fault, lasting): (usize, S3Fault, bool),
    wrap: StoreWrapper,
) -> Result<Option<bool>, String> {
    let place = match prepared {
        Some(prepared) => DisturbedBucket::in_process(prepared.deep_copy()).await,
        None => {
            let place = DisturbedBucket::new(buckets).await;
            trial.prepare(place.store(None).await?).await?;
            place
        }
    };
    let attempt =
        if matches!(fault, S3Fault::Hangs | S3Fault::Stalls(_)) { HANGING_ATTEMPT } else { ATTEMPT };
    let deadline = if lasting { SHORT_DEADLINE } else { DEADLINE };
    let mut service = Err("not tried".to_owned());
    for _ in 0..OPEN_TRIES {
        service = trial.open(wrap(place.store(Some((attempt, deadline))).await?)).await;
        if service.is_ok() {
            break;
        }
    }
    let service = service?;
    place.quiet().await;
    let faults = place.server.on_any().after(number);
    if lasting {
        faults.always(fault);
    } else {
        faults.once(fault);
    }

    let mut promise = Promise { acknowledged: 0, begun: 0 };
    for step in 0..trial.steps() {
        promise.begun = step + 1;
        match trial.perform(&service, step, trial.rows_after(step)).await {
            Ok(()) => promise.acknowledged = step + 1,
            Err(_) => break,
        }
    }
    let met = place.server.faults_done() > 0;
    place.server.heal();
    if matches!(fault, S3Fault::Late(_)) {
        tokio::time::sleep(LATE + Duration::from_millis(100)).await;
    }
    // Rows that were not acknowledged are not lost: the same process writes them now.
    if service.flush_logs().await.is_ok() {
        promise.acknowledged = promise.acknowledged.max(if is_flush(trial) { promise.begun } else { 0 });
    }
    service.shutdown().await.map_err(|error| format!("shutting down: {}", error_chain(&error)))?;
    drop(service);
    trial.look(place.store(None).await?, promise, false).await?;
    place.end().await;
    Ok(met.then_some(promise.acknowledged == trial.steps()))
}

fn is_flush(trial: &Trial) -> bool {
    matches!(trial.operation(), Operation::FlushAudit | Operation::FlushAccess)
}

/// A bucket, or a prefix of one, behind a server that causes faults.
struct DisturbedBucket {
    server: S3Server,
    options: S3Options,
}

static PREFIXES: AtomicUsize = AtomicUsize::new(0);

impl DisturbedBucket {
    async fn new(buckets: &Buckets) -> Self {
        match buckets {
            Buckets::InProcess => Self::in_process(Bucket::default()).await,
            Buckets::At { address, bucket, credentials, region } => {
                let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                let number = PREFIXES.fetch_add(1, Ordering::Relaxed);
                let prefix = format!("faults/{:x}-{number}", since.as_nanos());
                let options = S3Options::new(bucket.clone())
                    .with_prefix(prefix)
                    .with_region(region.clone())
                    .with_credentials(credentials.clone());
                Self { server: S3Server::before(address).await, options }
            }
        }
    }

    async fn in_process(bucket: Bucket) -> Self {
        let server = S3Server::start(bucket).await;
        let options = S3Options::new(BUCKET).with_credentials(Credentials::keys(KEY_ID, SECRET));
        Self { server, options }
    }

    /// Opens a store with the time limits of one try and of all tries in `hasty`, or with the default limits.
    async fn store(&self, hasty: Option<(Duration, Duration)>) -> Result<Arc<dyn ImageStore>, String> {
        let options = self.options.clone().with_endpoint(self.server.endpoint());
        let mut options = options.with_system_roots(false).with_self_test(false);
        if let Some((attempt, deadline)) = hasty {
            options = options.with_attempt_timeout(attempt).with_deadline(deadline);
        }
        let opened = S3Store::open(options).await;
        Ok(Arc::new(opened.map_err(|error| format!("the store does not open: {}", error_chain(&error)))?))
    }

    /// Waits until no new request has arrived for 15 milliseconds. Then all background tasks are
    /// idle.
    async fn quiet(&self) {
        let mut asked = usize::MAX;
        while asked != self.server.requests().len() {
            asked = self.server.requests().len();
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }

    /// Deletes the objects if the server is a real one, because its bucket outlives the proof.
    async fn end(self) {
        if self.options.prefix().is_empty() {
            return;
        }
        let Ok(store) = self.store(None).await else { return };
        if let Ok(left) = ucupdate::store::ImageStoreExt::list_all(&*store, "", usize::MAX).await {
            for meta in left {
                let _left = store.delete(&meta.key).await;
            }
        }
    }
}
