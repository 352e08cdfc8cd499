//! [`UpdateService`]: what a server embeds.

use crate::clock::{Clock, SystemClock};
use crate::document::ChangeId;
use crate::error::{ChangeError, StateError};
use crate::files::ServedFile;
use crate::ingest::IngestOptions;
use crate::logs::{LogError, LogOptions, Logs};
use crate::retention::Retention;
use crate::rule_history::{Changed, Revision, RuleHistory, random_bytes};
use crate::snapshot::Snapshot;
use crate::urls::BaseUrls;
use crate::verify::Verified;
use crate::watch::{Watch, WatchOptions};
use crate::window_zones::refuse_unknown_zones;
use arc_swap::ArcSwap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use ucupdate_audit::{AccessRow, AuditRow};
use ucupdate_core::book::{Command, OfferPolicy, Outcome, Refusal, TestDevice, TestDeviceName};
use ucupdate_core::request::{AskedFrom, OfferedModule, Side};
use ucupdate_core::value::{PackageId, Said, UnixTime};
use ucupdate_core::{Decision, Question, RuleBook, RuleKey, UpdateRequest, UpdateResponse, decide};
use ucupdate_store::{ByteStream, ImageStore, StoreError};
use ucupdate_upx::Codec;

/// How a service is to work. The default administers a store and answers nobody: it has no URLs and writes no logs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Where devices fetch files. Without it no request is answered.
    pub urls: Option<BaseUrls>,
    /// The logs to write, if any.
    pub logs: Option<LogOptions>,
    /// How often to look for changes other servers made; none looks only when asked. An embedding server wants the
    /// second that [`Options::serving`] gives.
    pub probe: Option<Duration>,
    /// The wire's codec.
    pub codec: Codec,
    /// How packages are read.
    pub ingest: IngestOptions,
    /// How far back images are kept.
    pub retention: Retention,
    /// How rollouts are watched, so that guards pause those that fail; without it nobody does.
    pub watch: Option<WatchOptions>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            urls: None,
            logs: None,
            probe: None,
            codec: Codec::default(),
            ingest: IngestOptions::default(),
            retention: Retention::default(),
            watch: None,
            clock: Arc::new(SystemClock),
        }
    }
}

impl Options {
    /// For a server that answers devices: with these URLs, looking for changes of others each second. Logs are still
    /// to be asked for, since they need the server's name.
    pub fn serving(urls: BaseUrls) -> Self {
        Self { urls: Some(urls), probe: Some(Duration::from_secs(1)), ..Self::default() }
    }

    /// With logs.
    #[must_use]
    pub fn with_logs(mut self, logs: LogOptions) -> Self {
        self.logs = Some(logs);
        self
    }

    /// Watching rollouts.
    #[must_use]
    pub fn with_watch(mut self, watch: WatchOptions) -> Self {
        self.watch = Some(watch);
        self
    }

    /// With another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// With another codec: another dialect, or other limits.
    #[must_use]
    pub fn with_codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }
}

/// A device update service on a store. Cloning shares it.
///
/// Answering does no input or output: it reads an immutable snapshot of the rule book, which a background task renews.
#[derive(Clone)]
pub struct UpdateService {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn ImageStore>,
    pub(crate) options: Options,
    history: Mutex<RuleHistory>,
    snapshot: ArcSwap<Snapshot>,
    logs: Option<Logs>,
    pub(crate) watch: Option<Watch>,
}

/// Who asks, beside what the request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a literal is how it is made")]
pub struct Asker<'a> {
    /// From inside or outside.
    pub side: Side,
    /// The address it asks from, as the audit row shows it.
    pub host: &'a str,
}

impl Asker<'_> {
    /// Where it asks from, as rules see it. A host that is no IP address is none to them.
    pub fn asked_from(&self) -> AskedFrom {
        AskedFrom { side: Some(self.side), address: self.host.parse().ok() }
    }
}

/// An answer, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answered {
    /// What the device is told.
    pub response: UpdateResponse,
    /// The revision of the rule book it was decided by: 0 for the empty book of a new store.
    pub revision: u64,
}

/// A request cannot be answered: the service has no URL to send the device to.
///
/// The original answers with blank URLs then; here a server that would is refused at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(clippy::exhaustive_enums, reason = "the field knows these two sides")]
pub enum NoUrls {
    /// None at all.
    #[error("no base URLs are set, so devices could not be told where to fetch files")]
    Any,
    /// None for the outside, and the device asks from there.
    #[error("no external base URL is set, so devices outside could not be told where to fetch files")]
    External,
}

impl UpdateService {
    /// Opens the service on a store: reads the rule book, and starts the background tasks the options ask for.
    ///
    /// # Errors
    /// When the rule book cannot be read, or a newer program wrote it.
    ///
    /// # Panics
    /// Outside a tokio runtime, when the options ask for logs, probing or watching.
    pub async fn open(store: Arc<dyn ImageStore>, options: Options) -> Result<Self, StateError> {
        let history = RuleHistory::open(Arc::clone(&store)).await?;
        let snapshot = ArcSwap::from_pointee(Snapshot::new(history.book().clone(), history.revision()));
        let logs = options
            .logs
            .clone()
            .map(|logs| Logs::start(Arc::clone(&store), logs, Arc::clone(&options.clock)));
        let (probe, looks) = (options.probe, options.watch.as_ref().and_then(|watch| watch.period));
        let watch = options.watch.clone().map(|watch| Watch::new(watch, options.clock.now()));
        let inner = Arc::new(Inner { store, options, history: Mutex::new(history), snapshot, logs, watch });
        if let Some(period) = probe {
            every(period, &inner, |service| async move {
                // A store that fails now is asked again next time; until then the old snapshot answers.
                if let Err(_error) = service.refresh().await {
                    #[cfg(feature = "tracing")]
                    tracing::warn!(error = &_error as &dyn std::error::Error, "cannot look for changes");
                }
            });
        }
        if let Some(period) = looks {
            every(period, &inner, |service| async move {
                match service.pause_failing_rollouts().await {
                    Ok(_paused) => {
                        #[cfg(feature = "tracing")]
                        _paused.iter().for_each(
                            |paused| tracing::warn!(rule = %paused.rule, rollout = %paused.rollout, why = &*paused.why, "paused"),
                        );
                    }
                    Err(_error) => {
                        #[cfg(feature = "tracing")]
                        tracing::warn!(
                            error = &_error as &dyn std::error::Error,
                            "cannot pause a failing rollout"
                        );
                    }
                }
            });
        }
        Ok(Self { inner })
    }

    /// What is answered from now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.inner.snapshot.load_full()
    }

    /// The store below.
    pub fn store(&self) -> &Arc<dyn ImageStore> {
        &self.inner.store
    }

    /// The wire's codec.
    pub fn codec(&self) -> &Codec {
        &self.inner.options.codec
    }

    /// Where devices fetch files.
    pub fn urls(&self) -> Option<&BaseUrls> {
        self.inner.options.urls.as_ref()
    }

    /// What the service's clock shows.
    pub fn now(&self) -> UnixTime {
        self.inner.options.clock.now()
    }

    /// Answers a request, and leaves its audit row. No input or output, no waiting.
    ///
    /// # Errors
    /// When the service has no URL for the side that asks.
    pub fn answer(&self, request: &UpdateRequest, asker: Asker<'_>) -> Result<UpdateResponse, NoUrls> {
        self.answered(request, asker).map(|answered| answered.response)
    }

    /// As [`answer`](Self::answer), and tells which revision of the rule book the answer is of: what somebody looks up who
    /// asks later why a device was sent where it went.
    ///
    /// # Errors
    /// Those of [`answer`](Self::answer).
    pub fn answered(&self, request: &UpdateRequest, asker: Asker<'_>) -> Result<Answered, NoUrls> {
        let urls = self.urls().ok_or(NoUrls::Any)?;
        if asker.side == Side::External && urls.external().is_none() {
            return Err(NoUrls::External);
        }
        let snapshot = self.inner.snapshot.load();
        let now = self.now();
        let mut modules = Vec::new();
        for question in Question::all_of(request, asker.asked_from()) {
            let decision = decide(snapshot.index(), &question, now);
            trace_decision(request, &decision);
            if let Some(watch) = &self.inner.watch {
                watch.saw(&question, &decision, now);
            }
            modules.extend(decision.offer().map(|offer| OfferedModule {
                file_name: offer.image.clone(),
                signature_file_name: offer.signature.clone(),
                version: offer.version.clone(),
                time_stamp: offer.time_stamp.map_or_else(Said::default, Said::from),
                base_url: urls.folder(Side::Internal, &offer.folder).into(),
                external_base_url: urls.folder(Side::External, &offer.folder).into(),
            }));
        }
        let response = UpdateResponse { modules };
        if let Some(logs) = &self.inner.logs {
            logs.audit(&AuditRow::answered(request, &response, asker.side, asker.host, now), now);
        }
        Ok(Answered { response, revision: snapshot.revision() })
    }

    /// Leaves an audit row of a device log upload, which is not taken.
    pub fn audit_device_log_upload(&self, host: &str) {
        if let Some(logs) = &self.inner.logs {
            let now = self.now();
            logs.audit(&AuditRow::device_log_upload(host, now), now);
        }
    }

    /// Leaves an access row of an answer that is finished.
    pub fn log_access(&self, row: &AccessRow) {
        if let Some(logs) = &self.inner.logs {
            logs.access(row, self.now());
        }
    }

    /// Writes what the logs hold back; returns when it lies in the store.
    ///
    /// # Errors
    /// When the store does not take it; nothing is lost, and the rows are tried again.
    pub async fn flush_logs(&self) -> Result<(), LogError> {
        match &self.inner.logs {
            Some(logs) => logs.flush().await,
            None => Ok(()),
        }
    }

    /// How many log rows were lost since the start because more waited than may: the store was down for too long.
    pub fn dropped_log_rows(&self) -> u64 {
        self.inner.logs.as_ref().map_or(0, Logs::dropped)
    }

    /// Removes logs older than the days to keep, of this server, and gives how many.
    ///
    /// # Errors
    /// When the store does not do it.
    pub async fn remove_old_logs(&self) -> Result<usize, LogError> {
        match &self.inner.logs {
            Some(logs) => logs.remove_old().await,
            None => Ok(0),
        }
    }

    /// Flushes the logs and ends the background work. Requests answered after it leave no rows.
    ///
    /// # Errors
    /// When the store does not take the last rows.
    pub async fn shutdown(&self) -> Result<(), LogError> {
        match &self.inner.logs {
            Some(logs) => logs.shutdown().await,
            None => Ok(()),
        }
    }

    /// Opens a served file, or the part of it in `range`.
    ///
    /// # Errors
    /// When the store does not give it, or holds it with another size than was ingested.
    pub async fn open_file(
        &self,
        file: &ServedFile,
        range: Option<Range<u64>>,
    ) -> Result<ByteStream, StoreError> {
        let object = self.inner.store.get(&file.key, range).await?;
        if object.meta.size != file.size {
            return Err(StoreError::Integrity {
                key: file.key.clone(),
                found: format!("{} bytes, expected {}", object.meta.size, file.size).into(),
            });
        }
        Ok(object.bytes)
    }

    /// Looks for changes other servers made, and gives the revision that holds now.
    ///
    /// # Errors
    /// When the rule book cannot be read; the old snapshot goes on answering.
    pub async fn refresh(&self) -> Result<u64, StateError> {
        let mut history = self.inner.history.lock().await;
        // What could be read holds, whatever comes after it.
        let caught_up = in_time("looking for changes", history.catch_up()).await;
        self.publish(&history).await;
        caught_up?;
        Ok(history.revision())
    }

    /// Makes the snapshot that of the history. Compiling, and freeing what was compiled before, is left to threads for such
    /// work: whoever answers meanwhile reads the old snapshot, waits for nothing, and is not the one who frees it.
    async fn publish(&self, history: &RuleHistory) {
        if self.inner.snapshot.load().revision() == history.revision() {
            return;
        }
        let (book, revision) = (history.book().clone(), history.revision());
        let compiled = tokio::task::spawn_blocking(move || Snapshot::new(book, revision)).await;
        // Compiling neither blocks nor panics, so this fails only when the runtime is going down.
        if let Ok(snapshot) = compiled {
            let old = self.inner.snapshot.swap(Arc::new(snapshot));
            tokio::spawn(retire(old));
        }
    }

    pub(crate) async fn change(
        &self,
        author: &str,
        command: &Command,
        make: impl Fn(&RuleBook, u64) -> Result<Outcome, Refusal>,
    ) -> Result<Changed, ChangeError> {
        let id = ChangeId::random()?;
        let mut pause = Duration::ZERO;
        let (asked, mut tries) = (Instant::now(), 0);
        while tries < MIN_TRIES || asked.elapsed() < MIN_PATIENCE {
            tokio::time::sleep(pause).await;
            let begun = Instant::now();
            let mut history = self.inner.history.lock().await;
            let tried = in_time("changing the rule book", async {
                if tries == 0 {
                    history.catch_up().await?;
                }
                history.try_change(id, author, self.now(), command, &make).await
            });
            let tried = tried.await;
            // What others made meanwhile is answered by at once, however long this change has to wait for its turn.
            self.publish(&history).await;
            if let Some(changed) = tried? {
                return Ok(changed);
            }
            pause = pause_after(tries, begun.elapsed())?;
            tries += 1;
        }
        Err(ChangeError::Contended { tries })
    }

    /// Makes a change to the rule book in the name of `author`.
    ///
    /// What everybody would get is read from the store first: an image that is absent, or not what was ingested, is
    /// neither approved nor rolled back to. When somebody else changes what that would be in the meantime, the command is
    /// refused.
    ///
    /// # Errors
    /// When it is refused, an image is not what it should be, a window is in a time zone that is none, or the store does not
    /// do it. After a refusal nothing has changed.
    pub async fn command(&self, command: &Command, author: &str) -> Result<Changed, ChangeError> {
        if let Command::RollBackTo(revision) = command {
            return self.roll_back_to(*revision, author).await;
        }
        self.command_if(command, author, |_| Ok(())).await
    }

    /// The same, refused where the book it is made on does not pass `check`.
    pub(crate) async fn command_if(
        &self,
        command: &Command,
        author: &str,
        check: impl Fn(&RuleBook) -> Result<(), Refusal>,
    ) -> Result<Changed, ChangeError> {
        refuse_unknown_zones(command)?;
        self.refresh().await?;
        let snapshot = self.snapshot();
        check(snapshot.book())?;
        let outcome = snapshot.book().command(command)?;
        let verified = Verified::read(&*self.inner.store, snapshot.book(), &outcome.delta).await?;
        self.change(author, command, |book, _| {
            check(book)?;
            let outcome = book.command(command)?;
            verified.covers(book, &outcome.delta)?;
            Ok(outcome)
        })
        .await
    }

    /// Approves what is pending in each of the rules; all or none.
    ///
    /// # Errors
    /// Those of [`command`](Self::command).
    pub async fn approve(&self, rules: Vec<RuleKey>, author: &str) -> Result<Changed, ChangeError> {
        self.command(&Command::Approve(rules), author).await
    }

    /// Approves what a package made pending.
    ///
    /// # Errors
    /// Those of [`command`](Self::command).
    pub async fn approve_all_of(&self, package: PackageId, author: &str) -> Result<Changed, ChangeError> {
        self.command(&Command::ApproveAllOf(package), author).await
    }

    /// Rejects what is pending in a rule.
    ///
    /// # Errors
    /// Those of [`command`](Self::command).
    pub async fn reject(&self, rule: RuleKey, author: &str) -> Result<Changed, ChangeError> {
        self.command(&Command::Reject(rule), author).await
    }

    /// Gives everybody what was approved before.
    ///
    /// # Errors
    /// Those of [`command`](Self::command).
    pub async fn roll_back(&self, rule: RuleKey, author: &str) -> Result<Changed, ChangeError> {
        self.command(&Command::RollBack(rule), author).await
    }

    /// Removes a rule. Its files stay served to devices that are fetching them.
    ///
    /// # Errors
    /// Those of [`command`](Self::command).
    pub async fn remove(&self, rule: RuleKey, author: &str) -> Result<Changed, ChangeError> {
        self.command(&Command::Remove(rule), author).await
    }

    /// Says how a rule treats what devices say of their version.
    ///
    /// # Errors
    /// Those of [`command`](Self::command).
    pub async fn set_policy(
        &self,
        rule: RuleKey,
        policy: OfferPolicy,
        author: &str,
    ) -> Result<Changed, ChangeError> {
        self.command(&Command::SetPolicy(rule, policy), author).await
    }

    /// Adds a test device.
    ///
    /// # Errors
    /// Those of [`command`](Self::command).
    pub async fn add_test_device(&self, device: TestDevice, author: &str) -> Result<Changed, ChangeError> {
        self.command(&Command::AddTestDevice(device), author).await
    }

    /// Removes a test device.
    ///
    /// # Errors
    /// Those of [`command`](Self::command).
    pub async fn remove_test_device(
        &self,
        name: TestDeviceName,
        author: &str,
    ) -> Result<Changed, ChangeError> {
        self.command(&Command::RemoveTestDevice(name), author).await
    }

    /// The history of the rule book from revision `first` on, at most `limit` of it, oldest first.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn history(&self, first: u64, limit: usize) -> Result<Vec<Revision>, StateError> {
        RuleHistory::read(&*self.inner.store, first, limit).await
    }
}

/// Does work now and then as long as the service is used.
fn every<W: Future<Output = ()> + Send>(
    period: Duration,
    inner: &Arc<Inner>,
    work: impl Fn(UpdateService) -> W + Send + Sync + 'static,
) {
    let weak = Arc::downgrade(inner);
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(period.max(Duration::from_millis(10)));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let Some(inner) = weak.upgrade() else { return };
            work(UpdateService { inner }).await;
        }
    });
}

/// How often, and for how long, a change is tried at least while others are first: a store far away gives few tries in that
/// time, and one at hand many.
const MIN_TRIES: u32 = 40;
const MIN_PATIENCE: Duration = Duration::from_secs(2);

/// A random pause after a try that took so long and was lost. It keeps servers that lost together apart, and halves with
/// each try: that one lost means that another won, so a pause lets nobody through sooner, and whoever waits for longest has to
/// come before those who begin.
fn pause_after(tries: u32, took: Duration) -> Result<Duration, StateError> {
    let share = f64::from(random_bytes()?[0]) / f64::from(u8::MAX);
    Ok(took.mul_f64(share) / (2 << tries.min(20)))
}

/// How long the store may take over a change or a look for changes before somebody else has his turn.
const STORE_TIME: Duration = Duration::from_secs(60);

/// What comes of work on the history, or the store's silence as an error. Work that is dropped half-way leaves the
/// history whole: what it may have written is found by the next look.
async fn in_time<T, E: From<StoreError>>(
    what: &'static str,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    match tokio::time::timeout(STORE_TIME, work).await {
        Ok(done) => done,
        Err(late) => Err(StoreError::unavailable(what, late).into()),
    }
}

/// Holds a snapshot until nobody answers from it any more, and frees it on a thread for such work: with a large book that
/// takes long. Whoever keeps one for longer than this waits frees it himself.
async fn retire(old: Arc<Snapshot>) {
    for _ in 0..RETIRE_TRIES {
        if Arc::strong_count(&old) == 1 {
            break;
        }
        tokio::time::sleep(RETIRE_PAUSE).await;
    }
    tokio::task::spawn_blocking(move || drop(old));
}

/// How often, and with what pauses, a retired snapshot is looked at. An answer takes microseconds.
const RETIRE_TRIES: u32 = 100;
const RETIRE_PAUSE: Duration = Duration::from_millis(20);

impl fmt::Debug for UpdateService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdateService")
            .field("store", &self.inner.store)
            .field("revision", &self.inner.snapshot.load().revision())
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "tracing")]
fn trace_decision(request: &UpdateRequest, decision: &Decision<'_>) {
    tracing::debug!(
        mac = request.device.mac_address.as_said(),
        serial = request.device.serial_number.as_said(),
        %decision,
        "decided"
    );
}

#[cfg(not(feature = "tracing"))]
fn trace_decision(_request: &UpdateRequest, _decision: &Decision<'_>) {}
