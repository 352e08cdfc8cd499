//! [`Utf8`]: an input that converts UTF-16 to UTF-8. It does not change any other encoding.

use super::peeked::Peeked;
use encoding_rs::{Decoder, Encoding, UTF_16BE, UTF_16LE};
use std::io::{self, Read};

/// The number of bytes at the start of the input that are examined to find the encoding.
const PREFIX: usize = 1024;

/// The number of bytes that are decoded at once.
const CHUNK: usize = 4096;

/// An input that is converted to UTF-8 if it is UTF-16, with or without a byte order mark.
pub(crate) struct Utf8<R>(Utf8State<R>);

enum Utf8State<R> {
    /// Nothing was read yet.
    Unread(Option<R>),
    Plain(Peeked<R>),
    Utf16(Box<Utf16<Peeked<R>>>),
}

struct Utf16<R> {
    input: R,
    decoder: Decoder,
    /// Decoded text. The bytes before `at` were returned already.
    ready: String,
    at: usize,
    ended: bool,
}

impl<R: Read> Utf8<R> {
    pub(crate) fn new(input: R) -> Self {
        Self(Utf8State::Unread(Some(input)))
    }

    /// Returns the first bytes of the input before decoding. Empty if nothing was read yet.
    pub(crate) fn prefix(&self) -> &[u8] {
        match &self.0 {
            Utf8State::Unread(_) => &[],
            Utf8State::Plain(input) => input.prefix(),
            Utf8State::Utf16(text) => text.input.prefix(),
        }
    }
}

impl<R: Read> Read for Utf8<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if let Utf8State::Unread(input) = &mut self.0 {
            let Some(input) = input.take() else { return Ok(0) };
            let input = Peeked::new(input, PREFIX);
            self.0 = match utf16(input.prefix()) {
                Some(encoding) => Utf8State::Utf16(Box::new(Utf16::new(input, encoding))),
                None => Utf8State::Plain(input),
            };
        }
        match &mut self.0 {
            Utf8State::Unread(_) => Ok(0),
            Utf8State::Plain(input) => input.read(to),
            Utf8State::Utf16(text) => text.read(to),
        }
    }
}

impl<R: Read> Utf16<R> {
    fn new(input: R, encoding: &'static Encoding) -> Self {
        Self {
            input,
            decoder: encoding.new_decoder_with_bom_removal(),
            ready: String::new(),
            at: 0,
            ended: false,
        }
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.at == self.ready.len() {
            if self.ended {
                return Ok(0);
            }
            let mut raw = [0; CHUNK];
            let read = self.input.read(&mut raw)?;
            self.ended = read == 0;
            self.ready.clear();
            self.at = 0;
            self.ready.reserve(self.decoder.max_utf8_buffer_length(read).unwrap_or(CHUNK * 3));
            let _outcome = self.decoder.decode_to_string(&raw[..read], &mut self.ready, self.ended);
        }
        let left = &self.ready.as_bytes()[self.at..];
        let length = left.len().min(to.len());
        to[..length].copy_from_slice(&left[..length]);
        self.at += length;
        Ok(length)
    }
}

/// Returns the UTF-16 encoding of an input that begins with `prefix`, or `None`. Without a byte order mark, UTF-16 is
/// assumed if every second byte is zero, because most characters of a log are ASCII.
fn utf16(prefix: &[u8]) -> Option<&'static Encoding> {
    match prefix {
        [0xff, 0xfe, ..] => return Some(UTF_16LE),
        [0xfe, 0xff, ..] => return Some(UTF_16BE),
        _ => {}
    }
    let pairs = prefix.chunks_exact(2);
    let count = pairs.len();
    let zeros = |place: usize| pairs.clone().filter(|pair| pair[place] == 0).count();
    let is_mostly = |zeros: usize| count >= 4 && zeros * 10 >= count * 8;
    let is_rarely = |zeros: usize| zeros * 20 <= count;
    match (zeros(0), zeros(1)) {
        (first, second) if is_rarely(first) && is_mostly(second) => Some(UTF_16LE),
        (first, second) if is_mostly(first) && is_rarely(second) => Some(UTF_16BE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> String {
        let mut text = String::new();
        Utf8::new(bytes).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn utf_16_is_read_with_and_without_a_mark_in_both_byte_orders() {
        let said = "Logging DateTime,Ger\u{e4}t \u{1f4de}\r\n".repeat(if cfg!(miri) { 50 } else { 500 });
        let units = || said.encode_utf16();
        let little: Vec<u8> = units().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = units().flat_map(u16::to_be_bytes).collect();
        assert_eq!(text(&little), said);
        assert_eq!(text(&big), said);
        assert_eq!(text(&[b"\xff\xfe", &*little].concat()), said);
        assert_eq!(text(&[b"\xfe\xff", &*big].concat()), said);
    }

    #[test]
    fn a_cut_unit_is_a_replacement_character_and_other_bytes_stay() {
        assert_eq!(text(b"\xff\xfea\0b\0c"), "ab\u{fffd}");
        for bytes in [&b"a"[..], b"", b"a,b\n\0\0\0\0\0\0\0\0", b"\0\0\0\0\0\0\0\0\0\0"] {
            assert_eq!(text(bytes).as_bytes(), bytes);
        }
    }
}
