//! Reads W3C extended logs of any web server by their `#Fields:` lines.

use super::row::AccessRow;
use super::text::AccessText;
use crate::LogDate;
use crate::finding::{Finding, Problem, ReadLimits, clipped};
use crate::input::lines::Lines;
use std::io::Read;
use std::str::FromStr;
use ucupdate_core::value::UnixTime;

/// Iterator over the rows of a W3C extended log.
///
/// The last `#Fields:` line before a row names its fields, and may change in the middle of a log. Fields without a name in
/// this crate are kept in [`AccessRow::others`]. A row without a date has the date of the last `#Date:` line. A line that is
/// not a row becomes a [`Finding`] with its number, and reading continues.
///
/// A web server writes other services into the same log. [`AccessRow::is_of_update_service`] tells them apart.
///
/// ```
/// use ucupdate_audit::AccessReader;
/// let log = "#Fields: date time cs-method sc-status\n2009-03-06 17:07:20 POST 200\n2009-03-06 17:07:21 GET up\n";
/// let mut rows = AccessReader::new(log.as_bytes());
/// assert_eq!(rows.next().unwrap().unwrap().status, Some(200));
/// let finding = rows.next().unwrap().unwrap_err();
/// assert_eq!(finding.to_string(), "line 3: sc-status is \"up\", expected a number or `-`");
/// assert!(rows.next().is_none());
/// ```
#[derive(Debug)]
pub struct AccessReader<R> {
    lines: Lines<R>,
    fields: Option<Vec<Box<str>>>,
    date: Option<LogDate>,
}

impl<R: Read> AccessReader<R> {
    /// Returns a reader of UTF-8 text with the default limits. The reader buffers its input.
    pub fn new(input: R) -> Self {
        Self { lines: Lines::new(input, ReadLimits::default()), fields: None, date: None }
    }

    /// Sets other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: ReadLimits) -> Self {
        self.lines.set_limits(limits);
        self
    }

    /// Returns a row, or `None` for a directive.
    fn read_next(&mut self) -> Option<Result<Option<AccessRow>, Finding>> {
        let most = self.lines.limits().columns;
        let line = match self.lines.next_line()? {
            Ok(line) => line,
            Err(finding) => return Some(Err(finding)),
        };
        let read = match directive(line) {
            Some(("fields", names)) => {
                let names: Vec<Box<str>> =
                    columns(names).map(Box::from).take(most.saturating_add(1)).collect();
                self.fields = None;
                if names.len() > most {
                    Err(Problem::TooManyColumns { limit: most })
                } else {
                    self.fields = Some(names);
                    Ok(None)
                }
            }
            Some(("date", date)) => {
                self.date = columns(date).next().and_then(|day| day.parse().ok());
                Ok(None)
            }
            Some(_) => Ok(None),
            None => match &self.fields {
                Some(fields) => row(fields, line, self.date).map(Some),
                None => Err(Problem::NoFields),
            },
        };
        Some(read.map_err(|problem| self.lines.finding(problem)))
    }
}

impl<R: Read> Iterator for AccessReader<R> {
    type Item = Result<AccessRow, Finding>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(read) = self.read_next()?.transpose() {
                return Some(read);
            }
        }
    }
}

/// Returns the name and the text of a known directive, and `("", "")` for any other.
fn directive(line: &str) -> Option<(&'static str, &str)> {
    let line = line.strip_prefix('#')?;
    let (name, said) = line.split_once(':').unwrap_or((line, ""));
    let known = ["fields", "date"].into_iter().find(|known| known.eq_ignore_ascii_case(name.trim()));
    Some(known.map_or(("", ""), |known| (known, said)))
}

fn columns(line: &str) -> impl Iterator<Item = &str> {
    line.split([' ', '\t']).filter(|field| !field.is_empty())
}

fn row(fields: &[Box<str>], line: &str, date: Option<LogDate>) -> Result<AccessRow, Problem> {
    // One more than expected is enough to know that there are too many.
    let cells: Vec<&str> = columns(line).take(fields.len() + 1).collect();
    if cells.len() != fields.len() {
        return Err(Problem::CellCount { found: columns(line).count(), expected: fields.len() });
    }
    let mut row = AccessRow::default();
    let (mut day, mut time) = (date.map(|date| date.to_string()), None);
    for (field, cell) in fields.iter().zip(cells) {
        let text = || AccessText::from_logged(cell);
        match field.to_ascii_lowercase().as_str() {
            "date" => day = Some(cell.to_owned()),
            "time" => time = Some(cell),
            "s-ip" => row.server_ip = text(),
            "cs-method" => row.method = text(),
            "cs-uri-stem" => row.uri_stem = text(),
            "cs-uri-query" => row.uri_query = text(),
            "s-port" => row.server_port = number("s-port", cell)?,
            "cs-username" => row.user_name = text(),
            "c-ip" => row.client_ip = text(),
            "cs(user-agent)" => row.user_agent = text(),
            "sc-status" => row.status = number("sc-status", cell)?,
            "sc-substatus" => row.sub_status = number("sc-substatus", cell)?,
            "sc-win32-status" => row.win32_status = number("sc-win32-status", cell)?,
            "time-taken" => row.time_taken_ms = number("time-taken", cell)?,
            _ => row.others.push((field.clone(), text())),
        }
    }
    row.finished_at = moment(day.as_deref(), time).ok_or_else(|| Problem::Time {
        found: clipped(&format!("{} {}", day.as_deref().unwrap_or("-"), time.unwrap_or("-"))),
        expected: "yyyy-MM-dd HH:mm:ss",
    })?;
    Ok(row)
}

fn moment(day: Option<&str>, time: Option<&str>) -> Option<UnixTime> {
    let day: LogDate = day?.parse().ok()?;
    day.at(time?).map(|civil| civil.as_utc())
}

fn number<T: FromStr>(field: &'static str, cell: &str) -> Result<Option<T>, Problem> {
    if cell == "-" {
        return Ok(None);
    }
    cell.parse().map(Some).map_err(|_| Problem::Number { field, found: clipped(cell) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AccessFormat, fixture};

    fn read(log: &[u8]) -> Vec<Result<AccessRow, String>> {
        AccessReader::new(log).map(|row| row.map_err(|finding| finding.to_string())).collect()
    }

    #[test]
    fn the_fields_logs_are_read_and_written_back_the_same() {
        for (name, rows) in [("iis-2009-03-06.log", 7), ("iis-2009-04-15.log", 12), ("iis-500.log", 1)] {
            let log = fixture::vector(name);
            let read: Vec<AccessRow> = read(&log).into_iter().map(Result::unwrap).collect();
            assert_eq!(read.len(), rows, "{name}");
            let written: String =
                read.iter().map(|row| AccessFormat::default().line(row).as_str().to_owned()).collect();
            let log = String::from_utf8(log).unwrap();
            let expected: String = log.split_inclusive('\n').filter(|line| !line.starts_with('#')).collect();
            assert_eq!(written, expected, "{name}");
        }
    }

    #[test]
    fn rows_of_other_services_are_passed_over() {
        let ours: Vec<bool> = read(&fixture::vector("iis-2009-04-15.log"))
            .into_iter()
            .map(|row| row.unwrap().is_of_update_service())
            .collect();
        assert_eq!(ours, [[true; 10].as_slice(), &[false; 2]].concat());
    }

    #[test]
    fn fields_may_change_in_the_middle_and_others_are_kept() {
        let log = b"1 2\n#Date: 2009-03-06 16:00:51\n#fields:\ttime\tcs(Cookie)\n17:07:20 a+b\n#Fields: date time c-ip\n\
2009-03-07 01:02:03 ::1\n2009-03-07 01:02:03\n2009-03-07 25:00:00 -\n";
        let rows = read(log);
        assert_eq!(rows[0], Err("line 1: the row stands before any `#Fields:` line".to_owned()));
        let first = rows[1].as_ref().unwrap();
        assert_eq!(first.finished_at.civil_utc().to_string(), "06-03-2009 17:07:20");
        assert_eq!(first.others, [("cs(Cookie)".into(), AccessText::new("a b"))]);
        let second = rows[2].as_ref().unwrap();
        assert_eq!((second.client_ip.as_logged(), second.status), ("::1", None));
        assert_eq!(
            rows[3..],
            [
                Err("line 7: the row has 2 cells, expected 3".to_owned()),
                Err("line 8: the time is \"2009-03-07 25:00:00\", expected yyyy-MM-dd HH:mm:ss".to_owned()),
            ]
        );
    }

    #[test]
    fn fields_end_at_the_limit_and_rows_below_have_none() {
        let limits = ReadLimits::default().with_columns(2);
        let log = "#Fields: date time\n#Fields: date time c-ip\n2009-03-07 01:02:03 ::1\n";
        let findings: Vec<String> = AccessReader::new(log.as_bytes())
            .with_limits(limits)
            .map(|row| row.unwrap_err().to_string())
            .collect();
        assert_eq!(
            findings,
            ["line 2: the line has more than 2 columns", "line 3: the row stands before any `#Fields:` line"]
        );
    }
}
