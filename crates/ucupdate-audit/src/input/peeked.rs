//! [`Peeked`]: an input whose first bytes can be examined before it is read.

use std::io::{self, ErrorKind, Read};

/// An input whose first bytes were read ahead. Reading returns these bytes first, and then the rest
/// of the input.
pub(crate) struct Peeked<R> {
    prefix: Vec<u8>,
    at: usize,
    /// The error of reading ahead. Reading returns this error once, after the bytes that were read
    /// ahead.
    failed: Option<io::Error>,
    rest: R,
}

impl<R: Read> Peeked<R> {
    /// Reads at most `most` bytes ahead. Fewer bytes are read if the input ends or fails.
    pub(crate) fn new(mut rest: R, most: usize) -> Self {
        let mut prefix = vec![0; most];
        let (mut filled, mut failed) = (0, None);
        while filled < most {
            match rest.read(&mut prefix[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        prefix.truncate(filled);
        Self { prefix, at: 0, failed, rest }
    }

    /// Returns the bytes that were read ahead.
    pub(crate) fn prefix(&self) -> &[u8] {
        &self.prefix
    }
}

impl<R: Read> Read for Peeked<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let left = &self.prefix[self.at..];
        if !left.is_empty() {
            let length = left.len().min(to.len());
            to[..length].copy_from_slice(&left[..length]);
            self.at += length;
            return Ok(length);
        }
        match self.failed.take() {
            Some(error) => Err(error),
            None => self.rest.read(to),
        }
    }
}
