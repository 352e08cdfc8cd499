//! Reads and writes the canonical bodies, byte for byte.

use ucupdate_core::{UpdateRequest, UpdateResponse};
use ucupdate_testkit::field::{self, offer};
use ucupdate_upx::Codec;

const REQUEST: &[u8] = include_bytes!("../../../../vectors/canonical-request.xml");
const OFFER: &[u8] = include_bytes!("../../../../vectors/canonical-offer.xml");
const NOTHING: &[u8] = include_bytes!("../../../../vectors/canonical-nothing.xml");

fn request() -> UpdateRequest {
    field::request(&field::rule(), "0.0.0.0")
}

#[test]
fn the_canonical_request_is_read_and_written_byte_for_byte() {
    let codec = Codec::default();
    let decoded = codec.decode_request(REQUEST).unwrap();
    assert_eq!(decoded.value, request());
    assert_eq!((decoded.unknown_count, decoded.unknown.len(), decoded.skipped.len()), (0, 0, 0));
    assert_eq!(codec.encode_request(&request()), REQUEST);
}

#[test]
fn the_canonical_responses_are_read_and_written_byte_for_byte() {
    let codec = Codec::default();
    for (bytes, value) in [(OFFER, offer()), (NOTHING, UpdateResponse::default())] {
        let decoded = codec.decode_response(bytes).unwrap();
        assert_eq!(decoded.value, value);
        assert_eq!(decoded.unknown_count, 0);
        assert_eq!(codec.encode_response(&value), bytes);
    }
}

#[test]
fn each_canonical_body_is_refused_as_the_other_message() {
    let codec = Codec::default();
    assert_eq!(
        codec.decode_response(REQUEST).unwrap_err().to_string(),
        "body with root `Request` is a request, expected a response"
    );
    assert_eq!(
        codec.decode_request(NOTHING).unwrap_err().to_string(),
        "body with root `Response` is a response, expected a request"
    );
}
