//! Writes audit rows, byte for byte as in the field's log.

use super::escape::{EscapeContext, escape};
use super::row::AuditRow;
use crate::LogLine;
use ucupdate_core::ReportedVersion;
use ucupdate_core::value::Zone;
use ucupdate_core::value::{FieldTime, Reported};

/// The first line of an audit log, with its line end. The misspelling is the original's.
pub const AUDIT_HEADER: &str = "Logging DateTime,User Name,User Host Address,Device Type,Request DateTime,Mac Address,\
Serial Number,Vendor,Model,Revision,Locale,Requested<FileName;Version;TimeStamp>[# Seperated for Multiple],\
Response<FileName;Version;TimeStamp>[# Seperated for Multiple]\n";

/// Writes audit rows in the form of the original, in one time zone.
///
/// MAC address, serial number, vendor, model, hardware revision and locale are always quoted. The
/// other columns are quoted only if they hold a comma or a quote. Modules in a column are separated by `#`, and their parts
/// by `;`. Lines end in LF.
///
/// No cell can forge a column or a row, or be a formula in a spreadsheet. `%`, control characters, line ends, direction
/// marks and invisible characters of Unicode, and a first `=`, `+`, `-` or `@` are written as `%XX` for each byte of their UTF-8 form; in parts of a
/// module `;` and `#` too. [`AuditReader`](crate::AuditReader) returns the text as it was reported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFormat {
    zone: Zone,
}

impl AuditFormat {
    /// Returns the format with times in UTC.
    pub const fn new() -> Self {
        Self { zone: Zone::utc() }
    }

    /// Sets the time zone. It also decides on which day a row falls.
    #[must_use]
    pub fn with_zone(mut self, zone: Zone) -> Self {
        self.zone = zone;
        self
    }

    /// The time zone.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Returns one row as a line with its line end. [`AuditRow::others`] are not written.
    pub fn line(&self, row: &AuditRow) -> LogLine {
        let mut text = String::with_capacity(256);
        push_logged(self.zone.civil(row.logged_at), &mut text);
        let request_date_time = row.request_date_time.raw();
        for said in [&*row.user_name, &*row.user_host, &*row.kind.device_type, request_date_time] {
            text.push(',');
            push_cell(said, &mut text);
        }
        let (mac_address, serial_number) = (row.mac_address.raw(), row.serial_number.raw());
        let [_, others @ ..] = row.kind.each_ref();
        for said in [mac_address, serial_number].into_iter().chain(others.map(|word| &**word)) {
            let mut cell = String::with_capacity(said.len());
            escape(said, EscapeContext::Cell, &mut cell);
            text.push(',');
            push_quoted(&cell, &mut text);
        }
        text.push(',');
        let requested = row.requested.iter().map(|cell| (&*cell.file_name, &cell.version, &cell.time_stamp));
        push_modules(requested, &mut text);
        text.push(',');
        let offered = row.offered.iter().map(|cell| (&*cell.url, &cell.version, &cell.time_stamp));
        push_modules(offered, &mut text);
        text.push('\n');
        LogLine::new(row.logged_at, text)
    }
}

/// Writes the time of the server: month first, unlike every other time of the log.
fn push_logged(time: FieldTime, to: &mut String) {
    let date = format!("{:02}-{:02}-{:04}", time.month(), time.day(), time.year());
    let of_day = format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
    to.extend([&*date, " ", &*of_day]);
}

fn push_cell(said: &str, to: &mut String) {
    let mut cell = String::with_capacity(said.len());
    escape(said, EscapeContext::Cell, &mut cell);
    push_quoted_if_needed(&cell, to);
}

fn push_modules<'a>(
    modules: impl Iterator<Item = (&'a str, &'a ReportedVersion, &'a Reported<FieldTime>)>,
    to: &mut String,
) {
    let mut cell = String::new();
    for (index, (file, version, time_stamp)) in modules.enumerate() {
        if index > 0 {
            cell.push('#');
        }
        escape(file, EscapeContext::ModulePart, &mut cell);
        cell.push(';');
        escape(version.as_str(), EscapeContext::ModulePart, &mut cell);
        cell.push(';');
        escape(time_stamp.raw(), EscapeContext::ModulePart, &mut cell);
    }
    push_quoted_if_needed(&cell, to);
}

fn push_quoted_if_needed(cell: &str, to: &mut String) {
    if cell.contains([',', '"']) {
        push_quoted(cell, to);
    } else {
        to.push_str(cell);
    }
}

fn push_quoted(cell: &str, to: &mut String) {
    to.push('"');
    for c in cell.chars() {
        if c == '"' {
            to.push('"');
        }
        to.push(c);
    }
    to.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AuditRow, fixture};
    use ucupdate_core::UpdateResponse;
    use ucupdate_core::request::Side;

    fn row(response: &UpdateResponse) -> AuditRow {
        AuditRow::answered(&fixture::request(), response, Side::Internal, "10.1.1.123", fixture::logged_at())
    }

    #[test]
    fn the_fields_header_and_second_row_are_written_byte_for_byte() {
        let log = fixture::vector("RequestHandlerAuditLog_2009-03-06.log");
        let log = String::from_utf8(log).unwrap();
        let lines: Vec<&str> = log.split_inclusive('\n').collect();
        assert_eq!(AUDIT_HEADER, lines[0]);
        assert_eq!(AuditFormat::new().line(&row(&fixture::offer())).as_str(), lines[2]);
    }

    #[test]
    fn nothing_to_do_is_an_empty_last_column() {
        let line = AuditFormat::new().line(&row(&UpdateResponse::default()));
        assert!(line.as_str().ends_with("01-01-1601 00:00:00,\n"), "{line:?}");
    }

    #[test]
    fn a_zone_moves_the_servers_clock_only() {
        let format = AuditFormat::new().with_zone(Zone::named("Asia/Tokyo").unwrap());
        let line = format.line(&row(&UpdateResponse::default()));
        assert!(line.as_str().starts_with("03-07-2009 02:10:39,"), "{line:?}");
        assert!(line.as_str().contains(",06-03-2009 17:10:39,"), "{line:?}");
    }

    #[test]
    fn several_modules_are_divided_by_a_hash() {
        let mut request = fixture::request();
        request.modules.push(request.modules[0].clone());
        request.modules[1].file_name = "a;b#c.nbt".into();
        let row = AuditRow::answered(
            &request,
            &UpdateResponse::default(),
            Side::Internal,
            "",
            fixture::logged_at(),
        );
        let line = AuditFormat::new().line(&row);
        let cell = ",cpe.nbt;0.0.0.0;01-01-1601 00:00:00#a%3Bb%23c.nbt;0.0.0.0;01-01-1601 00:00:00,";
        assert!(line.as_str().contains(cell), "{line:?}");
    }

    #[test]
    fn commas_quotes_and_line_ends_forge_nothing() {
        let mut forged = row(&UpdateResponse::default());
        forged.user_name = "x\",\"y\r\n03-06-2009 17:07:20,z".into();
        forged.kind.vendor = "=HYPERLINK(\"http://evil\")".into();
        let line = AuditFormat::new().line(&forged);
        let expected = "03-06-2009 17:10:39,\"x\"\",\"\"y%0D%0A03-06-2009 17:07:20,z\",10.1.1.123,UCPhone,\
06-03-2009 17:10:39,\"0021630F207B\",\"C185H001209\",\"%3DHYPERLINK(\"\"http://evil\"\")\",\"IP8540\",\"A\",\"ENU\",\
cpe.nbt;0.0.0.0;01-01-1601 00:00:00,\n";
        assert_eq!(line.as_str(), expected);
    }
}
