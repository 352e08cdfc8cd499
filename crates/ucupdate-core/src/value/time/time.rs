//! Times as values. This module reads no clock.

use crate::value::parse_error::{ParseError, ParseErrorKind};
use jiff::SignedDuration;
use jiff::civil::{Date, DateTime};
use std::fmt;
use std::str::FromStr;

/// A moment, in milliseconds since 1970-01-01 00:00:00 UTC.
///
/// ```
/// use ucupdate_core::value::UnixTime;
/// let noon = UnixTime::from_seconds(1_236_359_240);
/// assert_eq!(noon.civil_utc().to_string(), "06-03-2009 17:07:20");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct UnixTime(i64);

impl UnixTime {
    /// Creates a moment from milliseconds since 1970-01-01 00:00:00 UTC.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Creates a moment from seconds since 1970-01-01 00:00:00 UTC.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Returns milliseconds since 1970-01-01 00:00:00 UTC.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Returns whole seconds since 1970-01-01 00:00:00 UTC, rounded down.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Returns the date and time of day in UTC, to the second. For moments outside the years 1601 to 9999, returns the
    /// first or the last second of these years.
    pub fn civil_utc(self) -> FieldTime {
        let civil = EPOCH.saturating_add(SignedDuration::from_secs(self.as_seconds()));
        FieldTime::from_calendar(civil).unwrap_or(FieldTime::FILETIME_ZERO)
    }
}

/// Writes the time as ISO 8601 in UTC, to the second: `2009-03-06T17:10:39Z`.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FieldTime { year, month, day, hour, minute, second } = self.civil_utc();
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl From<std::time::SystemTime> for UnixTime {
    fn from(time: std::time::SystemTime) -> Self {
        let millis = match time.duration_since(std::time::UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |millis| -millis),
        };
        Self(millis)
    }
}

/// A date and time of day without a time zone, to the second. The text form is `dd-MM-yyyy HH:mm:ss`.
///
/// Devices send the time of their clock in this form, and the time stamps of their images. Audit logs have
/// both. The years are 1601 to 9999. A phone that knows no image sends `01-01-1601 00:00:00`.
///
/// ```
/// use ucupdate_core::value::FieldTime;
/// let stamp: FieldTime = "16-12-2008 04:43:58".parse().unwrap();
/// assert_eq!((stamp.day(), stamp.month(), stamp.year()), (16, 12, 2008));
/// assert_eq!(stamp.to_string(), "16-12-2008 04:43:58");
/// assert!("31-02-2009 00:00:00".parse::<FieldTime>().is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldTime {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
}

impl FieldTime {
    /// The time `01-01-1601 00:00:00`, which is zero as a file time of Windows. Phones send it if they know
    /// no time.
    pub const FILETIME_ZERO: Self = Self { year: 1601, month: 1, day: 1, hour: 0, minute: 0, second: 0 };

    /// Creates a time from (`year`, `month`, `day`) and (`hour`, `minute`, `second`). `None` if the calendar has no such time.
    pub fn new(date: (u16, u8, u8), time: (u8, u8, u8)) -> Option<Self> {
        let (year, month, day) = date;
        let (hour, minute, second) = time;
        let small = |value: u8| i8::try_from(value).ok();
        let in_calendar = Date::new(i16::try_from(year).ok()?, small(month)?, small(day)?).is_ok();
        let fits = in_calendar && (1601..=9999).contains(&year) && hour < 24 && minute < 60 && second < 60;
        fits.then_some(Self { year, month, day, hour, minute, second })
    }

    /// Creates a time from an MS-DOS date and time, which have steps of two seconds. `None` if the calendar has no such time.
    pub fn from_dos(date: u16, time: u16) -> Option<Self> {
        let part = |value: u16, shift: u32, bits: u32| (value >> shift) & ((1 << bits) - 1);
        let small = |value: u16| u8::try_from(value).ok();
        Self::new(
            (1980 + part(date, 9, 7), small(part(date, 5, 4))?, small(part(date, 0, 5))?),
            (small(part(time, 11, 5))?, small(part(time, 5, 6))?, small(part(time, 0, 5) * 2)?),
        )
    }

    /// Returns the MS-DOS date and time, with the second rounded down to an even number. `None` outside the years 1980 to 2107.
    pub fn to_dos(self) -> Option<(u16, u16)> {
        let years = self.year.checked_sub(1980).filter(|years| *years < 128)?;
        let date = years << 9 | u16::from(self.month) << 5 | u16::from(self.day);
        let time = u16::from(self.hour) << 11 | u16::from(self.minute) << 5 | (u16::from(self.second) / 2);
        Some((date, time))
    }

    /// Returns the moment at which a clock in UTC shows this time.
    pub fn as_utc(self) -> UnixTime {
        UnixTime::from_seconds(self.to_calendar().duration_since(EPOCH).as_secs())
    }

    /// Returns the year, 1601 to 9999.
    pub const fn year(self) -> u16 {
        self.year
    }

    /// Returns the month, 1 to 12.
    pub const fn month(self) -> u8 {
        self.month
    }

    /// Returns the day of the month, 1 to 31.
    pub const fn day(self) -> u8 {
        self.day
    }

    /// Returns the hour, 0 to 23.
    pub const fn hour(self) -> u8 {
        self.hour
    }

    /// Returns the minute, 0 to 59.
    pub const fn minute(self) -> u8 {
        self.minute
    }

    /// Returns the second, 0 to 59.
    pub const fn second(self) -> u8 {
        self.second
    }
}

/// Conversions to and from the civil time of jiff.
impl FieldTime {
    /// Converts a civil time of jiff. `None` if its year is not from 1601 to 9999.
    pub(super) fn from_calendar(civil: DateTime) -> Option<Self> {
        let byte = |value: i8| u8::try_from(value).ok();
        Self::new(
            (u16::try_from(civil.year()).ok()?, byte(civil.month())?, byte(civil.day())?),
            (byte(civil.hour())?, byte(civil.minute())?, byte(civil.second())?),
        )
    }

    pub(super) fn to_calendar(self) -> DateTime {
        let byte = |value: u8| i8::try_from(value).unwrap_or(i8::MAX);
        let (month, day) = (byte(self.month), byte(self.day));
        let (hour, minute, second) = (byte(self.hour), byte(self.minute), byte(self.second));
        let year = i16::try_from(self.year).unwrap_or(i16::MAX);
        DateTime::new(year, month, day, hour, minute, second, 0).unwrap_or(EPOCH)
    }
}

/// The moment 0 of [`UnixTime`] in UTC.
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

impl FromStr for FieldTime {
    type Err = ParseError;

    /// Reads `dd-MM-yyyy HH:mm:ss`, such as `16-12-2008 04:43:58`.
    ///
    /// # Errors
    /// Returns an error if the text has another form, or is not a valid date and time.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let bytes = text.as_bytes();
        let form = b"dd-dd-dddd dd:dd:dd";
        let fits = bytes.len() == form.len()
            && bytes.iter().zip(form).all(|(byte, form)| match form {
                b'd' => byte.is_ascii_digit(),
                other => byte == other,
            });
        if !fits {
            let expected = "the form dd-MM-yyyy HH:mm:ss";
            return Err(ParseError::of_kind("time", ParseErrorKind::Malformed, expected));
        }
        let number = |range: std::ops::Range<usize>| {
            bytes[range].iter().fold(0_u16, |sum, digit| sum * 10 + u16::from(digit - b'0'))
        };
        let pair = |at: usize| (bytes[at] - b'0') * 10 + (bytes[at + 1] - b'0');
        Self::new((number(6..10), pair(3), pair(0)), (pair(11), pair(14), pair(17))).ok_or(
            ParseError::of_kind(
                "time",
                ParseErrorKind::OutOfRange,
                "a day and time from 1601 to 9999 that exist",
            ),
        )
    }
}

impl fmt::Display for FieldTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = *b"00-00-0000 00:00:00";
        let mut put = |at: usize, number: u16| {
            let digits = [number / 10 % 10, number % 10].map(|digit| b'0' + digit.to_le_bytes()[0]);
            text[at..at + 2].copy_from_slice(&digits);
        };
        put(0, self.day.into());
        put(3, self.month.into());
        put(6, self.year / 100);
        put(8, self.year % 100);
        put(11, self.hour.into());
        put(14, self.minute.into());
        put(17, self.second.into());
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for FieldTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FieldTime({self})")
    }
}

crate::value::stored_text::stored_as_text!(FieldTime);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_time_is_day_month_year_as_the_audit_log_of_the_field_writes_it() {
        let time: FieldTime = "06-03-2009 17:10:39".parse().unwrap();
        assert_eq!(time, FieldTime::new((2009, 3, 6), (17, 10, 39)).unwrap());
        assert_eq!(time.as_utc().as_seconds(), 1_236_359_439);
    }

    #[test]
    fn other_forms_and_days_that_never_were_are_refused() {
        for text in ["", "6-3-2009 17:10:39", "06/03/2009 17:10:39", "06-03-2009T17:10:39"] {
            assert_eq!(text.parse::<FieldTime>().unwrap_err().kind(), ParseErrorKind::Malformed, "{text}");
        }
        for text in
            ["29-02-2009 00:00:00", "01-13-2009 00:00:00", "01-01-2009 24:00:00", "31-12-1600 23:59:59"]
        {
            assert_eq!(text.parse::<FieldTime>().unwrap_err().kind(), ParseErrorKind::OutOfRange, "{text}");
        }
    }

    #[test]
    fn dos_times_come_in_two_second_steps() {
        let time: FieldTime = "16-12-2008 04:43:58".parse().unwrap();
        let (date, of_day) = time.to_dos().unwrap();
        assert_eq!(FieldTime::from_dos(date, of_day), Some(time));
        assert_eq!(FieldTime::from_dos(0, 0), None);
        assert_eq!(FieldTime::FILETIME_ZERO.to_dos(), None);
    }

    proptest! {
        #[test]
        fn seconds_and_calendar_are_inverse(seconds in -11_644_473_600_i64..=253_402_300_799) {
            let moment = UnixTime::from_seconds(seconds);
            let civil = moment.civil_utc();
            prop_assert_eq!(civil.as_utc(), moment);
            prop_assert_eq!(civil.to_string().parse(), Ok(civil));
        }
    }
}
