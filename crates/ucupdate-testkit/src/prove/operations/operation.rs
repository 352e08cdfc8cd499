//! The operations that the proofs disturb, and the promises about the store afterwards.

use crate::prove::operations::rows::{self, Log};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use ucupdate::book::{RuleBook, TestDevice};
use ucupdate::cab::package::{NewRelease, PackageBuilder, sample};
use ucupdate::device::DeviceId;
use ucupdate::store::{ImageStore, ImageStoreExt as _, StoreError, StoreKey, stream_of};
use ucupdate::value::{PackageId, Sha256Digest, UnixTime};
use ucupdate::version::ReportedVersion;
use ucupdate::{ChangeError, GarbageOptions, IngestError, Options, Retention, SettableClock, UpdateService};
use ucupdate_store::error_chain;

/// The largest size in bytes of an object in the store of a proof.
const READ_LIMIT: usize = 8 * 1024 * 1024;
/// The folders in which interrupted ingests left files.
const DEAD: [&str; 2] =
    ["images/0000000000000000000000000000dead", "images/000000000000000000000000deaddead"];

/// One operation of a service, on a store that is prepared for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Ingests the first package into an empty store.
    FirstIngest,
    /// Ingests a newer version for an existing rule.
    NextIngest,
    /// Ingests a package that exists already. Nothing changes, and the new copies of its files are deleted.
    SameIngest,
    /// Approves the pending version.
    Approve,
    /// Makes the change at which a checkpoint is written. At full size, this change also deletes an
    /// old checkpoint.
    Checkpoint,
    /// Rolls back to the version that was approved before.
    RollBack,
    /// Flushes the audit log three times: the first flush creates a file, the second rewrites it, and the third begins
    /// a new file.
    FlushAudit,
    /// Flushes the access log three times, as [`FlushAudit`](Self::FlushAudit) does.
    FlushAccess,
    /// Collects the files of two interrupted ingests.
    CollectGarbage,
    /// Removes a package from the rule book, and then its files, because no kept revision uses it.
    Retire,
}

impl Operation {
    /// All operations.
    pub const ALL: [Self; 10] = [
        Self::FirstIngest,
        Self::NextIngest,
        Self::SameIngest,
        Self::Approve,
        Self::Checkpoint,
        Self::RollBack,
        Self::FlushAudit,
        Self::FlushAccess,
        Self::CollectGarbage,
        Self::Retire,
    ];

    fn log(self) -> Option<Log> {
        match self {
            Self::FlushAudit => Some(Log::Audit),
            Self::FlushAccess => Some(Log::Access),
            _ => None,
        }
    }

    /// Returns the number of rows that each step flushes. An operation that writes no rows has one
    /// step with 0.
    fn steps(self) -> &'static [usize] {
        match self.log() {
            // The last step has more rows than fit in a file of 4 KiB.
            Some(_) => &[2, 3, 90],
            None => &[0],
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FirstIngest => "ingest into an empty store",
            Self::NextIngest => "ingest of a newer version",
            Self::SameIngest => "ingest of what is there",
            Self::Approve => "approve",
            Self::Checkpoint => "approve that leaves a checkpoint",
            Self::RollBack => "roll back",
            Self::FlushAudit => "audit log flush",
            Self::FlushAccess => "access log flush",
            Self::CollectGarbage => "gc of dead ingests",
            Self::Retire => "gc of a package that is not kept",
        })
    }
}

/// A promise about the store at one moment: the number of acknowledged steps, and the number of
/// steps that were begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Promise {
    pub(crate) acknowledged: usize,
    pub(crate) begun: usize,
}

/// The reason why a step had no effect.
#[derive(Debug)]
pub(crate) enum StepFailure {
    /// The service refused the step, because there is nothing left to do.
    Refused(String),
    Failed(String),
}

impl fmt::Display for StepFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) => write!(f, "refused: {why}"),
            Self::Failed(why) => write!(f, "failed: {why}"),
        }
    }
}

/// An operation that is repeated with faults, and its result without faults.
#[derive(Debug)]
pub(crate) struct Trial {
    operation: Operation,
    /// Size of each image in bytes.
    image_bytes: usize,
    /// `true` if the first package has several releases, like the packages of OCS.
    whole_package: bool,
    /// Number of revisions before [`Operation::Checkpoint`].
    revisions: u64,
    clock: UnixTime,
    /// The rule book before the first step and after each step.
    books: Vec<String>,
    /// The objects that may be below `images/`, for each package.
    members: BTreeMap<PackageId, BTreeMap<String, Bytes>>,
    /// The bytes of the objects that an interrupted ingest may have left.
    contents: HashSet<Bytes>,
}

impl Trial {
    /// Creates a trial. `clock` is the time of the service, at most a day after the time of every
    /// write on the store. Otherwise an ingest would collect the garbage that the proof checks for.
    pub(crate) fn new(operation: Operation, clock: UnixTime, full: bool) -> Self {
        Self {
            operation,
            image_bytes: if full { 1300 } else { 600 },
            whole_package: full,
            revisions: if full { 191 } else { 63 },
            clock,
            books: Vec::new(),
            members: BTreeMap::new(),
            contents: HashSet::new(),
        }
    }

    pub(crate) fn operation(&self) -> Operation {
        self.operation
    }

    pub(crate) fn steps(&self) -> usize {
        self.operation.steps().len()
    }

    /// Returns the number of rows in the log after `steps` steps.
    pub(crate) fn rows_after(&self, steps: usize) -> usize {
        rows_before(self.operation) + self.operation.steps().iter().take(steps).sum::<usize>()
    }

    pub(crate) async fn open(&self, store: Arc<dyn ImageStore>) -> Result<UpdateService, String> {
        self.open_at(store, self.clock).await
    }

    async fn open_at(&self, store: Arc<dyn ImageStore>, clock: UnixTime) -> Result<UpdateService, String> {
        let mut options = Options::default().with_clock(Arc::new(SettableClock::at(clock)));
        if self.operation == Operation::Retire {
            options =
                options.with_retention(Retention::default().with_revisions(1).with_time(Duration::ZERO));
        }
        if self.operation.log().is_some() {
            options = options.with_logs(rows::options("ocs", rows::SMALL_FILE));
        }
        let opened = UpdateService::open(store, options).await;
        opened.map_err(|error| format!("the service does not open: {}", error_chain(&error)))
    }

    /// Brings an empty store without faults into the state in which the operation begins.
    pub(crate) async fn prepare(&self, store: Arc<dyn ImageStore>) -> Result<(), String> {
        // The package that leaves the book must be older than the time for which packages are kept.
        let clock = match self.operation {
            Operation::Retire => UnixTime::from_millis(self.clock.as_millis() - 60_000),
            _ => self.clock,
        };
        let service = self.open_at(store, clock).await?;
        self.prepare_by(&service).await.map_err(|error| format!("making the store ready {error}"))?;
        service.shutdown().await.map_err(|error| error_chain(&error))
    }

    async fn prepare_by(&self, service: &UpdateService) -> Result<(), StepFailure> {
        match self.operation {
            Operation::FirstIngest => {}
            Operation::NextIngest => {
                ingest(service, self.package(1)).await?;
                approve(service).await?;
            }
            Operation::SameIngest | Operation::Approve => ingest(service, self.package(1)).await?,
            Operation::Checkpoint => {
                ingest(service, self.package(1)).await?;
                for number in 1..self.revisions {
                    let name = "lab phone".parse().expect("a name without control characters");
                    let id = DeviceId::Mac("00-21-63-0F-20-7B".parse().expect("a MAC address"));
                    let changed = match number % 2 {
                        1 => service.admin("ann").add_test_device(TestDevice { name, id }).await,
                        _ => service.admin("ann").remove_test_device(name).await,
                    };
                    changed.map_err(not_changed)?;
                }
            }
            Operation::Retire => {
                for number in [1, 2, 3] {
                    ingest(service, self.package(number)).await?;
                    approve(service).await?;
                }
            }
            Operation::RollBack => {
                for number in [1, 2] {
                    ingest(service, self.package(number)).await?;
                    approve(service).await?;
                }
            }
            Operation::FlushAudit | Operation::FlushAccess => {
                self.flush(service, 0, rows_before(self.operation)).await?;
            }
            Operation::CollectGarbage => {
                ingest(service, self.package(1)).await?;
                for (folder, size) in DEAD.iter().zip([700, 70]) {
                    for member in ["0-CPE.nbt", "1-CPE.cat"] {
                        let key = StoreKey::parse(&format!("{folder}/{member}")).expect("a key");
                        let put = service.store().put_bytes(&key, sample::image(folder, size)).await;
                        put.map_err(|error| StepFailure::Failed(error_chain(&error)))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Does one step of the operation. A flush writes rows from number `first_row` on.
    pub(crate) async fn perform(
        &self,
        service: &UpdateService,
        step: usize,
        first_row: usize,
    ) -> Result<(), StepFailure> {
        match self.operation {
            Operation::FirstIngest if self.whole_package => {
                ingest(service, sample::uc_updates(self.image_bytes)).await
            }
            Operation::FirstIngest | Operation::SameIngest => ingest(service, self.package(1)).await,
            Operation::NextIngest => ingest(service, self.package(2)).await,
            Operation::Approve | Operation::Checkpoint => approve(service).await,
            Operation::RollBack => {
                service.admin("ann").roll_back(sample::ip8540()).await.map(drop).map_err(not_changed)
            }
            Operation::FlushAudit | Operation::FlushAccess => {
                let rows = self.operation.steps().get(step).copied().unwrap_or(0);
                self.flush(service, first_row, rows).await
            }
            Operation::CollectGarbage => {
                let swept =
                    service.collect_garbage(&GarbageOptions::default().with_grace(Duration::ZERO)).await;
                swept.map(drop).map_err(|error| StepFailure::Failed(error_chain(&error)))
            }
            Operation::Retire => {
                let swept = service
                    .admin("ann")
                    .collect_unkept(
                        &GarbageOptions::default().with_grace(Duration::ZERO).with_any_share(true),
                    )
                    .await;
                swept.map(drop).map_err(not_changed)
            }
        }
    }

    async fn flush(&self, service: &UpdateService, first: usize, rows: usize) -> Result<(), StepFailure> {
        if let Some(log) = self.operation.log() {
            (first..first + rows).for_each(|row| log.write(service, row));
        }
        service.flush_logs().await.map_err(|error| StepFailure::Failed(error_chain(&error)))
    }

    fn package(&self, number: u64) -> Vec<u8> {
        package(number, self.image_bytes)
    }

    /// Remembers the state of a store without faults. It is called before the first step and after
    /// each step.
    pub(crate) async fn remember(&mut self, service: &UpdateService) -> Result<(), String> {
        let snapshot = service.snapshot();
        self.books.push(view(snapshot.book()));
        let objects = objects(&**service.store(), "images/").await?;
        for package in snapshot.book().packages() {
            let folder = format!("images/{}/", package.ingest);
            let own = objects.iter().filter_map(|(key, bytes)| {
                Some((key.as_str().strip_prefix(&folder)?.to_owned(), bytes.clone()))
            });
            self.members.insert(package.id(), own.collect());
        }
        self.contents.extend(objects.into_values());
        Ok(())
    }

    /// Checks a store after a fault. Then repeats the step in flight, collects garbage and checks
    /// the store again. If `tidy` is `true` and the whole operation was acknowledged, the store
    /// must have no garbage even before the collection.
    pub(crate) async fn look(
        &self,
        store: Arc<dyn ImageStore>,
        promise: Promise,
        tidy: bool,
    ) -> Result<(), String> {
        let service = self.open(store).await?;
        let looked = self.look_by(&service, promise, tidy).await;
        let shut =
            service.shutdown().await.map_err(|error| format!("shutting down: {}", error_chain(&error)));
        looked.and(shut)
    }

    async fn look_by(&self, service: &UpdateService, promise: Promise, tidy: bool) -> Result<(), String> {
        let Promise { acknowledged, begun } = promise;
        let allowed = &self.books[acknowledged..=begun];
        let found = view(service.snapshot().book());
        let is_new = self.books.get(begun) == Some(&found);
        if !allowed.contains(&found) {
            let expected = if allowed.len() == 1 { "not the expected one" } else { "neither old nor new" };
            return Err(format!("the rule book is {expected}"));
        }
        self.is_whole(service).await?;
        let store = &**service.store();
        let rows = match self.operation.log() {
            Some(log) => {
                let found = rows::in_order(store, log, "ocs", self.clock).await?;
                let allowed = self.rows_after(acknowledged)..=self.rows_after(begun);
                if !allowed.contains(&found) {
                    return Err(format!("{found} rows are in the log, expected {allowed:?}"));
                }
                found
            }
            None => 0,
        };
        if tidy && acknowledged == self.steps() {
            has_no_orphan(service, "after it was acknowledged").await?;
        }
        // A second roll back would undo the first one.
        let is_done = is_new && self.operation == Operation::RollBack;
        if begun > acknowledged && !is_done {
            match self.perform(service, acknowledged, rows).await {
                Ok(()) => {}
                Err(StepFailure::Refused(_)) if is_new => {}
                Err(error) => return Err(format!("done again, it {error}")),
            }
            if self.books.get(begun) != Some(&view(service.snapshot().book())) {
                return Err("after the step was repeated, the rule book is not the new one".to_owned());
            }
            if let Some(log) = self.operation.log() {
                let expected = rows + self.operation.steps()[acknowledged];
                let found = rows::in_order(store, log, "ocs", self.clock).await?;
                if found != expected {
                    return Err(format!(
                        "after the step was repeated, {found} rows are in the log, expected {expected}"
                    ));
                }
            }
        }
        let swept = service.collect_garbage(&GarbageOptions::default().with_grace(Duration::ZERO)).await;
        swept.map_err(|error| format!("collecting garbage: {}", error_chain(&error)))?;
        has_no_orphan(service, "after garbage collection").await?;
        self.is_whole(service).await
    }

    /// Checks that every file of the rule book exists with the right bytes, and that all other
    /// objects below `images/` are whole.
    async fn is_whole(&self, service: &UpdateService) -> Result<(), String> {
        let objects = is_complete(service).await?;
        for package in service.snapshot().book().packages() {
            let folder = format!("images/{}/", package.ingest);
            let expected =
                self.members.get(&package.id()).ok_or("the rule book has an unexpected package")?;
            let names = |key: &StoreKey| key.as_str().strip_prefix(&folder).map(ToOwned::to_owned);
            let found: BTreeSet<_> = objects.keys().filter_map(names).collect();
            if !found.iter().eq(expected.keys()) {
                return Err(format!("`{folder}` holds {found:?}, expected {:?}", expected.keys()));
            }
        }
        for (key, bytes) in &objects {
            let is_whole = match key.as_str().ends_with("/package.json") {
                true => bytes.starts_with(b"{") && bytes.ends_with(b"}"),
                false => self.contents.contains(bytes),
            };
            if !is_whole {
                return Err(format!("`{key}` has {} bytes that no ingest wrote", bytes.len()));
            }
        }
        Ok(())
    }
}

/// Checks that all objects below `images/` belong to packages of the rule book.
pub(crate) async fn has_no_orphan(service: &UpdateService, when: &str) -> Result<(), String> {
    let snapshot = service.snapshot();
    let named: Vec<_> =
        snapshot.book().packages().map(|package| format!("images/{}/", package.ingest)).collect();
    let listed =
        service.store().list_all("images/", usize::MAX).await.map_err(|error| error_chain(&error))?;
    match listed.iter().find(|meta| !named.iter().any(|folder| meta.key.as_str().starts_with(folder))) {
        Some(orphan) => Err(format!("`{}` is an orphan, {when}", orphan.key)),
        None => Ok(()),
    }
}

/// Checks that the history leads to the rule book without a gap, and that every file of the rule
/// book exists with the right bytes. Returns the objects below `images/`.
pub(crate) async fn is_complete(service: &UpdateService) -> Result<BTreeMap<StoreKey, Bytes>, String> {
    let snapshot = service.snapshot();
    let store = &**service.store();
    let listed = store.list_all("state/revisions/", usize::MAX).await.map_err(|error| error_chain(&error))?;
    for (number, meta) in (1_u64..).zip(&listed) {
        if meta.key.as_str() != format!("state/revisions/{number:020}.json") {
            return Err(format!("found `{}`, expected revision {number}", meta.key));
        }
    }
    if u64::try_from(listed.len()) != Ok(snapshot.revision()) {
        return Err(format!(
            "the store has {} revisions, and the book is of revision {}",
            listed.len(),
            snapshot.revision()
        ));
    }
    let objects = objects(store, "images/").await?;
    for file in snapshot.book().packages().flat_map(|package| package.files()) {
        let there = StoreKey::parse(file.key.as_str()).ok().and_then(|key| objects.get(&key));
        let bytes = there.ok_or_else(|| format!("the rule book names `{}`, which is missing", file.key))?;
        if file.sha256 != Sha256Digest::of(bytes) {
            return Err(format!("`{}` differs from the ingested file", file.key));
        }
    }
    Ok(objects)
}

/// Returns a package with one release. Equal numbers return equal packages.
pub(crate) fn package(number: u64, image_bytes: usize) -> Vec<u8> {
    let version = format!("3.5.6907.{number}");
    let image = sample::image(&version, image_bytes);
    let release =
        NewRelease::new(sample::ip8540(), ReportedVersion::new(&version), image, sample::time_stamp());
    PackageBuilder::new().with_release(release).build().expect("one release makes a package")
}

/// Returns the number of rows that an earlier process of the same server has written before the
/// first step.
fn rows_before(operation: Operation) -> usize {
    if operation.log().is_some() { 2 } else { 0 }
}

/// Returns a rule book as text without the random names of ingests.
pub(crate) fn view(book: &RuleBook) -> String {
    let packages: Vec<_> = book.packages().map(|package| package.id().to_string()).collect();
    let rules: Vec<_> = book.rules().collect();
    let devices: Vec<_> = book.test_devices().collect();
    let interim: Vec<_> =
        book.interim_images().map(|(image, package)| (&image.locale, &image.version, package)).collect();
    format!("{packages:?} {rules:?} {devices:?} {interim:?}")
}

async fn objects(store: &dyn ImageStore, prefix: &str) -> Result<BTreeMap<StoreKey, Bytes>, String> {
    let listed = store.list_all(prefix, usize::MAX).await;
    let mut found = BTreeMap::new();
    for meta in listed.map_err(|error| format!("listing failed: {}", error_chain(&error)))? {
        match store.get_bytes(&meta.key, READ_LIMIT).await {
            Ok(bytes) => drop(found.insert(meta.key, bytes)),
            // Another task has deleted the object since it was listed.
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(format!("reading `{}` failed: {}", meta.key, error_chain(&error))),
        }
    }
    Ok(found)
}

pub(crate) async fn ingest(service: &UpdateService, cabinet: Vec<u8>) -> Result<(), StepFailure> {
    match service.admin("ann").ingest("UCUpdates.cab", stream_of(cabinet), |_| {}).await {
        Ok(_) => Ok(()),
        Err(IngestError::Change(error)) => Err(not_changed(error)),
        Err(error) => Err(StepFailure::Failed(error_chain(&error))),
    }
}

pub(crate) async fn approve(service: &UpdateService) -> Result<(), StepFailure> {
    service.admin("ann").approve(vec![sample::ip8540()]).await.map(drop).map_err(not_changed)
}

pub(crate) fn not_changed(error: ChangeError) -> StepFailure {
    match error {
        ChangeError::Refused(refusal) => StepFailure::Refused(refusal.to_string()),
        error => StepFailure::Failed(error_chain(&error)),
    }
}
