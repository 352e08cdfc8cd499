//! [`Unzip`]: an input that decompresses gzip. It does not change any other content.

use super::peeked::Peeked;
use flate2::read::MultiGzDecoder;
use std::io::{self, Read};

/// The first bytes of a gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// An input that is decompressed if it begins like a gzip file.
pub(crate) struct Unzip<R>(UnzipState<R>);

enum UnzipState<R> {
    /// Nothing was read yet.
    Unread(Option<R>),
    Plain(Peeked<R>),
    Gzip(Box<MultiGzDecoder<Peeked<R>>>),
}

impl<R: Read> Unzip<R> {
    pub(crate) fn new(input: R) -> Self {
        Self(UnzipState::Unread(Some(input)))
    }
}

impl<R: Read> Read for Unzip<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if let UnzipState::Unread(input) = &mut self.0 {
            let Some(input) = input.take() else { return Ok(0) };
            let input = Peeked::new(input, GZIP.len());
            self.0 = if input.prefix() == GZIP {
                UnzipState::Gzip(Box::new(MultiGzDecoder::new(input)))
            } else {
                UnzipState::Plain(input)
            };
        }
        match &mut self.0 {
            UnzipState::Unread(_) => Ok(0),
            UnzipState::Plain(input) => input.read(to),
            UnzipState::Gzip(input) => input.read(to),
        }
    }
}
