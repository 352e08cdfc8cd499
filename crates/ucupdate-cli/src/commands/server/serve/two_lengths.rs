//! Finds request heads with both `Content-Length` and `Transfer-Encoding`.
//!
//! hyper reads such a message as chunked, closes the connection after it, and removes `Content-Length` before a service sees the
//! request. A proxy in front may have read the other length. RFC 9112 section 6.3 lets a server refuse the request, so this module
//! looks at the names of the fields on the way to hyper, and puts the removed field back.

use http::{HeaderValue, Request, header};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const LENGTH: &[u8] = b"content-length:";
const CODING: &[u8] = b"transfer-encoding:";

/// Number of bytes of a line that are looked at. The longer name must fit.
const BEGIN_BYTES: usize = CODING.len();

/// A stream whose incoming bytes are searched for heads with both fields.
#[derive(Debug)]
pub(crate) struct WatchedStream<S> {
    stream: S,
    heads: Heads,
    found: TwoLengths,
}

/// Whether a connection has carried a head with both fields. Clones share the value.
///
/// It also becomes true by a body that contains such a head, because the search does not know where bodies end. Only requests with
/// `Transfer-Encoding` are affected by that.
#[derive(Clone, Debug, Default)]
pub(crate) struct TwoLengths(Arc<AtomicBool>);

impl TwoLengths {
    /// Puts the field back that hyper has removed, with another value. The service refuses a request with both fields.
    pub(crate) fn put_back<B>(&self, request: &mut Request<B>) {
        if self.0.load(Ordering::Relaxed) && request.headers().contains_key(header::TRANSFER_ENCODING) {
            request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
    }
}

impl<S> WatchedStream<S> {
    pub(crate) fn new(stream: S, found: TwoLengths) -> Self {
        Self { stream, heads: Heads::default(), found }
    }

    pub(crate) fn into_inner(self) -> S {
        self.stream
    }
}

/// The state of the search: the beginning of the current line, and the fields of the current head.
///
/// A head ends at an empty line. Names of fields begin at the beginning of a line, because hyper refuses folded lines and spaces
/// before the colon.
#[derive(Debug, Default)]
struct Heads {
    begin: [u8; BEGIN_BYTES],
    length: usize,
    has_length: bool,
    has_coding: bool,
}

impl Heads {
    /// Reads the next bytes of the stream. Returns whether a head with both fields ends in them.
    fn read(&mut self, mut bytes: &[u8]) -> bool {
        let mut found = false;
        while !bytes.is_empty() {
            let end = memchr::memchr(b'\n', bytes);
            let (line, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            let taken = line.len().min(BEGIN_BYTES - self.length);
            self.begin[self.length..self.length + taken].copy_from_slice(&line[..taken]);
            self.length += taken;
            if end.is_none() {
                break;
            }
            found |= self.end_line();
            bytes = &rest[1..];
        }
        found
    }

    /// Ends the current line. Returns whether it ends a head with both fields.
    fn end_line(&mut self) -> bool {
        let line = &self.begin[..std::mem::take(&mut self.length)];
        match line {
            [] | [b'\r'] => {
                let found = self.has_length && self.has_coding;
                (self.has_length, self.has_coding) = (false, false);
                return found;
            }
            [b'c' | b'C', ..] => self.has_length |= begins_with(line, LENGTH),
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
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
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
            // A head is what lies between two empty lines.
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
