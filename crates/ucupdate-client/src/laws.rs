//! Laws that hold for any bytes that a server sends. Fuzz targets and tests call these functions; programs do not need them.
//!
//! Each function returns nothing, and panics if its law does not hold.

#![allow(clippy::missing_panics_doc, reason = "a law panics when it does not hold")]

use crate::client::Client;
use crate::download::check_names;
use crate::error::ClientError;
use crate::options::ClientOptions;
use crate::part::PartRecord;
use crate::retry::Retry;
use crate::{headers, target};
use http::{HeaderName, HeaderValue, StatusCode};
use reqwest::Url;
use reqwest::header::HeaderMap;
use std::time::{Duration, SystemTime};
use tokio::runtime::Runtime;
use ucupdate_core::request::Side;

/// The largest size of an error message in bytes. It has room for a short URL, a reason and a message of the codec.
/// The message of a [`ClientError::Url`] may be longer: by up to eight bytes for each byte of the URL.
const MAX_MESSAGE_BYTES: usize = 4 * 1024;

/// Reads `bytes` as an HTTP response with a head and a body. Checks that each header field that can be read is within
/// its bounds, and that no redirect leads from https to http.
///
/// If the client accepts the response, checks that the answer is the same after it is encoded and decoded again,
/// unless its encoded form is longer than the body. Also checks that each file of the answer has an http or https URL
/// without a query, or that the client refuses this URL. The message of each error must be one line.
pub fn response(bytes: &[u8]) {
    thread_local!(static CLIENT: (Runtime, Client) = {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let client = Client::new(ClientOptions::default().with_system_roots(false).with_retry(Retry::never()));
        (runtime.expect("a runtime of one thread can be made"), client.expect("default options can be used"))
    });
    let (head, body) = split(bytes);
    let (status, fields) = read_head(head);
    fields_are_bounded(&fields);
    let mut response = http::Response::new(body.to_vec());
    *response.status_mut() = status;
    *response.headers_mut() = fields;
    let url: Url = "http://ocs.demo.local/RequestHandler/ucdevice.upx".parse().expect("a URL");
    let answer = CLIENT.with(|(runtime, client)| {
        let codec = client.options().codec();
        let answer = runtime.block_on(client.read_answer(&url, reqwest::Response::from(response)));
        if let Ok(answer) = &answer {
            let written = codec.encode_response(&answer.value);
            let again = codec.decode_response(&written);
            assert!(again.is_ok_and(|again| again.value == answer.value) || written.len() > body.len());
        }
        answer
    });
    match answer {
        Ok(answer) => {
            let _apart = check_names(&answer.value.modules);
            for module in &answer.value.modules {
                for side in [Side::Internal, Side::External] {
                    for name in [&module.file_name, &module.signature_file_name] {
                        match target::file_url(module.base_url_for(side), name) {
                            Ok(url) => {
                                assert!(matches!(url.scheme(), "http" | "https") && url.query().is_none())
                            }
                            Err(error) => is_one_line(&error),
                        }
                    }
                }
            }
        }
        Err(error) => {
            is_one_line(&error);
            assert!(error.device_code().is_some(), "a server was asked");
        }
    }
}

/// Reads `bytes` as the note (`.part.note` file) of an incomplete download. If they are a note, writes the note as
/// text, and checks that reading this text gives the same note.
pub fn part_note(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some(note) = PartRecord::from_text(text) else { return };
    assert_eq!(PartRecord::from_text(&note.to_text()), Some(note));
}

fn fields_are_bounded(fields: &HeaderMap) {
    if let Some(etag) = headers::strong_etag(fields) {
        assert!(etag.len() >= 2 && etag.matches('"').count() == 2, "{etag}");
        let _digest = headers::etag_sha256(etag);
    }
    if let Some(range) = headers::content_range(fields) {
        assert!(range.first <= range.last && range.total.is_none_or(|total| range.last < total), "{range:?}");
    }
    let later = headers::retry_after(fields, SystemTime::UNIX_EPOCH);
    let wait = Retry::default().wait_after(1, later).unwrap_or_default();
    assert!(wait <= Duration::from_secs(24 * 60 * 60), "{wait:?}");
    let _coding = headers::encoding(fields);
    let from: Url = "https://ocs.demo.local/DeviceUpdateFiles_Ext/CPE.nbt".parse().expect("a URL");
    match headers::location(fields).map(|location| target::redirected(&from, location, |_| true)) {
        Some(Ok(to)) => {
            assert_eq!((to.scheme(), to.username(), to.password()), ("https", "", None), "{to}");
        }
        Some(Err(error)) => is_one_line(&error),
        None => {}
    }
}

fn is_one_line(error: &ClientError) {
    let text = error.to_string();
    assert!(!text.contains(char::is_control), "{text:?}");
    let url = match error {
        ClientError::Url { url, .. } => url.len() * 8,
        _ => 0,
    };
    assert!(text.len() <= MAX_MESSAGE_BYTES + url, "{} bytes", text.len());
}

/// Splits a response at its first blank line into the head and the body. Without a blank line, all
/// bytes are the head.
fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let blank =
        |mark: &[u8]| bytes.windows(mark.len()).position(|window| window == mark).map(|at| (at, mark.len()));
    match blank(b"\r\n\r\n").into_iter().chain(blank(b"\n\n")).min() {
        Some((at, length)) => (&bytes[..at], &bytes[at + length..]),
        None => (bytes, &[]),
    }
}

/// Reads a status line and header fields. A line that is not a valid header field is skipped,
/// because HTTP libraries refuse such a line.
fn read_head(head: &[u8]) -> (StatusCode, HeaderMap) {
    let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let status = lines.next().and_then(|line| line.split(|byte| *byte == b' ').nth(1));
    let status = status.and_then(|status| StatusCode::from_bytes(status).ok()).unwrap_or(StatusCode::OK);
    let mut fields = HeaderMap::new();
    for line in lines.take(64) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(&line[..colon]);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii())) {
            fields.append(name, value);
        }
    }
    (status, fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_response_keeps_the_law(
            status in "(200|206|302|401|503|[0-9]{3})",
            field in "(Location: (//|http:|https:)?|Retry-After: |ETag: \"|Content-Range: bytes )[ -~]{0,20}",
            body in "\\PC{0,20}|<Response>\\PC{0,20}</Response>",
        ) {
            response(format!("HTTP/1.1 {status} x\r\n{field}\r\n\r\n{body}").as_bytes());
        }

        #[test]
        fn any_note_keeps_the_law(text in "(ucupdate part 1\n)?(url |etag |total |bytes |sha256 |[ -~\n]){0,8}") {
            part_note(text.as_bytes());
        }
    }
}
