//! [`Health`]: the state of a running service, as far as it concerns its store and its logs.

use crate::error::StateError;
use crate::events::event::Event;
use crate::events::listeners::Listeners;
use crate::options::Options;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use ucupdate_store::{StoreError, error_chain};

/// The state of a running service, for a readiness check and for monitoring.
/// [`UpdateService::health`](crate::UpdateService::health) returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// The revision of the rule book that currently answers requests.
    pub revision: u64,
    /// `true` if the rule book was read recently. A service that probes the store must have read it in the last five
    /// seconds, or in the last five probe periods if that is longer. For other services the last read must have
    /// succeeded.
    pub store_reachable: bool,
    /// `true` if the store holds another history than the one that this service has read.
    pub history_replaced: bool,
    /// The reason why log rows cannot be written: the store refused the last ones, or rows have waited for ten seconds longer than
    /// the flush interval. `None` if neither is so, and if the service writes no logs.
    pub log_problem: Option<String>,
    /// The number of log rows that were dropped since the service was opened.
    pub dropped_log_rows: u64,
    /// `true` if devices are offered nothing because of the state of the store.
    pub offers_stopped: bool,
    /// The last error of reading the rule book, with its causes. `None` if the last read succeeded.
    pub problem: Option<String>,
}

impl Health {
    /// Returns whether the service sees every change of the rule book. A service that does not see changes would also
    /// miss the kill switch. Logs do not matter here: whether a server without logs may answer is up to the caller, who
    /// reads [`log_problem`](Self::log_problem).
    pub fn is_ready(&self) -> bool {
        self.store_reachable && !self.history_replaced
    }
}

/// The number of probe periods without a successful read after which the store counts as unreachable. At least
/// [`LEAST_TIME`] must have passed.
const MISSED_PROBES: u32 = 5;
pub(crate) const LEAST_TIME: Duration = Duration::from_secs(5);

/// The time after which a problem is reported again to `tracing` while it lasts.
const REPEAT_TIME: Duration = Duration::from_secs(60);

/// The results of reading the rule book from the store.
#[derive(Debug)]
pub(crate) struct ReadTimes {
    start: Instant,
    /// The time of the last successful read, in milliseconds since `start`.
    last_success: AtomicU64,
    pub(super) is_replaced: AtomicBool,
    state: Mutex<LookState>,
}

#[derive(Debug, Default)]
pub(super) struct LookState {
    pub(super) problem: Option<String>,
    /// The number of reads that failed since the last successful one.
    failed: u32,
    reported_at: Option<Instant>,
}

/// The log message about a read of the rule book.
#[derive(Debug, PartialEq, Eq)]
enum ReadReport {
    Nothing,
    Recovered,
    Warning(String),
    Error(String),
}

impl Default for ReadTimes {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            last_success: AtomicU64::new(0),
            is_replaced: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }
}

impl ReadTimes {
    pub(super) fn state(&self) -> MutexGuard<'_, LookState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in the result of a read of the rule book, for [`Health`]. Emits an event if the read
    /// succeeded after a failure, failed after a success, or found another history.
    pub(crate) fn record(&self, error: Option<&StateError>, events: &Listeners) {
        let (failed, was_replaced) = (self.state().failed, self.is_replaced.load(Ordering::Relaxed));
        let after = self.since_success();
        report(self.take(error, Instant::now()));
        match error {
            Some(error) if is_replacement(error) && !was_replaced => {
                events.emit(&Event::HistoryReplaced { error });
            }
            Some(error) if failed == 0 => events.emit(&Event::StoreUnreachable { error }),
            None if failed > 0 => events.emit(&Event::StoreReachable { after }),
            _ => {}
        }
    }

    fn take(&self, error: Option<&StateError>, now: Instant) -> ReadReport {
        let mut state = self.state();
        let Some(error) = error else {
            let millis = now.saturating_duration_since(self.start).as_millis();
            self.last_success.store(u64::try_from(millis).unwrap_or(u64::MAX), Ordering::Relaxed);
            self.is_replaced.store(false, Ordering::Relaxed);
            let before = std::mem::take(&mut *state);
            return if before.failed > 0 { ReadReport::Recovered } else { ReadReport::Nothing };
        };
        let text = error_chain(error);
        state.failed += 1;
        let was_replaced = self.is_replaced.load(Ordering::Relaxed);
        // An unreachable store proves nothing about its history, so the flag stays.
        let is_replaced = was_replaced || is_replacement(error);
        self.is_replaced.store(is_replaced, Ordering::Relaxed);
        state.problem = Some(text.clone());
        let is_due = state.reported_at.is_none_or(|then| now.saturating_duration_since(then) >= REPEAT_TIME);
        let is_serious = state.failed == MISSED_PROBES || (is_replaced && !was_replaced);
        if !(is_due || is_serious) {
            return ReadReport::Nothing;
        }
        state.reported_at = Some(now);
        if is_replaced || state.failed >= MISSED_PROBES {
            ReadReport::Error(text)
        } else {
            ReadReport::Warning(text)
        }
    }

    fn since_success(&self) -> Duration {
        let last = Duration::from_millis(self.last_success.load(Ordering::Relaxed));
        self.start.elapsed().saturating_sub(last)
    }

    pub(super) fn is_reachable(&self, probe: Option<Duration>) -> bool {
        match probe {
            Some(period) => self.since_success() <= LEAST_TIME.max(period.saturating_mul(MISSED_PROBES)),
            None => self.state().failed == 0,
        }
    }

    /// Returns whether devices are offered nothing because of the state of the store.
    pub(crate) fn stops_offers(&self, options: &Options) -> bool {
        let is_replaced = self.is_replaced.load(Ordering::Relaxed) && !options.offers_after_replacement;
        is_replaced || options.offers_while_unreachable.is_some_and(|most| self.since_success() > most)
    }
}

/// Returns whether an error says that the store holds another history.
fn is_replacement(error: &StateError) -> bool {
    matches!(error, StateError::Replaced { .. } | StateError::Store(StoreError::Replaced { .. }))
}

#[cfg(feature = "tracing")]
fn report(report: ReadReport) {
    match report {
        ReadReport::Nothing => {}
        ReadReport::Recovered => tracing::warn!("the rule book can be read again"),
        ReadReport::Warning(error) => {
            tracing::warn!(error, "cannot read the rule book; the last revision answers")
        }
        ReadReport::Error(error) => {
            tracing::error!(
                error,
                "cannot read the rule book; changes such as the kill switch have no effect here"
            );
        }
    }
}

#[cfg(not(feature = "tracing"))]
fn report(_report: ReadReport) {}

#[cfg(test)]
mod tests {
    use super::*;

    fn unavailable() -> StateError {
        StoreError::unavailable("reading", "no route").into()
    }

    fn replaced() -> StateError {
        StateError::Replaced { key: "state/revisions/1.json".to_owned(), what: "is missing" }
    }

    #[test]
    fn a_failing_store_is_reported_at_once_then_as_an_error_and_then_each_minute() {
        let (looks, start) = (ReadTimes::default(), Instant::now());
        let mut reports = Vec::new();
        for second in 0..130 {
            match looks.take(Some(&unavailable()), start + Duration::from_secs(second)) {
                ReadReport::Nothing => {}
                ReadReport::Warning(_) => reports.push((second, "warning")),
                ReadReport::Error(_) => reports.push((second, "error")),
                ReadReport::Recovered => panic!("nothing recovered"),
            }
        }
        assert_eq!(reports, [(0, "warning"), (4, "error"), (64, "error"), (124, "error")]);
        assert_eq!(looks.take(None, start), ReadReport::Recovered);
        assert_eq!(looks.take(None, start), ReadReport::Nothing);
    }

    #[test]
    fn a_replaced_history_is_an_error_at_once_and_stays_one_while_the_store_does_not_answer() {
        let (looks, now) = (ReadTimes::default(), Instant::now());
        assert!(matches!(looks.take(Some(&unavailable()), now), ReadReport::Warning(_)));
        assert!(matches!(looks.take(Some(&replaced()), now), ReadReport::Error(_)));
        assert_eq!(looks.take(Some(&replaced()), now), ReadReport::Nothing);
        assert_eq!(looks.take(Some(&unavailable()), now), ReadReport::Nothing);
        assert!(looks.is_replaced.load(Ordering::Relaxed));
        assert!(looks.stops_offers(&Options::default()));
        assert!(!looks.stops_offers(&Options::default().with_offers_after_replacement(true)));
        looks.take(None, now);
        assert!(!looks.stops_offers(&Options::default()));
    }
}
