//! LZX as cabinets hold it ([MS-PATCH] 2 describes it with extensions that cabinets do not have).
//!
//! A folder is one stream of *blocks*, each with its own Huffman trees, cut into *frames* of 32 KiB of output; a
//! cabinet's data block holds one frame. This decoder stands in place of the `lzxd` crate, which the tests hold it
//! against: it takes about a third of the time, because it reads eight bytes at a time, looks most symbols up once
//! and copies matches by sixteen bytes.

mod bits;
mod trees;

#[cfg(test)]
mod tests;

use self::bits::{Bits, Swapped};
use self::trees::{Tree, read_lengths};
use super::block::{Fault, MAX_OUTPUT_BYTES};

/// The bytes of a frame: what each data block but the last gives.
const FRAME_BYTES: usize = MAX_OUTPUT_BYTES;
/// Room behind the window, so that matches can be copied by whole pieces.
const SLACK_BYTES: usize = 32;
const PIECE_BYTES: usize = 16;

const LITERALS: usize = 256;
const LENGTHS: usize = 249;
const ALIGNED: usize = 8;
const MAX_SLOTS: usize = 50;
const MIN_MATCH: usize = 2;

/// From here on a stream's calls are no longer translated.
const LAST_TRANSLATED_BYTE: u64 = 1 << 30;
/// A frame's last bytes in which no call is translated.
const UNTRANSLATED_BYTES: usize = 10;

/// The decoder of one folder.
pub(crate) struct Lzx {
    /// A ring: the window, and a frame more, so that what lies ahead of the write position is never referred to.
    window: Vec<u8>,
    ring_bytes: usize,
    /// Where the next frame begins in the ring.
    frame: usize,
    /// The bytes decoded so far.
    decoded: u64,
    /// The last frame, where its calls were translated.
    translated: Vec<u8>,
    output: std::ops::Range<usize>,
    is_translated: bool,

    header_read: bool,
    /// The size that calls are translated by; zero where they are not.
    translation_size: i32,
    swapped: Swapped,
    trees: Trees,
    block: Block,
    block_left: usize,
    /// An uncompressed block of odd length is followed by a byte to skip.
    skip_byte: bool,
    recent: [usize; 3],
}

struct Trees {
    main_lengths: Vec<u8>,
    length_lengths: Vec<u8>,
    main: Tree,
    length: Tree,
    aligned: Tree,
    pre: Tree,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    Verbatim,
    Aligned,
    Uncompressed,
}

/// The fault that ends a frame. The caller knows the number of the data block.
type Found = &'static str;

impl Lzx {
    /// Returns a decoder for a window of 2 to the power of `window_bits`, which is 15 to 21.
    pub(crate) fn new(window_bits: u8) -> Self {
        let slots = match window_bits {
            0..=19 => usize::from(window_bits) * 2,
            20 => 42,
            _ => MAX_SLOTS,
        };
        let ring_bytes = (1_usize << window_bits.clamp(15, 21)) + FRAME_BYTES;
        Self {
            window: vec![0; ring_bytes + SLACK_BYTES],
            ring_bytes,
            frame: 0,
            decoded: 0,
            translated: Vec::new(),
            output: 0..0,
            is_translated: false,
            header_read: false,
            translation_size: 0,
            swapped: Swapped::new(),
            trees: Trees {
                main_lengths: vec![0; LITERALS + 8 * slots],
                length_lengths: vec![0; LENGTHS],
                main: Tree::new(),
                length: Tree::new(),
                aligned: Tree::new(),
                pre: Tree::new(),
            },
            block: Block::Verbatim,
            block_left: 0,
            skip_byte: false,
            recent: [1; 3],
        }
    }

    /// Returns the bytes of the frame last decoded.
    pub(crate) fn output(&self) -> &[u8] {
        if self.is_translated {
            &self.translated
        } else {
            self.window.get(self.output.clone()).unwrap_or_default()
        }
    }

    /// Decodes the next frame, which gives `size` bytes.
    pub(crate) fn decode(&mut self, data: &[u8], size: usize) -> Result<(), Fault> {
        let expected = || format!("an LZX frame of {size} bytes");
        if !self.output.len().is_multiple_of(FRAME_BYTES) {
            return Err(Fault::new("no LZX frame behind one of less than 32768 bytes", "another"));
        }
        if size > FRAME_BYTES {
            return Err(Fault::new("an LZX frame of at most 32768 bytes", size.to_string()));
        }
        self.decode_frame(data, size).map_err(|found| Fault::new(expected(), found))
    }

    fn decode_frame(&mut self, data: &[u8], size: usize) -> Result<(), Found> {
        let begin = self.frame;
        let end = begin + size;
        let mut position = begin;
        // What a frame before left of an uncompressed block comes before the bit stream.
        let mut raw = data;
        if self.block == Block::Uncompressed {
            position = self.copy_raw(&mut raw, position, end)?;
        }
        if position < end {
            let mut swapped = std::mem::take(&mut self.swapped);
            let mut bits = swapped.bits(raw);
            if !self.header_read {
                self.read_header(&mut bits)?;
            }
            while position < end {
                if self.block_left == 0 {
                    self.read_block_header(&mut bits)?;
                }
                let stop = position + self.block_left.min(end - position);
                position = match self.block {
                    Block::Verbatim => self.decode_symbols::<false>(&mut bits, begin, position, stop)?,
                    Block::Aligned => self.decode_symbols::<true>(&mut bits, begin, position, stop)?,
                    Block::Uncompressed => {
                        let mut rest = bits.rest();
                        let position = self.copy_raw(&mut rest, position, end)?;
                        bits.set_rest(rest)?;
                        position
                    }
                };
            }
            if bits.is_overrun() {
                return Err("one cut off");
            }
            self.swapped = swapped;
        }
        self.decoded += size as u64;
        self.output = begin..end;
        self.frame = if end >= self.ring_bytes { 0 } else { end };
        self.translate();
        Ok(())
    }

    /// Copies what there is of the current uncompressed block, and skips the byte behind it.
    fn copy_raw(&mut self, raw: &mut &[u8], position: usize, end: usize) -> Result<usize, Found> {
        let count = self.block_left.min(end - position);
        let (bytes, rest) = raw.split_at_checked(count).ok_or("one cut off")?;
        let target = self.window.get_mut(position..position + count).ok_or("one beyond the window")?;
        target.copy_from_slice(bytes);
        *raw = rest;
        self.block_left -= count;
        if self.block_left == 0
            && self.skip_byte
            && let Some((_, rest)) = raw.split_first()
        {
            *raw = rest;
            self.skip_byte = false;
        }
        Ok(position + count)
    }

    /// Returns the stream's head: whether calls are translated, and by which size.
    fn read_header(&mut self, bits: &mut Bits<'_>) -> Result<(), Found> {
        bits.refill()?;
        if bits.take(1) == 1 {
            let high = bits.take(16);
            let low = bits.take(16);
            self.translation_size = i32::from_le_bytes((high << 16 | low).to_le_bytes());
        }
        self.header_read = true;
        Ok(())
    }

    fn read_block_header(&mut self, bits: &mut Bits<'_>) -> Result<(), Found> {
        bits.refill()?;
        let kind = bits.take(3);
        self.block_left = (bits.take(16) << 8 | bits.take(8)) as usize;
        self.skip_byte = false;
        if bits.is_overrun() {
            return Err("one cut off");
        }
        if self.block_left == 0 {
            return Err("a block of no bytes");
        }
        let trees = &mut self.trees;
        match kind {
            1 => self.block = Block::Verbatim,
            2 => {
                self.block = Block::Aligned;
                let mut lengths = [0; ALIGNED];
                for length in &mut lengths {
                    bits.refill()?;
                    *length = u8::try_from(bits.take(3)).unwrap_or_default();
                }
                trees.aligned.build(&lengths)?;
            }
            3 => {
                self.block = Block::Uncompressed;
                self.skip_byte = self.block_left % 2 == 1;
                let mut rest = bits.align()?;
                for recent in &mut self.recent {
                    let (number, behind) = rest.split_first_chunk::<4>().ok_or("one cut off")?;
                    *recent = u32::from_le_bytes(*number) as usize;
                    rest = behind;
                }
                return bits.set_rest(rest);
            }
            _ => return Err("a block of unknown type"),
        }
        let (literals, matches) = trees.main_lengths.split_at_mut(LITERALS);
        read_lengths(bits, &mut trees.pre, literals)?;
        read_lengths(bits, &mut trees.pre, matches)?;
        trees.main.build(&trees.main_lengths)?;
        read_lengths(bits, &mut trees.pre, &mut trees.length_lengths)?;
        trees.length.build(&trees.length_lengths)
    }

    /// Decodes literals and matches up to `stop` and gives the position reached, which is `stop`.
    fn decode_symbols<const IS_ALIGNED: bool>(
        &mut self,
        bits: &mut Bits<'_>,
        begin: usize,
        mut position: usize,
        stop: usize,
    ) -> Result<usize, Found> {
        let ring_bytes = self.ring_bytes;
        let Self { window, trees, decoded, .. } = self;
        let window = window.get_mut(..ring_bytes + SLACK_BYTES).ok_or("one beyond the window")?;
        let started = position;
        let mut recent = self.recent;
        // What may be referred to from the begin of the frame on.
        let window_bytes = ring_bytes - FRAME_BYTES;
        let before = usize::try_from(*decoded).unwrap_or(usize::MAX).min(window_bytes);
        // A copy, so that it can live in registers.
        let mut local = bits.clone();
        while position < stop {
            local.refill()?;
            let mut symbol = trees.main.symbol(&mut local)?;
            if let Ok(literal) = u8::try_from(symbol) {
                *window.get_mut(position).ok_or("one beyond the window")? = literal;
                position += 1;
                if position == stop {
                    break;
                }
                // Of 56 bits a literal takes 16 at most, which leaves no match's 53.
                symbol = trees.main.symbol(&mut local)?;
                if let Ok(literal) = u8::try_from(symbol) {
                    *window.get_mut(position).ok_or("one beyond the window")? = literal;
                    position += 1;
                    continue;
                }
                local.refill()?;
            }
            let head = usize::from(symbol) - LITERALS;
            let mut length = (head & 7) + MIN_MATCH;
            if head & 7 == 7 {
                length += usize::from(trees.length.symbol(&mut local)?);
            }
            let distance = match head >> 3 {
                0 => recent[0],
                1 => {
                    recent.swap(0, 1);
                    recent[0]
                }
                2 => {
                    recent.swap(0, 2);
                    recent[0]
                }
                slot => {
                    let slot = slot.min(MAX_SLOTS - 1);
                    let extra = EXTRA_BITS[slot];
                    let offset = if IS_ALIGNED && extra >= 3 {
                        let high = local.take(extra - 3) << 3;
                        high + u32::from(trees.aligned.symbol(&mut local)?)
                    } else {
                        local.take(extra)
                    };
                    recent = [BASES[slot] + offset as usize, recent[0], recent[1]];
                    recent[0]
                }
            };
            if length > stop - position {
                return Err("a match beyond its end");
            }
            if distance == 0 || distance > (before + (position - begin)).min(window_bytes) {
                return Err("a match from before its begin");
            }
            copy_match(window, ring_bytes, position, distance, length);
            position += length;
        }
        *bits = local;
        self.recent = recent;
        self.block_left -= position - started;
        Ok(position)
    }

    /// Turns the targets of calls, which the compressor made absolute, back into relative ones.
    fn translate(&mut self) {
        let begin = self.decoded - self.output.len() as u64;
        let size = self.translation_size;
        self.is_translated =
            size != 0 && begin < LAST_TRANSLATED_BYTE && self.output.len() > UNTRANSLATED_BYTES;
        if !self.is_translated {
            return;
        }
        self.translated.clear();
        self.translated.extend_from_slice(self.window.get(self.output.clone()).unwrap_or_default());
        let mut at = 0;
        let scanned = self.translated.len() - UNTRANSLATED_BYTES;
        while let Some(ahead) = self.translated.get(at..scanned) {
            let Some(call) = ahead.iter().position(|byte| *byte == 0xE8) else { break };
            at += call + 5;
            // Below 2 to the power of 30, see above.
            let position =
                i32::try_from(begin).unwrap_or(i32::MAX) + i32::try_from(at - 5).unwrap_or(i32::MAX);
            let Some(target) = self.translated.get_mut(at - 4..at) else { break };
            let absolute = i32::from_le_bytes([target[0], target[1], target[2], target[3]]);
            if (-position..size).contains(&absolute) {
                let relative = if absolute >= 0 { absolute - position } else { absolute.wrapping_add(size) };
                target.copy_from_slice(&relative.to_le_bytes());
            }
        }
    }
}

/// Copies a match within the ring; what it writes behind the match lies ahead and is written again.
#[inline]
fn copy_match(window: &mut [u8], ring_bytes: usize, position: usize, distance: usize, length: usize) {
    let from = if position >= distance { position - distance } else { position + ring_bytes - distance };
    if from + length > ring_bytes {
        // The match runs over the end of the ring.
        for step in 0..length {
            let source = if from + step >= ring_bytes { from + step - ring_bytes } else { from + step };
            window[position + step] = window[source];
        }
        return;
    }
    if distance >= PIECE_BYTES {
        copy_pieces::<PIECE_BYTES>(window, from, position, length);
    } else if distance == 1 {
        let byte = window[from];
        window[position..position + length].fill(byte);
    } else if distance >= 8 {
        copy_pieces::<8>(window, from, position, length);
    } else {
        for step in 0..length {
            window[position + step] = window[from + step];
        }
    }
}

/// Copies by pieces of `N` bytes, of which the last may reach behind the match.
#[inline]
fn copy_pieces<const N: usize>(window: &mut [u8], from: usize, to: usize, length: usize) {
    let mut done = 0;
    while done < length {
        let mut piece = [0; N];
        piece.copy_from_slice(&window[from + done..from + done + N]);
        window[to + done..to + done + N].copy_from_slice(&piece);
        done += N;
    }
}

/// How many bits of a match's distance stand behind its slot.
const EXTRA_BITS: [u32; MAX_SLOTS] = {
    let mut table = [0; MAX_SLOTS];
    let mut slot = 4;
    let mut bits = 1;
    while slot < MAX_SLOTS {
        // One bit more for each two slots, up to 17.
        table[slot] = bits;
        bits += if slot % 2 == 1 && bits < 17 { 1 } else { 0 };
        slot += 1;
    }
    table
};

/// The least distance of each slot; the first three name recent distances.
const BASES: [usize; MAX_SLOTS] = {
    let mut table = [0; MAX_SLOTS];
    let mut base = 3;
    let mut slot = 3;
    while slot < MAX_SLOTS {
        // Distances are written with two added.
        table[slot] = base - 2;
        base += 1 << EXTRA_BITS[slot];
        slot += 1;
    }
    table
};
