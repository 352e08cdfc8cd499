//! Writes audit rows, byte for byte as in OCS's log.

use super::bounded::{MAX_MODULES, MAX_TEXT_BYTES, MAX_URL_BYTES};
use super::escape::{EscapeContext, escape};
use super::row::{AuditRow, offered_url};
use crate::digits::{four_digits, push_date_time, two_digits};
use crate::log_line::LogLine;
use ucupdate_core::request::{OfferedModule, Side};
use ucupdate_core::value::{FieldTime, UnixTime, Zone};
use ucupdate_core::{UpdateRequest, UpdateResponse};

/// The first line of an audit log, with its line end. The misspelling `Seperated` is the same as in
/// OCS.
pub const AUDIT_HEADER: &str = "Logging DateTime,User Name,User Host Address,Device Type,Request DateTime,Mac Address,\
Serial Number,Vendor,Model,Revision,Locale,Requested<FileName;Version;TimeStamp>[# Seperated for Multiple],\
Response<FileName;Version;TimeStamp>[# Seperated for Multiple]\n";

/// Writer of audit rows in the form of OCS, with times in one time zone.
///
/// MAC address, serial number, vendor, model, hardware revision and locale are always quoted. The
/// other columns are quoted only if they contain a comma or a quote. Modules in a column are
/// separated by `#`, and the parts of a module by `;`. Lines end in LF.
///
/// A text of a device cannot forge a column or a row, and cannot be a formula in a spreadsheet.
/// Some characters are written as `%XX` for each byte of their UTF-8 form: `%`, control characters,
/// line ends, direction marks and invisible characters of Unicode, and a first `=`, `+`, `-` or
/// `@`. In parts of a module `;` and `#` are escaped too. [`AuditReader`](crate::AuditReader)
/// decodes the escapes, so it returns the text as it was reported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFormat {
    zone: Zone,
}

impl AuditFormat {
    /// Returns the format with times in UTC.
    pub const fn new() -> Self {
        Self { zone: Zone::utc() }
    }

    /// Sets the time zone of the times. The zone also determines to which day a row belongs.
    /// Default: UTC.
    #[must_use]
    pub fn with_zone(self, zone: Zone) -> Self {
        Self { zone }
    }

    /// Returns the time zone of the times in the log.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Returns a row as a line with its line end. [`AuditRow::others`] are not written.
    pub fn line(&self, row: &AuditRow) -> LogLine {
        let [device_type, others @ ..] = row.kind.each_ref().map(|word| &**word);
        let (mac_address, serial_number) = (row.mac_address.raw(), row.serial_number.raw());
        self.written(
            row.logged_at,
            [&row.user_name, &row.user_host, device_type, row.request_date_time.raw()],
            [mac_address, serial_number].into_iter().chain(others),
            (&row.requested, |cell| [&cell.file_name, cell.version.as_str(), cell.time_stamp.raw()]),
            (&row.offered, |cell| [&cell.url, cell.version.as_str(), cell.time_stamp.raw()]),
        )
    }

    /// Returns the line for an answered request. It is equal to the [`line`](Self::line) of
    /// [`AuditRow::answered`], but the texts are not copied into a row first.
    pub fn answered_line(
        &self,
        request: &UpdateRequest,
        response: &UpdateResponse,
        side: Side,
        host: &str,
        now: UnixTime,
    ) -> LogLine {
        let urls: Vec<String> =
            response.modules.iter().take(MAX_MODULES).map(|module| offered_url(module, side)).collect();
        if !is_short(request, response, host, &urls) {
            return self.line(&AuditRow::answered(request, response, side, host, now));
        }
        let device = &request.device;
        let [device_type, others @ ..] = device.kind.words();
        let (mac_address, serial_number) = (device.mac_address.raw(), device.serial_number.raw());
        let offered: Vec<(&str, &OfferedModule)> =
            urls.iter().map(|url| &**url).zip(&response.modules).collect();
        self.written(
            now,
            [&request.user_name, host, device_type, request.request_date_time.raw()],
            [mac_address, serial_number].into_iter().chain(others),
            (&request.modules, |module| {
                [&module.file_name, module.version.as_str(), module.time_stamp.raw()]
            }),
            (&offered, |(url, module)| [url, module.version.as_str(), module.time_stamp.raw()]),
        )
    }

    /// Returns the line with these cells. `requested` and `offered` are lists of modules. Each list
    /// has a function that returns the three texts of a module: the file name or URL, the version
    /// and the time stamp.
    fn written<'a, R: 'a, O: 'a>(
        &self,
        now: UnixTime,
        first: [&str; 4],
        quoted: impl Iterator<Item = &'a str>,
        requested: (&'a [R], impl Fn(&'a R) -> [&'a str; 3]),
        offered: (&'a [O], impl Fn(&'a O) -> [&'a str; 3]),
    ) -> LogLine {
        let mut text = String::with_capacity(384);
        push_logged(self.zone.civil(now), &mut text);
        for said in first {
            text.push(',');
            push_cell(said, &mut text);
        }
        for said in quoted {
            text.push_str(",\"");
            escape(said, EscapeContext::Cell, true, &mut text);
            text.push('"');
        }
        text.push(',');
        push_modules(requested.0, requested.1, &mut text);
        text.push(',');
        push_modules(offered.0, offered.1, &mut text);
        text.push('\n');
        LogLine::new(now, text)
    }
}

/// Returns whether [`AuditRow::answered`] cuts no text and leaves out no module.
fn is_short(request: &UpdateRequest, response: &UpdateResponse, host: &str, urls: &[String]) -> bool {
    let device = &request.device;
    let fits = |text: &str| text.len() <= MAX_TEXT_BYTES;
    let module_fits = |[name, version, time]: [&str; 3]| fits(name) && fits(version) && fits(time);
    request.modules.len() <= MAX_MODULES
        && response.modules.len() <= MAX_MODULES
        && urls.iter().all(|url| url.len() <= MAX_URL_BYTES)
        && [&*request.user_name, host, request.request_date_time.raw()].into_iter().all(fits)
        && [device.mac_address.raw(), device.serial_number.raw()].into_iter().all(fits)
        && device.kind.words().into_iter().all(fits)
        && request
            .modules
            .iter()
            .all(|module| module_fits([&module.file_name, module.version.as_str(), module.time_stamp.raw()]))
        && response
            .modules
            .iter()
            .all(|module| module_fits(["", module.version.as_str(), module.time_stamp.raw()]))
}

/// Writes the time of the server as `MM-dd-yyyy HH:mm:ss`. The other times of the log have the day
/// first.
fn push_logged(time: FieldTime, to: &mut String) {
    let (month, day) = (two_digits(time.month()), two_digits(time.day()));
    push_date_time([&month, &day, &four_digits(time.year())], time, to);
}

fn push_cell(said: &str, to: &mut String) {
    let is_quoted = needs_quotes(said);
    push_quote(is_quoted, to);
    escape(said, EscapeContext::Cell, is_quoted, to);
    push_quote(is_quoted, to);
}

/// Writes the cell for a list of modules. `parts` returns the three texts of a module: the file
/// name or URL, the version and the time stamp.
fn push_modules<'a, T>(modules: &'a [T], parts: impl Fn(&'a T) -> [&'a str; 3], to: &mut String) {
    let is_quoted = modules.iter().any(|module| parts(module).into_iter().any(needs_quotes));
    push_quote(is_quoted, to);
    for (index, module) in modules.iter().enumerate() {
        if index > 0 {
            to.push('#');
        }
        for (index, part) in parts(module).into_iter().enumerate() {
            if index > 0 {
                to.push(';');
            }
            escape(part, EscapeContext::ModulePart, is_quoted, to);
        }
    }
    push_quote(is_quoted, to);
}

/// Returns whether a cell with this text must be quoted. Escaping adds no comma and no quote, so
/// the text before escaping decides.
fn needs_quotes(said: &str) -> bool {
    said.bytes().any(|byte| matches!(byte, b',' | b'"'))
}

fn push_quote(is_quoted: bool, to: &mut String) {
    if is_quoted {
        to.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use proptest::prelude::*;

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

    // The texts and lists may be longer than those that a row keeps, except under Miri, which is too slow for long rows.
    const MODULES: usize = if cfg!(miri) { 4 } else { 18 };
    const TEXT: &str =
        if cfg!(miri) { "[=a;#,\"\u{e4}\n]{0,8}" } else { "[=a;#,\"\u{e4}\n]{0,8}|a{155,165}" };
    const FOLDER: &str = if cfg!(miri) { "[a-z]{1,9}" } else { "[a-z]{1,9}|b{1000,1030}" };

    proptest! {
        #[test]
        fn the_line_of_an_answer_is_that_of_its_row(
            texts in proptest::collection::vec(TEXT, 6),
            (modules, offered) in (0..MODULES, 0..MODULES),
            folder in FOLDER,
        ) {
            let mut request = fixture::request();
            let [user, host, date, address, name, version] = &texts[..] else { unreachable!() };
            request.user_name = user.as_str().into();
            request.request_date_time = ucupdate_core::value::Reported::new(date);
            request.device.mac_address = ucupdate_core::value::Reported::new(address);
            let mut module = request.modules[0].clone();
            module.file_name = name.as_str().into();
            module.version = ucupdate_core::ReportedVersion::new(version);
            request.modules = vec![module; modules];
            let mut response = fixture::offer();
            response.modules[0].base_url = format!("http://ocs/{folder}").into();
            response.modules = vec![response.modules[0].clone(); offered];
            let format = AuditFormat::new();
            let now = fixture::logged_at();
            for side in [Side::Internal, Side::External] {
                let row = AuditRow::answered(&request, &response, side, host, now);
                prop_assert_eq!(
                    format.answered_line(&request, &response, side, host, now),
                    format.line(&row)
                );
            }
        }
    }
}
