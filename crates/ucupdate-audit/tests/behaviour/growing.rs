//! Logs that a server is still writing, or that it left unfinished.

use ucupdate_audit::{AUDIT_HEADER, AccessReader, AuditReader, FileKind};

const AUDIT_LOG: &str = include_str!("../../../../vectors/RequestHandlerAuditLog_2009-03-06.log");
const ACCESS_LOG: &str = include_str!("../../../../vectors/iis-2009-03-06.log");

#[test]
fn a_last_line_without_its_end_is_left_for_the_next_time() {
    for (log, expected) in [(AUDIT_LOG, 3), (&AUDIT_LOG[..AUDIT_LOG.len() - 1], 2)] {
        let mut reader = AuditReader::new(log.as_bytes()).with_only_whole_lines();
        assert_eq!(reader.by_ref().map(Result::unwrap).count(), expected);
        assert!(reader.has_header() && !reader.is_unfinished());
        assert_eq!(reader.file_kind(), FileKind::AuditLog);
        assert_eq!(AuditReader::new(log.as_bytes()).map(Result::unwrap).count(), 3);
    }
    let all = AccessReader::new(ACCESS_LOG.as_bytes()).map(Result::unwrap).count();
    for (log, expected) in [(ACCESS_LOG, all), (&ACCESS_LOG[..ACCESS_LOG.len() - 1], all - 1)] {
        let mut reader = AccessReader::new(log.as_bytes()).with_only_whole_lines();
        assert_eq!(reader.by_ref().map(Result::unwrap).count(), expected);
        assert!(reader.has_header());
        assert_eq!(reader.file_kind().to_string(), "a W3C access log of a web server");
        assert_eq!(AccessReader::new(log.as_bytes()).map(Result::unwrap).count(), all);
    }
}

#[test]
fn an_audit_log_that_ends_within_its_header_is_unfinished() {
    for (log, is_unfinished, has_header) in [
        ("", true, false),
        (&AUDIT_HEADER[..20], true, false),
        (AUDIT_HEADER.trim_end(), true, false),
        (AUDIT_HEADER, false, true),
        ("lorem ipsum", false, false),
    ] {
        let mut reader = AuditReader::new(log.as_bytes()).with_only_whole_lines();
        assert_eq!(reader.next().map(Result::unwrap), None);
        assert_eq!((reader.is_unfinished(), reader.has_header()), (is_unfinished, has_header), "{log:?}");
    }
    let mut whole = AuditReader::new(&AUDIT_HEADER.as_bytes()[..20]);
    assert_eq!(whole.next().map(Result::unwrap), None);
    assert!(
        whole.has_header() && !whole.is_unfinished(),
        "the first title is a header, if the log cannot grow"
    );
}

#[test]
fn an_access_log_that_ends_within_its_header_is_unfinished() {
    for (log, is_unfinished, has_header) in [
        ("", true, false),
        ("#Softw", true, false),
        ("#Software: x\n", true, false),
        ("#Software: x\n#Fields: date time", true, false),
        ("#Fields: date time\n", true, true),
        ("lorem ipsum", false, false),
    ] {
        let mut reader = AccessReader::new(log.as_bytes()).with_only_whole_lines();
        assert_eq!(reader.next().map(Result::unwrap), None);
        assert_eq!((reader.is_unfinished(), reader.has_header()), (is_unfinished, has_header), "{log:?}");
    }
}

#[test]
fn the_bytes_that_were_read_are_those_of_the_decoded_text() {
    let utf_16: Vec<u8> =
        "\u{feff}".encode_utf16().chain(AUDIT_LOG.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let mut reader = AuditReader::new(&utf_16[..]);
    assert_eq!((reader.file_kind(), reader.bytes_read()), (FileKind::Empty, 0));
    assert_eq!(reader.by_ref().map(Result::unwrap).count(), 3);
    assert_eq!(reader.bytes_read(), AUDIT_LOG.len() as u64);
    assert_eq!(reader.file_kind(), FileKind::AuditLog);
    let mut reader = AccessReader::new(ACCESS_LOG.as_bytes());
    assert_eq!((reader.file_kind(), reader.bytes_read()), (FileKind::Empty, 0));
    reader.by_ref().for_each(drop);
    assert_eq!(reader.bytes_read(), ACCESS_LOG.len() as u64);
}
