//! Paths as decoded segments.

use crate::response::problem::Problem;
use http::StatusCode;
use percent_encoding::percent_decode_str;

/// The largest number of bytes of a path or a query.
const MAX_BYTES: usize = 4096;

/// Returns the decoded segments of a path. An encoded slash stays inside its segment.
pub(crate) fn segments(path: &str) -> Result<Vec<String>, Problem> {
    check_length(path)?;
    let decoded = path.trim_start_matches('/').split('/').map(|segment| decode(segment, "path"));
    decoded.collect()
}

/// Decodes the percent encoding of a text. A control character is refused, because no name has one.
/// `what` names the text in the message: `path` or `query`.
pub(crate) fn decode(text: &str, what: &str) -> Result<String, Problem> {
    let decoded =
        percent_decode_str(text).decode_utf8().ok().filter(|text| !text.chars().any(char::is_control));
    let decoded = decoded.ok_or_else(|| {
        Problem::bad_request(format!(
            "the {what} has bytes that are not text, expected percent-encoded UTF-8"
        ))
    })?;
    Ok(decoded.into_owned())
}

/// Refuses a path or a query that is too long.
pub(crate) fn check_length(text: &str) -> Result<(), Problem> {
    match text.len() {
        length if length > MAX_BYTES => Err(Problem::new(
            StatusCode::URI_TOO_LONG,
            "address-too-long",
            format!("a part of the address has {length} bytes, expected at most {MAX_BYTES}"),
        )),
        _ => Ok(()),
    }
}
