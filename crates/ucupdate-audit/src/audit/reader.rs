//! Reads audit logs by the titles of their columns, also logs of other editions.

use super::cells;
use super::escape::unescape;
use super::row::{AuditRow, OfferedCell, RequestedCell};
use crate::finding::{Finding, Problem, ReadLimits, clipped};
use crate::input::lines::Lines;
use std::borrow::Cow;
use std::io::Read;
use ucupdate_core::ReportedVersion;
use ucupdate_core::device::KindWord;
use ucupdate_core::value::Zone;
use ucupdate_core::value::{FieldTime, Reported};

/// Iterator over the rows of an audit log.
///
/// Columns are found by title, without regard to ASCII case and blanks, in any order. Unknown columns are kept in
/// [`AuditRow::others`]. A missing column counts as blank. A line that is not a row becomes a [`Finding`] with its number,
/// and reading continues. Only a log without the column `Logging DateTime` has no rows. A header in the middle of a log is
/// valid for the rows after it.
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
pub struct AuditReader<R> {
    lines: Lines<R>,
    zone: Zone,
    header: Option<Header>,
}

impl<R: Read> AuditReader<R> {
    /// Returns a reader of a log with times in UTC, with the default limits. The reader buffers its input.
    pub fn new(input: R) -> Self {
        Self { lines: Lines::new(input, ReadLimits::default()), zone: Zone::utc(), header: None }
    }

    /// Sets the time zone of the log.
    #[must_use]
    pub fn with_zone(mut self, zone: Zone) -> Self {
        self.zone = zone;
        self
    }

    /// Sets other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: ReadLimits) -> Self {
        self.lines.set_limits(limits);
        self
    }

    /// Returns a row, or `None` for a header.
    fn read_next(&mut self) -> Option<Result<Option<AuditRow>, Finding>> {
        let limits = self.lines.limits();
        let line = match self.lines.next_line()? {
            Ok(line) => line,
            Err(finding) => return Some(Err(finding)),
        };
        let read = cells::split(line, limits.columns).and_then(|cells| match &self.header {
            Some(header) if !header.begins_anew(&cells) => {
                row(header, cells, &self.zone, &limits).map(|row| (Some(row), None))
            }
            _ => Header::new(&cells).map(|header| (None, Some(header))).ok_or(Problem::NoHeader),
        });
        Some(match read {
            Ok((row, header)) => {
                if header.is_some() {
                    self.header = header;
                }
                Ok(row)
            }
            Err(problem) => Err(self.lines.finding(problem)),
        })
    }
}

impl<R: Read> Iterator for AuditReader<R> {
    type Item = Result<AuditRow, Finding>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.read_next()? {
                Ok(Some(row)) => return Some(Ok(row)),
                Ok(None) => {}
                // Without a header no line means anything.
                Err(finding) if self.header.is_none() && !finding.problem.ends_reading() => {
                    return Some(Err(self.lines.finding(Problem::NoHeader)));
                }
                Err(finding) => return Some(Err(finding)),
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    LoggedAt,
    UserName,
    UserHost,
    Kind(KindWord),
    RequestDateTime,
    MacAddress,
    SerialNumber,
    Requested,
    Offered,
}

/// The titles, in the form that [`plain_title`] returns.
const TITLES: [(&str, Column); 13] = [
    ("loggingdatetime", Column::LoggedAt),
    ("username", Column::UserName),
    ("userhostaddress", Column::UserHost),
    ("devicetype", Column::Kind(KindWord::DeviceType)),
    ("requestdatetime", Column::RequestDateTime),
    ("macaddress", Column::MacAddress),
    ("serialnumber", Column::SerialNumber),
    ("vendor", Column::Kind(KindWord::Vendor)),
    ("model", Column::Kind(KindWord::Model)),
    ("revision", Column::Kind(KindWord::HardwareRevision)),
    ("locale", Column::Kind(KindWord::Locale)),
    ("requested", Column::Requested),
    ("response", Column::Offered),
];

/// Returns a title in lower case, without blanks and explanations: `Requested<...>[...]` becomes `requested`.
fn plain_title(title: &str) -> String {
    let title = title.split(['<', '[']).next().unwrap_or(title);
    title.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[derive(Debug)]
struct Header {
    /// A known column, or the title of another. A title that comes twice is known the first time.
    columns: Vec<Result<Column, Box<str>>>,
}

impl Header {
    fn new(cells: &[Cow<'_, str>]) -> Option<Self> {
        let mut columns: Vec<Result<Column, Box<str>>> = Vec::with_capacity(cells.len());
        for cell in cells {
            let plain = plain_title(cell);
            let known =
                TITLES.iter().find(|(title, column)| *title == plain && !columns.contains(&Ok(*column)));
            columns.push(known.map(|(_, column)| *column).ok_or_else(|| (&**cell).into()));
        }
        columns.contains(&Ok(Column::LoggedAt)).then_some(Self { columns })
    }

    /// Whether this row has a title in the column of the time.
    fn begins_anew(&self, cells: &[Cow<'_, str>]) -> bool {
        let logged_at = self.columns.iter().zip(cells).find(|(column, _)| **column == Ok(Column::LoggedAt));
        logged_at.is_some_and(|(_, cell)| plain_title(cell) == TITLES[0].0)
    }
}

fn row(
    header: &Header,
    cells: Vec<Cow<'_, str>>,
    zone: &Zone,
    limits: &ReadLimits,
) -> Result<AuditRow, Problem> {
    if cells.len() != header.columns.len() {
        return Err(Problem::CellCount { found: cells.len(), expected: header.columns.len() });
    }
    let mut row = AuditRow::default();
    for (column, cell) in header.columns.iter().zip(&cells) {
        let text = || unescape(cell).into_boxed_str();
        match column {
            Ok(Column::LoggedAt) => {
                let civil = logged_at(cell)
                    .ok_or_else(|| Problem::Time { found: clipped(cell), expected: "MM-dd-yyyy HH:mm:ss" })?;
                row.logged_at = zone.moment(civil);
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
            Err(title) => row.others.push((title.clone(), (&**cell).into())),
        }
    }
    Ok(row)
}

/// Reads `MM-dd-yyyy HH:mm:ss`. The month comes first, unlike in every other time of the log.
fn logged_at(cell: &str) -> Option<FieldTime> {
    let (month, day, rest) = (cell.get(..3)?, cell.get(3..6)?, cell.get(6..)?);
    format!("{day}{month}{rest}").parse().ok()
}

/// Reads `file;version;time stamp`, separated by `#`. Missing parts are blank. Text after a third `;` belongs to the time
/// stamp.
fn modules<T>(
    cell: &str,
    limits: &ReadLimits,
    of: impl Fn(Box<str>, ReportedVersion, Reported<FieldTime>) -> T,
) -> Result<Vec<T>, Problem> {
    let mut modules = Vec::new();
    for module in cell.split('#').filter(|module| !module.is_empty()) {
        if modules.len() == limits.modules {
            return Err(Problem::TooManyModules { limit: limits.modules });
        }
        let mut parts = module.splitn(3, ';').map(unescape);
        let mut part = || parts.next().unwrap_or_default();
        let file = part().into_boxed_str();
        let version = ReportedVersion::new(&part());
        modules.push(of(file, version, Reported::new(&part())));
    }
    Ok(modules)
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
        assert_eq!(rows.next().unwrap().unwrap_err().to_string(), "line 2: a cell has more than 2 modules");
        assert_eq!(rows.next().unwrap().unwrap().offered.len(), 2);
    }

    #[test]
    fn an_upload_of_device_logs_reads_back() {
        let row = AuditRow::device_log_upload("fe80::1%eth0", UnixTime::from_seconds(86_400));
        assert_eq!(read(&log_of(std::slice::from_ref(&row))), [Ok(row)]);
    }
}
