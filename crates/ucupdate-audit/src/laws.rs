//! Laws that hold for any bytes. Fuzz targets and tests call these functions; programs do not need them.
//!
//! Each function returns nothing, and panics if its law does not hold.

pub use crate::rolling::law::rolling_log;
use crate::{
    AUDIT_HEADER, AccessFormat, AccessReader, AccessRow, AccessText, AuditFormat, AuditReader, AuditRow,
    LogLook, OfferedCell, ReadLimits, RequestedCell,
};
use ucupdate_core::ReportedVersion;
use ucupdate_core::device::ReportedKind;
use ucupdate_core::value::{Reported, UnixTime};

/// Checks that any bytes can be read as an audit log without a panic. Checks that a row stays the same, and stays one
/// line, when it is written and read again. Checks the same for a row whose cells have any text.
///
/// # Panics
/// When the law does not hold.
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

/// Returns a prefix of the bytes. It is so short that its rows stay within the limits of the reader after they are
/// written.
fn cut(bytes: &[u8]) -> &[u8] {
    bytes.get(..64 * 1024).unwrap_or(bytes)
}

/// Checks that both log readers end on any bytes, including compressed, foreign and damaged text. Checks that neither returns
/// more rows and findings than the limit of bytes allows.
///
/// # Panics
/// When the law does not hold.
pub fn any_log(bytes: &[u8]) {
    let bytes = cut(bytes);
    let limits = ReadLimits::default().with_line_bytes(4 * 1024).with_log_bytes(256 * 1024).with_modules(64);
    let most = 256 * 1024 + 2;
    let audit = AuditReader::new(bytes).with_limits(limits).take(most + 1).count();
    assert!(audit <= most, "{audit} items of an audit log");
    let access = AccessReader::new(bytes).with_limits(limits).with_client_from("X-Forwarded-For");
    let access = access.take(most + 1).count();
    assert!(access <= most, "{access} items of an access log");
    let _look = LogLook::of(bytes);
}

/// Checks that the row is read back when it is written twice.
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

/// Checks that any bytes can be read as an access log without a panic. Checks that a row stays the same when it is
/// written and read again. Checks the same for a row whose fields have any text.
///
/// # Panics
/// When the law does not hold.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use proptest::prelude::*;

    #[test]
    fn the_fields_logs_keep_the_laws_whole_and_cut() {
        for name in ["RequestHandlerAuditLog_2009-03-06.log", "iis-2009-03-06.log"] {
            let log = fixture::vector(name);
            for end in (0..log.len()).step_by(7).chain([log.len()]) {
                audit_row(&log[..end]);
                access_row(&log[..end]);
                any_log(&log[..end]);
            }
        }
    }

    /// Returns texts of the characters that divide and escape cells.
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
            "\\PC{0,4}",
            any::<String>(),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat().into_bytes())
    }

    /// Returns the bytes unchanged, as UTF-16, compressed, or compressed and cut.
    fn in_form(bytes: &[u8], form: u8) -> Vec<u8> {
        let zipped = || {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            std::io::Write::write_all(&mut writer, bytes).unwrap();
            writer.finish().unwrap()
        };
        match form {
            0 => bytes.to_vec(),
            1 => String::from_utf8_lossy(bytes).encode_utf16().flat_map(u16::to_le_bytes).collect(),
            2 => zipped(),
            _ => zipped()[..10 + bytes.len() % 16].to_vec(),
        }
    }

    proptest! {
        #[test]
        fn any_text_keeps_the_laws(bytes in hostile(), form in 0..4_u8) {
            audit_row(&bytes);
            access_row(&bytes);
            any_log(&in_form(&bytes, form));
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
