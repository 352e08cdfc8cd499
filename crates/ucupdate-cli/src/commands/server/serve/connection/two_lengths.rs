//! Finds request heads with both `Content-Length` and `Transfer-Encoding`, and lengths that are not valid.
//!
//! hyper reads such a request as chunked, closes the connection after it, and removes
//! `Content-Length` before a service sees the request. A proxy in front may have used the other
//! length. RFC 9112, section 6.3, allows a server to refuse the request. Therefore this module
//! searches the bytes on their way to hyper for the names of the two fields, and puts the removed
//! field back.

use super::refused::is_bare_refusal;
use http::{HeaderValue, Request, header};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const LENGTH: &[u8] = b"content-length:";
const CODING: &[u8] = b"transfer-encoding:";

/// Number of bytes at the start of each line that are kept. Both names of fields must fit. A wrong
/// length, which the refusal of the request shows, is cut if it does not fit.
const BEGIN_BYTES: usize = 48;

/// The largest length that hyper accepts.
const MAX_LENGTH: u64 = u64::MAX - 2;

/// A stream that searches incoming bytes for heads with both fields. It does not send the refusals
/// that hyper creates by itself.
#[derive(Debug)]
pub(crate) struct WatchedStream<S> {
    stream: S,
    heads: Heads,
    found: TwoLengths,
    /// `true` if hyper has refused a request, and its answer was not sent.
    withheld: bool,
}

/// A `Content-Length` that hyper refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum WrongLength {
    /// A number that is too large. If it has many digits, only the first ones are kept.
    TooLarge(String),
    /// A text that is not a number. If it is long, only its start is kept.
    NoNumber(String),
}

impl WrongLength {
    /// Returns the fault of the value of `Content-Length`, or `None` if the value is valid. `line`
    /// is the start of the line with the field.
    fn of(line: &[u8], is_cut: bool) -> Option<Self> {
        let value = line.get(LENGTH.len()..)?.trim_ascii();
        let text = String::from_utf8_lossy(value);
        let found = || if is_cut { format!("{text}...") } else { text.to_string() };
        if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
            return Some(Self::NoNumber(found()));
        }
        let is_valid = !is_cut && text.parse::<u64>().is_ok_and(|length| length <= MAX_LENGTH);
        (!is_valid).then(|| Self::TooLarge(found()))
    }
}

/// A flag: the client of a connection has sent a head with both fields. Clones share the flag.
///
/// A body that contains such a head also sets the flag, because the search does not know where
/// bodies end. This affects only requests with `Transfer-Encoding`.
#[derive(Clone, Debug, Default)]
pub(crate) struct TwoLengths(Arc<AtomicBool>);

impl TwoLengths {
    /// Puts the field `Content-Length`, which hyper has removed, back into the request, with the
    /// value 0. The service refuses a request with both fields.
    pub(crate) fn put_back<B>(&self, request: &mut Request<B>) {
        if self.0.load(Ordering::Relaxed) && request.headers().contains_key(header::TRANSFER_ENCODING) {
            request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
    }
}

impl<S> WatchedStream<S> {
    pub(crate) fn new(stream: S, found: TwoLengths) -> Self {
        Self { stream, heads: Heads::default(), found, withheld: false }
    }

    /// Returns whether hyper has refused a request, and its answer was not sent.
    pub(in super::super) fn has_withheld(&self) -> bool {
        self.withheld
    }

    /// Returns the first `Content-Length` that was not valid. It may be a line of a body, because
    /// the search does not know where bodies end.
    pub(in super::super) fn wrong_length(&self) -> Option<&WrongLength> {
        self.heads.wrong_length.as_ref()
    }

    pub(crate) fn into_inner(self) -> S {
        self.stream
    }
}

/// The state of the search: the start of the current line, and which fields the current head has.
///
/// A head ends at an empty line. The name of a field is at the start of a line, because hyper
/// refuses folded lines and spaces before the colon.
#[derive(Debug)]
struct Heads {
    begin: [u8; BEGIN_BYTES],
    length: usize,
    /// `true` if the current line is longer than [`BEGIN_BYTES`].
    is_cut: bool,
    has_length: bool,
    has_coding: bool,
    wrong_length: Option<WrongLength>,
}

impl Default for Heads {
    fn default() -> Self {
        Self {
            begin: [0; BEGIN_BYTES],
            length: 0,
            is_cut: false,
            has_length: false,
            has_coding: false,
            wrong_length: None,
        }
    }
}

impl Heads {
    /// Searches the next bytes of the stream. Returns whether a head with both fields ends in them.
    fn read(&mut self, mut bytes: &[u8]) -> bool {
        let mut found = false;
        while !bytes.is_empty() {
            let end = memchr::memchr(b'\n', bytes);
            let (line, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            let taken = line.len().min(BEGIN_BYTES - self.length);
            self.begin[self.length..self.length + taken].copy_from_slice(&line[..taken]);
            self.length += taken;
            self.is_cut |= taken < line.len();
            if end.is_none() {
                break;
            }
            found |= self.end_line();
            bytes = &rest[1..];
        }
        found
    }

    /// Handles the end of the current line. Returns whether the line ends a head with both fields.
    fn end_line(&mut self) -> bool {
        let line = &self.begin[..std::mem::take(&mut self.length)];
        let is_cut = std::mem::take(&mut self.is_cut);
        match line {
            [] | [b'\r'] => {
                let found = self.has_length && self.has_coding;
                (self.has_length, self.has_coding) = (false, false);
                return found;
            }
            [b'c' | b'C', ..] if begins_with(line, LENGTH) => {
                self.has_length = true;
                if self.wrong_length.is_none() {
                    self.wrong_length = WrongLength::of(line, is_cut);
                }
            }
            [b't' | b'T', ..] => self.has_coding |= begins_with(line, CODING),
            _ => {}
        }
        false
    }
}

fn begins_with(line: &[u8], name: &[u8]) -> bool {
    line.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name))
}

impl<S: AsyncRead + Unpin> AsyncRead for WatchedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if self.heads.read(&buf.filled()[before..]) {
            self.found.0.store(true, Ordering::Relaxed);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WatchedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if is_bare_refusal(bytes) {
            self.withheld = true;
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [bytes] = slices
            && is_bare_refusal(bytes)
        {
            self.withheld = true;
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Returns for each read whether it found a head with both fields.
    fn found(pieces: &[&str]) -> Vec<bool> {
        let mut heads = Heads::default();
        pieces.iter().map(|piece| heads.read(piece.as_bytes())).collect()
    }

    #[test]
    fn both_fields_in_one_head_are_found_in_any_order_and_case() {
        for (head, expected) in [
            ("POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n", true),
            ("POST / HTTP/1.1\ntransfer-encoding:chunked\nCONTENT-LENGTH:4\n\n", true),
            (
                "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nPOST / HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\n",
                false,
            ),
            ("POST / HTTP/1.1\r\nContent-Lengths: 4\r\nTransfer-Encoding: x\r\n\r\n", false),
            ("POST / HTTP/1.1\r\nX: Content-Length: 4\r\nTransfer-Encoding: x\r\n\r\n", false),
            ("POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: x\r\n", false),
        ] {
            assert_eq!(found(&[head]), [expected], "{head:?}");
        }
    }

    #[test]
    fn a_length_that_is_not_valid_is_found() {
        use WrongLength::{NoNumber, TooLarge};
        let long = "9".repeat(60);
        let cut = format!("{}...", "9".repeat(BEGIN_BYTES - "Content-Length: ".len()));
        for (value, expected) in [
            ("5", None),
            ("0000000000000000000000000005", None),
            ("18446744073709551613", None),
            ("18446744073709551614", Some(TooLarge("18446744073709551614".to_owned()))),
            ("18446744073709551615", Some(TooLarge("18446744073709551615".to_owned()))),
            ("99999999999999999999999", Some(TooLarge("99999999999999999999999".to_owned()))),
            (&*long, Some(TooLarge(cut))),
            ("+5", Some(NoNumber("+5".to_owned()))),
            ("5,5", Some(NoNumber("5,5".to_owned()))),
            ("5, 6", Some(NoNumber("5, 6".to_owned()))),
            ("0x5", Some(NoNumber("0x5".to_owned()))),
            ("", Some(NoNumber(String::new()))),
        ] {
            let mut heads = Heads::default();
            heads.read(format!("POST / HTTP/1.1\r\nContent-Length: {value}\r\n\r\n").as_bytes());
            assert_eq!(heads.wrong_length, expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn reads_of_any_size_find_the_same(
            lines in prop::collection::vec(
                prop_oneof![
                    Just("Content-Length: 4\r\n"),
                    Just("transfer-ENCODING:chunked\n"),
                    Just("\r\n"),
                    Just("\n"),
                    Just("Content-Type: x\r\n"),
                    Just("\rContent-Length: 4\r\n"),
                    Just("t\r\n"),
                ],
                0..12,
            ),
            sizes in prop::collection::vec(1..30_usize, 1..6),
        ) {
            let text = lines.concat();
            // A head is the lines between two empty lines.
            let mut expected = false;
            let mut head: Vec<String> = Vec::new();
            for line in text.split_inclusive('\n') {
                match line.trim_end_matches(['\r', '\n']) {
                    "" if line.len() <= 2 => {
                        let has = |name: &str| head.iter().any(|line| line.starts_with(name));
                        expected |= has("content-length:") && has("transfer-encoding:");
                        head.clear();
                    }
                    other => head.push(other.to_ascii_lowercase()),
                }
            }
            let mut heads = Heads::default();
            let (mut rest, mut found, mut sizes) = (text.as_bytes(), false, sizes.iter().cycle());
            while !rest.is_empty() {
                let (piece, after) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
                found |= heads.read(piece);
                rest = after;
            }
            prop_assert_eq!(found, expected);
        }
    }
}
