//! Reads the logs in `vectors/` and checks the stories of their phones.

use ucupdate_audit::{AccessReader, AccessRow, AuditReader, AuditRow};
use ucupdate_core::value::UnixTime;
use ucupdate_fleet::timeline::{Fetched, OfferedFile, Timeline};
use ucupdate_testkit::field::vector;

pub(crate) fn audit_rows() -> Vec<AuditRow> {
    let log = vector("RequestHandlerAuditLog_2009-03-06.log");
    AuditReader::new(&*log).map(Result::unwrap).collect()
}

pub(crate) fn access_rows(name: &str) -> Vec<AccessRow> {
    AccessReader::new(&*vector(name)).map(Result::unwrap).collect()
}

#[test]
fn the_fields_phone_fetched_what_it_was_offered_and_when_is_reported() {
    let access = access_rows("iis-2009-03-06.log");
    let timeline = Timeline::join(audit_rows(), access);
    let entries = timeline.entries();
    let taken: Vec<_> = entries.iter().map(|entry| entry.asked.as_ref().unwrap().time_taken_ms).collect();
    assert_eq!(taken, [Some(124), Some(171), Some(187)]);
    let fetched = |at: &str, taken_ms| {
        let at = format!("06-03-2009 {at}").parse::<ucupdate_core::value::FieldTime>().unwrap().as_utc();
        Fetched::Whole { at, taken_ms: Some(taken_ms) }
    };
    assert!(entries[0].downloads.is_empty());
    assert_eq!(entries[0].fetched(0), Fetched::NotSeen);
    assert_eq!(entries[1].fetched(0), fetched("17:12:57", 137_810));
    assert_eq!(entries[2].fetched(0), fetched("17:21:45", 170_679));
    let files: Vec<_> =
        entries[2].downloads.iter().map(|download| (download.file, download.fetched())).collect();
    let image = (OfferedFile::Image, fetched("17:21:45", 170_679));
    assert_eq!(files, [image, (OfferedFile::Signature, fetched("17:21:45", 15))]);
    assert_eq!(timeline.unjoined(), []);
}

#[test]
fn a_download_that_failed_in_the_field_is_reported_with_its_status() {
    let mut rows = audit_rows();
    let mut row = rows.remove(2);
    row.user_host = "10.1.1.1".into();
    row.logged_at = UnixTime::from_seconds(row.logged_at.as_seconds() - 5 * 3600);
    let timeline = Timeline::join([row], access_rows("iis-500.log"));
    assert!(matches!(timeline.entries()[0].fetched(0), Fetched::Failed { status: Some(500), .. }));
}

#[test]
fn requests_without_an_audit_row_stay_visible_and_other_services_do_not() {
    let access = access_rows("iis-2009-04-15.log");
    let timeline = Timeline::join([], access);
    assert_eq!(timeline.unjoined().len(), 10);
}
