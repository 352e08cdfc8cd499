//! Parses times that people write: a time in ISO 8601, or a number of days, hours or minutes.

use crate::context::Context;
use std::str::FromStr;
use ucupdate::value::{FieldTime, UnixTime, Zone};
use ucupdate_admin::report::iso;

/// A point in time, such as `2026-12-01`, `2026-12-01T08:00`, `2026-12-01T08:00:00Z` or
/// `2026-12-01T08:00:00+01:00`. Without a zone it is in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) at: UnixTime,
    names_zone: bool,
}

impl FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names_zone = text.split_once('T').is_some_and(|(_, time)| time.contains(['Z', '+', '-']));
        moment(text)
            .map(|at| Self { at, names_zone })
            .ok_or("expected 2026-12-01, or 2026-12-01T08:00:00Z, in UTC unless it ends as +01:00")
    }
}

/// A point in time, or a duration such as `3d` that is counted from now: into the past if `PAST` is
/// set, otherwise into the future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MomentOrSpan<const PAST: bool> {
    At(Moment),
    Span(Span),
}

/// A point in time, or a duration after now.
pub(crate) type Later = MomentOrSpan<false>;

/// A point in time, or a duration before now.
pub(crate) type Earlier = MomentOrSpan<true>;

impl<const PAST: bool> FromStr for MomentOrSpan<PAST> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text.parse(), text.parse()) {
            (Ok(span), _) => Ok(Self::Span(span)),
            (_, Ok(moment)) => Ok(Self::At(moment)),
            (_, Err(expected)) => {
                let side = if PAST { "before" } else { "from" };
                Err(format!("{expected}, or a time {side} now, as 3d or 12h"))
            }
        }
    }
}

impl<const PAST: bool> MomentOrSpan<PAST> {
    /// Returns the point in time. A text without a zone is in UTC.
    pub(crate) fn at(self, now: UnixTime) -> UnixTime {
        self.at_in(&Zone::utc(), now)
    }

    /// Returns the point in time. A text without a zone is in `zone`.
    pub(crate) fn at_in(self, zone: &Zone, now: UnixTime) -> UnixTime {
        match self {
            Self::At(Moment { at, names_zone: true }) => at,
            Self::At(Moment { at, names_zone: false }) => zone.moment(at.civil_utc()),
            Self::Span(span) => {
                let seconds = if PAST { -i64::from(span.0) } else { span.0.into() };
                UnixTime::from_seconds(now.as_seconds() + seconds)
            }
        }
    }

    /// Writes a message if the time that an option gave has no time zone. `option` is the name of
    /// the option.
    pub(crate) fn report_missing_zone(self, option: &str, context: &mut Context) {
        if let Self::At(moment) = self {
            moment.report_missing_zone(option, context);
        }
    }
}

impl Moment {
    pub(crate) fn of(at: UnixTime) -> Self {
        Self { at, names_zone: true }
    }

    /// Writes a message if the time that an option gave has no time zone, and therefore is in UTC.
    /// `option` is the name of the option.
    pub(crate) fn report_missing_zone(self, option: &str, context: &mut Context) {
        if !self.names_zone {
            context.output.message(format_args!(
                "the time of {option} is in UTC, since it names no time zone: {}; write the zone after the time, as in \
                 2026-12-01T08:00+01:00",
                iso(self.at)
            ));
        }
    }
}

fn moment(text: &str) -> Option<UnixTime> {
    let (date, time) = text.split_once('T').unwrap_or((text, "00:00:00Z"));
    let (time, ahead) = match (time.strip_suffix('Z'), time.rfind(['+', '-'])) {
        (Some(time), _) => (time, 0),
        (None, Some(at)) => (time.get(..at)?, ahead(time.get(at..)?)?),
        (None, None) => (time, 0),
    };
    let seconds = if time.len() == 5 { ":00" } else { "" };
    let [year, month, day] = date.split('-').collect::<Vec<_>>()[..] else { return None };
    let civil: FieldTime = format!("{day}-{month}-{year} {time}{seconds}").parse().ok()?;
    Some(UnixTime::from_seconds(civil.as_utc().as_seconds() - ahead))
}

/// Returns the offset from UTC in seconds. `text` is such as `+01:00`, which is 3600 seconds.
fn ahead(text: &str) -> Option<i64> {
    let (sign, text) = text.split_at_checked(1)?;
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str, most: i64| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i64>().ok().filter(|number| digits && *number <= most)
    };
    let seconds = number(hours, 14)? * 3600 + number(minutes, 59)? * 60;
    Some(if sign == "-" { -seconds } else { seconds })
}

/// A duration in seconds, such as `2w`, `2d`, `12h` or `90m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) u32);

impl FromStr for Span {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let units = [('w', 7 * 24 * 60 * 60), ('d', 24 * 60 * 60), ('h', 60 * 60), ('m', 60)];
        let found = units.into_iter().find_map(|(unit, seconds)| {
            let count = text.strip_suffix(unit).filter(|count| count.bytes().all(|b| b.is_ascii_digit()))?;
            count.parse::<u32>().ok()?.checked_mul(seconds).filter(|seconds| *seconds > 0)
        });
        found
            .map(Self)
            .ok_or("expected a number of weeks, days, hours or minutes, such as 2w, 2d, 12h or 90m")
    }
}

/// Number of seconds in a minute.
pub(crate) const MINUTE: u64 = 60;

/// Number of seconds in an hour.
pub(crate) const HOUR: u64 = 60 * 60;

/// Number of seconds in a day.
pub(crate) const DAY: u64 = 24 * HOUR;

/// Parses a number of units. A unit has `unit` seconds. A time such as `3d`, `12h`, `90m` or `45s`
/// is converted to units.
///
/// Fails when the text is neither a number nor a time, when the time is not a whole number of
/// units, and when the number is not in the range.
pub(crate) fn units<T: TryFrom<u64>>(
    text: &str,
    unit: u64,
    range: std::ops::RangeInclusive<u64>,
) -> Result<T, String> {
    let name = match unit {
        DAY => "days",
        HOUR => "hours",
        MINUTE => "minutes",
        _ => "seconds",
    };
    let expected = || {
        let examples = [("3d", 3 * DAY), ("12h", 12 * HOUR), ("90m", 90 * 60), ("45s", 45)];
        let fits = |seconds: u64| seconds.is_multiple_of(unit) && range.contains(&(seconds / unit));
        let fitting: Vec<&str> =
            examples.into_iter().filter(|(_, seconds)| fits(*seconds)).map(|(text, _)| text).collect();
        let time = if fitting.is_empty() { "" } else { ", or a time such as " };
        format!("expected {} to {} {name}{time}{}", range.start(), range.end(), fitting.join(" or "))
    };
    let suffixes = [("w", 7 * DAY), ("d", DAY), ("h", HOUR), ("m", 60), ("s", 1), ("", unit)];
    let (count, factor) = suffixes
        .into_iter()
        .find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, factor)))
        .ok_or_else(expected)?;
    let is_number = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = count.parse::<u64>().ok().filter(|_| is_number).and_then(|count| count.checked_mul(factor));
    let seconds = seconds.ok_or_else(expected)?;
    if seconds % unit != 0 {
        return Err(format!("expected a whole number of {name}"));
    }
    let found = seconds / unit;
    range.contains(&found).then(|| T::try_from(found).ok()).flatten().ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ucupdate_admin::report::span;

    #[test]
    fn a_moment_is_in_utc_unless_it_says_otherwise() {
        for (text, civil) in [
            ("2009-03-06", "06-03-2009 00:00:00"),
            ("2009-03-06T17:10", "06-03-2009 17:10:00"),
            ("2009-03-06T17:10:39", "06-03-2009 17:10:39"),
            ("2009-03-06T17:10:39Z", "06-03-2009 17:10:39"),
            ("2009-03-06T00:30+01:00", "05-03-2009 23:30:00"),
            ("2009-03-06T17:10:39-05:30", "06-03-2009 22:40:39"),
        ] {
            let moment = text.parse::<Moment>().map(|moment| moment.at.civil_utc().to_string());
            assert_eq!(moment.as_deref(), Ok(civil), "{text}");
        }
        for wrong in [
            "",
            "7d",
            "2009-3-6",
            "2009-02-30",
            "06-03-2009",
            "2009-03-06T",
            "2009-03-06T17",
            "2009-03-06T17:10:39+1",
            "2009-03-06T17:10:39+15:00",
            "2009-03-06T25:00:00Z",
            "2009-03-06Z",
            "2009-03-06T17:10:39Zé",
            "2009-03-06T+é",
        ] {
            assert!(wrong.parse::<Moment>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_time_from_now_or_before_now_stands_where_a_moment_does() {
        let now = UnixTime::from_seconds(1_000_000);
        let seconds = |at: UnixTime| at.as_seconds();
        assert_eq!(seconds("3d".parse::<Later>().unwrap().at(now)), 1_000_000 + 3 * 86_400);
        assert_eq!(seconds("12h".parse::<Earlier>().unwrap().at(now)), 1_000_000 - 12 * 3600);
        for text in ["2026-12-01", "2026-12-01T08:00Z"] {
            let at = text.parse::<Moment>().unwrap().at;
            assert_eq!(text.parse::<Later>().unwrap().at(now), at);
            assert_eq!(text.parse::<Earlier>().unwrap().at(now), at);
        }
        let lisbon = Zone::named("Europe/Lisbon").unwrap();
        for (text, seconds) in [("2009-07-01", 1_246_402_800), ("2009-07-01T00:00Z", 1_246_406_400)] {
            let at = text.parse::<Earlier>().unwrap().at_in(&lisbon, now);
            assert_eq!(at.as_seconds(), seconds, "{text}");
        }
        assert!("3".parse::<Later>().unwrap_err().contains("a time from now, as 3d"));
        assert!("3".parse::<Earlier>().unwrap_err().contains("a time before now, as 3d"));
    }

    #[test]
    fn a_number_has_the_unit_of_its_option_and_a_time_is_converted() {
        for (text, unit, found) in [
            ("3", DAY, 3),
            ("3d", DAY, 3),
            ("2w", DAY, 14),
            ("48h", DAY, 2),
            ("3d", HOUR, 72),
            ("90m", 1, 5400),
            ("45s", 1, 45),
            ("7", 1, 7),
        ] {
            assert_eq!(units::<u64>(text, unit, 1..=10_000), Ok(found), "{text}");
        }
        for (text, unit) in
            [("", 1), ("d", DAY), ("36h", DAY), ("-1", 1), ("+1d", DAY), ("0", 1), ("10001", 1), ("3y", DAY)]
        {
            assert!(units::<u64>(text, unit, 1..=10_000).is_err(), "{text}");
        }
        assert!(units::<u8>("300", 1, 1..=10_000).is_err());
        assert_eq!(
            units::<u64>("x", DAY, 1..=365),
            Err("expected 1 to 365 days, or a time such as 3d".to_owned())
        );
    }

    #[test]
    fn a_span_is_of_days_hours_or_minutes_and_never_nothing() {
        assert_eq!("2w".parse(), Ok(Span(1_209_600)));
        for (text, seconds) in [("2d", 172_800), ("12h", 43_200), ("90m", 5400)] {
            assert_eq!(text.parse(), Ok(Span(seconds)));
            assert_eq!(span(seconds), text);
        }
        assert_eq!((span(1), span(86_400 * 7 + 60)), ("1s".to_owned(), "10081m".to_owned()));
        for wrong in ["", "d", "2", "-1d", "+1d", "1.5h", "0m", "99999999999d", "60000d", "2 d"] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
        }
    }
}
