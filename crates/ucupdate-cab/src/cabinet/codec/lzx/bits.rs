//! The bit stream of a frame. It consists of 16-bit little-endian words, and each word is read from its highest bit.

use super::LzxFault;
use crate::cabinet::codec::block::MAX_INPUT_BYTES;

/// The number of zero bytes after the frame that may be read before the overrun is detected.
const PADDING_BYTES: usize = 16;

/// Reader of the bits in a frame.
///
/// It reads a copy of the frame in which the two bytes of each word are swapped. The copy is one
/// continuous stream of bits, highest bit first.
#[derive(Clone)]
pub(super) struct Bits<'a> {
    raw: &'a [u8],
    swapped: &'a [u8],
    /// The index in `swapped` of the next byte to load.
    next: usize,
    /// The loaded bits. The next bit to read is the highest.
    bits: u64,
    /// The number of loaded bits.
    count: u32,
}

/// A buffer for the swapped copy of a frame.
#[derive(Default)]
pub(super) struct Swapped(Vec<u8>);

impl Swapped {
    pub(super) fn new() -> Self {
        Self(vec![0; MAX_INPUT_BYTES + 2 * PADDING_BYTES])
    }

    /// Copies the frame `raw` into the buffer. Returns a reader of its bits.
    pub(super) fn bits<'a>(&'a mut self, raw: &'a [u8]) -> Bits<'a> {
        self.0.clear();
        self.0.extend_from_slice(raw);
        self.0.resize(raw.len().next_multiple_of(2) + PADDING_BYTES, 0);
        for word in self.0.chunks_exact_mut(2) {
            word.swap(0, 1);
        }
        Bits { raw, swapped: &self.0, next: 0, bits: 0, count: 0 }
    }
}

impl<'a> Bits<'a> {
    /// Loads bits until at least 56 are loaded. Zero bytes ([`PADDING_BYTES`]) follow the frame.
    /// Fails when fewer than eight bytes are left, these zero bytes included.
    #[inline(always)]
    pub(super) fn refill(&mut self) -> Result<(), LzxFault> {
        let Some(bytes) = self.swapped.get(self.next..).and_then(|rest| rest.first_chunk::<8>()) else {
            return Err("one that ends too early");
        };
        self.bits |= u64::from_be_bytes(*bytes) >> self.count;
        self.next += ((63 - self.count) >> 3) as usize;
        self.count |= 56;
        Ok(())
    }

    /// Returns the next `count` loaded bits, 1 to 16, without taking them.
    #[inline(always)]
    pub(super) fn look(&self, count: u32) -> u32 {
        // A shift by 48 and more leaves at most 16 bits.
        #[expect(clippy::cast_possible_truncation, reason = "at most 16 bits are left")]
        let bits = (self.bits >> (64 - count)) as u32;
        bits
    }

    /// Drops the next `count` loaded bits.
    #[inline(always)]
    pub(super) fn drop_bits(&mut self, count: u32) {
        self.bits <<= count;
        self.count -= count;
    }

    /// Takes the next `count` loaded bits, 0 to 17.
    #[inline(always)]
    pub(super) fn take(&mut self, count: u32) -> u32 {
        // The shift is done in two steps, because a shift by 64 would overflow.
        #[expect(clippy::cast_possible_truncation, reason = "at most 17 bits are left")]
        let bits = ((self.bits >> 1) >> (63 - count)) as u32;
        self.drop_bits(count);
        bits
    }

    /// Returns whether more bits were taken than the frame has.
    pub(super) fn is_overrun(&self) -> bool {
        self.taken() > self.raw.len() * 8
    }

    /// Skips the padding before an uncompressed block, which has 1 to 16 bits and ends at the start
    /// of a word. If the reader is at the start of a word, the whole word is padding. Returns the
    /// remaining bytes.
    pub(super) fn align(&mut self) -> Result<&'a [u8], LzxFault> {
        let at = (self.taken() / 16 + 1) * 2;
        self.go_to(at)?;
        Ok(self.rest())
    }

    /// Returns the remaining bytes. The reader must be at the start of a word.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.raw.get(self.taken() / 8..).unwrap_or_default()
    }

    /// Continues at the first byte of `rest`. `rest` must be a suffix of the frame.
    pub(super) fn set_rest(&mut self, rest: &[u8]) -> Result<(), LzxFault> {
        self.go_to(self.raw.len() - rest.len().min(self.raw.len()))
    }

    fn go_to(&mut self, at: usize) -> Result<(), LzxFault> {
        if at > self.raw.len() {
            return Err("one that ends too early");
        }
        self.next = at;
        self.bits = 0;
        self.count = 0;
        Ok(())
    }

    fn taken(&self) -> usize {
        self.next * 8 - self.count as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_from_the_highest_of_each_little_endian_word() {
        let mut room = Swapped::new();
        let mut bits = room.bits(&[0x34, 0x12, 0x78, 0x56]);
        bits.refill().unwrap();
        assert_eq!(bits.look(16), 0x1234);
        assert_eq!(
            (bits.take(4), bits.take(8), bits.take(0), bits.take(17)),
            (0x1, 0x23, 0, 0x4567 << 1 | 1)
        );
        assert!(!bits.is_overrun());
        bits.take(4);
        assert!(bits.is_overrun());
    }

    #[test]
    fn aligning_goes_over_a_whole_word_where_one_has_just_ended() {
        let mut room = Swapped::new();
        let mut bits = room.bits(&[1, 2, 3, 4, 5, 6, 7, 8]);
        bits.refill().unwrap();
        bits.take(3);
        assert_eq!(bits.align().unwrap(), &[3, 4, 5, 6, 7, 8]);
        bits.refill().unwrap();
        bits.take(16);
        assert_eq!(bits.align().unwrap(), &[7, 8]);
        bits.set_rest(&[8]).unwrap();
        assert_eq!(bits.rest(), &[8]);
    }
}
