//! Laws that hold for any bytes. Fuzz targets and tests call these functions. Programs do not need
//! them.
//!
//! Each function returns nothing, and panics if its law does not hold.

#![allow(clippy::missing_panics_doc, reason = "a law panics when it does not hold")]

use crate::access::{AccessFormat, AccessReader, AccessRow, AccessText, known_fields};
use crate::audit::{
    AUDIT_HEADER, AuditFormat, AuditReader, AuditRow, OfferedCell, RequestedCell, cells, known_titles,
};
use crate::file_kind::FileKind;
use crate::finding::{LogFinding, ReadLimits};
use crate::log_name::{LogDate, LogName, ServerName};
pub use crate::rolling::law::rolling_log;
use ucupdate_core::ReportedVersion;
use ucupdate_core::device::ReportedKind;
use ucupdate_core::value::{Reported, UnixTime};

/// Reads any bytes as an audit log, and checks that this does not panic. Checks that each row stays
/// the same, and is one line, when it is written and read again. Checks the same for a row whose
/// cells have any text.
pub fn audit_row(bytes: &[u8]) {
    let bytes = cut(bytes);
    let limits = ReadLimits::default().with_line_bytes(16 * 1024).with_modules(64);
    let reader = AuditReader::new(bytes).with_limits(limits);
    for mut row in reader.filter_map(Result::ok) {
        row.others.clear();
        reads_back(&row);
    }
    reads_back(&row_of_texts(bytes));
}

/// Returns at most 64 KiB of the bytes, so that rows from them stay within the limits of the reader
/// when they are written.
fn cut(bytes: &[u8]) -> &[u8] {
    bytes.get(..64 * 1024).unwrap_or(bytes)
}

/// Reads any bytes with both log readers. Checks that both readers come to an end, and that the
/// number of rows and findings of each reader is at most the number of bytes that
/// [`ReadLimits::with_log_bytes`] allows, plus two. The bytes may be compressed, damaged, or from
/// another program.
pub fn any_log(bytes: &[u8]) {
    let bytes = cut(bytes);
    let limits = ReadLimits::default().with_line_bytes(4 * 1024).with_log_bytes(256 * 1024).with_modules(64);
    let most = 256 * 1024 + 2;
    let audit = AuditReader::new(bytes).with_limits(limits).take(most + 1).count();
    assert!(audit <= most, "{audit} items of an audit log");
    let access = AccessReader::new(bytes).with_limits(limits).with_client_from("X-Forwarded-For");
    let access = access.take(most + 1).count();
    assert!(access <= most, "{access} items of an access log");
    let _kind = FileKind::of(bytes);
}

/// Writes a row twice as a log, and checks that reading the log returns the row twice.
fn reads_back(row: &AuditRow) {
    let format = AuditFormat::new();
    let line = format.line(row);
    assert_eq!(line.as_str().matches(['\n', '\r']).count(), 1, "{line:?}");
    let log = [AUDIT_HEADER, line.as_str(), line.as_str()].concat();
    let read: Result<Vec<AuditRow>, _> = AuditReader::new(log.as_bytes()).collect();
    assert_eq!(read.expect("what was written is read"), [row.clone(), row.clone()]);
}

/// Returns a row whose cells are the parts of `bytes` between zero bytes.
fn row_of_texts(bytes: &[u8]) -> AuditRow {
    let text = String::from_utf8_lossy(bytes);
    let mut texts = text.split('\0');
    let mut next = || texts.next().unwrap_or_default();
    let mut row = AuditRow {
        logged_at: UnixTime::from_seconds(1_236_359_439),
        user_name: next().into(),
        user_host: next().into(),
        request_date_time: Reported::new(next()),
        mac_address: Reported::new(next()),
        serial_number: Reported::new(next()),
        kind: ReportedKind::from_fn(|_| next().into()),
        ..AuditRow::default()
    };
    row.requested.push(RequestedCell {
        file_name: next().into(),
        version: ReportedVersion::new(next()),
        time_stamp: Reported::new(next()),
    });
    while let (Some(url), version, time_stamp) = (texts.next(), texts.next(), texts.next()) {
        row.offered.push(OfferedCell {
            url: url.into(),
            version: ReportedVersion::new(version.unwrap_or_default()),
            time_stamp: Reported::new(time_stamp.unwrap_or_default()),
        });
        if row.offered.len() == 64 {
            break;
        }
    }
    row
}

/// Reads any bytes as an access log, and checks that this does not panic. Checks that each row
/// stays the same when it is written and read again. Checks the same for a row whose fields have
/// any text.
pub fn access_row(bytes: &[u8]) {
    let bytes = cut(bytes);
    let limits = ReadLimits::default().with_line_bytes(16 * 1024);
    for mut row in AccessReader::new(bytes).with_limits(limits).filter_map(Result::ok) {
        row.others.clear();
        access_reads_back(&row);
    }
    let text = String::from_utf8_lossy(bytes);
    let texts: Vec<&str> = text.split('\0').collect();
    let field = |index: usize| AccessText::new(texts.get(index).copied().unwrap_or_default());
    let row = AccessRow {
        server_ip: field(0),
        method: field(1),
        uri_stem: field(2),
        uri_query: field(3),
        user_name: field(4),
        client_ip: field(5),
        user_agent: field(6),
        ..AccessRow::default()
    };
    access_reads_back(&row);
    assert_eq!(row.server_ip.decoded(), texts.first().copied().unwrap_or_default());
}

fn access_reads_back(row: &AccessRow) {
    let format = AccessFormat::default();
    let line = format.line(row);
    assert_eq!(line.as_str().matches(['\n', '\r']).count(), 1, "{line:?}");
    let log = [&*format.header(row.finished_at), line.as_str(), line.as_str()].concat();
    let read: Result<Vec<AccessRow>, _> = AccessReader::new(log.as_bytes()).collect();
    assert_eq!(read.expect("what was written is read"), [row.clone(), row.clone()]);
}

/// The fields of other servers: IIS 6, IIS 10, IIS Advanced Logging, TMG as a web proxy, TMG as a reverse proxy, and a log with
/// names that this crate does not know.
const FOREIGN_FIELDS: [&str; 6] = [
    "date time s-sitename s-computername s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs-version \
     cs(User-Agent) cs(Cookie) cs(Referer) cs-host sc-status sc-substatus sc-win32-status sc-bytes cs-bytes time-taken",
    "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status \
     sc-substatus sc-win32-status time-taken X-Forwarded-For",
    "date time cs-uri-stem cs-uri-query s-contentpath sc-status s-computername cs(Referer) sc-win32-status sc-bytes cs-bytes \
     c-ip cs-method TimeTakenMS cs(X-Forwarded-For) s-port sc-substatus",
    "c-ip cs-username c-agent sc-authenticated date time s-svcname s-computername cs-referred r-host r-ip r-port time-taken \
     sc-bytes cs-bytes cs-protocol cs-transport s-operation cs-uri cs-mime-type s-object-source sc-status s-cache-info rule",
    "date time c-ip s-operation cs-uri sc-status r-port",
    "x-one time x-two date X-Forwarded-For c-ip x-three",
];

/// Reads a log with the fields of another web server. Checks that the reader returns at most one
/// item for each line. For a line without quotes that has one cell for each field, checks that the
/// row has the text of each cell in the right field.
///
/// The first byte chooses the fields. The other bytes are the rows.
pub fn w3c_log(bytes: &[u8]) {
    let Some((choice, rows)) = cut(bytes).split_first() else { return };
    let names = FOREIGN_FIELDS[usize::from(*choice) % FOREIGN_FIELDS.len()];
    let limits = ReadLimits::default().with_line_bytes(4 * 1024).with_log_bytes(256 * 1024);
    let header = format!("#Software: x\n#Date: 2009-03-06 16:00:51\n#Fields: {names}\n");
    let log = [header.as_bytes(), rows].concat();
    let lines = log.split(|byte| matches!(byte, b'\n' | b'\r')).count();
    let client = (usize::from(*choice) / FOREIGN_FIELDS.len()).is_multiple_of(2);
    let reader = |log: &[u8]| -> Vec<Result<AccessRow, LogFinding>> {
        let reader = AccessReader::new(log).with_limits(limits);
        let reader = if client { reader.with_client_from("X-Forwarded-For") } else { reader };
        reader.take(256 * 1024).collect()
    };
    let items = reader(&log).len();
    assert!(items <= lines + 1, "{items} items of {lines} lines");
    let names: Vec<&str> = names.split(' ').collect();
    for line in rows.split(|byte| *byte == b'\n').take(16) {
        let Ok(line) = std::str::from_utf8(line) else { continue };
        let cells: Vec<&str> = line.split(' ').collect();
        let is_plain =
            cells.iter().all(|cell| !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_graphic()));
        if !is_plain || line.starts_with('#') || line.contains('"') || cells.len() != names.len() {
            continue;
        }
        let items = reader(&[header.as_bytes(), line.as_bytes()].concat());
        let [item] = &items[..] else { panic!("{} items of {line:?}", items.len()) };
        let Ok(row) = item else { continue };
        for (name, cell) in names.iter().zip(&cells) {
            let read = match *name {
                "cs-method" | "s-operation" => &row.method,
                "cs-uri-stem" => &row.uri_stem,
                "cs-username" => &row.user_name,
                "cs(User-Agent)" | "c-agent" => &row.user_agent,
                "c-ip" if !row.others.iter().any(|(name, _)| &**name == "c-ip") => &row.client_ip,
                name => match row.others.iter().find(|(other, _)| **other == *name) {
                    Some((_, text)) => text,
                    None => continue,
                },
            };
            assert_eq!(*read, AccessText::from_logged(cell), "{name} of {line:?}");
        }
    }
}

/// Splits lines into the cells of an audit log, and checks that the `csv` crate reads the same
/// cells, if both accept the line.
pub fn audit_cells(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(cut(bytes)) else { return };
    // The peer, `csv`, makes a table for each line, which takes seconds under Miri.
    let most = if cfg!(miri) { 1 } else { 64 };
    // The peer, `csv`, removes a byte order mark at the beginning.
    for line in text.split(['\n', '\r', '\u{feff}']).filter(|line| !line.is_empty()).take(most) {
        for delimiter in [',', ';', '\t', '|'] {
            let Ok(ours) = cells::split(line, delimiter, 256) else { continue };
            assert!(ours.len() <= 256);
            let mut reader = csv::ReaderBuilder::new();
            let reader = reader.has_headers(false).flexible(true).delimiter(delimiter as u8);
            let theirs = reader.from_reader(line.as_bytes()).into_records().next();
            let theirs = theirs.and_then(Result::ok).unwrap_or_default();
            assert_eq!(ours, theirs.iter().collect::<Vec<_>>(), "{line:?} by {delimiter:?}");
        }
    }
}

/// Parses a text as the name of a log, as a server name and as a day. If parsing succeeds, checks
/// that writing the value returns the same text.
pub fn log_name(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(name) = text.parse::<LogName>() {
        assert_eq!(name.to_string(), text);
    }
    if let Ok(server) = text.parse::<ServerName>() {
        assert_eq!(server.as_str(), text);
    }
    if let Ok(date) = text.parse::<LogDate>() {
        assert_eq!(date.to_string(), text);
    }
}

/// Returns the column titles and field names that the readers know, and other typical texts of
/// logs, for the dictionary of a fuzzer.
pub fn words() -> impl Iterator<Item = String> {
    let marks = [
        "sep=;",
        "#Fields: ",
        "#Date: ",
        "2009-03-06 17:07:20",
        "03-06-2009 17:07:20",
        "X-Forwarded-For",
        "\"\"",
        "%2D",
    ];
    let titles = AUDIT_HEADER.trim_end().split(',');
    titles.chain(known_titles()).chain(known_fields()).chain(marks).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::input::gzip;
    use proptest::prelude::*;
    use ucupdate_testkit::texts::pattern;

    #[test]
    fn the_fields_logs_keep_the_laws_whole_and_cut() {
        for name in ["RequestHandlerAuditLog_2009-03-06.log", "iis-2009-03-06.log"] {
            let log = fixture::vector(name);
            let step = if cfg!(miri) { 600 } else { 7 };
            for end in (0..log.len()).step_by(step).chain([log.len()]) {
                audit_row(&log[..end]);
                access_row(&log[..end]);
                any_log(&log[..end]);
            }
        }
    }

    /// Generates texts with the characters that divide and escape cells, and with parts of logs.
    fn hostile() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            "[-=+@%;#,\"\0\r\n\t 0-9A-Fa]{0,8}",
            Just(AUDIT_HEADER.to_owned()),
            Just("03-06-2009 17:07:20,".to_owned()),
            Just("Logging DateTime,Model,Requested,Response\n".to_owned()),
            Just("01-01-1970 00:00:00,".to_owned()),
            Just("sep=;\nLogging DateTime;Request DateTime;Response Modules\n".to_owned()),
            Just("3/6/2009 17:07;6/3/2009 9:07;a;b.cat;1.0;\n".to_owned()),
            Just("#Fields: date time cs-uri-query X-Forwarded-For\n2009-03-06 17:07:20 a b \"".to_owned()),
            Just("#Fields: date time s-port\n2009-03-06 17:07:20 ".to_owned()),
            pattern("\\PC{0,4}"),
            pattern("\\PC*"),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat().into_bytes())
    }

    /// Returns the bytes in one of four forms: unchanged (0), as UTF-16 (1), compressed by gzip
    /// (2), or compressed and cut (3).
    fn in_form(bytes: &[u8], form: u8) -> Vec<u8> {
        match form {
            0 => bytes.to_vec(),
            1 => String::from_utf8_lossy(bytes).encode_utf16().flat_map(u16::to_le_bytes).collect(),
            2 => gzip(bytes),
            _ => gzip(bytes)[..10 + bytes.len() % 16].to_vec(),
        }
    }

    proptest! {
        #[test]
        fn any_text_keeps_the_laws(bytes in hostile(), form in 0..4_u8) {
            audit_row(&bytes);
            access_row(&bytes);
            audit_cells(&bytes);
            any_log(&in_form(&bytes, form));
        }

        #[test]
        fn foreign_rows_keep_the_law(choice in 0..12_u8, rows in "((2009-03-06|17:07:20|[-a-z0-9\"\t\n%+.:]{1,4}) ?){4,24}") {
            w3c_log(&[&[choice], rows.as_bytes()].concat());
        }

        #[test]
        fn any_damage_to_the_fields_log_keeps_the_laws(at in 0..1000_usize, byte in any::<u8>()) {
            let mut log = fixture::vector("RequestHandlerAuditLog_2009-03-06.log");
            log[at] = byte;
            audit_row(&log);
            any_log(&log);
        }
    }
}
