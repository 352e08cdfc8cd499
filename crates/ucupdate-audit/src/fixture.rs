//! The field's second audit row, as the request and the answer it stands for.

use ucupdate_core::UpdateRequest;
use ucupdate_core::value::UnixTime;
use ucupdate_testkit::field;

pub(crate) use ucupdate_testkit::field::{offer, vector};

pub(crate) fn request() -> UpdateRequest {
    field::request(&field::rule(), "0.0.0.0")
}

/// When the server logged it.
pub(crate) fn logged_at() -> UnixTime {
    UnixTime::from_seconds(1_236_359_439)
}
