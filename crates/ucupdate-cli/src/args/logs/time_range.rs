//! [`TimeRange`]: the options `--since` and `--until`.

use crate::args::moment::{Earlier, Moment};
use crate::failure::Failure;
use crate::output::time::iso;
use std::time::{Duration, SystemTime};
use ucupdate::value::{UnixTime, Zone};

/// The times between which things are shown.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct TimeRange {
    /// Leave out what was before this time: a day (2009-03-06), a time (2009-03-06T17:10), or an age (12h, 7d)
    #[arg(long, value_name = "TIME")]
    since: Option<Earlier>,
    /// Leave out what was at this time or later, in the same forms
    // A name of its own, because `hold add` has an option --until too.
    #[arg(id = "until_time", long = "until", value_name = "TIME")]
    until: Option<Earlier>,
}

impl TimeRange {
    /// Returns this range with a start `time` before its end. If the range has a start already, it
    /// stays as it is.
    pub(crate) fn or_last(self, time: Duration, zone: &Zone) -> Self {
        let end = self.until(zone).unwrap_or_else(|| SystemTime::now().into());
        let begin =
            Moment::of(UnixTime::from_seconds(end.as_seconds().saturating_sub_unsigned(time.as_secs())));
        Self { since: self.since.or(Some(Earlier::At(begin))), ..self }
    }

    /// Returns the time before which things are left out. `None` without `--since`. A time without
    /// a zone is in `zone`.
    pub(crate) fn since(&self, zone: &Zone) -> Option<UnixTime> {
        self.since.map(|since| since.at_in(zone, SystemTime::now().into()))
    }

    /// Returns the time from which on things are left out. `None` without `--until`. A time without
    /// a zone is in `zone`.
    pub(crate) fn until(&self, zone: &Zone) -> Option<UnixTime> {
        self.until.map(|until| until.at_in(zone, SystemTime::now().into()))
    }

    /// Returns whether the range has neither a start nor an end.
    pub(crate) fn is_all(&self) -> bool {
        self.since.is_none() && self.until.is_none()
    }

    /// Fails when the end of the range is not later than its start.
    pub(crate) fn check(&self, zone: &Zone) -> Result<(), Failure> {
        match (self.since(zone), self.until(zone)) {
            (Some(since), Some(until)) if since >= until => Err(Failure::usage(format_args!(
                "--until ({}) is not later than --since ({}), so nothing is between",
                iso(until),
                iso(since)
            ))),
            _ => Ok(()),
        }
    }

    /// Returns whether a time is in the range. Limits of the range without a zone are in UTC.
    pub(crate) fn contains(&self, at: UnixTime) -> bool {
        let utc = Zone::utc();
        self.since(&utc).is_none_or(|since| at >= since) && self.until(&utc).is_none_or(|until| at < until)
    }
}
