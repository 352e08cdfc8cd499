//! Adds reasons to the refusals of requests that hyper refuses by itself.
//!
//! hyper answers a request that is not valid HTTP with only a status, and no service sees the
//! request. This answer is not sent to the client. After hyper has ended the connection, an answer
//! with a reason is sent instead.

use super::two_lengths::{WatchedStream, WrongLength};
use http::StatusCode;
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

/// The largest size in bytes of an answer that hyper creates by itself.
const MAX_BARE_BYTES: usize = 256;

/// The time limit of sending the answer with a reason.
const ANSWER_TIME: Duration = Duration::from_secs(2);

/// Returns whether the bytes are the answer of hyper to a request that it refuses: a status 4xx, no
/// content, and `connection: close`. No service answers like this, because each refusal of a
/// service has a reason.
pub(in super::super) fn is_bare_refusal(bytes: &[u8]) -> bool {
    let Some(head) = bytes.strip_suffix(b"\r\n\r\n").filter(|head| head.len() <= MAX_BARE_BYTES) else {
        return false;
    };
    let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.trim_ascii());
    let is_refusal =
        lines.next().is_some_and(|line| line.starts_with(b"HTTP/1.") && line.get(8..10) == Some(b" 4"));
    let (mut has_no_content, mut closes) = (false, false);
    for line in lines {
        match line {
            b"content-length: 0" => has_no_content = true,
            b"connection: close" => closes = true,
            line if line.starts_with(b"date: ") => {}
            // This includes an empty line: another answer would begin after it.
            _ => return false,
        }
    }
    is_refusal && has_no_content && closes
}

/// Sends the answer with a reason to a request that hyper refused, and returns its status.
/// `has_begun` says whether a part of a head has arrived. If hyper ended the connection for another
/// reason, sends nothing and returns `None`.
pub(in super::super) async fn answer<S: AsyncWrite + Unpin>(
    stream: &mut WatchedStream<S>,
    error: &hyper::Error,
    has_begun: bool,
) -> Option<StatusCode> {
    let (status, reason) = if error.is_timeout() && has_begun {
        (StatusCode::REQUEST_TIMEOUT, "the head of the request did not arrive in time".to_owned())
    } else if error.is_parse_version_h2() {
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
    // A client that has closed the connection needs no answer.
    let _sent = tokio::time::timeout(ANSWER_TIME, stream.write_all(answer.as_bytes())).await;
    Some(status)
}

fn reason(wrong_length: Option<&WrongLength>, error: &hyper::Error) -> (StatusCode, String) {
    let text = error.to_string();
    // For a length that is too large for it, hyper says that the head is too large.
    let is_of_length = text.contains("content-length") || error.is_parse_too_large();
    match wrong_length.filter(|_| is_of_length) {
        Some(WrongLength::TooLarge(found)) => (
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the header field Content-Length is {found}, which is more than any request may have"),
        ),
        Some(WrongLength::NoNumber(found)) => (
            StatusCode::BAD_REQUEST,
            format!("the header field Content-Length is {found:?}, expected one number of digits"),
        ),
        None if text.contains("URI too long") => {
            (StatusCode::URI_TOO_LONG, "the target of the request is too long".to_owned())
        }
        None if error.is_parse_too_large() => (
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "the head of the request is too large, expected at most 100 header fields, and fewer bytes"
                .to_owned(),
        ),
        None if text.contains("content-length") => (
            StatusCode::BAD_REQUEST,
            "there are several header fields Content-Length that differ, expected one".to_owned(),
        ),
        None => (StatusCode::BAD_REQUEST, format!("the request is not valid HTTP: {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::two_lengths::TwoLengths;
    use super::*;
    use bytes::Bytes;
    use http_body_util::Empty;
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use std::convert::Infallible;
    use std::pin::Pin;

    /// Sends pieces to hyper, and returns whether its answer was withheld, and whether it ended the connection with an error.
    async fn withheld_and_failed(pieces: &[&[u8]], is_draining: bool) -> (bool, bool) {
        let (mut client, server) = tokio::io::duplex(1 << 20);
        let service = service_fn(|_| {
            std::future::ready(Ok::<_, Infallible>(http::Response::new(Empty::<Bytes>::new())))
        });
        let watched = WatchedStream::new(server, TwoLengths::default());
        let mut builder = http1::Builder::new();
        let mut connection =
            builder.half_close(true).max_header_size(8192).serve_connection(TokioIo::new(watched), service);
        let mut ended = None;
        for piece in pieces {
            client.write_all(piece).await.unwrap();
            let mut step = std::future::poll_fn(|cx| connection.poll_without_shutdown(cx));
            ended = tokio::time::timeout(Duration::ZERO, &mut step).await.ok();
            if ended.is_some() {
                break;
            }
            if is_draining {
                Pin::new(&mut connection).graceful_shutdown();
            }
        }
        if ended.is_none() {
            client.shutdown().await.unwrap();
            ended = Some(std::future::poll_fn(|cx| connection.poll_without_shutdown(cx)).await);
        }
        let watched = connection.into_parts().io.into_inner();
        (watched.has_withheld(), ended.is_some_and(|ended| ended.is_err()))
    }

    #[tokio::test]
    async fn hyper_ends_each_connection_of_a_withheld_answer_with_an_error_so_that_the_answer_is_sent() {
        let good = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let long = [b"GET / HTTP/1.1\r\nX: ", &[b'x'; 9000][..], b"\r\n\r\n"].concat();
        let many = [&b"GET / HTTP/1.1\r\n"[..], &b"X: y\r\n".repeat(200), b"\r\n"].concat();
        let target = [b"GET /", &[b'x'; 70_000][..], b" HTTP/1.1\r\n\r\n"].concat();
        let bad: [&[u8]; 9] = [
            b"nonsense\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
            b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            b"GET / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n",
            b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
            &long,
            &many,
            &target,
        ];
        let mut withheld = 0;
        for bad in bad {
            for cut in [0, 1, 9, bad.len() / 2, bad.len() - 1] {
                let (head, tail) = bad.split_at(cut);
                for is_draining in [false, true] {
                    for pieces in [&[head, tail][..], &[good, head, tail], &[&[good, head].concat(), tail]] {
                        let (is_withheld, failed) = withheld_and_failed(pieces, is_draining).await;
                        withheld += u32::from(is_withheld);
                        assert!(!is_withheld || failed, "{cut}: {:?}", String::from_utf8_lossy(bad));
                    }
                }
            }
        }
        assert!(withheld > 100, "only {withheld} answers were withheld");
    }

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
