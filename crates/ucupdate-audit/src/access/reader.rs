//! Reads W3C extended logs of any web server by their `#Fields:` lines.

use super::fields::{Field, Fields, cells};
use super::row::AccessRow;
use super::text::AccessText;
use crate::file_kind::FileKind;
use crate::finding::{LineProblem, LogFinding, ReadLimits, clipped};
use crate::input::lines::Lines;
use crate::log_name::LogDate;
use std::borrow::Cow;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use ucupdate_core::value::UnixTime;

/// Iterator over the rows of a W3C extended log. IIS 6 to 10, IIS Advanced Logging and proxies such as TMG write such
/// logs.
///
/// The last `#Fields:` line before a row names the fields of the row. A log may have several such
/// lines. Fields that this crate does not know are kept in [`AccessRow::others`]. A row without a
/// date has the date of the last `#Date:` line. A line that cannot be read as a row becomes a
/// [`LogFinding`] with the line number, and reading continues. A log whose first lines are missing
/// is read with the fields of IIS, if its rows have the same number of cells.
///
/// The log may be compressed by gzip, and may be UTF-8, UTF-16 or Windows-1252 text. Fields are
/// divided by blanks or tabs. A field may be in quotes. A row has too many fields if the server did
/// not escape a blank. The reader first assumes that this blank is part of the query. If it cannot
/// read the numbers of the row then, it tries the other text fields one after another. Fractions of
/// a second are dropped.
///
/// The log also has rows for other services of the web server. [`AccessRow::is_of_update_service`] finds the rows of
/// the update service.
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
#[must_use]
pub struct AccessReader<R> {
    lines: Lines<R>,
    form: ReaderState,
}

/// The state of the reader: the header to read the address of the client from, and facts from
/// earlier lines.
#[derive(Debug, Default)]
struct ReaderState {
    fields: Option<Fields>,
    /// `true` if the last `#Fields:` line had too many fields. Rows after it are then not read with
    /// the fields of IIS.
    has_refused_fields: bool,
    date: Option<LogDate>,
    forwarded: Option<Box<str>>,
}

impl<R: Read> AccessReader<R> {
    /// Creates a reader with the default limits. The reader buffers its input.
    pub fn new(input: R) -> Self {
        Self { lines: Lines::new(input, ReadLimits::default()), form: ReaderState::default() }
    }

    /// Sets the limits for the log, its lines and its cells. Default: [`ReadLimits::default`].
    pub fn with_limits(mut self, limits: ReadLimits) -> Self {
        self.lines.set_limits(limits);
        self
    }

    /// Sets the HTTP header that has the address of the client, such as `X-Forwarded-For`. A proxy
    /// before the server adds this header, and the server logs it in a field of this name. Default:
    /// none, so the address of the connection is read.
    ///
    /// The first address in the field becomes [`AccessRow::client_ip`], without its port. The
    /// address of the proxy is kept in [`AccessRow::others`] as `c-ip`. A row without an address in
    /// this field has the address of the connection. Call this only if the proxy replaces a header
    /// that the client sent.
    ///
    /// ```
    /// use ucupdate_audit::AccessReader;
    /// let log = "#Fields: date time c-ip X-Forwarded-For\n2024-10-01 00:00:06 172.18.23.68 203.0.113.7:33453,+172.16.0.1\n";
    /// let row = AccessReader::new(log.as_bytes()).with_client_from("X-Forwarded-For").next().unwrap().unwrap();
    /// assert_eq!(row.client_ip.as_logged(), "203.0.113.7");
    /// ```
    pub fn with_client_from(mut self, header: &str) -> Self {
        self.form.forwarded = Some(header.into());
        self
    }

    /// Sets that a last line without a line end is not read. Use this for a log that may still
    /// grow, because such a line may be incomplete.
    pub fn with_only_whole_lines(mut self) -> Self {
        self.lines.read_only_whole_lines();
        self
    }

    /// Returns the size of the lines that were read so far, in bytes after decompression and
    /// conversion to UTF-8.
    pub fn bytes_read(&self) -> u64 {
        self.lines.bytes()
    }

    /// Returns the kind of the file, judged by its first bytes. Returns [`FileKind::Empty`] until
    /// reading has begun.
    pub fn file_kind(&self) -> FileKind {
        FileKind::of(self.lines.prefix())
    }

    /// Returns `true` if the log is empty or ends within its header. A server that was stopped
    /// while it created the file leaves such a log. Call this at the end of the log, if the reader
    /// has returned no row and no finding. Always `false` without
    /// [`with_only_whole_lines`](Self::with_only_whole_lines).
    pub fn is_unfinished(&self) -> bool {
        self.lines.unread_end().is_some_and(|line| match line {
            [] => matches!(self.file_kind(), FileKind::Empty | FileKind::AccessLog),
            line => line.starts_with(b"#"),
        })
    }

    /// Returns whether the reader knows the fields of the rows. It knows them after a `#Fields:`
    /// line, unless that line has too many fields. In a log without such a line, it knows them after
    /// the first row that it could read with the fields of IIS. If the result is `true` and the log
    /// has no rows, the server got no request on that day.
    pub fn has_header(&self) -> bool {
        self.form.fields.is_some()
    }

    /// Returns `true` if the log has the field that was set with [`with_client_from`](Self::with_client_from).
    pub fn has_client_field(&self) -> bool {
        self.form.fields.as_ref().is_some_and(Fields::has_forwarded)
    }

    /// Reads the next line. The outer `None` means the end of the log. The inner `None` means a
    /// directive, such as `#Fields:`.
    fn read_next(&mut self) -> Option<Result<Option<AccessRow>, LogFinding>> {
        let limits = self.lines.limits();
        let line = match self.lines.next_line()? {
            Ok(line) => line,
            Err(finding) => return Some(Err(finding)),
        };
        let read = self.form.parse(&line, &limits);
        Some(read.map_err(|problem| LogFinding { line: self.lines.number(), problem }))
    }
}

impl<R: Read> Iterator for AccessReader<R> {
    type Item = Result<AccessRow, LogFinding>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(read) = self.read_next()?.transpose() {
                return Some(read);
            }
        }
    }
}

impl ReaderState {
    fn parse(&mut self, line: &str, limits: &ReadLimits) -> Result<Option<AccessRow>, LineProblem> {
        match directive(line) {
            Some(("fields", names)) => {
                self.fields = Fields::new(names, limits.columns, self.forwarded.as_deref()).ok();
                self.has_refused_fields = self.fields.is_none();
                let limit = limits.columns;
                if self.has_refused_fields { Err(LineProblem::TooManyColumns { limit }) } else { Ok(None) }
            }
            Some(("date" | "start-date", date)) => {
                self.date = date.split_ascii_whitespace().next().and_then(|day| day.parse().ok());
                Ok(None)
            }
            Some(_) => Ok(None),
            None => self.row(line, limits).map(Some),
        }
    }

    fn row(&mut self, line: &str, limits: &ReadLimits) -> Result<AccessRow, LineProblem> {
        if let Some(fields) = &self.fields {
            return any_row(fields, line, self.date, limits);
        }
        let count = line.split([' ', '\t']).filter(|cell| !cell.is_empty()).take(limits.columns).count();
        let usual = Fields::usual(count, self.forwarded.as_deref()).filter(|_| !self.has_refused_fields);
        let fields = usual.ok_or(LineProblem::NoFields)?;
        let row = any_row(&fields, line, self.date, limits).map_err(|_| LineProblem::NoFields)?;
        self.fields = Some(fields);
        Ok(row)
    }
}

/// Returns the name and the text of a directive, or `("", "")` if the directive is not known.
/// `None` if the line is not a directive.
fn directive(line: &str) -> Option<(&'static str, &str)> {
    let line = line.strip_prefix('#')?;
    let (name, said) = line.split_once(':').unwrap_or((line, ""));
    let known =
        ["fields", "date", "start-date"].into_iter().find(|known| known.eq_ignore_ascii_case(name.trim()));
    Some(known.map_or(("", ""), |known| (known, said)))
}

/// Reads a row. If the row has too many cells, joins cells into one text field. Tries one text
/// field after another until the row can be read.
fn any_row(
    fields: &Fields,
    line: &str,
    date: Option<LogDate>,
    limits: &ReadLimits,
) -> Result<AccessRow, LineProblem> {
    let most = limits.columns.saturating_mul(4);
    let found = cells(line, fields.len(), most);
    if found.len() == fields.len() {
        return row(fields, &found, date);
    }
    if found.len() > fields.len() && found.len() <= most {
        let extra = found.len() - fields.len();
        for place in fields.free_texts() {
            let text: Cow<'_, str> = found[place..=place + extra].join("+").into();
            let joined = [&found[..place], &[text], &found[place + extra + 1..]].concat();
            if let Ok(row) = row(fields, &joined, date) {
                return Ok(row);
            }
        }
    }
    Err(LineProblem::CellCount { found: found.len(), expected: fields.len() })
}

fn row(fields: &Fields, cells: &[Cow<'_, str>], date: Option<LogDate>) -> Result<AccessRow, LineProblem> {
    let mut row = AccessRow::default();
    let (mut day, mut time, mut forwarded, mut url) = (None, None, None, None);
    for (field, cell) in fields.iter().zip(cells) {
        let cell = &**cell;
        let text = || AccessText::from_logged(cell);
        match field {
            Ok(Field::Date) => day = Some(cell),
            Ok(Field::Time) => time = Some(cell),
            Ok(Field::ServerIp) => row.server_ip = text(),
            Ok(Field::Method) => row.method = text(),
            Ok(Field::Stem) => row.uri_stem = text(),
            Ok(Field::Query) => row.uri_query = text(),
            Ok(Field::Url) => url = Some(cell),
            Ok(Field::ServerPort) => row.server_port = number("s-port", cell)?,
            Ok(Field::UserName) => row.user_name = text(),
            Ok(Field::ClientIp) => row.client_ip = text(),
            Ok(Field::UserAgent) => row.user_agent = text(),
            Ok(Field::Status) => row.status = number("sc-status", cell)?,
            Ok(Field::SubStatus) => row.sub_status = number("sc-substatus", cell)?,
            Ok(Field::Win32Status) => row.win32_status = number("sc-win32-status", cell)?,
            Ok(Field::TimeTaken) => row.time_taken_ms = number("time-taken", cell)?,
            Ok(Field::Forwarded) => forwarded = first_address(cell),
            Err(name) => row.others.push((name.clone(), text())),
        }
    }
    if let Some((stem, query)) = url.map(path_of) {
        if row.uri_stem.is_empty() {
            row.uri_stem = AccessText::from_logged(stem);
        }
        if row.uri_query.is_empty() {
            row.uri_query = AccessText::from_logged(query);
        }
    }
    if let Some(address) = forwarded {
        let proxy = std::mem::replace(&mut row.client_ip, AccessText::new(&address.to_string()));
        row.others.push(("c-ip".into(), proxy));
    }
    let day_of_row = || day.map_or(date, |day| day.parse().ok());
    row.finished_at = day_of_row().zip(time).and_then(|(day, time)| moment(day, time)).ok_or_else(|| {
        let day = day.map_or_else(|| date.map_or("-".to_owned(), |date| date.to_string()), ToOwned::to_owned);
        LineProblem::Time {
            found: clipped(&format!("{day} {}", time.unwrap_or("-"))),
            expected: "yyyy-MM-dd HH:mm:ss",
        }
    })?;
    Ok(row)
}

/// Returns the time `time`, in the form `HH:mm:ss`, on this day in UTC. A fraction of a second is
/// dropped.
fn moment(day: LogDate, time: &str) -> Option<UnixTime> {
    let time = match time.split_once('.') {
        Some((time, fraction)) if fraction.bytes().all(|byte| byte.is_ascii_digit()) => time,
        Some(_) => return None,
        None => time,
    };
    day.at(time).map(|civil| civil.as_utc())
}

/// Returns the path and the query of a URL. The text is a whole URL, or begins with the path.
fn path_of(url: &str) -> (&str, &str) {
    let path = match url.split_once("://") {
        Some((_, behind)) => behind.find('/').map_or("/", |at| &behind[at..]),
        None => url,
    };
    path.split_once('?').unwrap_or((path, ""))
}

/// Returns the first address of a list such as `203.0.113.7:33453,+172.16.0.1`. `None` if the list
/// does not begin with an address.
fn first_address(list: &str) -> Option<IpAddr> {
    let first = list.split(',').next()?.trim_matches(['+', ' ', '"', '[', ']']);
    let address = first.parse::<SocketAddr>().map(|address| address.ip()).or_else(|_| first.parse());
    // Trimming removed the opening bracket of an IPv6 address with a port.
    address.ok().or_else(|| first.split_once("]:")?.0.parse().ok())
}

/// Reads a number. A fraction is dropped. Returns `None` for `-`, and for a number that is too
/// large for its type.
fn number<T: FromStr>(field: &'static str, cell: &str) -> Result<Option<T>, LineProblem> {
    if cell == "-" {
        return Ok(None);
    }
    let (whole, fraction) = cell.split_once('.').unwrap_or((cell, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) {
        return Err(LineProblem::Number { field, found: clipped(cell) });
    }
    Ok(whole.parse().ok())
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
        assert_eq!(
            rows[0],
            Err("line 1: the row comes before any `#Fields:` line, expected that line first".to_owned())
        );
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
            [
                "line 2: the line has more than 2 columns, which is the limit `columns` of the library",
                "line 3: the row comes before any `#Fields:` line, expected that line first"
            ]
        );
    }
}
