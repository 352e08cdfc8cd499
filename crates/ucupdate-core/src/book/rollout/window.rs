//! Windows: the days, hours and time zone in which updates are offered.
//!
//! A book stores the *name* of a zone. The name is looked up when the book is compiled, so that a book can be read even
//! if the zone database changes.

use crate::value::label::label;
use crate::value::{ParseError, ParseErrorKind, UnixTime, Zone};
use std::fmt;
use std::str::FromStr;

label!(
    /// The name of a time zone in the IANA database.
    book::ZoneName, "time zone name", "Europe/Lisbon"
);

impl ZoneName {
    /// Coordinated universal time.
    pub const UTC: Self = Self::from_static("UTC");
}

/// The days and hours in which the version of a rule or a rollout is offered.
///
/// The text form has days, hours and zone: `Mon-Fri 22:00-05:00 Europe/Lisbon`. The hours *begin* on these days. A
/// window whose end is not after its begin continues on the next day. `daily` means every day. The default zone is UTC.
///
/// ```
/// use ucupdate_core::book::Window;
/// let window: Window = "Sat,Sun 22:00-05:00 Europe/Lisbon".parse().unwrap();
/// assert_eq!(window.to_string(), "Sat,Sun 22:00-05:00 Europe/Lisbon");
/// assert_eq!("daily 01:00-04:30".parse::<Window>().unwrap().to_string(), "daily 01:00-04:30 UTC");
/// assert!("Someday 01:00-02:00".parse::<Window>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    days: Days,
    /// The begin, in minutes after midnight, 0 to 1439.
    from: u16,
    /// The end, in minutes after midnight, 0 to 1440.
    to: u16,
    zone: ZoneName,
}

/// Days of the week as bits. Bit 0 is Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Days(u8);

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const DAY_MINUTES: u16 = 24 * 60;
/// The name of a [`Window`] in error messages.
const WINDOW: &str = "window";

impl Window {
    /// Returns the name of the window's zone.
    pub fn zone(&self) -> &ZoneName {
        &self.zone
    }

    /// Looks up the zone. `None` when the zone database has no zone of this name.
    pub fn find_zone(&self) -> Option<Zone> {
        Zone::named(self.zone.as_str()).ok()
    }

    /// Returns whether the window is open at a moment by the clock of `zone`.
    pub fn is_open(&self, zone: &Zone, now: UnixTime) -> bool {
        let local = now.as_seconds().saturating_add(zone.offset_at(now));
        let day = local.div_euclid(86_400);
        // 1970 began on a Thursday.
        let weekday = u8::try_from((day + 3).rem_euclid(7)).unwrap_or(0);
        let before = (weekday + 6) % 7;
        let minute = u16::try_from(local.rem_euclid(86_400) / 60).unwrap_or(0);
        if self.from < self.to {
            return self.days.has(weekday) && (self.from..self.to).contains(&minute);
        }
        (self.days.has(weekday) && minute >= self.from) || (self.days.has(before) && minute < self.to)
    }
}

impl Days {
    const ALL: Self = Self(0x7f);

    fn has(self, day: u8) -> bool {
        self.0 >> day & 1 == 1
    }
}

impl FromStr for Window {
    type Err = ParseError;

    /// Reads days, hours and a zone, such as `Mon-Fri 22:00-05:00 Europe/Lisbon`. Without a zone, the zone
    /// is UTC.
    ///
    /// # Errors
    /// Returns an error if a part has another form. The error names the part.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (days, hours, zone) = match *text.split_ascii_whitespace().collect::<Vec<_>>() {
            [days, hours] => (days, hours, "UTC"),
            [days, hours, zone] => (days, hours, zone),
            _ => {
                let expected = "days, hours and a zone as in `Mon-Fri 22:00-05:00 Europe/Lisbon`";
                return Err(ParseError::quoting(WINDOW, ParseErrorKind::Malformed, text, expected));
            }
        };
        let zone = zone.parse().map_err(|error: ParseError| error.of(WINDOW))?;
        let wrong_hours = || {
            let expected = "hours and minutes as in 22:00-05:00";
            ParseError::quoting("time span", ParseErrorKind::Malformed, hours, expected).of(WINDOW)
        };
        let (from, to) = hours.split_once('-').ok_or_else(wrong_hours)?;
        let from = minutes(from).filter(|from| *from != DAY_MINUTES).ok_or_else(wrong_hours)?;
        let to = minutes(to).ok_or_else(wrong_hours)?;
        Ok(Self { days: days.parse()?, from, to, zone })
    }
}

impl FromStr for Days {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.eq_ignore_ascii_case("daily") {
            return Ok(Self::ALL);
        }
        let day = |text: &str| {
            let found = DAYS.iter().position(|day| day.eq_ignore_ascii_case(text));
            found.ok_or_else(|| {
                let expected = "`daily`, Mon, Tue, Wed, Thu, Fri, Sat or Sun";
                ParseError::quoting("day", ParseErrorKind::Unknown, text, expected).of(WINDOW)
            })
        };
        let mut days = 0;
        for span in text.split(',') {
            let (first, last) = span.split_once('-').unwrap_or((span, span));
            let (first, last) = (day(first)?, day(last)?);
            let mut at = first;
            loop {
                days |= 1 << at;
                if at == last {
                    break;
                }
                at = (at + 1) % 7;
            }
        }
        Ok(Self(days))
    }
}

/// Reads a time of day such as `22:00` as minutes after midnight. `None` if the text has another form.
fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|_| digits)
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let all = hours * 60 + minutes;
    (minutes < 60 && all <= DAY_MINUTES).then_some(all)
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (self.from, self.to);
        write!(f, "{} {:02}:{:02}-{:02}:{:02} ", self.days, from / 60, from % 60, to / 60, to % 60)?;
        self.zone.fmt(f)
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ALL {
            return f.write_str("daily");
        }
        let mut comma = "";
        for (day, name) in (0..).zip(DAYS) {
            if self.has(day) {
                write!(f, "{comma}{name}")?;
                comma = ",";
            }
        }
        Ok(())
    }
}

crate::value::stored_text::stored_as_text!(Window);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> UnixTime {
        text.parse::<crate::value::FieldTime>().unwrap().as_utc()
    }

    fn is_open(window: &str, moment: &str) -> bool {
        window.parse::<Window>().unwrap().is_open(&Zone::default(), at(moment))
    }

    #[test]
    fn a_window_is_open_on_its_days_in_its_hours() {
        // 6 March 2009 was a Friday.
        assert!(is_open("Fri 17:00-18:00", "06-03-2009 17:10:39"));
        assert!(!is_open("Fri 17:00-18:00", "06-03-2009 18:00:00"));
        assert!(!is_open("Mon-Thu 17:00-18:00", "06-03-2009 17:10:39"));
        assert!(is_open("Sat-Mon,Fri 17:00-18:00", "06-03-2009 17:10:39"));
        assert!(is_open("daily 00:00-24:00", "06-03-2009 23:59:59"));
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_it_begins() {
        assert!(is_open("Fri 22:00-05:00", "06-03-2009 23:00:00"));
        assert!(is_open("Fri 22:00-05:00", "07-03-2009 04:59:59"));
        assert!(!is_open("Fri 22:00-05:00", "07-03-2009 05:00:00"));
        assert!(!is_open("Fri 22:00-05:00", "06-03-2009 04:00:00"), "that is Thursday's");
        assert!(is_open("Thu 22:00-05:00", "06-03-2009 04:00:00"));
    }

    #[test]
    fn the_clock_of_the_zone_counts_and_changes_with_the_season() {
        let summer = Zone::named("Europe/Lisbon").unwrap();
        let window: Window = "daily 22:00-23:00".parse().unwrap();
        assert!(window.is_open(&summer, at("28-03-2009 22:30:00")));
        assert!(!window.is_open(&summer, at("29-03-2009 22:30:00")));
        assert!(window.is_open(&summer, at("29-03-2009 21:30:00")));
    }

    #[test]
    fn what_is_no_window_says_what_is_wrong() {
        let refused = |text: &str| text.parse::<Window>().unwrap_err().to_string();
        for text in ["22:00-05:00", "Mon 22:00-05:00 UTC x"] {
            let expected = "days, hours and a zone as in `Mon-Fri 22:00-05:00 Europe/Lisbon`";
            assert_eq!(refused(text), format!("window is {text:?}, expected {expected}"));
        }
        assert_eq!(
            refused("Monday 22:00-05:00"),
            "day of the window \"Monday\" is unknown, expected `daily`, Mon, Tue, Wed, Thu, Fri, Sat or Sun"
        );
        for hours in ["22-5", "22:00", "24:01-05:00", "24:00-05:00", "2:00-05:00", "22:60-23:00"] {
            let message =
                format!("time span of the window is {hours:?}, expected hours and minutes as in 22:00-05:00");
            assert_eq!(refused(&format!("Mon {hours}")), message);
        }
        let zone = "x".repeat(129);
        assert_eq!(
            refused(&format!("Mon 22:00-05:00 {zone}")),
            "time zone name of the window has 129 bytes, expected at most 128"
        );
    }

    proptest! {
        #[test]
        fn a_window_reads_back_from_its_text(days in 1_u8..=0x7f, from in 0_u16..1440, to in 0_u16..=1440) {
            let window = Window { days: Days(days), from, to, zone: ZoneName::UTC };
            prop_assert_eq!(window.to_string().parse::<Window>().unwrap(), window);
        }

        #[test]
        fn a_window_and_its_rest_of_the_week_are_never_open_together(seconds in 0_i64..4_000_000_000, from in 0_u16..1440, to in 0_u16..1440) {
            prop_assume!(from != to);
            let day = Window { days: Days::ALL, from, to, zone: ZoneName::UTC };
            let rest = Window { from: to, to: from, ..day.clone() };
            let now = UnixTime::from_seconds(seconds);
            prop_assert!(day.is_open(&Zone::default(), now) != rest.is_open(&Zone::default(), now));
        }
    }
}
