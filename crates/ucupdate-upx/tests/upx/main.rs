//! Tests of the codec by its public names.

#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests, too")]

mod field;
mod inspections;
mod laws;
mod limits;
mod requests;
mod responses;

use ucupdate_upx::{Codec, DecodeError, Decoded};

/// Returns a request with the five required items, followed by `more`.
fn asking(more: &str) -> String {
    format!(
        "<Request><DeviceType>UCPhone</DeviceType><Vendor>Polycom</Vendor><Model>CX700</Model>\
         <Revision>A</Revision><Locale>ENU</Locale>{more}</Request>"
    )
}

#[track_caller]
fn request(body: &str) -> Decoded<ucupdate_core::UpdateRequest> {
    Codec::default().decode_request(body.as_bytes()).unwrap()
}

#[track_caller]
fn request_refused(body: &str) -> DecodeError {
    Codec::default().decode_request(body.as_bytes()).unwrap_err()
}

#[track_caller]
fn response_refused(body: &str) -> DecodeError {
    Codec::default().decode_response(body.as_bytes()).unwrap_err()
}
