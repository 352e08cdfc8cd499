//! Checks that each limit is enforced, and that a body just within the limit is read.

use crate::asking;
use ucupdate_upx::{Codec, DecodeError, DecodeErrorKind, DecodeLimit, DecodeLimits, Dialect, XmlLimits};

/// Checks that `make(n)` is read with the limit `n`, and refused with the limit `n - 1`.
#[track_caller]
fn reached(
    limit: DecodeLimit,
    with: fn(DecodeLimits, usize) -> DecodeLimits,
    make: impl Fn(usize) -> String,
) {
    let n = 40;
    let body = make(n);
    let read = |most: usize| {
        Codec::new(Dialect::canonical(), with(DecodeLimits::default(), most)).decode_request(body.as_bytes())
    };
    read(n).unwrap();
    let error = read(n - 1).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::TooLarge);
    match error {
        DecodeError::Limit { limit: found, most, at } => {
            assert_eq!((found, most), (limit, n - 1));
            assert!(at <= body.len());
        }
        other => panic!("{other}"),
    }
}

#[test]
fn reading_ends_at_each_number() {
    reached(DecodeLimit::TextBytes, DecodeLimits::with_text_bytes, |n| {
        asking(&format!("<UserName>{}&lt;</UserName>", "a".repeat(n - 1)))
    });
    reached(DecodeLimit::TextBytes, DecodeLimits::with_text_bytes, |n| {
        asking("").replace("<Request>", &format!("<Request UserName='{}'>", "a".repeat(n)))
    });
    reached(DecodeLimit::Modules, DecodeLimits::with_modules, |n| {
        asking(&"<Module FileName='a'/>".repeat(n))
    });
}

#[test]
fn a_body_is_read_up_to_the_limits_of_xml() {
    let body = asking("");
    let read = |most: usize| {
        let xml = XmlLimits::default().with_bytes(most);
        Codec::new(Dialect::canonical(), DecodeLimits::default().with_xml(xml))
            .decode_request(body.as_bytes())
    };
    read(body.len()).unwrap();
    let most = body.len() - 1;
    let error = read(most).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::TooLarge);
    assert_eq!(error.to_string(), format!("at byte {most}: more than {most} bytes in the document"));
}

#[test]
fn unknown_items_are_kept_up_to_their_number_and_then_counted() {
    let limits = DecodeLimits::default().with_unknown(3).with_text_bytes(8);
    let codec = Codec::new(Dialect::canonical(), limits);
    let found = codec.decode_request(asking(&"<a>123456789</a>".repeat(5)).as_bytes()).unwrap();
    assert_eq!((found.unknown.len(), found.unknown_count), (3, 5));
    assert_eq!(&*found.unknown[0].value, "12345678");
}

#[test]
fn a_full_request_and_a_full_response_are_within_the_defaults() {
    let limits = DecodeLimits::default();
    let module =
        format!("<Module><FileName>{}</FileName><Version>3.5.6907.0</Version></Module>", "a".repeat(128));
    let body = asking(&module.repeat(limits.modules()));
    let found = Codec::default().decode_request(body.as_bytes()).unwrap();
    assert_eq!(found.value.modules.len(), limits.modules());
    let offered = |index: usize| ucupdate_core::request::OfferedModule {
        file_name: format!("{index}.nbt").parse().unwrap(),
        signature_file_name: format!("{index}.cat").parse().unwrap(),
        version: ucupdate_core::ReportedVersion::new("1.0.522.103"),
        time_stamp: ucupdate_core::value::Reported::new("16-12-2008 04:43:58"),
        base_url: "i".repeat(300).into(),
        external_base_url: "e".repeat(300).into(),
    };
    let value = ucupdate_core::UpdateResponse { modules: (0..limits.modules()).map(offered).collect() };
    let written = Codec::default().encode_response(&value);
    assert_eq!(Codec::default().decode_response(&written).unwrap().value, value);
}
