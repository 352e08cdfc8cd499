//! Laws that hold for any bytes, for the fuzz targets and for the tests that replay their corpora.

#![allow(clippy::missing_panics_doc, reason = "a law panics when it does not hold")]

use crate::codec::Codec;
use crate::decode::Decoded;
use crate::dialect::Dialect;
use crate::error::DecodeError;
use crate::limits::DecodeLimits;
#[cfg(feature = "toml")]
use ucupdate_core::{
    Device, ReportedVersion, UpdateRequest, UpdateResponse,
    request::{InstalledModule, OfferedModule},
    value::Reported,
};
use ucupdate_xml::XmlLimits;

/// Checks that reading `body` as a request keeps to the limits of the codec. If `body` can be read, writes the
/// request and reads it again, and checks that both requests are equal.
pub fn request(body: &[u8]) {
    let codec = Codec::default();
    let report = codec.inspect(body);
    assert!(report.unknown().len() <= codec.limits().unknown());
    assert!(!report.to_string().is_empty());
    let Some(decoded) = checked(&codec, body, codec.decode_request(body)) else { return };
    assert!(decoded.value.modules.len() + skipped_modules(&decoded) <= codec.limits().modules());
    let written = codec.encode_request(&decoded.value);
    let again = roomy().decode_request(&written).expect("what we write can be read");
    assert_eq!(again.value, decoded.value);
    assert_eq!((again.unknown_count, again.skipped.len()), (0, 0));
    assert_eq!(codec.encode_request(&again.value), written);
}

/// Checks that reading `body` as a response keeps to the limits of the codec. If `body` can be read, writes the
/// response and reads it again, and checks that both responses are equal.
pub fn response(body: &[u8]) {
    let codec = Codec::default();
    let report = codec.inspect(body);
    assert!(report.unknown().len() <= codec.limits().unknown());
    assert!(!report.to_string().is_empty());
    let Some(decoded) = checked(&codec, body, codec.decode_response(body)) else { return };
    assert!(decoded.value.modules.len() <= codec.limits().modules());
    assert!(decoded.skipped.is_empty());
    let written = codec.encode_response(&decoded.value);
    let again = roomy().decode_response(&written).expect("what we write can be read");
    assert_eq!(again.value, decoded.value);
    assert_eq!(again.unknown_count, 0);
    assert_eq!(codec.encode_response(&again.value), written);
}

/// Reads `bytes` as a dialect file. If the file is accepted, checks that a codec with this dialect can read
/// what it writes. If the file is refused, checks that the error has a message.
#[cfg(feature = "toml")]
pub fn dialect(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let dialect = match Dialect::from_toml(text) {
        Ok(dialect) => dialect,
        Err(refused) => return assert!(!refused.to_string().is_empty()),
    };
    let codec = Codec::new(dialect, DecodeLimits::default());
    let request = sample_request();
    let read = codec.decode_request(&codec.encode_request(&request)).expect("what we write can be read");
    assert_eq!((read.value, read.unknown_count), (request, 0));
    let response = sample_response();
    let read = codec.decode_response(&codec.encode_response(&response)).expect("what we write can be read");
    assert_eq!((read.value, read.unknown_count), (response, 0));
}

#[cfg(feature = "toml")]
fn sample_request() -> UpdateRequest {
    let module = InstalledModule {
        file_name: "cpe.nbt".into(),
        version: ReportedVersion::new("1.0.522.34"),
        time_stamp: Reported::new("01-01-1601 00:00:00"),
    };
    UpdateRequest {
        device: Device {
            kind: "UCPhone/Polycom/CX700/A/ENU".parse().expect("five words"),
            mac_address: Reported::new("0004F2000001"),
            serial_number: Reported::new("C185H001209"),
        },
        user_name: "ann@demo.local".into(),
        request_date_time: Reported::new("06-03-2009 17:10:39"),
        modules: vec![module.clone(), module],
    }
}

#[cfg(feature = "toml")]
fn sample_response() -> UpdateResponse {
    UpdateResponse {
        modules: vec![OfferedModule {
            file_name: "CPE.nbt".parse().expect("a file name"),
            signature_file_name: "CPE.cat".parse().expect("a file name"),
            version: ReportedVersion::new("1.0.522.103"),
            time_stamp: Reported::new("16-12-2008 04:43:58"),
            base_url: "http://ocs.demo.local/RequestHandler/Files".into(),
            external_base_url: Box::default(),
        }],
    }
}

fn checked<T>(codec: &Codec, body: &[u8], read: Result<Decoded<T>, DecodeError>) -> Option<Decoded<T>> {
    match read {
        Ok(decoded) => {
            assert!(body.len() <= codec.limits().xml().bytes());
            assert!(decoded.unknown.len() <= codec.limits().unknown());
            assert!(decoded.unknown.len() <= decoded.unknown_count);
            for unknown in &decoded.unknown {
                assert!(unknown.at < body.len());
                assert!(unknown.value.len() <= codec.limits().text_bytes());
            }
            Some(decoded)
        }
        Err(error) => {
            let text = error.to_string();
            assert!(!text.contains(['\n', '\r']), "one line: {text:?}");
            None
        }
    }
}

fn skipped_modules<T>(decoded: &Decoded<T>) -> usize {
    let mut numbers: Vec<_> = decoded.skipped.iter().map(|problem| problem.module).collect();
    numbers.dedup();
    numbers.len()
}

/// Returns a codec without a limit of bytes. A message may become longer when it is written, because `>` becomes
/// `&gt;`.
fn roomy() -> Codec {
    let xml = XmlLimits::default().with_bytes(usize::MAX).with_markup(usize::MAX);
    Codec::new(Dialect::canonical(), DecodeLimits::default().with_xml(xml))
}
