//! Pauses rollouts whose guards are exceeded.

use crate::error::ChangeError;
use crate::events::event::Event;
use crate::service::UpdateService;
use crate::watch::follower::{FollowedStore, Follower, OutcomeError, before};
use crate::watch::observer::Watch;
use crate::watch::starts::{RolloutKey, Starts, key, rollouts};
use std::collections::BTreeSet;
use ucupdate_core::RuleBook;
use ucupdate_core::book::{Refusal, RuleError};
use ucupdate_fleet::outcomes::{Outcomes, Tally, Tripped};

/// The author of pauses that the service makes by itself.
pub const WATCH_AUTHOR: &str = "ucupdate";

/// The largest number of times that one call reads the logs and pauses rollouts. This is repeated
/// after a pause, and when the rule book changed in the meantime.
const TRIES: u32 = 5;

/// Error of watching rollouts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// The outcomes cannot be found.
    #[error(transparent)]
    Outcomes(#[from] OutcomeError),
    /// A rollout cannot be paused.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

/// The outcomes of all rollouts of a rule book, from the logs of all servers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RolloutOutcomes {
    /// The state of each device that was offered a version by a rollout.
    pub outcomes: Outcomes,
    /// The times at which rollouts started, or were resumed last. Outcomes before that do not count.
    pub starts: Starts,
}

impl UpdateService {
    /// Returns the tally of each rollout as of the last look: what became of the devices to which
    /// any server offered a version. Empty without
    /// [`Options::with_watch`](crate::Options::with_watch).
    pub fn tallies(&self) -> Vec<Tally> {
        let watch = self.inner.watch.as_ref();
        watch.map_or_else(Vec::new, |watch| watch.follower.outcomes().tallies().cloned().collect())
    }

    /// Reads the outcomes of all rollouts from the logs of all servers, at most 100,000 devices. It needs no
    /// [`Options::with_watch`](crate::Options::with_watch).
    ///
    /// # Errors
    /// When the store fails, or a log cannot be read.
    pub async fn read_outcomes(&self) -> Result<RolloutOutcomes, OutcomeError> {
        let follower = Follower::new(100_000);
        let (_, starts) = follower.look(&self.source(), self.now()).await?;
        let outcomes = follower.outcomes().clone();
        Ok(RolloutOutcomes { outcomes, starts })
    }

    /// Reads the rows that were added to the logs of all servers, and pauses the rollouts whose guards are exceeded. Does nothing
    /// without [`Options::with_watch`](crate::Options::with_watch). [`WATCH_AUTHOR`] is the author of the pauses. Returns the
    /// rollouts that this call paused.
    ///
    /// If another server paused the rollout first, nothing is changed, and
    /// [`Event::RolloutAlreadyPaused`] is emitted once.
    ///
    /// The background task of [`WatchOptions::with_period`](crate::WatchOptions::with_period) calls this function.
    ///
    /// # Errors
    /// When the store fails, or a log cannot be read. The next call tries again.
    pub async fn pause_failing_rollouts(&self) -> Result<Vec<Tripped>, WatchError> {
        let Some(watch) = &self.inner.watch else { return Ok(Vec::new()) };
        let mut running = watch.running.lock().await;
        let mut paused = Vec::new();
        for _ in 0..TRIES {
            let until = before(self.now(), watch.wait);
            let (snapshot, _) = watch.follower.look(&self.source(), until).await?;
            self.report_paused(watch, snapshot.book(), &mut running);
            let tripped = watch.follower.outcomes().tripped(snapshot.book());
            if tripped.is_empty() {
                break;
            }
            for rollout in tripped {
                if self.pause(&rollout, snapshot.revision()).await? {
                    running.remove(&(rollout.rule.clone(), rollout.rollout.clone()));
                    self.emit(&Event::RolloutPaused { paused: &rollout });
                    paused.push(rollout);
                }
            }
        }
        Ok(paused)
    }

    fn source(&self) -> FollowedStore<'_> {
        FollowedStore {
            store: &**self.store(),
            zone: self.inner.options.log_zone(),
            snapshot: self.snapshot(),
            now: self.now(),
        }
    }

    /// Pauses a rollout if the rule book still has the revision `base`. Returns whether this call
    /// paused the rollout.
    async fn pause(&self, rollout: &Tripped, base: u64) -> Result<bool, ChangeError> {
        let command = rollout.pause();
        let make = |book: &RuleBook, revision| {
            if revision != base {
                let (rule, name) = (rollout.rule.clone(), rollout.rollout.clone());
                return Err(Refusal::WrongState { rule, cause: RuleError::NoRollout { name } });
            }
            book.command(&command, WATCH_AUTHOR)
        };
        match self.change(WATCH_AUTHOR, &command.clone().into(), make).await {
            Ok(changed) => Ok(changed.revision.is_some()),
            // The snapshot is the newest one now, so the next round uses it.
            Err(ChangeError::Refused(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Emits [`Event::RolloutAlreadyPaused`] for each rollout that was running at the last look,
    /// whose guard is exceeded, and that somebody else paused. Then sets `running` to the rollouts
    /// that are running now.
    fn report_paused(&self, watch: &Watch, book: &RuleBook, running: &mut BTreeSet<RolloutKey>) {
        let now: BTreeSet<RolloutKey> = rollouts(book)
            .filter(|(_, rollout)| rollout.paused.is_none())
            .map(|(rule, rollout)| key(rule, rollout))
            .collect();
        let exceeded: Vec<Tripped> = {
            let outcomes = watch.follower.outcomes();
            let paused = outcomes.tallies().filter(|tally| {
                let key = (tally.rule.clone(), tally.rollout.clone());
                running.contains(&key) && !now.contains(&key)
            });
            paused.filter_map(Tripped::by_tally).collect()
        };
        for paused in &exceeded {
            self.emit(&Event::RolloutAlreadyPaused { paused });
        }
        *running = now;
    }
}
