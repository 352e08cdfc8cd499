//! The field's logs and their readers, by the public names only.

use std::collections::HashMap;
use ucupdate_audit::{AUDIT_HEADER, AuditFormat, AuditReader, AuditRow};
use ucupdate_testkit::field::vector;

fn audit_rows() -> Vec<AuditRow> {
    let log = vector("RequestHandlerAuditLog_2009-03-06.log");
    AuditReader::new(&*log).map(Result::unwrap).collect()
}

/// The public script that people feed audit logs to: its first line must begin `Logging DateTime,`, and it finds these
/// columns by their titles.
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
