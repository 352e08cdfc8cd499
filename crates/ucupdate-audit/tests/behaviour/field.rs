//! Reads the logs in `vectors/`, with public names only.

use std::collections::HashMap;
use ucupdate_audit::{AUDIT_HEADER, AuditFormat, AuditReader, AuditRow};
use ucupdate_testkit::field::vector;

fn audit_rows() -> Vec<AuditRow> {
    let log = vector("RequestHandlerAuditLog_2009-03-06.log");
    AuditReader::new(&*log).map(Result::unwrap).collect()
}

/// A public script reads audit logs. It needs `Logging DateTime,` at the start of the first line, and finds these
/// columns by title.
#[test]
fn the_public_script_finds_its_columns_by_title() {
    let mut log = AUDIT_HEADER.to_owned();
    for row in audit_rows() {
        log += AuditFormat::new().line(&row).as_str();
    }
    assert!(log.starts_with("Logging DateTime,"));
    let mut reader = csv::Reader::from_reader(log.as_bytes());
    let rows: Vec<HashMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 3);
    for (title, expected) in [
        ("Mac Address", "0021630F207B"),
        ("Vendor", "LG-Nortel"),
        ("Model", "IP8540"),
        ("Revision", "A"),
        ("User Host Address", "10.1.1.123"),
    ] {
        assert_eq!(rows[2][title], expected);
    }
}
