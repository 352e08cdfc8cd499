//! Writes access rows as a W3C extended log.

use super::row::AccessRow;
use crate::digits::{four_digits, push_date_time, push_number, two_digits};
use crate::log_line::LogLine;
use ucupdate_core::value::UnixTime;

/// The names of the fields in the order of a row, as in the `#Fields:` line of OCS's access log.
pub const ACCESS_FIELDS: &str = "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip \
cs(User-Agent) sc-status sc-substatus sc-win32-status time-taken";

/// Writer of access rows in the W3C extended log format. Times are in UTC, and lines end in LF.
///
/// ```
/// use ucupdate_audit::AccessFormat;
/// use ucupdate_core::value::UnixTime;
/// let header = AccessFormat::new("ucupdate 0.1.0").header(UnixTime::from_seconds(1_236_355_251));
/// assert!(header.starts_with("#Software: ucupdate 0.1.0\n#Version: 1.0\n#Date: 2009-03-06 16:00:51\n#Fields: date time "));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessFormat {
    software: Box<str>,
}

impl AccessFormat {
    /// Creates the format of a log that the program `software` writes. Control characters in this
    /// name become blanks.
    pub fn new(software: &str) -> Self {
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        Self { software: software.chars().map(plain).collect() }
    }

    /// Returns the four header lines at the start of a log, with their line ends. `now` is the time
    /// in the `#Date:` line.
    pub fn header(&self, now: UnixTime) -> String {
        let software = &self.software;
        let mut date = String::new();
        push_time(now, &mut date);
        format!("#Software: {software}\n#Version: 1.0\n#Date: {date}\n#Fields: {ACCESS_FIELDS}\n")
    }

    /// Returns a row as a line with its line end. [`AccessRow::others`] are not written.
    pub fn line(&self, row: &AccessRow) -> LogLine {
        let mut text = String::with_capacity(192);
        push_time(row.finished_at, &mut text);
        for field in [&row.server_ip, &row.method, &row.uri_stem, &row.uri_query] {
            push_field(field.as_logged(), &mut text);
        }
        push_field_number(row.server_port.map(u64::from), &mut text);
        for field in [&row.user_name, &row.client_ip, &row.user_agent] {
            push_field(field.as_logged(), &mut text);
        }
        let (status, sub_status) = (row.status.map(u64::from), row.sub_status.map(u64::from));
        for number in [status, sub_status, row.win32_status.map(u64::from), row.time_taken_ms] {
            push_field_number(number, &mut text);
        }
        text.push('\n');
        LogLine::new(row.finished_at, text)
    }
}

impl Default for AccessFormat {
    /// Returns the format of a log that `ucupdate` writes. The name of the program includes its
    /// version.
    fn default() -> Self {
        Self::new(concat!("ucupdate ", env!("CARGO_PKG_VERSION")))
    }
}

fn push_field(field: &str, to: &mut String) {
    to.push(' ');
    to.push_str(field);
}

fn push_field_number(number: Option<u64>, to: &mut String) {
    match number {
        Some(number) => {
            to.push(' ');
            push_number(number, to);
        }
        None => to.push_str(" -"),
    }
}

/// Writes a time in the form `yyyy-MM-dd HH:mm:ss`, in UTC.
fn push_time(time: UnixTime, to: &mut String) {
    let civil = time.civil_utc();
    let (month, day) = (two_digits(civil.month()), two_digits(civil.day()));
    push_date_time([&four_digits(civil.year()), &month, &day], civil, to);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use std::time::Duration;

    #[test]
    fn the_fields_row_and_field_names_are_written_byte_for_byte() {
        let log = String::from_utf8(fixture::vector("iis-2009-03-06.log")).unwrap();
        let lines: Vec<&str> = log.split_inclusive('\n').collect();
        let header = AccessFormat::new("Microsoft Internet Information Services 7.0")
            .header(UnixTime::from_seconds(1_236_355_251));
        assert_eq!(header, lines[..4].concat());
        let path = "/DeviceUpdateFiles_Int/OCInterim/ENU/CPE.nbt";
        let finished = UnixTime::from_seconds(1_236_359_577);
        let row = AccessRow {
            server_ip: "10.1.1.90".into(),
            server_port: Some(80),
            client_ip: "10.1.1.123".into(),
            user_agent: "Microsoft UCPhone Device".into(),
            ..AccessRow::finished("GET", path, 200, Duration::from_millis(137_810), finished)
        };
        assert_eq!(AccessFormat::default().line(&row).as_str(), lines[6]);
    }

    #[test]
    fn nothing_in_a_row_forges_a_field_or_a_row() {
        let row = AccessRow {
            user_agent: "x 200\r\n#Fields: date".into(),
            user_name: "-".into(),
            ..AccessRow::finished("GET", "/a+b%20\u{e4}", 404, Duration::ZERO, UnixTime::default())
        };
        assert_eq!(
            AccessFormat::default().line(&row).as_str(),
            "1970-01-01 00:00:00 - GET /a%2Bb%2520%C3%A4 - - %2D - x+200%0D%0A#Fields:+date 404 0 2 0\n",
        );
    }

    #[test]
    fn the_name_of_the_software_is_one_line() {
        let header = AccessFormat::new("a\n#Fields: time").header(UnixTime::default());
        assert!(header.starts_with("#Software: a #Fields: time\n#Version: 1.0\n"), "{header:?}");
    }
}
