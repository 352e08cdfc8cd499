//! Reads the times of audit rows, in the form of the log itself and in the forms that spreadsheets and scripts write.
//!
//! The log has `MM-dd-yyyy HH:mm:ss`. A spreadsheet writes the same date as `3/6/2009 17:07` or
//! `06.03.2009 17:07`, in an order that depends on the machine. Such a date is read only if the log
//! shows the order. A cell that is not formatted as a date has the number of days since 1899-12-30,
//! such as `39878.71343`. Even then the spreadsheet may have exchanged day and month when it read
//! the log.

use ucupdate_core::value::{FieldTime, UnixTime, Zone};

/// The order of day and month in dates that another program wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DateOrder {
    MonthFirst,
    DayFirst,
}

/// A time in a cell of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CellTime {
    /// A time that can be understood in only one way.
    Clear(LoggedMoment),
    /// A date that can be understood in two ways, because another program wrote it. The order of
    /// day and month is not known.
    Foreign(ForeignDate),
}

/// A point in time: a civil time in the zone of the log, or a time with its own offset from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoggedMoment {
    Civil(FieldTime),
    Absolute(UnixTime),
}

impl LoggedMoment {
    pub(super) fn in_zone(self, zone: &Zone) -> UnixTime {
        match self {
            Self::Civil(civil) => zone.moment(civil),
            Self::Absolute(time) => time,
        }
    }
}

/// The value of [`ForeignDate::separator`] for a date that was written as a number of days.
const SERIAL: char = '#';

/// The smallest number of decimals in a number of days. With fewer decimals the time of day would
/// be too inexact: a step of the fourth decimal is already 9 seconds. Spreadsheets write five
/// decimals.
const LEAST_DECIMALS: usize = 4;

/// The number of days from 1899-12-30, where spreadsheets begin to count, to 1970-01-01.
const SERIAL_OF_1970: i64 = 25_569;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// A date that another program wrote, such as `3/6/2009 17:07`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ForeignDate {
    numbers: (u8, u8),
    year: u16,
    time: (u8, u8, u8),
    separator: char,
}

impl ForeignDate {
    /// Returns the time under the assumption of this order. `None` if the calendar does not have
    /// this day.
    pub(super) fn in_order(self, order: DateOrder) -> Option<FieldTime> {
        let (month, day) = match order {
            DateOrder::MonthFirst => self.numbers,
            DateOrder::DayFirst => (self.numbers.1, self.numbers.0),
        };
        FieldTime::new((self.year, month, day), self.time)
    }

    /// Returns `true` if both orders give the same day.
    pub(super) fn is_same_in_both_orders(self) -> bool {
        self.numbers.0 == self.numbers.1
    }

    /// Returns the order of day and month that this date proves, alone or together with
    /// `of_device`, the time of the device in the same row. `None` if it proves no order.
    ///
    /// A number above 12 is a day. Logs have the month first in the time of the server, and the day
    /// first in the time of the device. A spreadsheet that changes only the form of dates keeps
    /// this difference. A program that parses the times writes both in one order. If both have the
    /// same order and are divided by full stops, the day comes first. Two times that are numbers of
    /// days prove nothing, because a spreadsheet reads both in the order of its machine.
    pub(super) fn order(self, of_device: &str) -> Option<DateOrder> {
        match self.numbers {
            (13.., 1..=12) => return Some(DateOrder::DayFirst),
            (1..=12, 13..) => return Some(DateOrder::MonthFirst),
            _ if self.is_same_in_both_orders() => return None,
            _ => {}
        }
        let (numbers, is_log_form) = match read(of_device, DateOrder::DayFirst)? {
            CellTime::Foreign(date) if self.separator == SERIAL && date.separator == SERIAL => return None,
            CellTime::Foreign(date) => (date.numbers, false),
            CellTime::Clear(LoggedMoment::Civil(civil)) => ((civil.day(), civil.month()), true),
            CellTime::Clear(LoggedMoment::Absolute(_)) => return None,
        };
        match numbers {
            (first, second) if (second, first) == self.numbers => Some(DateOrder::MonthFirst),
            same if same == self.numbers && (is_log_form || self.separator == '.') => {
                Some(DateOrder::DayFirst)
            }
            _ => None,
        }
    }
}

/// Reads a time in any known form. `order` is the order of day and month in a date with dashes,
/// which is the log's own form.
pub(super) fn read(cell: &str, order: DateOrder) -> Option<CellTime> {
    if let Some(own) = own_form(cell, order) {
        return Some(CellTime::Clear(LoggedMoment::Civil(own)));
    }
    let cell = cell.trim();
    if let Some(date) = serial(cell) {
        return Some(CellTime::Foreign(date));
    }
    let (cell, offset) = match cell.strip_suffix(['Z', 'z']) {
        Some(civil) => (civil, Some(0)),
        None => with_offset(cell),
    };
    let (date, time) = cell.split_once([' ', 'T'])?;
    let time = time_of_day(time.trim())?;
    let separator = date.chars().find(|c| !c.is_ascii_digit())?;
    let mut parts = date.split(separator);
    let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let clear = |civil: FieldTime| {
        let moment = match offset {
            None => LoggedMoment::Civil(civil),
            Some(minutes) => {
                let utc = civil.as_utc().as_millis().saturating_sub(minutes * 60_000);
                LoggedMoment::Absolute(UnixTime::from_millis(utc))
            }
        };
        Some(CellTime::Clear(moment))
    };
    if first.len() == 4 && matches!(separator, '-' | '/' | '.') {
        return clear(FieldTime::new((number(first)?, small(second)?, small(third)?), time)?);
    }
    if let Some(month) = MONTHS.iter().position(|month| second.eq_ignore_ascii_case(month)) {
        return clear(FieldTime::new((year(third)?, u8::try_from(month).ok()? + 1, small(first)?), time)?);
    }
    let (one, two, year) = (small(first)?, small(second)?, year(third)?);
    match separator {
        '-' if third.len() == 4 => clear(FieldTime::new(
            match order {
                DateOrder::MonthFirst => (year, one, two),
                DateOrder::DayFirst => (year, two, one),
            },
            time,
        )?),
        '/' | '.' if offset.is_none() => {
            Some(CellTime::Foreign(ForeignDate { numbers: (one, two), year, time, separator }))
        }
        _ => None,
    }
}

/// Reads the log's own form, which nearly all rows have: `MM-dd-yyyy HH:mm:ss`, or
/// `dd-MM-yyyy HH:mm:ss` with the day first.
fn own_form(cell: &str, order: DateOrder) -> Option<FieldTime> {
    let mut bytes = <[u8; 19]>::try_from(cell.as_bytes()).ok()?;
    if order == DateOrder::MonthFirst {
        // `FieldTime` has the day first.
        bytes.swap(0, 3);
        bytes.swap(1, 4);
    }
    str::from_utf8(&bytes).ok()?.parse().ok()
}

/// Returns `true` if a cell is a number with or without decimals.
pub(crate) fn is_number(cell: &str) -> bool {
    let (days, decimals) = cell.trim().split_once(['.', ',']).unwrap_or((cell.trim(), ""));
    !days.is_empty() && days.bytes().chain(decimals.bytes()).all(|byte| byte.is_ascii_digit())
}

/// Reads a number of days such as `39878.71343` or `39878,71343`, rounded to a second. The result
/// has the month and the day that the spreadsheet understood, which may be exchanged.
fn serial(cell: &str) -> Option<ForeignDate> {
    let (days, decimals) = cell.split_once(['.', ','])?;
    if days.len() != 5 || !(LEAST_DECIMALS..=15).contains(&decimals.len()) || !is_number(cell) {
        return None;
    }
    let (days, parts) = (days.parse::<i64>().ok()?, decimals.parse::<i64>().ok()?);
    let whole = 10_i64.pow(u32::try_from(decimals.len()).ok()?);
    let seconds = (i128::from(parts) * i128::from(DAY_SECONDS) + i128::from(whole / 2)) / i128::from(whole);
    let seconds = (days - SERIAL_OF_1970) * DAY_SECONDS + i64::try_from(seconds).ok()?;
    let civil = UnixTime::from_seconds(seconds).civil_utc();
    Some(ForeignDate {
        numbers: (civil.month(), civil.day()),
        year: civil.year(),
        time: (civil.hour(), civil.minute(), civil.second()),
        separator: SERIAL,
    })
}

/// The English names of months in dates such as `06-Mar-2009`, which Excel writes.
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Splits an offset from UTC such as `+01:00` from the end of a time. Returns the time without the
/// offset, and the offset in minutes. `None` if there is no offset.
fn with_offset(cell: &str) -> (&str, Option<i64>) {
    let split = cell.len().checked_sub(6).and_then(|at| cell.split_at_checked(at));
    let Some((civil, offset)) = split else { return (cell, None) };
    let minutes = || {
        let (hours, minutes) = offset.get(1..)?.split_once(':')?;
        Some(i64::from(small(hours)?) * 60 + i64::from(small(minutes)?))
    };
    match (offset.as_bytes()[0], minutes()) {
        (b'+', Some(minutes)) => (civil, Some(minutes)),
        (b'-', Some(minutes)) => (civil, Some(-minutes)),
        _ => (cell, None),
    }
}

fn year(text: &str) -> Option<u16> {
    match text.len() {
        2 => Some(2000 + number(text)?),
        4 => number(text),
        _ => None,
    }
}

/// Reads `17:07`, `17:07:20`, `17:07:20.123` or `5:07:20 PM`.
fn time_of_day(text: &str) -> Option<(u8, u8, u8)> {
    let (text, afternoon) = match text.len().checked_sub(2).and_then(|at| text.split_at_checked(at)) {
        Some((text, half)) if half.eq_ignore_ascii_case("am") => (text.trim_end(), Some(false)),
        Some((text, half)) if half.eq_ignore_ascii_case("pm") => (text.trim_end(), Some(true)),
        _ => (text, None),
    };
    let text = match text.split_once('.') {
        Some((text, fraction)) if fraction.bytes().all(|byte| byte.is_ascii_digit()) => text,
        Some(_) => return None,
        None => text,
    };
    let mut parts = text.split(':');
    let (hour, minute) = (small(parts.next()?)?, small(parts.next()?)?);
    let second = parts.next().map_or(Some(0), small)?;
    if parts.next().is_some() {
        return None;
    }
    let hour = match (afternoon, hour) {
        (None, hour) => hour,
        (Some(_), 0 | 13..) => return None,
        (Some(afternoon), hour) => hour % 12 + if afternoon { 12 } else { 0 },
    };
    Some((hour, minute, second))
}

fn small(text: &str) -> Option<u8> {
    (1..=2).contains(&text.len()).then(|| number(text))??.try_into().ok()
}

fn number(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(cell: &str) -> String {
        match read(cell, DateOrder::MonthFirst) {
            Some(CellTime::Clear(LoggedMoment::Civil(civil))) => civil.to_string(),
            Some(CellTime::Clear(LoggedMoment::Absolute(time))) => format!("{} UTC", time.civil_utc()),
            Some(CellTime::Foreign(date)) => {
                let in_order = |order| date.in_order(order).map_or("-".to_owned(), |civil| civil.to_string());
                format!("{} or {}", in_order(DateOrder::MonthFirst), in_order(DateOrder::DayFirst))
            }
            None => "none".to_owned(),
        }
    }

    #[test]
    fn times_of_the_log_and_of_other_programs_are_read() {
        for (cell, expected) in [
            ("03-06-2009 17:07:20", "06-03-2009 17:07:20"),
            ("03-06-2009 17:07", "06-03-2009 17:07:00"),
            ("2009-03-06 17:07:20", "06-03-2009 17:07:20"),
            ("2009-03-06T17:07:20.123Z", "06-03-2009 17:07:20 UTC"),
            ("2009-03-06T17:07:20.1230000+01:30", "06-03-2009 15:37:20 UTC"),
            ("2009-03-06 17:07:20 -08:00", "07-03-2009 01:07:20 UTC"),
            ("06-Mar-2009 17:07:20", "06-03-2009 17:07:20"),
            ("6-mar-09 5:07 PM", "06-03-2009 17:07:00"),
            ("31-Feb-2009 17:07", "none"),
            ("2009-03-06T17:07:20+1:0", "none"),
            ("3/6/2009 17:07", "06-03-2009 17:07:00 or 03-06-2009 17:07:00"),
            ("3/6/09 5:07 PM", "06-03-2009 17:07:00 or 03-06-2009 17:07:00"),
            ("12/31/2020 12:10:00 AM", "31-12-2020 00:10:00 or -"),
            ("13.06.2009 17:07:20", "- or 13-06-2009 17:07:20"),
            ("39878.71343", "06-03-2009 17:07:20 or 03-06-2009 17:07:20"),
            (" 39878,7134259259 ", "06-03-2009 17:07:20 or 03-06-2009 17:07:20"),
            ("39885.99999999", "14-03-2009 00:00:00 or -"),
            ("39878.713", "none"),
            ("39878", "none"),
            ("39878.7134x", "none"),
            ("3.99E+04", "none"),
            ("-39878.7134", "none"),
            ("99999999.7134", "none"),
            ("13-06-2009 17:07:20", "none"),
            ("3-6-09 17:07", "none"),
            ("03-06-2009", "none"),
            ("03-06-2009 25:00:00", "none"),
            ("3/6/2009 13:00 PM", "none"),
            ("Logging DateTime", "none"),
            ("", "none"),
        ] {
            assert_eq!(shown(cell), expected, "{cell}");
        }
    }

    #[test]
    fn the_order_is_shown_by_a_large_number_or_by_the_time_of_the_device() {
        let order = |cell: &str, of_device: &str| match read(cell, DateOrder::MonthFirst) {
            Some(CellTime::Foreign(date)) => date.order(of_device),
            other => panic!("{other:?}"),
        };
        for (cell, of_device, expected) in [
            ("3/13/2009 17:07", "", Some(DateOrder::MonthFirst)),
            ("13/3/2009 17:07", "", Some(DateOrder::DayFirst)),
            ("3/6/2009 17:07", "6/3/2009 9:07", Some(DateOrder::MonthFirst)),
            ("3/6/2009 17:07", "06-03-2009 09:07:20", Some(DateOrder::MonthFirst)),
            ("6/3/2009 17:07", "06-03-2009 09:07:20", Some(DateOrder::DayFirst)),
            ("03.06.2009 17:07", "06.03.2009 09:07", Some(DateOrder::MonthFirst)),
            ("06.03.2009 17:07", "06.03.2009 09:07", Some(DateOrder::DayFirst)),
            ("3/6/2009 17:07", "3/6/2009 9:07", None),
            ("3/6/2009 17:07", "", None),
            ("3/3/2009 17:07", "3/3/2009 9:07", None),
            ("39885.71343", "", Some(DateOrder::MonthFirst)),
            ("39878.71343", "06-03-2009 09:07:20", Some(DateOrder::MonthFirst)),
            ("39967.71343", "06-03-2009 09:07:20", Some(DateOrder::DayFirst)),
            ("39878.71343", "39967.38", None),
            ("39878.71343", "39967.38009", None),
            ("39878.71343", "", None),
        ] {
            assert_eq!(order(cell, of_device), expected, "{cell} {of_device}");
        }
    }
}
