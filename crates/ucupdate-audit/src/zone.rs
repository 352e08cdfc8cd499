//! The time zone of an audit log: what its clock shows, and on which day a row falls.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use std::fmt;
use ucupdate_core::value::{FieldTime, UnixTime};

/// A time zone, UTC unless one is named. Zones come from the database compiled in, never from the system's files.
///
/// ```
/// use ucupdate_audit::Zone;
/// use ucupdate_core::value::UnixTime;
/// let july = UnixTime::from_seconds(1_246_406_400);
/// let lisbon = Zone::named("Europe/Lisbon").unwrap();
/// assert_eq!(Zone::utc().civil(july).to_string(), "01-07-2009 00:00:00");
/// assert_eq!(lisbon.civil(july).to_string(), "01-07-2009 01:00:00");
/// assert_eq!(lisbon.moment(lisbon.civil(july)), july);
/// assert!(Zone::named("Europe/Atlantis").is_err());
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Zone(Option<Named>);

/// 2100-01-01: a zone's rules go on for ever, and somewhere a list of its changes has to end.
const LAST_CHANGE: i64 = 4_102_444_800;

/// Every zone but UTC.
#[derive(Clone, PartialEq, Eq)]
struct Named {
    name: Box<str>,
    zone: TimeZone,
}

impl Zone {
    /// Coordinated universal time.
    pub const fn utc() -> Self {
        Self(None)
    }

    /// The zone of this IANA name (`Europe/Lisbon`); names match without case.
    ///
    /// # Errors
    /// When the database has no zone of this name.
    pub fn named(name: &str) -> Result<Self, ZoneError> {
        if name.eq_ignore_ascii_case("UTC") {
            return Ok(Self::utc());
        }
        let unknown = || ZoneError { name: name.chars().take(64).collect() };
        let zone = TimeZoneDatabase::bundled().get(name).map_err(|_| unknown())?;
        let name = zone.iana_name().ok_or_else(unknown)?.into();
        Ok(Self(Some(Named { name, zone })))
    }

    /// The zone's name.
    pub fn name(&self) -> &str {
        self.0.as_ref().map_or("UTC", |named| &named.name)
    }

    /// By how many seconds its clock is ahead of UTC in 1970, and each change of that until 2100, by its moment.
    pub fn offsets(&self) -> (i32, Vec<(UnixTime, i32)>) {
        let Some(named) = &self.0 else { return (0, Vec::new()) };
        let first = named.zone.to_offset(Timestamp::UNIX_EPOCH).seconds();
        let following = named.zone.following(Timestamp::UNIX_EPOCH);
        let changes = following
            .map(|change| (UnixTime::from_seconds(change.timestamp().as_second()), change.offset().seconds()))
            .take_while(|(at, _)| at.as_seconds() < LAST_CHANGE);
        (first, changes.collect())
    }

    /// What a clock in this zone shows, to the second. Moments outside the years 1601 to 9999 give an end of them.
    pub fn civil(&self, moment: UnixTime) -> FieldTime {
        let utc = moment.civil_utc();
        let Some(named) = &self.0 else {
            return utc;
        };
        let there = named.zone.to_datetime(timestamp(utc.as_utc()));
        field_time(there).unwrap_or(FieldTime::FILETIME_ZERO)
    }

    /// The moment a clock in this zone shows `civil`.
    ///
    /// Where the clock shows it twice (summer time ends) the first; where never (summer time begins) as much later as
    /// the clock jumped.
    pub fn moment(&self, civil: FieldTime) -> UnixTime {
        let Some(named) = &self.0 else {
            return civil.as_utc();
        };
        let found = date_time(civil).and_then(|there| named.zone.to_timestamp(there).ok());
        found.map_or_else(|| civil.as_utc(), |moment| UnixTime::from_seconds(moment.as_second()))
    }
}

/// Beyond jiff's years the nearest it knows.
fn timestamp(moment: UnixTime) -> Timestamp {
    let seconds = moment.as_seconds().clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn field_time(there: DateTime) -> Option<FieldTime> {
    let byte = |value: i8| u8::try_from(value).ok();
    FieldTime::new(
        (u16::try_from(there.year()).ok()?, byte(there.month())?, byte(there.day())?),
        (byte(there.hour())?, byte(there.minute())?, byte(there.second())?),
    )
}

fn date_time(civil: FieldTime) -> Option<DateTime> {
    let small = |value: u8| i8::try_from(value).ok();
    DateTime::new(
        i16::try_from(civil.year()).ok()?,
        small(civil.month())?,
        small(civil.day())?,
        small(civil.hour())?,
        small(civil.minute())?,
        small(civil.second())?,
        0,
    )
    .ok()
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
    type Err = ZoneError;

    /// Reads a zone's name; see [`Zone::named`].
    ///
    /// # Errors
    /// When the database has no zone of this name.
    fn from_str(name: &str) -> Result<Self, ZoneError> {
        Self::named(name)
    }
}

/// No zone has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no time zone is called {name:?}, expected an IANA name such as `Europe/Lisbon`")]
pub struct ZoneError {
    /// The name, cut to 64 characters.
    name: Box<str>,
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
    fn an_unknown_zone_is_named_in_the_refusal() {
        let refused = Zone::named("Mars/Olympus").unwrap_err().to_string();
        assert_eq!(
            refused,
            "no time zone is called \"Mars/Olympus\", expected an IANA name such as `Europe/Lisbon`"
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
