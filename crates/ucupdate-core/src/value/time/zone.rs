//! Time zones: conversions between moments and the time on a clock.

use super::time::{FieldTime, UnixTime};
use crate::value::parse_error::{ParseError, ParseErrorKind};
use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use std::fmt;

/// A time zone from the IANA database. The default is UTC.
///
/// The database is compiled into the program, so no zone depends on the files of the machine.
///
/// ```
/// use ucupdate_core::value::{UnixTime, Zone};
/// let july = UnixTime::from_seconds(1_246_406_400);
/// let lisbon = Zone::named("Europe/Lisbon").unwrap();
/// assert_eq!(Zone::utc().civil(july).to_string(), "01-07-2009 00:00:00");
/// assert_eq!(lisbon.civil(july).to_string(), "01-07-2009 01:00:00");
/// assert_eq!(lisbon.moment(lisbon.civil(july)), july);
/// assert_eq!(lisbon.offset_at(july), 3600);
/// assert!(Zone::named("Europe/Atlantis").is_err());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// Returns UTC, which is also the default.
    pub const fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// Returns the zone with an IANA name such as `Europe/Lisbon`. ASCII case does not matter.
    ///
    /// # Errors
    /// Returns an error if the database has no zone of this name.
    pub fn named(name: &str) -> Result<Self, ParseError> {
        if name.eq_ignore_ascii_case("UTC") {
            return Ok(Self::utc());
        }
        let zone = TimeZoneDatabase::bundled().get(name).ok().filter(|zone| zone.iana_name().is_some());
        zone.map(Self).ok_or_else(|| {
            let expected = "an IANA name such as `Europe/Lisbon`";
            ParseError::quoting("time zone", ParseErrorKind::Unknown, name, expected)
        })
    }

    /// Returns the IANA name in the spelling of the database.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// Returns the number of seconds by which a clock in this zone is ahead of UTC at a moment. It is
    /// negative if the clock is behind.
    pub fn offset_at(&self, moment: UnixTime) -> i64 {
        self.0.to_offset(timestamp(moment)).seconds().into()
    }

    /// Returns the time that a clock in this zone shows at a moment, to the second.
    ///
    /// The calendar has the years 1601 to 9999. For other moments, the first or the last second of these years is
    /// returned.
    pub fn civil(&self, moment: UnixTime) -> FieldTime {
        if self.0 == TimeZone::UTC {
            return moment.civil_utc();
        }
        let there = self.0.to_datetime(timestamp(moment.civil_utc().as_utc()));
        FieldTime::from_calendar(there).unwrap_or(FieldTime::FILETIME_ZERO)
    }

    /// Returns the moment at which a clock in this zone shows `civil`.
    ///
    /// When summer time ends, the clock shows an hour twice, and the first of the two moments is returned. When summer
    /// time begins, the clock skips an hour, and a time in the skipped hour counts as one hour later.
    pub fn moment(&self, civil: FieldTime) -> UnixTime {
        let found = self.0.to_timestamp(civil.to_calendar());
        found.map_or_else(|_| civil.as_utc(), |moment| UnixTime::from_seconds(moment.as_second()))
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self::utc()
    }
}

/// Converts a moment to the type of jiff. For a moment outside jiff's years, returns the nearest valid
/// moment.
fn timestamp(moment: UnixTime) -> Timestamp {
    let seconds = moment.as_seconds().clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({self})")
    }
}

impl std::str::FromStr for Zone {
    type Err = ParseError;

    /// Reads the name of a zone, as [`Zone::named`] does.
    ///
    /// # Errors
    /// Returns an error if the database has no zone of this name.
    fn from_str(name: &str) -> Result<Self, ParseError> {
        Self::named(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn civil(text: &str) -> FieldTime {
        text.parse().unwrap()
    }

    #[test]
    fn an_hour_shown_twice_is_the_first_and_one_never_shown_is_later() {
        let zone = Zone::named("europe/lisbon").unwrap();
        assert_eq!(zone.name(), "Europe/Lisbon");
        assert_eq!(zone.moment(civil("25-10-2009 01:30:00")), civil("25-10-2009 00:30:00").as_utc());
        let jumped = zone.moment(civil("29-03-2009 01:30:00"));
        assert_eq!(zone.civil(jumped), civil("29-03-2009 02:30:00"));
    }

    #[test]
    fn the_clock_of_a_zone_goes_with_its_seasons_to_the_end_of_the_century() {
        let lisbon = Zone::named("Europe/Lisbon").unwrap();
        for (moment, offset) in [
            ("15-01-2009 12:00:00", 0),
            ("15-07-2009 12:00:00", 3600),
            ("29-03-2026 00:59:59", 0),
            ("29-03-2026 01:00:00", 3600),
            ("15-07-2099 12:00:00", 3600),
        ] {
            assert_eq!(lisbon.offset_at(civil(moment).as_utc()), offset, "{moment}");
        }
    }

    #[test]
    fn an_unknown_zone_is_named_in_the_refusal() {
        let refused = Zone::named("Mars/Olympus").unwrap_err().to_string();
        assert_eq!(
            refused,
            "time zone \"Mars/Olympus\" is unknown, expected an IANA name such as `Europe/Lisbon`"
        );
    }

    #[test]
    fn moments_at_the_ends_of_time_stay_in_the_calendar() {
        for zone in
            [Zone::utc(), Zone::named("Pacific/Auckland").unwrap(), Zone::named("Pacific/Honolulu").unwrap()]
        {
            for millis in [i64::MIN, -11_644_473_600_000, 0, 253_402_300_799_000, i64::MAX] {
                let shown = zone.civil(UnixTime::from_millis(millis));
                let read = zone.moment(shown);
                assert_eq!(zone.moment(zone.civil(read)), read, "{zone} {millis}");
            }
        }
    }
}
