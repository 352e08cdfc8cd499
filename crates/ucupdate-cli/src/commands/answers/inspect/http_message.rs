//! Finds HTTP messages in bytes that were captured on a network, or that an editor has saved again.

use super::messages::find;
use flate2::read::{DeflateDecoder, GzDecoder};
use std::io::Read;

/// The longest first line of a message in bytes. Longer lines are cut.
const MAX_LINE_BYTES: usize = 8 * 1024;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) line: String,
    /// The header fields. Names are in lower case.
    fields: Vec<(String, String)>,
}

impl Head {
    fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    fn has_coding(&self, field: &str, coding: &str) -> bool {
        self.field(field)
            .is_some_and(|codings| codings.split(',').any(|found| found.trim().eq_ignore_ascii_case(coding)))
    }

    /// Returns whether the sender waits for `100 Continue` before it sends the body.
    fn expects_continue(&self) -> bool {
        self.field("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
    }
}

/// Splits bytes into at most `most` messages. Each has a head and the body after it. Bytes before
/// the first head are a message without a head. Messages without a body are left out.
pub(super) fn split(bytes: &[u8], most: usize) -> Vec<(Option<Head>, &[u8])> {
    let mut messages: Vec<(Option<Head>, &[u8])> = Vec::new();
    let mut rest = bytes;
    // The head of a request whose body comes after `100 Continue`.
    let mut waiting = None;
    while messages.len() < most {
        let Some((start, head, behind)) = next_head(rest) else { break };
        if !rest[..start].trim_ascii().is_empty() {
            messages.push((waiting.take(), &rest[..start]));
        }
        let body = &rest[behind..];
        let end = end_of_body(&head, body);
        let (content, after) = body.split_at(end);
        rest = after;
        if head.line.contains(" 100 ") {
            // The interim answer is between a head and its body.
            if !content.trim_ascii().is_empty() {
                messages.push((waiting.take(), content));
            }
        } else if content.trim_ascii().is_empty() {
            waiting = head.expects_continue().then_some(head);
        } else {
            messages.push((Some(head), content));
        }
    }
    if !rest.trim_ascii().is_empty() {
        messages.push((waiting, rest));
    }
    messages
}

/// Finds the next HTTP message. Returns the offset of its head, the head, and the offset of its
/// body.
fn next_head(bytes: &[u8]) -> Option<(usize, Head, usize)> {
    let mut from = 0;
    while let Some(found) = find(&bytes[from..], b"HTTP/1.") {
        let at = from + found;
        // The bytes that were searched before contain no method.
        let before = at.saturating_sub(MAX_LINE_BYTES).max(from.saturating_sub(1));
        let line_start =
            bytes[before..at].iter().rposition(|byte| *byte == b'\n').map_or(before, |end| before + end + 1);
        // An answer may follow a body directly, without a line end between them.
        let start = if is_status(&bytes[at..]) {
            Some(at)
        } else {
            request_start(&bytes[line_start..at], line_start)
        };
        if let Some(start) = start
            && let Some((head, length)) = head(&bytes[start..])
        {
            return Some((start, head, start + length));
        }
        from = at + 1;
    }
    None
}

/// Returns whether the bytes begin with a status line such as `HTTP/1.1 200`.
fn is_status(bytes: &[u8]) -> bool {
    matches!(bytes.get(8..12), Some(&[b' ', a, b, c]) if [a, b, c].iter().all(u8::is_ascii_digit))
}

/// Returns the offset of the request line that ends in `HTTP/1.`. `line` is the text before
/// `HTTP/1.`, and begins at offset `line_start`. The end of a body may be before the request line
/// in `line`. `None` if `line` has no method, such as `POST`.
fn request_start(line: &[u8], line_start: usize) -> Option<usize> {
    const METHODS: [&[u8]; 4] = [b"POST ", b"GET ", b"HEAD ", b"PUT "];
    METHODS
        .iter()
        .filter_map(|method| line.windows(method.len()).rposition(|window| window == *method))
        .max()
        .map(|at| line_start + at)
}

/// Parses a head (the first line and the header fields). Returns it with its length in bytes,
/// including the blank line.
fn head(bytes: &[u8]) -> Option<(Head, usize)> {
    let mut lines = Vec::new();
    let mut at = 0;
    loop {
        let length = bytes[at..].iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len() - at);
        let line = String::from_utf8_lossy(&bytes[at..at + length]).trim_end().to_owned();
        at = (at + length + 1).min(bytes.len());
        if line.is_empty() || at == bytes.len() {
            break;
        }
        lines.push(line);
    }
    let mut lines = lines.into_iter();
    let line = cut(lines.next()?);
    let field = |line: String| {
        let (name, value) = line.split_once(':')?;
        Some((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
    };
    Some((Head { line, fields: lines.filter_map(field).collect() }, at))
}

/// Cuts a first line to [`MAX_LINE_BYTES`], because each document in a body keeps a copy of it.
pub(super) fn cut(mut line: String) -> String {
    let end = (0..=MAX_LINE_BYTES.min(line.len())).rev().find(|at| line.is_char_boundary(*at));
    line.truncate(end.unwrap_or_default());
    line
}

/// Returns the length of the body. It is `Content-Length` if only blanks follow before the next
/// message or the end. Otherwise the body ends where the next message begins. `Content-Length` is
/// wrong if an editor has changed the line ends.
fn end_of_body(head: &Head, body: &[u8]) -> usize {
    let next = next_head(body).map_or(body.len(), |(start, ..)| start);
    let stated = head.field("content-length").and_then(|length| length.parse::<usize>().ok());
    match stated {
        Some(length) if length <= next => {
            if body[length..next].trim_ascii().is_empty() {
                length
            } else {
                next
            }
        }
        _ => next,
    }
}

/// Undoes the transfer coding and the content coding of a body. Returns the body, and the names of
/// the codings that were undone. A coding that cannot be undone stays. An unpacked body has at most
/// `limit` bytes.
pub(super) fn undo(head: Option<&Head>, body: &[u8], limit: usize) -> (Vec<u8>, Vec<&'static str>) {
    let mut undone = Vec::new();
    let mut body = body.to_vec();
    if head.is_some_and(|head| head.has_coding("transfer-encoding", "chunked"))
        && let Some(joined) = unchunked(&body)
    {
        body = joined;
        undone.push("chunked");
    }
    if body.starts_with(&[0x1F, 0x8B])
        && let Some(plain) = inflated(GzDecoder::new(&body[..]), limit)
    {
        body = plain;
        undone.push("gzip");
    } else if head.is_some_and(|head| head.has_coding("content-encoding", "deflate"))
        && let Some(plain) = inflated(flate2::read::ZlibDecoder::new(&body[..]), limit)
            .or_else(|| inflated(DeflateDecoder::new(&body[..]), limit))
    {
        body = plain;
        undone.push("deflate");
    }
    (body, undone)
}

fn inflated(decoder: impl Read, limit: usize) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let read = decoder.take(limit as u64).read_to_end(&mut plain);
    // A capture may end before the stream does, but its beginning is still useful.
    (read.is_ok() || !plain.is_empty()).then_some(plain)
}

/// Joins the chunks of a body with the transfer coding `chunked`. `None` if there is no chunk.
fn unchunked(body: &[u8]) -> Option<Vec<u8>> {
    let mut joined = Vec::new();
    let mut rest = body;
    while let Some(line) = rest.iter().position(|byte| *byte == b'\n') {
        let size = std::str::from_utf8(&rest[..line]).ok()?;
        let size = size.split(';').next().unwrap_or_default().trim();
        let Ok(size) = usize::from_str_radix(size, 16) else { break };
        rest = &rest[line + 1..];
        if size == 0 {
            break;
        }
        let chunk = &rest[..size.min(rest.len())];
        joined.extend_from_slice(chunk);
        rest = &rest[chunk.len()..];
        rest = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")).unwrap_or(rest);
    }
    (!joined.is_empty()).then_some(joined)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write as _;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_gzip_body_is_inflated_with_a_head_and_without_up_to_the_limit() {
        let body = gzip(b"<Request/>");
        assert_eq!(undo(None, &body, 100), (b"<Request/>".to_vec(), vec!["gzip"]));
        assert_eq!(undo(None, &gzip(&[b'a'; 10_000]), 100).0.len(), 100);
        let cut = &body[..body.len() - 9];
        assert_eq!(undo(None, cut, 100).1, ["gzip"], "a capture that ends early is read as far as it goes");
    }

    #[test]
    fn a_wrong_length_does_not_hide_the_next_message() {
        let file = b"POST /a HTTP/1.1\nContent-Length: 3\n\n<A>1</A>\nHTTP/1.1 200 OK\n\n<B/>";
        let found: Vec<&[u8]> = split(file, 9).into_iter().map(|(_, body)| body).collect();
        assert_eq!(found, [&b"<A>1</A>\n"[..], b"<B/>"]);
    }

    #[test]
    fn a_first_line_is_cut_and_a_line_full_of_versions_is_looked_through_once() {
        let long = format!("POST /{} HTTP/1.1\n\n<A/>", "\u{e4}".repeat(MAX_LINE_BYTES / 4));
        assert_eq!(split(long.as_bytes(), 9)[0].0.as_ref().unwrap().line, long.split('\n').next().unwrap());
        let longer = format!("HTTP/1.1 200 {}\n\n<A/>", "\u{e4}".repeat(MAX_LINE_BYTES));
        assert!(split(longer.as_bytes(), 9)[0].0.as_ref().unwrap().line.len() <= MAX_LINE_BYTES);
        let versions = "HTTP/1.".repeat(200_000);
        assert_eq!(split(versions.as_bytes(), 9), [(None, versions.as_bytes())]);
    }

    #[test]
    fn text_that_mentions_http_is_no_head() {
        let body = b"<A>HTTP/1.1 is old</A>";
        let found = split(body, 9);
        assert_eq!((found.len(), &found[0].0, found[0].1), (1, &None, &body[..]));
    }

    #[test]
    fn any_bytes_end() {
        for bytes in
            [&b"HTTP/1.1 200"[..], b"POST HTTP/1.", b"HTTP/1.1 200 \n\n\n", b"\n", b"", b"GET / HTTP/1.1"]
        {
            let _found = split(bytes, 9);
        }
    }
}
