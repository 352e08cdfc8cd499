//! The audit log and the access log of one server. Rows are added without waiting, and a background task writes them.
//!
//! The crate `ucupdate-audit` decides what is written and when, and returns each write as an
//! effect. This module performs the effects on a store and reports their outcomes.

use crate::asker::Asker;
use crate::clock::Clock;
use crate::events::event::Event;
use crate::events::listeners::Listeners;
use crate::logs::losses::{Loss, Losses};
use crate::logs::options::{FullLog, LogOptions};
use crate::logs::place::check_empty;
use crate::logs::removal;
use crate::logs::zone_file::{ClaimState, ZoneClaim};
use bytes::Bytes;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use ucupdate_audit::{
    AccessFormat, AccessRow, AuditFormat, AuditRow, DropReason, Effect, EffectOutcome, LogKind, RollingLog,
};
use ucupdate_core::value::{Counted, UnixTime, Zone};
use ucupdate_core::{UpdateRequest, UpdateResponse};
use ucupdate_store::{ImageStore, ImageStoreExt as _, StoreError, StoreKey};

/// Error of writing logs.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message documents the field")]
#[non_exhaustive]
pub enum LogError {
    /// The store does not accept the rows. They keep waiting, and writing is tried again.
    #[error(
        "{} not written yet because the store fails: {last}{}",
        Counted::new(*waiting, "log row").with_verb("is", "are"), maybe_text(*maybe_stored)
    )]
    Waiting {
        waiting: usize,
        /// The number of waiting rows that may be in the store, because the outcome of their write is not known.
        maybe_stored: usize,
        last: String,
    },
    /// More than half of the log files of one kind would be removed at once. Nothing was removed.
    #[error(
        "{old} of {of} log files are older than the days to keep, which is more than half, so none was removed; check the clocks"
    )]
    LargeShare { old: usize, of: usize },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LogError {
    /// Combines two errors by adding the numbers of waiting rows.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (
                Self::Waiting { waiting, maybe_stored, last },
                Self::Waiting { waiting: more, maybe_stored: more_maybe, .. },
            ) => Self::Waiting { waiting: waiting + more, maybe_stored: maybe_stored + more_maybe, last },
            (first, _) => first,
        }
    }
}

fn maybe_text(maybe_stored: usize) -> String {
    match maybe_stored {
        0 => String::new(),
        rows => {
            format!("; {rows} of them may be in the store, because the outcome of their write is not known")
        }
    }
}

/// The longest time between two attempts to write while a flush waits.
const RETRY_TIME: Duration = Duration::from_millis(250);

/// A new log file gets the next name if another object already has its name. If this number of
/// names in a row is taken, a failure is reported.
const TAKEN_NAMES: u32 = 64;

/// The time limit for writing one log file. After it the outcome counts as unclear.
const STORE_TIME: Duration = Duration::from_secs(60);

/// If a row waits for longer than the flush interval and this time, the store counts as failing. A
/// store that hangs reports no failure until [`STORE_TIME`] has passed.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// The time limit for listing the log files.
const LIST_TIME: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Logs {
    audit: Arc<LogQueue>,
    access: Arc<LogQueue>,
    audit_format: AuditFormat,
    access_format: AccessFormat,
    options: LogOptions,
    store: Arc<dyn ImageStore>,
    clock: Arc<dyn Clock>,
}

impl Logs {
    pub(crate) fn start(
        store: Arc<dyn ImageStore>,
        options: LogOptions,
        clock: Arc<dyn Clock>,
        events: Listeners,
    ) -> Self {
        let audit_format = AuditFormat::new().with_zone(options.zone.clone());
        let access_format = AccessFormat::new(&options.software);
        let roll = options.roll.with_append(store.can_append());
        let log = |rolling, kind| {
            let zone = Some(options.zone.clone()).filter(|_| kind == LogKind::Audit);
            let log = Arc::new(LogQueue::new(rolling, kind, zone, events.clone()));
            tokio::spawn(Arc::clone(&log).write(Arc::clone(&store), Arc::clone(&clock)));
            log
        };
        Self {
            audit: log(RollingLog::audit(options.server.clone(), &audit_format, roll), LogKind::Audit),
            access: log(RollingLog::access(options.server.clone(), &access_format, roll), LogKind::Access),
            audit_format,
            access_format,
            options,
            store,
            clock,
        }
    }

    pub(crate) fn audit(&self, row: &AuditRow, now: UnixTime) {
        self.audit.push(self.audit_format.line(row), now);
    }

    /// Adds the audit row of a request that was answered.
    pub(crate) fn audit_answer(
        &self,
        request: &UpdateRequest,
        response: &UpdateResponse,
        asker: Asker<'_>,
        now: UnixTime,
    ) {
        let line = self.audit_format.answered_line(request, response, asker.side, asker.host, now);
        self.audit.push(line, now);
    }

    pub(crate) fn access(&self, row: &AccessRow, now: UnixTime) {
        self.access.push(self.access_format.line(row), now);
    }

    /// Returns the number of rows that were dropped since the service was opened.
    pub(crate) fn dropped(&self) -> u64 {
        self.audit.rolling().dropped() + self.access.rolling().dropped()
    }

    pub(crate) fn waiting(&self) -> usize {
        self.audit.rolling().pending() + self.access.rolling().pending()
    }

    /// Returns the reason why rows cannot be written. `None` if the store took the last rows of both logs, and no row waits
    /// for longer than it should.
    pub(crate) fn problem(&self, now: UnixTime) -> Option<String> {
        let most = self.options.roll.flush_interval() + LONGEST_WAIT;
        [&self.audit, &self.access].iter().find_map(|log| log.problem(now, most))
    }

    /// Ends all waits for room. Later waits end at once.
    pub(crate) fn end_waits(&self) {
        [&self.audit, &self.access].iter().for_each(|log| log.end_waits());
    }

    /// Waits until less than half of the room for waiting rows is taken, if the options say
    /// [`FullLog::Block`].
    pub(crate) async fn wait_for_room(&self) {
        let FullLog::Block { at_most } = self.options.full else { return };
        let room = async { tokio::join!(self.audit.wait_for_room(), self.access.wait_for_room()) };
        let _room_or_late = tokio::time::timeout(at_most, room).await;
    }

    pub(crate) async fn flush(&self) -> Result<(), LogError> {
        let time = self.options.flush_time;
        match tokio::join!(self.audit.flush(time), self.access.flush(time)) {
            (Ok(()), Ok(())) => Ok(()),
            (Err(failure), Ok(())) | (Ok(()), Err(failure)) => Err(failure),
            (Err(audit), Err(access)) => Err(audit.and(access)),
        }
    }

    pub(crate) async fn shutdown(&self) -> Result<(), LogError> {
        let flushed = self.flush().await;
        self.audit.stop();
        self.access.stop();
        flushed
    }

    pub(crate) async fn remove_old(&self) -> Result<usize, LogError> {
        removal::remove_old(&*self.store, &self.options, &*self.clock).await
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        self.audit.stop();
        self.access.stop();
    }
}

/// One log: its waiting rows, and the task that writes them.
#[derive(Debug)]
struct LogQueue {
    rolling: Mutex<RollingLog>,
    /// The time zone of an audit log. The name of the zone is stored beside each file, unless it is UTC. `None` for an access log.
    zone: Option<Zone>,
    /// Wakes the background task.
    wake: Notify,
    /// The state of the background task. Flushes and requests that wait for room are woken when it
    /// changes.
    progress: watch::Sender<WriterProgress>,
    kind: LogKind,
    events: Listeners,
    losses: Losses,
}

#[derive(Clone, Debug, Default)]
struct WriterProgress {
    stopped: bool,
    /// `true` if requests no longer wait for room, because the server shuts down.
    has_no_waits: bool,
    last_failure: String,
}

impl LogQueue {
    fn new(rolling: RollingLog, kind: LogKind, zone: Option<Zone>, events: Listeners) -> Self {
        Self {
            rolling: Mutex::new(rolling),
            wake: Notify::new(),
            progress: watch::Sender::default(),
            kind,
            zone,
            events,
            losses: Losses::default(),
        }
    }

    /// Locks the state. After a panic of another thread the state is still valid, and refusing the lock would lose all
    /// later rows.
    fn rolling(&self) -> MutexGuard<'_, RollingLog> {
        self.rolling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: ucupdate_audit::LogLine, now: UnixTime) {
        let mut rolling = self.rolling();
        let is_lost = rolling.push(line, now).is_none();
        let (lost, reason) = (rolling.dropped(), rolling.last_drop());
        let first_or_due = rolling.pending() == 1 || rolling.next_deadline().is_some_and(|due| due <= now);
        drop(rolling);
        let loss = if is_lost { self.losses.add(now) } else { Loss::Nothing };
        if first_or_due || loss == Loss::Schedule {
            self.wake.notify_one();
        }
        if let Some(reason) = reason.filter(|_| loss == Loss::Report) {
            self.report_loss(lost, reason);
        }
    }

    /// Reports rows that were lost since the last report, if the time for it has come.
    fn report_open_losses(&self, now: UnixTime) {
        let (lost, reason) = {
            let rolling = self.rolling();
            (rolling.dropped(), rolling.last_drop())
        };
        if let Some(reason) = reason.filter(|_| self.losses.is_due(now)) {
            self.report_loss(lost, reason);
        }
    }

    /// Returns the reason why rows cannot be written: the last write failed, or the oldest row waits for longer than `most`.
    fn problem(&self, now: UnixTime, most: Duration) -> Option<String> {
        let failure = self.progress.borrow().last_failure.clone();
        let (waiting, oldest) = {
            let rolling = self.rolling();
            (rolling.pending(), rolling.oldest())
        };
        let age = oldest.map_or(0, |oldest| now.as_millis().saturating_sub(oldest.as_millis()));
        let age = Duration::from_millis(u64::try_from(age).unwrap_or(0));
        let log = match self.kind {
            LogKind::Audit => "audit log",
            LogKind::Access => "access log",
        };
        let waiting = Counted::new(waiting, "row");
        if !failure.is_empty() {
            return Some(format!("the {log} has {waiting} that cannot be written: {failure}"));
        }
        let seconds = age.as_secs();
        let is_late = age > most;
        is_late
            .then(|| format!("the {log} has {waiting} not written for {seconds} s: no answer from the store"))
    }

    fn report_loss(&self, rows: u64, reason: DropReason) {
        let failure = self.progress.borrow().last_failure.clone();
        let cause = match &*failure {
            "" => reason.to_string(),
            failure => format!("{reason}; the store does not take them: {failure}"),
        };
        self.events.emit(&Event::LogRowsDropped { log: self.kind, rows, cause: &cause });
    }

    /// Reports once when rows begin to wait, and once when they are written again.
    fn report_write(&self, outcome: EffectOutcome, failure: Option<&str>, rows: usize) {
        let was_failing = !self.progress.borrow().last_failure.is_empty();
        let log = self.kind;
        match failure {
            Some(cause) if !was_failing => self.events.emit(&Event::LogRowsWaiting { log, rows, cause }),
            None if was_failing && outcome == EffectOutcome::Stored => {
                self.events.emit(&Event::LogRowsWritten { log });
            }
            _ => {}
        }
    }

    fn stop(&self) {
        self.progress.send_modify(|progress| progress.stopped = true);
        self.wake.notify_one();
    }

    fn end_waits(&self) {
        self.progress.send_modify(|progress| progress.has_no_waits = true);
    }

    /// Waits until every row that waits now is in the store, at most for `time`.
    async fn flush(&self, time: Duration) -> Result<(), LogError> {
        let target = {
            let mut rolling = self.rolling();
            rolling.flush_now();
            rolling.acknowledged() + rolling.pending() as u64
        };
        self.wake.notify_one();
        let ended = tokio::time::Instant::now() + time;
        let mut progress = self.progress.subscribe();
        loop {
            // The state is read before the rows are counted, so that any later change wakes the wait below.
            let stopped = progress.borrow_and_update().stopped;
            if self.rolling().acknowledged() >= target {
                return Ok(());
            }
            // The clock of the service may stand still in a test, so the wait has a timeout of its own.
            let next = ended.min(tokio::time::Instant::now() + RETRY_TIME);
            let waited = tokio::time::timeout_at(next, progress.changed()).await;
            if stopped || tokio::time::Instant::now() >= ended {
                return Err(self.waiting());
            }
            if waited.is_err() {
                self.rolling().flush_now();
                self.wake.notify_one();
            }
        }
    }

    async fn wait_for_room(&self) {
        let mut progress = self.progress.subscribe();
        // The state is read before the rows are counted, so that any later write wakes the wait below.
        loop {
            let has_no_waits = {
                let now = progress.borrow_and_update();
                now.stopped || now.has_no_waits
            };
            if has_no_waits || !self.rolling().is_half_full() {
                return;
            }
            if progress.changed().await.is_err() {
                return;
            }
        }
    }

    fn waiting(&self) -> LogError {
        let last = self.progress.borrow().last_failure.clone();
        let last = if last.is_empty() { "no answer yet".to_owned() } else { last };
        let rolling = self.rolling();
        LogError::Waiting { waiting: rolling.pending(), maybe_stored: rolling.maybe_stored(), last }
    }

    /// Runs the background task: performs effects until the log is stopped.
    async fn write(self: Arc<Self>, store: Arc<dyn ImageStore>, clock: Arc<dyn Clock>) {
        // Knowing the taken numbers saves attempts. Without the listing no row is lost.
        let listing = async {
            let mut pages = store.pages(self.kind.folder());
            while let Ok(Some(page)) = pages.next().await {
                let mut rolling = self.rolling();
                page.iter().for_each(|meta| rolling.mention(meta.key.as_str()));
            }
        };
        let _late = tokio::time::timeout(LIST_TIME, listing).await;
        let (mut claim, mut taken) = (self.zone.clone().map(ZoneClaim::new), 0_u32);
        loop {
            let effect = self.rolling().poll(clock.now());
            if let Some(effect) = effect {
                let performing = perform(&*store, &effect, claim.as_mut());
                let (outcome, failure) = match tokio::time::timeout(STORE_TIME, performing).await {
                    Ok(done) => done,
                    Err(late) => (EffectOutcome::Unclear, Some(format!("no answer from the store: {late}"))),
                };
                taken = if outcome == EffectOutcome::Exists { taken.saturating_add(1) } else { 0 };
                let is_taken = taken >= TAKEN_NAMES;
                let failure = failure.or_else(|| {
                    is_taken.then(|| format!("`{}` and the names before are taken", effect.key()))
                });
                let rows = {
                    let mut rolling = self.rolling();
                    rolling.done(outcome, clock.now());
                    rolling.pending()
                };
                self.report_write(outcome, failure.as_deref(), rows);
                self.progress.send_modify(|progress| {
                    if failure.is_some() || outcome == EffectOutcome::Stored {
                        progress.last_failure = failure.unwrap_or_default();
                    }
                });
                continue;
            }
            if self.progress.borrow().stopped {
                return;
            }
            let now = clock.now();
            self.report_open_losses(now);
            let deadline =
                self.rolling().next_deadline().into_iter().chain(self.losses.next_report(now)).min();
            let woken = self.wake.notified();
            match deadline {
                None => woken.await,
                Some(deadline) => {
                    let left = deadline.as_millis().saturating_sub(clock.now().as_millis());
                    let left =
                        Duration::from_millis(u64::try_from(left).unwrap_or(0)).max(Duration::from_millis(1));
                    let _woken_or_due = tokio::time::timeout(left, woken).await;
                }
            }
        }
    }
}

async fn perform(
    store: &dyn ImageStore,
    effect: &Effect,
    mut claim: Option<&mut ZoneClaim>,
) -> (EffectOutcome, Option<String>) {
    let Ok(key) = StoreKey::parse(effect.key()) else {
        return (EffectOutcome::Failed, Some(format!("`{}` is not a key", effect.key())));
    };
    let bytes = || Bytes::copy_from_slice(effect.bytes());
    let claimed = match &mut claim {
        Some(claim) => claim.claim(store, &key, effect).await,
        None => Ok(ClaimState::Stands),
    };
    let was_made = match claimed {
        Ok(ClaimState::Foreign) => return (EffectOutcome::Exists, None),
        Ok(state) => state == ClaimState::Made,
        Err(error) if has_foreign_name(store, &key, &error).await => {
            return (EffectOutcome::Exists, Some(error.to_string()));
        }
        Err(error) => return (EffectOutcome::Failed, Some(error.to_string())),
    };
    let done = match effect {
        Effect::Create { .. } => store.create(&key, bytes()).await,
        Effect::Put { .. } => store.put_bytes(&key, bytes()).await.map(drop),
        // After a failed append, the log writes the whole file. Only a failure of this is reported.
        Effect::Append { at, .. } => {
            return match store.append(&key, *at, bytes()).await {
                Ok(()) => (EffectOutcome::Stored, None),
                Err(_) => (EffectOutcome::Unclear, None),
            };
        }
        Effect::ReadBack { bytes, .. } => match store.get_bytes(&key, bytes.len()).await {
            Ok(found) => return (effect.compare(Some(&found)), None),
            Err(StoreError::NotFound { .. }) => return (EffectOutcome::Absent, None),
            Err(StoreError::TooLarge { .. }) => return (EffectOutcome::Exists, None),
            Err(error) => Err(error),
        },
        // An effect that this program does not know cannot be performed.
        _ => return (EffectOutcome::Failed, Some("the log asks for an unknown effect".to_owned())),
    };
    if let (Some(claim), Effect::Create { .. }) = (claim, effect) {
        claim.settle(store, &key, was_made, &done).await;
    }
    match done {
        Ok(()) => (EffectOutcome::Stored, None),
        Err(StoreError::AlreadyExists { .. }) => (EffectOutcome::Exists, None),
        Err(error) if has_foreign_name(store, &key, &error).await => {
            (EffectOutcome::Exists, Some(error.to_string()))
        }
        Err(error) if error.may_have_written() => (EffectOutcome::Unclear, Some(error.to_string())),
        Err(error) => (EffectOutcome::Failed, Some(error.to_string())),
    }
}

/// Returns whether an error means that something else, such as a folder or a link, has the name of
/// the log or of its zone file. Then the next name may be free. Returns `false` if something else
/// has the name of a folder above.
async fn has_foreign_name(store: &dyn ImageStore, log: &StoreKey, error: &StoreError) -> bool {
    let folders = |path: &str| path.matches('/').count();
    match error {
        StoreError::Conflict { other, .. } => folders(other) >= folders(log.as_str()),
        StoreError::Integrity { .. } => check_empty(store, log.folder().unwrap_or_default()).await.is_ok(),
        _ => false,
    }
}
