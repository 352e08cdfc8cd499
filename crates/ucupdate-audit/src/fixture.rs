//! The field's second audit row, as the request and the answer it stands for.

use ucupdate_core::request::OfferedModule;
use ucupdate_core::value::{Reported, UnixTime};
use ucupdate_core::{ReportedVersion, UpdateRequest, UpdateResponse};
use ucupdate_testkit::field;

pub(crate) fn request() -> UpdateRequest {
    field::request(&field::rule(), "0.0.0.0")
}

pub(crate) fn offer() -> UpdateResponse {
    UpdateResponse {
        modules: vec![OfferedModule {
            file_name: "CPE.nbt".parse().unwrap(),
            signature_file_name: "CPE.cat".parse().unwrap(),
            version: ReportedVersion::new("1.0.522.103"),
            time_stamp: Reported::new("16-12-2008 04:43:58"),
            base_url: "http://ocs.demo.local/DeviceUpdateFiles_Int/OCInterim/ENU".into(),
            external_base_url: "https://ocs.demo.local/DeviceUpdateFiles_Ext/OCInterim/ENU".into(),
        }],
    }
}

/// When the server logged it.
pub(crate) fn logged_at() -> UnixTime {
    UnixTime::from_seconds(1_236_359_439)
}

pub(crate) fn vector(name: &str) -> Vec<u8> {
    let path = format!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/{}"), name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}
