//! Pauses rollouts whose guards are exceeded.

use crate::error::ChangeError;
use crate::events::event::Event;
use crate::logs::reader::{AuditLogs, LogReadError, Logged};
use crate::service::UpdateService;
use crate::watch::observer::Watch;
use std::time::Duration;
use ucupdate_audit::LoggedRow;
use ucupdate_core::book::{Refusal, Rule, RuleError};
use ucupdate_core::device::DeviceId;
use ucupdate_core::request::AskedFrom;
use ucupdate_core::value::UnixTime;
use ucupdate_core::{EligibilityIndex, Question, RuleBook};
use ucupdate_fleet::inventory::InventoryDevice;
use ucupdate_fleet::outcomes::{Outcomes, Tally, Tripped};

/// The author of pauses that the service makes by itself.
pub const WATCH_AUTHOR: &str = "ucupdate";

/// The time that rows of other servers may need to reach the store.
const LATE: Duration = Duration::from_secs(60);

/// The time between two readings of the audit logs.
const READ_EVERY: Duration = Duration::from_secs(60 * 60);

impl UpdateService {
    /// Returns the tallies of guarded rollouts: what became of the devices to which this server offered a version. See
    /// [`Options::with_watch`](crate::Options::with_watch).
    pub fn tallies(&self) -> Vec<Tally> {
        self.inner.watch.as_ref().map_or_else(Vec::new, |watch| watch.outcomes().tallies().cloned().collect())
    }

    /// Everything that is known about the watched devices, for continuing after a restart. `None` if this server does not
    /// watch rollouts.
    pub fn outcomes(&self) -> Option<Outcomes> {
        self.inner.watch.as_ref().map(|watch| watch.outcomes().clone())
    }

    /// Counts devices that did not come back in time, and pauses the rollouts whose guards are exceeded. [`WATCH_AUTHOR`] is
    /// the author of the pauses. Returns the rollouts that this call paused.
    ///
    /// The background task of [`WatchOptions::with_period`](crate::WatchOptions::with_period) calls this function.
    ///
    /// # Errors
    /// When the store fails. The next call tries again.
    pub async fn pause_failing_rollouts(&self) -> Result<Vec<Tripped>, ChangeError> {
        let Some(watch) = &self.inner.watch else { return Ok(Vec::new()) };
        watch.outcomes().follow(self.snapshot().book());
        self.expire(watch).await;
        let tripped = watch.outcomes().tripped(self.snapshot().book());
        let (mut paused, mut failed) = (Vec::new(), None);
        for rollout in tripped {
            let command = rollout.pause();
            let make = |book: &RuleBook, _| {
                is_there(book, &rollout)?;
                book.command(&command, WATCH_AUTHOR)
            };
            match self.change(WATCH_AUTHOR, &command.clone().into(), make).await {
                Ok(_) => {
                    // Lest one that is resumed before the next look is judged by what it was paused for.
                    watch.outcomes().follow(self.snapshot().book());
                    self.emit(&Event::RolloutPaused { paused: &rollout });
                    paused.push(rollout);
                }
                // Another server was first, or somebody stopped it.
                Err(ChangeError::Refused(_)) => {}
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(paused), Err)
    }

    /// Counts devices that did not come back in time, after checking that no other server saw them.
    async fn expire(&self, watch: &Watch) {
        let now = self.now();
        if watch.outcomes().next_due().is_none_or(|due| due > now) {
            return;
        }
        let Some(logs) = &self.inner.options.logs else { return watch.outcomes().expire(now) };
        let mut read = watch.read.lock().await;
        if read.is_some_and(|read| now < after(read, READ_EVERY) && read <= now) {
            return;
        }
        let since = read.map_or(watch.since, |read| before(read, LATE * 2));
        let mut audit = AuditLogs::new(logs.zone.clone(), Some(since));
        match self.take_in_logs(watch, &mut audit).await {
            Ok(()) => {
                *read = Some(now);
                watch.outcomes().expire(before(now, LATE));
            }
            // Nobody is counted as failed because logs could not be read.
            Err(_error) => {
                #[cfg(feature = "tracing")]
                tracing::warn!(
                    error = &_error as &dyn std::error::Error,
                    "cannot read the audit logs of others"
                );
            }
        }
    }

    /// Adds the requests that watched devices sent to any server. A request that is known already changes nothing.
    async fn take_in_logs(&self, watch: &Watch, logs: &mut AuditLogs) -> Result<(), LogReadError> {
        logs.add_store(self.store().clone()).await?;
        while let Some(logged) = logs.next().await? {
            if let Logged::Row(logged) = logged {
                take_in_row(watch, self.snapshot().index(), &logged);
            }
        }
        Ok(())
    }
}

fn take_in_row(watch: &Watch, index: &EligibilityIndex, logged: &LoggedRow) {
    let row = &logged.row;
    let Some(identity) = DeviceId::of(&row.mac_address, &row.serial_number) else { return };
    if !watch.outcomes().knows(&identity) {
        return;
    }
    let Some(request) = InventoryDevice::of(logged).request() else { return };
    let mut outcomes = watch.outcomes();
    for question in Question::all_of(&request, AskedFrom::default()) {
        outcomes.asked(index, &question, row.logged_at);
    }
}

/// Refuses if the rollout ended, or offers another version now.
fn is_there(book: &RuleBook, tripped: &Tripped) -> Result<(), Refusal> {
    let Tripped { rule, rollout: name, version, .. } = tripped;
    let is_it = |known: &Rule| {
        let there = known.rollout(name);
        there.is_some_and(|(there, _)| known.policy().scheme.same_release(&there.candidate.version, version))
    };
    if book.rule(rule).is_some_and(is_it) {
        return Ok(());
    }
    Err(Refusal::WrongState { rule: rule.clone(), cause: RuleError::NoRollout { name: name.clone() } })
}

fn after(time: UnixTime, duration: Duration) -> UnixTime {
    UnixTime::from_millis(time.as_millis().saturating_add(millis(duration)))
}

fn before(time: UnixTime, duration: Duration) -> UnixTime {
    UnixTime::from_millis(time.as_millis().saturating_sub(millis(duration)))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
