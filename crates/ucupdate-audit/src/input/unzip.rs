//! [`Unzip`]: an input that decompresses gzip. It does not change any other content.

use super::peeked::Peeked;
use flate2::read::MultiGzDecoder;
use std::io::{self, Read};

/// The first bytes of a gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// An input that is decompressed if it begins like a gzip file.
pub(crate) struct Unzip<R>(State<R>);

enum State<R> {
    /// Nothing was read yet.
    Unread(Option<R>),
    Plain(Peeked<R>),
    Gzip(Box<MultiGzDecoder<Peeked<R>>>),
}

impl<R: Read> Unzip<R> {
    pub(crate) fn new(input: R) -> Self {
        Self(State::Unread(Some(input)))
    }
}

impl<R: Read> Read for Unzip<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if let State::Unread(input) = &mut self.0 {
            let Some(input) = input.take() else { return Ok(0) };
            let input = Peeked::new(input, GZIP.len());
            self.0 = if input.prefix() == GZIP {
                State::Gzip(Box::new(MultiGzDecoder::new(input)))
            } else {
                State::Plain(input)
            };
        }
        match &mut self.0 {
            State::Unread(_) => Ok(0),
            State::Plain(input) => input.read(to),
            State::Gzip(input) => input.read(to),
        }
    }
}
