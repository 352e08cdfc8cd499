//! Reads audit logs by the titles of their columns. It also reads logs of other editions, and logs
//! that another program changed.

use super::cells;
use super::dates::{self, CellTime, DateOrder, ForeignDate};
use super::escape::unescape;
use super::format::AUDIT_HEADER;
use super::header::{Column, Header, is_preamble, is_row_of_original};
use super::row::{AuditRow, OfferedCell, RequestedCell};
use crate::file_kind::FileKind;
use crate::finding::{LineProblem, LogFinding, ReadLimits, clipped};
use crate::input::lines::Lines;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::Read;
use ucupdate_core::ReportedVersion;
use ucupdate_core::value::Zone;
use ucupdate_core::value::{FieldTime, Reported};

/// Iterator over the rows of an audit log.
///
/// Columns are found by title, without regard to ASCII case and blanks, in any order. Unknown
/// columns are kept in [`AuditRow::others`]. A missing column counts as blank. A line that cannot
/// be read as a row becomes a [`LogFinding`] with the line number, and reading continues. A header
/// in the middle of a log applies to the rows after it. A log without a header is read with the
/// columns of OCS's log. If the first line is neither a header with the column `Logging DateTime`
/// nor a row of OCS's log, reading ends with [`LineProblem::NoHeader`].
///
/// The log may be compressed by gzip, and may be UTF-8, UTF-16 or Windows-1252 text. Logs that a
/// spreadsheet or a script saved are read too. They may have other delimiters, a first line `sep=;`
/// or `#TYPE`, dates such as `3/6/2009 17:07`, and numbers of days such as `39878.71343`. Such a
/// date is read only if the log shows the order of day and month: by a number above 12, or by the
/// date of the device in the same row. Days are counted from 1899-12-30, as spreadsheets do by
/// default.
///
/// ```
/// use ucupdate_audit::AuditReader;
/// let log = "Logging DateTime,Model,Mac Address,Site\n03-06-2009 17:07:20,IP8540,0021630F207B,Lisbon\nnonsense\n";
/// let mut rows = AuditReader::new(log.as_bytes());
/// let row = rows.next().unwrap().unwrap();
/// assert_eq!((&*row.kind.model, row.mac_address.raw()), ("IP8540", "0021630F207B"));
/// assert_eq!(row.others, [("Site".into(), "Lisbon".into())]);
/// assert_eq!(rows.next().unwrap().unwrap_err().to_string(), "line 3: the row has 1 cells, expected 4");
/// assert!(rows.next().is_none());
/// ```
#[derive(Debug)]
#[must_use]
pub struct AuditReader<R> {
    lines: Lines<R>,
    columns: Columns,
    /// Lines that were read ahead, each with its line number.
    ahead: VecDeque<Result<(u64, Box<str>), LogFinding>>,
    /// `true` if lines were already read ahead to find the order of day and month. This is done once.
    looked_ahead: bool,
}

/// The state of the reader: the time zone, and facts from earlier lines.
#[derive(Debug)]
struct Columns {
    zone: Zone,
    header: Option<Header>,
    /// The order of day and month in dates that another program wrote. `None` if no line has shown
    /// it yet.
    order: Option<DateOrder>,
}

/// The maximum number of lines that are read ahead to find the order of day and month.
const AHEAD_LINES: usize = 256;

/// The expected form of a time, for the message about a cell that has only a number.
const EXPECTED_DAYS: &str = "MM-dd-yyyy HH:mm:ss, or the number of days of a spreadsheet with four decimals or more; export the log \
                             without changing its dates";

/// The maximum number of bytes that are read ahead to find the order of day and month.
const AHEAD_BYTES: usize = 1024 * 1024;

impl<R: Read> AuditReader<R> {
    /// Returns a reader of a log with times in UTC, with the default limits. The reader buffers its input.
    pub fn new(input: R) -> Self {
        let columns = Columns { zone: Zone::utc(), header: None, order: None };
        Self {
            lines: Lines::new(input, ReadLimits::default()),
            columns,
            ahead: VecDeque::new(),
            looked_ahead: false,
        }
    }

    /// Sets the time zone of the times in the log. Default: UTC. A time that ends in `Z` is always
    /// in UTC.
    pub fn with_zone(mut self, zone: Zone) -> Self {
        self.columns.zone = zone;
        self
    }

    /// Sets the limits for the log, its lines and its cells. Default: [`ReadLimits::default`].
    pub fn with_limits(mut self, limits: ReadLimits) -> Self {
        self.lines.set_limits(limits);
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
            [] => self.file_kind() == FileKind::Empty,
            line => !self.has_header() && AUDIT_HEADER.as_bytes().starts_with(line),
        })
    }

    /// Returns `true` if the columns of the log are known: a header was read, or the log begins
    /// without a header and its first row was read. A log with a header and without rows belongs to
    /// a day without requests.
    pub fn has_header(&self) -> bool {
        self.columns.header.is_some()
    }

    /// Reads the next line. The outer `None` means the end of the log. The inner `None` means a
    /// line that is no row, such as a header.
    fn read_next(&mut self) -> Option<Result<Option<AuditRow>, LogFinding>> {
        let limits = self.lines.limits();
        if let Some(ahead) = self.ahead.pop_front() {
            let read = ahead.and_then(|(line, text)| {
                self.columns.parse(&text, &limits).map_err(|problem| LogFinding { line, problem })
            });
            return Some(read);
        }
        let line = match self.lines.next_line()? {
            Ok(line) => line,
            Err(finding) => return Some(Err(finding)),
        };
        let read = self.columns.parse(&line, &limits);
        if matches!(read, Err(LineProblem::AmbiguousDate { .. })) && !self.looked_ahead {
            let line = line.into();
            self.look_ahead(line);
            return self.read_next();
        }
        Some(read.map_err(|problem| LogFinding { line: self.lines.number(), problem }))
    }

    /// Reads lines ahead until one of them shows the order of day and month, or up to the limits.
    /// The lines are kept and parsed later.
    fn look_ahead(&mut self, first: Box<str>) {
        let limits = self.lines.limits();
        self.looked_ahead = true;
        self.columns.order = self.columns.order_of(&first, &limits);
        let mut bytes = first.len();
        self.ahead.push_back(Ok((self.lines.number(), first)));
        while self.columns.order.is_none() && self.ahead.len() < AHEAD_LINES && bytes < AHEAD_BYTES {
            let Some(next) = self.lines.next_line() else { break };
            let next = next.map(Box::<str>::from);
            if let Ok(line) = &next {
                bytes += line.len();
                self.columns.order = self.columns.order_of(line, &limits);
            }
            self.ahead.push_back(next.map(|line| (self.lines.number(), line)));
        }
    }
}

impl<R: Read> Iterator for AuditReader<R> {
    type Item = Result<AuditRow, LogFinding>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.read_next()? {
                Ok(Some(row)) => return Some(Ok(row)),
                Ok(None) => {}
                Err(finding) if finding.problem.ends_reading() => {
                    self.lines.end();
                    return Some(Err(finding));
                }
                // Any other finding before the header becomes `NoHeader`, because the file may not
                // be an audit log.
                Err(LogFinding { line, .. }) if self.columns.header.is_none() => {
                    self.lines.end();
                    return Some(Err(LogFinding { line, problem: LineProblem::NoHeader }));
                }
                Err(finding) => return Some(Err(finding)),
            }
        }
    }
}

impl Columns {
    /// Returns the row of a line. `None` if the line is a header or a preamble such as `sep=;`.
    fn parse(&mut self, line: &str, limits: &ReadLimits) -> Result<Option<AuditRow>, LineProblem> {
        if is_preamble(line) {
            return Ok(None);
        }
        let Some(header) = &self.header else {
            let header = Header::of_line(line, limits.columns);
            let original = || Some(Header::of_original()).filter(|header| is_row_of_original(line, header));
            let is_header = header.is_some();
            self.header = Some(header.or_else(original).ok_or(LineProblem::NoHeader)?);
            return if is_header { Ok(None) } else { self.parse(line, limits) };
        };
        match row(header, line, self.order, &self.zone, limits) {
            Ok(row) => Ok(Some(row)),
            Err(LineProblem::AmbiguousDate { found }) => {
                self.order = self.order_of(line, limits);
                if self.order.is_some() {
                    self.parse(line, limits)
                } else {
                    Err(LineProblem::AmbiguousDate { found })
                }
            }
            // A log with other columns may follow in the same file.
            Err(problem) => match Header::of_line(line, limits.columns) {
                Some(header) => {
                    self.header = Some(header);
                    Ok(None)
                }
                None => Err(problem),
            },
        }
    }

    fn order_of(&self, line: &str, limits: &ReadLimits) -> Option<DateOrder> {
        let (date, of_device) = self.foreign_date(line, limits)?;
        date.order(&of_device)
    }

    /// Returns the date of a row and the time of the device in the same row. `None` if the date has
    /// the log's own form, or cannot be read.
    fn foreign_date<'a>(&self, line: &'a str, limits: &ReadLimits) -> Option<(ForeignDate, Cow<'a, str>)> {
        let header = self.header.as_ref()?;
        let mut cells = cells::split(line, header.delimiter, limits.columns).ok()?;
        let CellTime::Foreign(date) =
            dates::read(cells.get(header.place(Column::LoggedAt)?)?, DateOrder::MonthFirst)?
        else {
            return None;
        };
        let of_device = header.place(Column::RequestDateTime).and_then(|place| cells.get_mut(place));
        Some((date, of_device.map(std::mem::take).unwrap_or_default()))
    }
}

fn row(
    header: &Header,
    line: &str,
    order: Option<DateOrder>,
    zone: &Zone,
    limits: &ReadLimits,
) -> Result<AuditRow, LineProblem> {
    let cells = cells::split(line, header.delimiter, limits.columns)?;
    // A spreadsheet adds empty cells at the end of a row.
    let are_blank = |cells: &[Cow<'_, str>]| cells.iter().all(|cell| cell.is_empty());
    if !cells.get(header.columns.len()..).is_some_and(are_blank) {
        return Err(LineProblem::CellCount { found: cells.len(), expected: header.columns.len() });
    }
    let mut row = AuditRow::default();
    for (column, cell) in header.columns.iter().zip(&cells) {
        let text = || unescape(cell).into_boxed_str();
        match column {
            Ok(Column::LoggedAt) => {
                let expected = || if dates::is_number(cell) { EXPECTED_DAYS } else { "MM-dd-yyyy HH:mm:ss" };
                let time = || LineProblem::Time { found: clipped(cell), expected: expected() };
                row.logged_at = match dates::read(cell, DateOrder::MonthFirst).ok_or_else(time)? {
                    CellTime::Clear(moment) => moment.in_zone(zone),
                    CellTime::Foreign(date) => {
                        let order = order.or(date.is_same_in_both_orders().then_some(DateOrder::MonthFirst));
                        let order =
                            order.ok_or_else(|| LineProblem::AmbiguousDate { found: clipped(cell) })?;
                        zone.moment(date.in_order(order).ok_or_else(time)?)
                    }
                };
            }
            Ok(Column::UserName) => row.user_name = text(),
            Ok(Column::UserHost) => row.user_host = text(),
            Ok(Column::Kind(word)) => row.kind[*word] = text(),
            Ok(Column::RequestDateTime) => row.request_date_time = Reported::new(&text()),
            Ok(Column::MacAddress) => row.mac_address = Reported::new(&text()),
            Ok(Column::SerialNumber) => row.serial_number = Reported::new(&text()),
            Ok(Column::Requested) => {
                let of = |file_name, version, time_stamp| RequestedCell { file_name, version, time_stamp };
                row.requested = modules(cell, limits, of)?;
            }
            Ok(Column::Offered) => {
                let of = |url, version, time_stamp| OfferedCell { url, version, time_stamp };
                row.offered = modules(cell, limits, of)?;
            }
            Err(title) if title.is_empty() && cell.is_empty() => {}
            Err(title) => row.others.push((title.clone(), (&**cell).into())),
        }
    }
    Ok(row)
}

/// Reads a cell with modules in the form `file;version;time stamp`, separated by `#`. Missing parts
/// are blank. Text after a third `;` belongs to the time stamp. Some editions have the name of the
/// signature (`.cat`) after the file. It is left out.
fn modules<T>(
    cell: &str,
    limits: &ReadLimits,
    of: impl Fn(Box<str>, ReportedVersion, Reported<FieldTime>) -> T,
) -> Result<Vec<T>, LineProblem> {
    let mut modules = Vec::new();
    for module in cell.split('#').filter(|module| !module.is_empty()) {
        if modules.len() == limits.modules {
            return Err(LineProblem::TooManyModules { limit: limits.modules });
        }
        let (file, rest) = module.split_once(';').unwrap_or((module, ""));
        let rest = match rest.split_once(';') {
            Some((signature, rest)) if is_signature(signature) && rest.contains(';') => rest,
            _ => rest,
        };
        let (version, time_stamp) = rest.split_once(';').unwrap_or((rest, ""));
        let (version, time_stamp) =
            (ReportedVersion::new(&unescape(version)), Reported::new(&unescape(time_stamp)));
        modules.push(of(unescape(file).into_boxed_str(), version, time_stamp));
    }
    Ok(modules)
}

fn is_signature(text: &str) -> bool {
    text.rsplit_once('.').is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("cat"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AUDIT_HEADER, AuditFormat, fixture};
    use ucupdate_core::request::Side;
    use ucupdate_core::value::UnixTime;

    fn read(log: &str) -> Vec<Result<AuditRow, String>> {
        AuditReader::new(log.as_bytes()).map(|row| row.map_err(|finding| finding.to_string())).collect()
    }

    fn row() -> AuditRow {
        let host = "10.1.1.123";
        AuditRow::answered(&fixture::request(), &fixture::offer(), Side::Internal, host, fixture::logged_at())
    }

    fn log_of(rows: &[AuditRow]) -> String {
        let lines = rows.iter().map(|row| AuditFormat::new().line(row).as_str().to_owned());
        std::iter::once(AUDIT_HEADER.to_owned()).chain(lines).collect()
    }

    #[test]
    fn the_fields_log_is_read_and_written_back_byte_for_byte() {
        let log = String::from_utf8(fixture::vector("RequestHandlerAuditLog_2009-03-06.log")).unwrap();
        let rows: Vec<AuditRow> = read(&log).into_iter().map(Result::unwrap).collect();
        assert_eq!((rows.len(), &rows[1]), (3, &row()));
        assert_eq!(log_of(&rows), log);
    }

    #[test]
    fn a_damaged_row_is_named_and_the_next_is_read() {
        let mut log = log_of(&[row(), row()]);
        log.push_str("a,\"b\n");
        log.push_str("1,2,3\n");
        log.push_str(&log_of(&[row()]).lines().nth(1).unwrap().replacen("03-06-2009", "13-06-2009", 1));
        let read = read(&log);
        assert_eq!((&read[0], &read[1]), (&Ok(row()), &Ok(row())));
        assert_eq!(
            read[2..],
            [
                Err("line 4: cell 2 has a quote that is not closed, or text behind its quotes".to_owned()),
                Err("line 5: the row has 3 cells, expected 13".to_owned()),
                Err("line 6: the time is \"13-06-2009 17:10:39\", expected MM-dd-yyyy HH:mm:ss".to_owned()),
            ]
        );
    }

    #[test]
    fn a_log_of_something_else_gives_no_rows() {
        let refused =
            "line 1: no column has the title `Logging DateTime`, expected the header of an audit log";
        for log in ["#Software: IIS\n#Version: 1.0\n", "a,\"b\nc", "\u{feff}x\n"] {
            assert_eq!(read(log), [Err(refused.to_owned())], "{log:?}");
        }
        assert_eq!(read(""), []);
        let not_text: Vec<_> = AuditReader::new(&b"\xff\xfeL\0\n\0x\n"[..]).collect();
        assert_eq!(not_text.len(), 1);
    }

    #[test]
    fn logs_laid_end_to_end_are_read_as_one() {
        let other = "logging datetime,Model\n03-07-2009 00:00:00,CX700\n";
        let log = log_of(&[row()]) + &log_of(&[row()]) + other;
        let rows: Vec<AuditRow> = read(&log).into_iter().map(Result::unwrap).collect();
        assert_eq!((rows.len(), &rows[1], &*rows[2].kind.model), (2 + 1, &row(), "CX700"));
    }

    #[test]
    fn times_are_read_in_the_zone_they_were_written_in() {
        let zone = Zone::named("America/New_York").unwrap();
        let format = AuditFormat::new().with_zone(zone.clone());
        let log = AUDIT_HEADER.to_owned() + format.line(&row()).as_str();
        let read = AuditReader::new(log.as_bytes()).with_zone(zone).next().unwrap().unwrap();
        assert_eq!(read, row());
    }

    #[test]
    fn what_is_missing_in_a_module_is_blank_and_what_is_too_much_is_kept() {
        let log = "Logging DateTime,Requested\n01-01-1970 00:00:00,a;1.0#b#;;#c;1.0;x;y#\n";
        let row = read(log).remove(0).unwrap();
        let cells: Vec<(&str, &str, &str)> = row
            .requested
            .iter()
            .map(|cell| (&*cell.file_name, cell.version.as_str(), cell.time_stamp.raw()))
            .collect();
        assert_eq!(cells, [("a", "1.0", ""), ("b", "", ""), ("", "", ""), ("c", "1.0", "x;y")]);
    }

    #[test]
    fn modules_end_at_the_limit() {
        let limits = ReadLimits::default().with_modules(2);
        let log = "Logging DateTime,Response\n01-01-1970 00:00:00,a#b#c\n01-01-1970 00:00:00,a#b\n";
        let mut rows = AuditReader::new(log.as_bytes()).with_limits(limits);
        assert_eq!(
            rows.next().unwrap().unwrap_err().to_string(),
            "line 2: a cell has more than 2 modules, which is the limit `modules` of the library"
        );
        assert_eq!(rows.next().unwrap().unwrap().offered.len(), 2);
    }

    #[test]
    fn an_upload_of_device_logs_reads_back() {
        let row = AuditRow::device_log_upload("fe80::1%eth0", UnixTime::from_seconds(86_400));
        assert_eq!(read(&log_of(std::slice::from_ref(&row))), [Ok(row)]);
    }
}
