//! Reasons for the requests that hyper refuses by itself.
//!
//! hyper answers a request that is not valid HTTP with a status alone, before a service sees it. Such an answer is withheld on its
//! way to the client, and sent with a reason after hyper has ended the connection.

use super::two_lengths::{WatchedStream, WrongLength};
use http::StatusCode;
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

/// The largest size in bytes of an answer that hyper makes by itself.
const MAX_BARE_BYTES: usize = 256;

/// The time limit of sending the answer.
const ANSWER_TIME: Duration = Duration::from_secs(2);

/// Returns whether bytes that hyper writes are exactly its answer to a request that it refuses: a status of the client's fault, no
/// content, and the end of the connection. No service answers like this, because each refusal has a reason.
pub(super) fn is_bare_refusal(bytes: &[u8]) -> bool {
    let Some(head) = bytes.strip_suffix(b"\r\n\r\n").filter(|head| head.len() <= MAX_BARE_BYTES) else {
        return false;
    };
    let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.trim_ascii());
    let is_refusal =
        lines.next().is_some_and(|line| line.starts_with(b"HTTP/1.") && line.get(8..10) == Some(b" 4"));
    let mut has = [false; 2];
    for line in lines {
        match line {
            b"content-length: 0" => has[0] = true,
            b"connection: close" => has[1] = true,
            line if line.starts_with(b"date: ") => {}
            // This includes an empty line, after which another answer would begin.
            _ => return false,
        }
    }
    is_refusal && has == [true; 2]
}

/// Sends the answer to a request that hyper refused, and returns its status. Sends nothing if hyper ended the connection for another
/// reason.
pub(super) async fn answer<S: AsyncWrite + Unpin>(
    stream: &mut WatchedStream<S>,
    error: &hyper::Error,
) -> Option<StatusCode> {
    let (status, reason) = if error.is_parse_version_h2() {
        (StatusCode::HTTP_VERSION_NOT_SUPPORTED, "this server speaks no HTTP/2, expected HTTP/1.1".to_owned())
    } else if stream.has_withheld() {
        reason(stream.wrong_length(), error)
    } else {
        return None;
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{reason}\n",
        reason.len() + 1
    );
    // A client that has gone needs no answer.
    let _sent = tokio::time::timeout(ANSWER_TIME, stream.write_all(answer.as_bytes())).await;
    Some(status)
}

fn reason(wrong_length: Option<&WrongLength>, error: &hyper::Error) -> (StatusCode, String) {
    let told = error.to_string();
    // hyper says of a length that it cannot count to that the head is too large.
    let is_of_length = told.contains("content-length") || error.is_parse_too_large();
    match wrong_length.filter(|_| is_of_length) {
        Some(WrongLength::TooLarge(found)) => (
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the header field Content-Length is {found}, which is more than any request may have"),
        ),
        Some(WrongLength::NoNumber(found)) => (
            StatusCode::BAD_REQUEST,
            format!("the header field Content-Length is {found:?}, expected one number of digits"),
        ),
        None if told.contains("URI too long") => {
            (StatusCode::URI_TOO_LONG, "the target of the request is too long".to_owned())
        }
        None if error.is_parse_too_large() => (
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "the head of the request is too large, expected at most 100 header fields, and fewer bytes"
                .to_owned(),
        ),
        None if told.contains("content-length") => (
            StatusCode::BAD_REQUEST,
            "there are several header fields Content-Length that differ, expected one".to_owned(),
        ),
        None => (StatusCode::BAD_REQUEST, format!("the request is not valid HTTP: {told}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_that_hyper_makes_by_itself_is_withheld() {
        let date = "date: Sun, 29 Nov 2026 10:00:00 GMT\r\n";
        let bare =
            format!("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n{date}\r\n");
        assert!(is_bare_refusal(bare.as_bytes()));
        for other in [
            bare.replace("400 Bad Request", "200 OK"),
            bare.replace("length: 0", "length: 4"),
            bare.replace("connection: close\r\n", ""),
            bare.replace("date: ", "etag: "),
            bare.repeat(2),
            format!("{bare}x"),
            bare[1..].to_owned(),
            bare[..bare.len() - 1].to_owned(),
        ] {
            assert!(!is_bare_refusal(other.as_bytes()), "{other}");
        }
    }
}
