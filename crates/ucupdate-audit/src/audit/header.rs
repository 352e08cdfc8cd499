//! The header of an audit log: the titles of its columns, and the delimiter.

use super::cells;
use super::dates::{self, CellTime, DateOrder};
use super::format::AUDIT_HEADER;
use crate::finding::ReadLimits;
use std::borrow::Cow;
use ucupdate_core::device::KindWord;

/// A column of the audit log that this crate reads. Other columns are kept as text in
/// [`AuditRow::others`](super::row::AuditRow::others).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
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

/// The titles in all known editions of the log, in the form that [`plain_title`] returns.
const TITLES: &[(&str, Column)] = &[
    ("loggingdatetime", Column::LoggedAt),
    ("username", Column::UserName),
    ("userid", Column::UserName),
    ("userhostaddress", Column::UserHost),
    ("devicetype", Column::Kind(KindWord::DeviceType)),
    ("requestdatetime", Column::RequestDateTime),
    ("macaddress", Column::MacAddress),
    ("serialnumber", Column::SerialNumber),
    ("vendor", Column::Kind(KindWord::Vendor)),
    ("brand", Column::Kind(KindWord::Vendor)),
    ("model", Column::Kind(KindWord::Model)),
    ("revision", Column::Kind(KindWord::HardwareRevision)),
    ("hardwarerevision", Column::Kind(KindWord::HardwareRevision)),
    ("locale", Column::Kind(KindWord::Locale)),
    ("requested", Column::Requested),
    ("requestmodules", Column::Requested),
    ("response", Column::Offered),
    ("responsemodules", Column::Offered),
];

/// Returns the titles of columns that this crate reads, in the form that [`plain_title`] returns.
#[cfg(feature = "fuzzing")]
pub(crate) fn known_titles() -> impl Iterator<Item = &'static str> {
    TITLES.iter().map(|(title, _)| *title)
}

/// The possible delimiters of columns. The log of OCS has commas.
const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];

/// Returns a title in lower case, without blanks and explanations: `Requested<...>[...]` becomes `requested`.
fn plain_title(title: &str) -> String {
    let title = title.split(['<', '[']).next().unwrap_or(title);
    title.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[derive(Debug)]
pub(super) struct Header {
    pub(super) delimiter: char,
    /// For each column of the log: the known column, or the title of an unknown column. If two
    /// titles mean the same column, only the first one is known.
    pub(super) columns: Vec<Result<Column, Box<str>>>,
}

impl Header {
    /// Reads a line as a header. `None` if the line has no column `Logging DateTime`, or more than
    /// `most_columns` columns.
    pub(super) fn of_line(line: &str, most_columns: usize) -> Option<Self> {
        if !line.bytes().any(|byte| byte.eq_ignore_ascii_case(&b'l')) {
            return None;
        }
        DELIMITERS.into_iter().find_map(|delimiter| {
            let cells = cells::split(line, delimiter, most_columns).ok()?;
            Some(Self { delimiter, columns: columns(&cells)? })
        })
    }

    /// Returns the header of OCS's own log, for a log whose first lines are missing.
    pub(super) fn of_original() -> Self {
        let titles = AUDIT_HEADER.trim_end().split(',').map(Cow::Borrowed);
        Self { delimiter: ',', columns: columns(&titles.collect::<Vec<_>>()).unwrap_or_default() }
    }

    /// Returns the index of a column in a row. `None` if the log does not have the column.
    pub(super) fn place(&self, sought: Column) -> Option<usize> {
        self.columns.iter().position(|column| *column == Ok(sought))
    }
}

/// Returns `true` if a line was added by another program, and is neither a row nor a header:
/// `sep=;` of a spreadsheet, or `#TYPE` of a script's export.
pub(super) fn is_preamble(line: &str) -> bool {
    let line = line.trim();
    let is_separator = line.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("sep="));
    (is_separator && line.chars().count() <= 5)
        || line.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("#TYPE "))
}

fn columns(cells: &[Cow<'_, str>]) -> Option<Vec<Result<Column, Box<str>>>> {
    let mut columns: Vec<Result<Column, Box<str>>> = Vec::with_capacity(cells.len());
    for cell in cells {
        let plain = plain_title(cell);
        let known = TITLES.iter().find(|(title, column)| *title == plain && !columns.contains(&Ok(*column)));
        columns.push(known.map(|(_, column)| *column).ok_or_else(|| (&**cell).into()));
    }
    columns.contains(&Ok(Column::LoggedAt)).then_some(columns)
}

/// Returns `true` if a line is the header of an audit log or a row of OCS's log.
pub(crate) fn is_audit_line(line: &str) -> bool {
    let most = ReadLimits::default().columns;
    Header::of_line(line, most).is_some() || is_row_of_original(line, &Header::of_original())
}

/// Returns `true` if a line has one cell for each column of `header` (the header of OCS's log), and
/// the first cell is a time that can be understood in only one way.
pub(super) fn is_row_of_original(line: &str, header: &Header) -> bool {
    let cells = cells::split(line, header.delimiter, header.columns.len() + 1);
    cells.is_ok_and(|cells| {
        let time = cells.first().and_then(|cell| dates::read(cell, DateOrder::MonthFirst));
        cells.len() == header.columns.len() && matches!(time, Some(CellTime::Clear(_)))
    })
}
