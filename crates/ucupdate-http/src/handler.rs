//! The request handler: answers a `POST` to `ucdevice.upx`.

use crate::request::body::{self as request_body, BodyError, RequestBody};
use crate::request::framing;
use crate::response::answer::Answer;
use crate::response::body::BodyContent;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body::Body;
use std::time::Duration;
use ucupdate::upx::{DecodeError, DecodeErrorKind};
use ucupdate::{Asker, UpdateService};

/// Value of `Allow` for the paths of the request handler.
pub(crate) const ALLOWED: &str = "POST";

/// Media type of an update response. The media type that OCS sent is not known, and devices do not
/// rely on it.
const CONTENT_TYPE: &str = "text/xml; charset=utf-8";

const DEVICE_LOG: &str = "uploads of device logs are not accepted";

/// Answers the `POST` of a device. The `Content-Type` of the request is ignored.
pub(crate) async fn answer<B: Body<Data = Bytes>>(
    service: &UpdateService,
    asker: Asker<'_>,
    headers: &HeaderMap,
    body: &mut RequestBody<'_, B>,
    limits: (usize, Duration),
) -> Answer {
    let (limit, time) = limits;
    if let Some(encoding) = content_encoding(headers) {
        let error = DecodeError::Coded { coding: framing::shown(&encoding).into() };
        let no_log = (0, |_: &[u8]| false);
        // A client that waits for `100 Continue` has sent no body.
        if !body.is_awaited()
            && let Ok(body) = request_body::read(body, content_length(headers), limit, no_log, time).await
        {
            service.report_unreadable(asker.host, &error, &body);
        }
        return Answer::reason(StatusCode::UNSUPPORTED_MEDIA_TYPE, &error.to_string())
            .with(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    // A device log may be larger than a request. Its first bytes identify it.
    let larger = (service.device_log_bytes(), |start: &[u8]| is_device_log(service, start));
    let body = match request_body::read(body, content_length(headers), limit, larger, time).await {
        Ok(body) => body,
        Err(error) => return not_read(service, asker, limit, error),
    };
    let request = match service.codec().decode_request(&body) {
        Ok(decoded) => decoded.value,
        Err(error) => return not_decoded(service, asker, &error, &body),
    };
    match service.answer(&request, asker) {
        Ok(response) => {
            let bytes = service.codec().encode_response(&response);
            Answer::new(StatusCode::OK, CONTENT_TYPE, BodyContent::Bytes(bytes.into()))
        }
        Err(error) => Answer::reason(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn not_read(service: &UpdateService, asker: Asker<'_>, limit: usize, error: BodyError) -> Answer {
    let (status, reason) = match error {
        BodyError::TooLarge { start } => {
            if is_device_log(service, &start) {
                return device_log(service, asker, DEVICE_LOG);
            }
            (
                StatusCode::PAYLOAD_TOO_LARGE,
                format!(
                    "the body has more than {limit} bytes, which is the limit `body_limit` of the server"
                ),
            )
        }
        BodyError::TooSlow => (StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time".to_owned()),
        BodyError::Broken => {
            (StatusCode::BAD_REQUEST, "the body broke off, or its chunks are not valid".to_owned())
        }
    };
    Answer::reason(status, &reason)
}

fn not_decoded(service: &UpdateService, asker: Asker<'_>, error: &DecodeError, body: &[u8]) -> Answer {
    let reason = error.to_string();
    if let DecodeError::DeviceLog { form } = error {
        if service.keep_device_log(asker.host, *form, body) {
            service.audit_device_log_upload(asker.host);
            return Answer::without_content(StatusCode::OK);
        }
        return device_log(service, asker, &reason);
    }
    service.report_unreadable(asker.host, error, body);
    match error.kind() {
        // Other limits, such as the depth, do not concern the size of the body.
        DecodeErrorKind::TooLarge if body.len() > service.codec().limits().xml().bytes() => {
            Answer::reason(StatusCode::PAYLOAD_TOO_LARGE, &reason)
        }
        DecodeErrorKind::Encoding => Answer::reason(StatusCode::UNSUPPORTED_MEDIA_TYPE, &reason),
        _ => Answer::reason(StatusCode::BAD_REQUEST, &reason),
    }
}

fn device_log(service: &UpdateService, asker: Asker<'_>, reason: &str) -> Answer {
    service.audit_device_log_upload(asker.host);
    Answer::reason(StatusCode::NOT_IMPLEMENTED, reason)
}

/// Returns whether a body that starts with these bytes is the upload of a device log.
fn is_device_log(service: &UpdateService, start: &[u8]) -> bool {
    let decoded = service.codec().decode_request(start);
    decoded.is_err_and(|error| error.kind() == DecodeErrorKind::DeviceLog)
}

/// Returns the values of `Content-Encoding`, joined by commas. Returns `None` if the body is not
/// encoded: there is no value but `identity`.
fn content_encoding(headers: &HeaderMap) -> Option<String> {
    headers.get(header::CONTENT_ENCODING)?;
    let fields = headers.get_all(header::CONTENT_ENCODING);
    let listed =
        fields.iter().map(|field| String::from_utf8_lossy(field.as_bytes())).collect::<Vec<_>>().join(",");
    let is_none = |encoding: &str| encoding.is_empty() || encoding.eq_ignore_ascii_case("identity");
    (!listed.split(',').all(|encoding| is_none(encoding.trim()))).then_some(listed)
}

/// Returns the value of `Content-Length`. An invalid value counts as none, because the HTTP server
/// checks the field, and the bytes of the body are counted in any case.
fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}
