//! Laws that hold for any bytes, for the fuzz targets and for the tests that replay their corpora.

use crate::codec::Codec;
use crate::decode::Decoded;
use crate::dialect::Dialect;
use crate::error::DecodeError;
use crate::limits::Limits;
use ucupdate_xml::XmlLimits;

/// Checks that reading `body` as a request ends within the limits, and that writing and reading returns an equal value.
///
/// # Panics
/// When the law is broken.
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

/// Checks that reading `body` as a response ends within the limits, and that writing and reading returns an equal value.
///
/// # Panics
/// When the law is broken.
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

/// Returns a codec without a limit of bytes. A message may be longer when it is written: `>` becomes `&gt;`.
fn roomy() -> Codec {
    let xml = XmlLimits::default().with_bytes(usize::MAX).with_markup(usize::MAX);
    Codec::new(Dialect::canonical(), Limits::default().with_xml(xml))
}
