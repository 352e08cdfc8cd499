//! An input that is read forward through a buffer. It counts and hashes the bytes of the cabinet,
//! and reads no byte after the cabinet.

use std::io::{self, Read};

use ucupdate_core::value::Sha256Digest;

use crate::error::{CabError, Position, Structure};
use crate::hashing::{Hashes, Hashing};

/// The largest number of bytes that [`look`](InputBuffer::look) returns. Any data block with its header
/// is smaller. The header of a cabinet is smaller too, unless its reserve area is unusually large.
pub(crate) const MAX_LOOK_BYTES: usize = 128 * 1024;

const FIRST_BUFFER_BYTES: usize = 16 * 1024;

pub(crate) struct InputBuffer<R> {
    input: R,
    buffer: Vec<u8>,
    /// The start of the bytes in `buffer` that were read from the input but not yet taken.
    start: usize,
    /// The end of the bytes in `buffer` that were read from the input.
    end: usize,
    /// The offset of `buffer[start]` in the input, in bytes.
    offset: u64,
    /// The offset of the cabinet in the input, in bytes.
    base: u64,
    /// The offset of the end of the cabinet in the input, in bytes. It is `u64::MAX` until the
    /// header was read.
    limit: u64,
    part: Option<u16>,
    /// The error of the input. It is returned when more bytes are needed than were read before the
    /// error.
    failure: Option<io::Error>,
    /// The hash of the cabinet's bytes. `None` before the start and after the end of the cabinet.
    hash: Option<Hashing>,
    /// The offset after the last byte that was hashed.
    hashed: u64,
    /// The offset at which [`hold`](Self::hold) was called, and the bytes that were taken since
    /// then. [`rewind`](Self::rewind) can go back to these bytes.
    held: Option<(u64, Vec<u8>)>,
}

impl<R: Read> InputBuffer<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input,
            buffer: vec![0; FIRST_BUFFER_BYTES],
            start: 0,
            end: 0,
            offset: 0,
            base: 0,
            limit: u64::MAX,
            part: None,
            failure: None,
            hash: None,
            hashed: 0,
            held: None,
        }
    }

    /// Sets the number of the part in its set, counted from 1. Errors report it.
    pub(crate) fn name_part(&mut self, part: u16) {
        self.part = Some(part);
    }

    /// Returns the position in the input of the next byte to take.
    pub(crate) fn place(&self) -> Position {
        Position { offset: self.offset, part: self.part }
    }

    /// Returns the position in the input of a byte of the cabinet. `in_cabinet` is its offset from
    /// the start of the cabinet.
    pub(crate) fn place_of(&self, in_cabinet: u64) -> Position {
        Position { offset: self.base + in_cabinet, part: self.part }
    }

    /// Returns the number of bytes of the cabinet that were taken.
    pub(crate) fn taken(&self) -> u64 {
        self.offset - self.base
    }

    /// Begins counting and hashing. The next byte must be the first byte of the cabinet.
    pub(crate) fn begin_cabinet(&mut self) {
        self.base = self.offset;
        self.hash = Some(Hashing::new(Hashes::default()));
        self.hashed = self.offset;
    }

    /// Sets the length of the cabinet in bytes. No byte after the cabinet is then read.
    pub(crate) fn set_cabinet_bytes(&mut self, bytes: u64) {
        self.limit = self.base.saturating_add(bytes);
    }

    /// Ends counting and hashing, and allows reading beyond the end of the cabinet. The next byte
    /// does not belong to a cabinet.
    pub(crate) fn end_cabinet(&mut self) {
        self.limit = u64::MAX;
        self.hash = None;
    }

    /// Returns the number of bytes of the cabinet that were read and not yet taken.
    fn ahead(&self) -> usize {
        let before_limit = usize::try_from(self.limit.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        (self.end - self.start).min(before_limit)
    }

    /// Keeps all bytes in memory that are taken from now on, so that [`rewind`](Self::rewind) can
    /// go back to them. [`release_held`](Self::release_held) ends this. Returns the current offset.
    pub(crate) fn hold(&mut self) -> u64 {
        self.held.get_or_insert_with(|| (self.offset, Vec::new()));
        self.offset
    }

    pub(crate) fn is_holding(&self) -> bool {
        self.held.is_some()
    }

    /// Goes back to an offset in the input. All bytes after this offset must be held.
    pub(crate) fn rewind(&mut self, offset: u64) {
        let Some((begin, held)) = &mut self.held else { return };
        let kept = usize::try_from(offset - *begin).unwrap_or(usize::MAX).min(held.len());
        let mut again = held.split_off(kept);
        again.extend_from_slice(&self.buffer[self.start..self.end]);
        self.offset = offset;
        self.buffer = again;
        self.start = 0;
        self.end = self.buffer.len();
    }

    /// Frees the held bytes, and ends the holding that [`hold`](Self::hold) began.
    pub(crate) fn release_held(&mut self) {
        self.held = None;
    }

    /// Returns the next `want` bytes without taking them. Fewer bytes are returned only if the input ends or fails.
    pub(crate) fn look(&mut self, want: usize) -> &[u8] {
        let want = want.min(MAX_LOOK_BYTES);
        if self.ahead() < want {
            self.refill(want);
        }
        let count = self.ahead().min(want);
        &self.buffer[self.start..self.start + count]
    }

    /// Returns the next `want` bytes without taking them. Fails if there are fewer bytes. The error
    /// names the structure `what`.
    pub(crate) fn need(&mut self, want: usize, what: Structure) -> Result<&[u8], CabError> {
        let at = self.place();
        let found = self.look(want).len();
        if found < want {
            return Err(self.ended(what, at, want as u64, found as u64));
        }
        Ok(&self.buffer[self.start..self.start + want])
    }

    /// Returns the error for an input that ends within the structure `what`. The structure begins
    /// at `at`. `expected` and `found` are the expected and the existing number of its bytes. If
    /// reading the input failed, this is the I/O error.
    pub(crate) fn ended(&mut self, what: Structure, at: Position, expected: u64, found: u64) -> CabError {
        match self.failure.take() {
            Some(cause) => {
                let offset = self.offset + self.ahead() as u64;
                CabError::Io { at: Position { offset, part: self.part }, cause }
            }
            None => CabError::Truncated { what, at, expected, found },
        }
    }

    /// Takes the next `count` bytes, so that they are consumed and hashed. `count` must be at most
    /// the number of bytes that `look` or `need` returned.
    pub(crate) fn take(&mut self, count: usize) {
        let count = count.min(self.ahead());
        let bytes = &self.buffer[self.start..self.start + count];
        let behind = self.offset + count as u64;
        if let Some(hash) = &mut self.hash
            && behind > self.hashed
        {
            // After going back, some of the bytes were hashed already.
            let new = usize::try_from(behind - self.hashed).unwrap_or(usize::MAX).min(count);
            hash.update(&bytes[count - new..]);
            self.hashed = behind;
        }
        if let Some((_, held)) = &mut self.held {
            held.extend_from_slice(bytes);
        }
        self.offset = behind;
        self.start += count;
    }

    /// Takes all bytes up to an offset. `in_cabinet` is the offset from the start of the cabinet,
    /// and must not be before the current position. If the input ends earlier, the error names the
    /// structure `what`.
    pub(crate) fn skip_to(&mut self, in_cabinet: u64, what: Structure) -> Result<(), CabError> {
        let at = self.place();
        let expected = in_cabinet.saturating_sub(self.taken());
        let mut left = expected;
        while left > 0 {
            let want = usize::try_from(left).unwrap_or(usize::MAX).min(FIRST_BUFFER_BYTES);
            let found = self.look(want).len();
            if found == 0 {
                return Err(self.ended(what, at, expected, expected - left));
            }
            self.take(found);
            left -= found as u64;
        }
        Ok(())
    }

    /// Returns the SHA-256 of the bytes of the cabinet that were taken so far.
    pub(crate) fn sha256(&mut self) -> Sha256Digest {
        self.hash.as_mut().map_or_else(|| Hashes::default().sha256(), |hash| hash.hashes().sha256())
    }

    /// Frees the buffer. Call this when no more bytes will be read.
    pub(crate) fn release(&mut self) {
        self.buffer = Vec::new();
        self.start = 0;
        self.end = 0;
    }

    fn refill(&mut self, want: usize) {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.buffer.len() < want {
            self.buffer.resize(MAX_LOOK_BYTES, 0);
        }
        while self.ahead() < want && self.failure.is_none() {
            let ahead = self.limit.saturating_sub(self.offset + self.end as u64);
            let room = usize::try_from(ahead).unwrap_or(usize::MAX).min(self.buffer.len() - self.end);
            if room == 0 {
                break;
            }
            match self.input.read(&mut self.buffer[self.end..self.end + room]) {
                Ok(0) => break,
                Ok(count) => self.end += count.min(room),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.failure = Some(error),
            }
        }
    }
}
