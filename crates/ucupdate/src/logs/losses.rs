//! Limits the reports of lost log rows: the first row is reported at once, and then the number once a minute, until all lost
//! rows are reported.

use std::sync::{Mutex, MutexGuard, PoisonError};
use ucupdate_core::value::UnixTime;

/// The time between two reports in milliseconds.
const REPORT_MILLIS: i64 = 60 * 1000;

/// The time of the last report about lost rows of one log, and whether more rows were lost since.
#[derive(Debug, Default)]
pub(crate) struct Losses(Mutex<LossState>);

#[derive(Debug, Default)]
struct LossState {
    reported_at: Option<UnixTime>,
    /// `true` if rows were lost since the last report.
    is_open: bool,
}

/// The action that a lost row needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// The loss has to be reported now.
    Report,
    /// The loss is the first one since the last report, so the next report has to be scheduled.
    Schedule,
    /// The next report is scheduled already.
    Nothing,
}

impl Losses {
    /// Notes that a row was lost at this time. Returns whether the caller has to report the loss
    /// now or schedule the report.
    pub(crate) fn add(&self, now: UnixTime) -> Loss {
        let mut state = self.state();
        if state.next(now) <= now {
            *state = LossState { reported_at: Some(now), is_open: false };
            return Loss::Report;
        }
        match std::mem::replace(&mut state.is_open, true) {
            false => Loss::Schedule,
            true => Loss::Nothing,
        }
    }

    /// Returns whether rows that were lost before have to be reported now. If so, they count as
    /// reported.
    pub(crate) fn is_due(&self, now: UnixTime) -> bool {
        let mut state = self.state();
        let is_due = state.is_open && state.next(now) <= now;
        if is_due {
            *state = LossState { reported_at: Some(now), is_open: false };
        }
        is_due
    }

    /// Returns the time of the next report. `None` if all lost rows are reported.
    pub(crate) fn next_report(&self, now: UnixTime) -> Option<UnixTime> {
        let state = self.state();
        state.is_open.then(|| state.next(now))
    }

    fn state(&self) -> MutexGuard<'_, LossState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LossState {
    /// Returns the earliest time of the next report. A clock that was set back must not suppress it.
    fn next(&self, now: UnixTime) -> UnixTime {
        let reported_at = self.reported_at.filter(|then| *then <= now);
        reported_at.map_or(now, |then| UnixTime::from_millis(then.as_millis().saturating_add(REPORT_MILLIS)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> UnixTime {
        UnixTime::from_seconds(second)
    }

    #[test]
    fn the_first_loss_is_reported_at_once_and_later_ones_each_minute() {
        let losses = Losses::default();
        let reported: Vec<i64> = (0..200).filter(|second| losses.add(at(*second)) == Loss::Report).collect();
        assert_eq!(reported, [0, 60, 120, 180]);
        assert_eq!(losses.add(at(0)), Loss::Report, "the clock was set back");
    }

    #[test]
    fn losses_that_end_within_a_minute_are_reported_after_it() {
        let losses = Losses::default();
        assert_eq!(losses.next_report(at(0)), None);
        assert_eq!(losses.add(at(0)), Loss::Report);
        assert_eq!((losses.next_report(at(0)), losses.is_due(at(90))), (None, false));
        assert_eq!([losses.add(at(91 - 60)), losses.add(at(40))], [Loss::Schedule, Loss::Nothing]);
        assert_eq!(losses.next_report(at(41)), Some(at(60)));
        assert_eq!(
            [losses.is_due(at(59)), losses.is_due(at(60)), losses.is_due(at(61))],
            [false, true, false]
        );
        assert_eq!(losses.add(at(70)), Loss::Schedule);
        assert!(losses.is_due(at(10)), "the clock was set back");
    }
}
