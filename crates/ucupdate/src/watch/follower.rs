//! [`Follower`]: the outcomes of rollouts, kept up to date from the logs of all servers.

use crate::error::StateError;
use crate::logs::reader::LogReadError;
use crate::logs::tail::{LogTail, TailRow};
use crate::state::snapshot::Snapshot;
use crate::watch::starts::{self, KnownStarts, Starts, rollouts};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use ucupdate_core::EligibilityIndex;
use ucupdate_core::book::{BookCommand, RuleBook, StopScope};
use ucupdate_core::value::{UnixTime, Zone};
use ucupdate_fleet::outcomes::{OutcomeOptions, Outcomes};
use ucupdate_store::ImageStore;

/// The age of the oldest log rows that are read. Rows of a rollout that are older do not count.
const REACH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The difference between the clocks of servers that is tolerated: rows up to this time before the
/// start of a rollout are read.
const CLOCK_SLACK: Duration = Duration::from_secs(60);

/// A row of the audit log with an offer is late if its time is more than this before the latest
/// time of the rows read before it. After a late row the logs are read again from the start.
const LATE: Duration = Duration::from_secs(60);

/// The shortest time between two readings of the logs from the start.
const READ_AGAIN: Duration = Duration::from_secs(60 * 60);

/// The number of rows after which the task yields to other tasks.
const ROWS_AT_A_TIME: u32 = 500;

/// Error of finding the outcomes of rollouts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutcomeError {
    /// A log cannot be read.
    #[error(transparent)]
    Logs(#[from] LogReadError),
    /// The history cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
}

/// The outcomes of all rollouts, and how far the logs were read for them.
#[derive(Debug)]
pub(crate) struct Follower {
    options: OutcomeOptions,
    outcomes: Mutex<Outcomes>,
    progress: tokio::sync::Mutex<FollowProgress>,
}

#[derive(Debug, Default)]
struct FollowProgress {
    tail: Option<LogTail>,
    followed: Option<Followed>,
    /// The latest time of the rows that were read and counted. Times in the future are ignored.
    latest: Option<UnixTime>,
    /// `true` if a row with an offer came late ([`LATE`]), so that the logs must be read again from
    /// the start.
    is_disordered: bool,
    /// The time of the last reading of the logs from the start.
    read_at: Option<UnixTime>,
}

/// The snapshot whose rollouts are counted, and the data that is computed from it.
#[derive(Debug)]
struct Followed {
    snapshot: Arc<Snapshot>,
    starts: Starts,
    /// The index of the same rule book with all rollouts resumed and all stops ended. `None` if
    /// nothing is paused or stopped. Then the index of the snapshot is used.
    running: Option<Arc<EligibilityIndex>>,
}

/// The store whose logs are followed, and the rule book that answers now.
pub(crate) struct FollowedStore<'a> {
    pub(crate) store: &'a dyn ImageStore,
    /// The time zone of audit logs without a `.zone` file.
    pub(crate) zone: Zone,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) now: UnixTime,
}

impl Follower {
    pub(crate) fn new(devices: usize) -> Self {
        let options = OutcomeOptions::default()
            .with_devices(devices)
            .with_downloads_required(true)
            .with_unguarded(true);
        let outcomes = Mutex::new(Outcomes::new(options));
        Self { options, outcomes, progress: tokio::sync::Mutex::default() }
    }

    /// Locks the outcomes. They are valid even if a thread panicked while it held the lock.
    pub(crate) fn outcomes(&self) -> MutexGuard<'_, Outcomes> {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the new log rows with times up to `until`, and counts them in the outcomes. Devices in
    /// flight (their outcome is still open) become overdue if their deadline is `until` or earlier.
    /// Returns the snapshot of `source` and the starts of its rollouts.
    pub(crate) async fn look(
        &self,
        source: &FollowedStore<'_>,
        until: UnixTime,
    ) -> Result<(Arc<Snapshot>, Starts), OutcomeError> {
        let mut progress = self.progress.lock().await;
        let (snapshot, now) = (Arc::clone(&source.snapshot), source.now);
        if rollouts(snapshot.book()).next().is_none() {
            *progress = FollowProgress::default();
            *self.outcomes() = Outcomes::new(self.options);
            return Ok((snapshot, Starts::new()));
        }
        if progress.is_disordered && progress.read_at.is_none_or(|read| after(read, READ_AGAIN) <= now) {
            let followed = progress.followed.take();
            *progress = FollowProgress { followed, ..FollowProgress::default() };
            *self.outcomes() = Outcomes::new(self.options);
        }
        self.follow(&mut progress, source, before(now, REACH)).await?;
        let FollowProgress { tail, followed, latest, is_disordered, read_at } = &mut *progress;
        let Some(followed) = followed else { return Ok((snapshot, Starts::new())) };
        let tail = tail.get_or_insert_with(|| {
            *read_at = Some(now);
            let since = followed.starts.values().min().copied().unwrap_or(now);
            LogTail::new(source.zone.clone(), before(since, CLOCK_SLACK))
        });
        tail.look(source.store).await.map_err(LogReadError::from)?;
        let index = followed.running.as_deref().unwrap_or_else(|| followed.snapshot.index());
        let mut rows: u32 = 0;
        while let Some(row) = tail.next(source.store, until).await? {
            rows = rows.wrapping_add(1);
            if rows.is_multiple_of(ROWS_AT_A_TIME) {
                tokio::task::yield_now().await;
            }
            let at = row.at();
            let mut outcomes = self.outcomes();
            match row {
                TailRow::Audit(logged) => {
                    let is_late = latest.is_some_and(|latest| after(at, LATE) < latest);
                    *is_disordered |= is_late && !logged.row.offered.is_empty();
                    outcomes.take_in_audit(index, &followed.starts, &logged);
                }
                TailRow::Access(row) => outcomes.take_in_access(&row),
            }
            *latest = (*latest).max(Some(at).filter(|at| *at <= now));
        }
        self.outcomes().expire(until);
        Ok((snapshot, followed.starts.clone()))
    }

    async fn follow(
        &self,
        progress: &mut FollowProgress,
        source: &FollowedStore<'_>,
        reach: UnixTime,
    ) -> Result<(), StateError> {
        let snapshot = &source.snapshot;
        let revision = snapshot.revision();
        if progress.followed.as_ref().is_some_and(|followed| followed.snapshot.revision() == revision) {
            return Ok(());
        }
        let known = progress.followed.as_ref().map(|followed| KnownStarts {
            revision: followed.snapshot.revision(),
            book: followed.snapshot.book(),
            starts: &followed.starts,
        });
        let starts = starts::starts(source.store, snapshot.book(), revision, known, reach).await?;
        {
            let mut outcomes = self.outcomes();
            outcomes.follow(snapshot.book());
            if let Some(followed) = &progress.followed {
                for (key, start) in &starts {
                    if followed.starts.get(key).is_some_and(|before| before < start) {
                        outcomes.forget_rollout(&key.0, &key.1);
                    }
                }
            }
        }
        let running = match is_all_running(snapshot.book()) {
            true => None,
            false => {
                let snapshot = Arc::clone(snapshot);
                let compile = move || EligibilityIndex::compile(&all_running(snapshot.book()), revision);
                // Compiling does not panic, so this fails only when the runtime shuts down.
                tokio::task::spawn_blocking(compile).await.ok().map(Arc::new)
            }
        };
        progress.followed = Some(Followed { snapshot: Arc::clone(snapshot), starts, running });
        Ok(())
    }
}

fn is_all_running(book: &RuleBook) -> bool {
    book.stops().next().is_none() && rollouts(book).all(|(_, rollout)| rollout.paused.is_none())
}

/// Returns a book in which no rollout is paused and nothing is stopped.
fn all_running(book: &RuleBook) -> RuleBook {
    let mut running = book.clone();
    let mut make = |command: &BookCommand, author: &str| {
        if let Ok(change) = running.command(command, author) {
            running.apply(&change.delta);
        }
    };
    for (rule, rollout) in rollouts(book).filter(|(_, rollout)| rollout.paused.is_some()) {
        make(&BookCommand::ResumeRollout(rule.key().clone(), rollout.name.clone()), "watch");
    }
    let scopes: Vec<StopScope> = book.stops().map(|(scope, _)| scope.clone()).collect();
    for scope in scopes {
        make(&BookCommand::AskRestart { scope: scope.clone() }, "watch");
        make(&BookCommand::ApproveRestart { scope }, "another");
    }
    running
}

pub(crate) fn after(time: UnixTime, duration: Duration) -> UnixTime {
    UnixTime::from_millis(time.as_millis().saturating_add(millis(duration)))
}

pub(crate) fn before(time: UnixTime, duration: Duration) -> UnixTime {
    UnixTime::from_millis(time.as_millis().saturating_sub(millis(duration)))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
