//! Test data: the request and the answer of the second row in OCS's audit log
//! (`vectors/RequestHandlerAuditLog_2009-03-06.log`).

use ucupdate_core::UpdateRequest;
use ucupdate_core::value::UnixTime;
use ucupdate_testkit::field;

pub(crate) use ucupdate_testkit::field::{offer, vector};

pub(crate) fn request() -> UpdateRequest {
    field::request(&field::rule(), "0.0.0.0")
}

/// Returns the time at which OCS logged this second row.
pub(crate) fn logged_at() -> UnixTime {
    UnixTime::from_seconds(1_236_359_439)
}
