//! Limits the reports of lost log rows: the first row is reported at once, and then the number once a minute.

use std::sync::{Mutex, PoisonError};
use ucupdate_core::value::UnixTime;

/// The time between two reports in milliseconds.
const REPORT_MILLIS: i64 = 60 * 1000;

/// The time of the last report about the lost rows of one log.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    reported_at: Mutex<Option<UnixTime>>,
}

impl Losses {
    /// Returns whether a loss at this time has to be reported.
    pub(crate) fn is_due(&self, now: UnixTime) -> bool {
        let mut reported_at = self.reported_at.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = reported_at.map(|then| now.as_millis().saturating_sub(then.as_millis()));
        // A clock that was set back must not suppress the report.
        let is_due = passed.is_none_or(|passed| !(0..REPORT_MILLIS).contains(&passed));
        if is_due {
            *reported_at = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_loss_is_reported_at_once_and_later_ones_each_minute() {
        let losses = Losses::default();
        let reported: Vec<i64> =
            (0..200).filter(|second| losses.is_due(UnixTime::from_seconds(*second))).collect();
        assert_eq!(reported, [0, 60, 120, 180]);
        assert!(losses.is_due(UnixTime::from_seconds(0)), "the clock was set back");
    }
}
