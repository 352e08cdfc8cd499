//! Decodes LZX as cabinets use it. [MS-PATCH] 2 describes LZX with extensions that cabinets do not
//! have.
//!
//! A folder is one stream of *blocks*, each with its own Huffman trees. The stream is divided into
//! *frames* of 32 KiB of output, and each data block of a cabinet contains one frame. The crate
//! `lzxd` could decode this too, and the tests compare with it. This decoder takes about a third of
//! the time of `lzxd`: it reads eight bytes at a time, finds most symbols by one lookup, and copies
//! matches in pieces of sixteen bytes.
//!
//! A compressor may make the targets of x86 `CALL` instructions (byte `E8`) absolute, because equal
//! targets compress better. The decoder *translates* them back to relative addresses.

mod bits;
mod trees;

#[cfg(test)]
mod tests;

use self::bits::{Bits, Swapped};
use self::trees::{HuffmanTree, read_lengths};
use super::block::{BlockFault, MAX_OUTPUT_BYTES};

/// The output of a frame in bytes. Every data block except the last has this size.
const FRAME_BYTES: usize = MAX_OUTPUT_BYTES;
/// The number of spare bytes after the window, so that matches can be copied in whole pieces.
const SLACK_BYTES: usize = 32;
const PIECE_BYTES: usize = 16;

const LITERALS: usize = 256;
const LENGTHS: usize = 249;
const ALIGNED: usize = 8;
const MAX_SLOTS: usize = 50;
const MIN_MATCH: usize = 2;

/// Targets of `CALL` instructions at or after this offset in the stream are not translated.
const LAST_TRANSLATED_BYTE: u64 = 1 << 30;
/// The number of bytes at the end of a frame in which no `CALL` instruction is translated.
const UNTRANSLATED_BYTES: usize = 10;

pub(crate) struct Lzx {
    /// A ring buffer: the window and one more frame. The additional frame prevents a match from
    /// referring to bytes after the write position.
    window: Vec<u8>,
    window_bits: u8,
    ring_bytes: usize,
    /// The index in the ring at which the next frame begins.
    frame: usize,
    /// The number of bytes decoded so far.
    decoded: u64,
    /// The last frame after the translation of its `CALL` targets. Valid only if `is_translated`.
    translated: Vec<u8>,
    output: std::ops::Range<usize>,
    is_translated: bool,

    header_read: bool,
    /// The file size that the translation of `CALL` targets uses. Zero means that no target is
    /// translated.
    translation_size: i32,
    swapped: Swapped,
    trees: Trees,
    block: BlockKind,
    block_left: usize,
    /// `true` if a padding byte follows the current uncompressed block. This is so if the block has
    /// an odd length.
    skip_byte: bool,
    recent: [usize; 3],
}

struct Trees {
    main_lengths: Vec<u8>,
    length_lengths: Vec<u8>,
    main: HuffmanTree,
    length: HuffmanTree,
    aligned: HuffmanTree,
    pre: HuffmanTree,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum BlockKind {
    Verbatim,
    Aligned,
    Uncompressed,
}

/// The text of the fault that ended the decoding of a frame. The caller adds the number of the data
/// block.
type LzxFault = &'static str;

impl Lzx {
    /// Creates a decoder for a window of 2^`window_bits` bytes, where `window_bits` is 15 to 21.
    pub(crate) fn new(window_bits: u8) -> Self {
        let slots = match window_bits {
            0..=19 => usize::from(window_bits) * 2,
            20 => 42,
            _ => MAX_SLOTS,
        };
        let ring_bytes = (1_usize << window_bits.clamp(15, 21)) + FRAME_BYTES;
        Self {
            window: vec![0; ring_bytes + SLACK_BYTES],
            window_bits,
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
                main: HuffmanTree::new(),
                length: HuffmanTree::new(),
                aligned: HuffmanTree::new(),
                pre: HuffmanTree::new(),
            },
            block: BlockKind::Verbatim,
            block_left: 0,
            skip_byte: false,
            recent: [1; 3],
        }
    }

    /// Begins a folder. The window keeps its old bytes, but matches in the new folder cannot refer
    /// to them.
    pub(crate) fn restart(&mut self) {
        self.frame = 0;
        self.decoded = 0;
        self.output = 0..0;
        self.is_translated = false;
        self.header_read = false;
        self.translation_size = 0;
        self.trees.main_lengths.fill(0);
        self.trees.length_lengths.fill(0);
        self.block = BlockKind::Verbatim;
        self.block_left = 0;
        self.skip_byte = false;
        self.recent = [1; 3];
    }

    pub(crate) fn window_bits(&self) -> u8 {
        self.window_bits
    }

    /// Returns the bytes of the last decoded frame.
    pub(crate) fn output(&self) -> &[u8] {
        if self.is_translated {
            &self.translated
        } else {
            self.window.get(self.output.clone()).unwrap_or_default()
        }
    }

    /// Decodes the next frame from `data`. `size` is the expected size of the output in bytes. Only
    /// the last frame may have less than 32 KiB.
    pub(crate) fn decode(&mut self, data: &[u8], size: usize) -> Result<(), BlockFault> {
        let expected = || format!("an LZX frame of {size} bytes");
        if !self.output.len().is_multiple_of(FRAME_BYTES) {
            return Err(BlockFault::new("no LZX frame behind one of less than 32768 bytes", "another"));
        }
        if size > FRAME_BYTES {
            return Err(BlockFault::new("an LZX frame of at most 32768 bytes", size.to_string()));
        }
        self.decode_frame(data, size).map_err(|found| BlockFault::new(expected(), found))
    }

    fn decode_frame(&mut self, data: &[u8], size: usize) -> Result<(), LzxFault> {
        let begin = self.frame;
        let end = begin + size;
        let mut position = begin;
        // The rest of an uncompressed block from an earlier frame comes before the bit stream.
        let mut raw = data;
        if self.block == BlockKind::Uncompressed {
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
                    BlockKind::Verbatim => self.decode_symbols::<false>(&mut bits, begin, position, stop)?,
                    BlockKind::Aligned => self.decode_symbols::<true>(&mut bits, begin, position, stop)?,
                    BlockKind::Uncompressed => {
                        let mut rest = bits.rest();
                        let position = self.copy_raw(&mut rest, position, end)?;
                        bits.set_rest(rest)?;
                        position
                    }
                };
            }
            if bits.is_overrun() {
                return Err("one that ends too early");
            }
            self.swapped = swapped;
        }
        self.decoded += size as u64;
        self.output = begin..end;
        self.frame = if end >= self.ring_bytes { 0 } else { end };
        self.translate();
        Ok(())
    }

    /// Copies bytes of the current uncompressed block from `raw` into the window at `position`, at
    /// most up to `end`, the end of the frame. Skips the padding byte after the block. Returns the
    /// position after the copied bytes.
    fn copy_raw(&mut self, raw: &mut &[u8], position: usize, end: usize) -> Result<usize, LzxFault> {
        let count = self.block_left.min(end - position);
        let (bytes, rest) = raw.split_at_checked(count).ok_or("one that ends too early")?;
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

    /// Reads the head of the stream. It states whether `CALL` targets are translated, and the file
    /// size for the translation.
    fn read_header(&mut self, bits: &mut Bits<'_>) -> Result<(), LzxFault> {
        bits.refill()?;
        if bits.take(1) == 1 {
            let high = bits.take(16);
            let low = bits.take(16);
            self.translation_size = i32::from_le_bytes((high << 16 | low).to_le_bytes());
        }
        self.header_read = true;
        Ok(())
    }

    fn read_block_header(&mut self, bits: &mut Bits<'_>) -> Result<(), LzxFault> {
        bits.refill()?;
        let kind = bits.take(3);
        self.block_left = (bits.take(16) << 8 | bits.take(8)) as usize;
        self.skip_byte = false;
        if bits.is_overrun() {
            return Err("one that ends too early");
        }
        if self.block_left == 0 {
            return Err("a block of no bytes");
        }
        let trees = &mut self.trees;
        match kind {
            1 => self.block = BlockKind::Verbatim,
            2 => {
                self.block = BlockKind::Aligned;
                let mut lengths = [0; ALIGNED];
                for length in &mut lengths {
                    bits.refill()?;
                    *length = u8::try_from(bits.take(3)).unwrap_or_default();
                }
                trees.aligned.build(&lengths)?;
            }
            3 => {
                self.block = BlockKind::Uncompressed;
                self.skip_byte = self.block_left % 2 == 1;
                let mut rest = bits.align()?;
                for recent in &mut self.recent {
                    let (number, behind) = rest.split_first_chunk::<4>().ok_or("one that ends too early")?;
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

    /// Decodes literals and matches until the position `stop` in the window. Returns the reached
    /// position, which is `stop`.
    fn decode_symbols<const IS_ALIGNED: bool>(
        &mut self,
        bits: &mut Bits<'_>,
        begin: usize,
        mut position: usize,
        stop: usize,
    ) -> Result<usize, LzxFault> {
        let ring_bytes = self.ring_bytes;
        let Self { window, trees, decoded, .. } = self;
        let window = window.get_mut(..ring_bytes + SLACK_BYTES).ok_or("one beyond the window")?;
        let started = position;
        let mut recent = self.recent;
        // Matches may refer to this number of bytes before the start of the frame.
        let window_bytes = ring_bytes - FRAME_BYTES;
        let before = usize::try_from(*decoded).unwrap_or(usize::MAX).min(window_bytes);
        // A local copy can be held in registers.
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
                // Of the 56 loaded bits a literal takes at most 16. The rest is not enough for a match, which takes up
                // to 53.
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

    /// Translates the targets of x86 `CALL` instructions in the last frame back to relative
    /// addresses. The compressor had made them absolute.
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
            // The position is below 2^30, as checked above.
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

/// Copies a match of `length` bytes within the ring buffer. This may change bytes after the match
/// too. They do not matter, because later output overwrites them.
#[inline]
fn copy_match(window: &mut [u8], ring_bytes: usize, position: usize, distance: usize, length: usize) {
    let from = if position >= distance { position - distance } else { position + ring_bytes - distance };
    if from + length > ring_bytes {
        // The match crosses the end of the ring.
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

/// Copies in pieces of `N` bytes. The last piece may write bytes after the match.
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

/// The number of additional bits of a match distance, for each position slot of LZX.
const EXTRA_BITS: [u32; MAX_SLOTS] = {
    let mut table = [0; MAX_SLOTS];
    let mut slot = 4;
    let mut bits = 1;
    while slot < MAX_SLOTS {
        // Every second slot has one bit more, up to 17.
        table[slot] = bits;
        bits += if slot % 2 == 1 && bits < 17 { 1 } else { 0 };
        slot += 1;
    }
    table
};

/// The smallest match distance of each position slot. The first three slots have no distance of
/// their own: each of them means one of the last three distances that were used.
const BASES: [usize; MAX_SLOTS] = {
    let mut table = [0; MAX_SLOTS];
    let mut base = 3;
    let mut slot = 3;
    while slot < MAX_SLOTS {
        // Distances are stored with two added.
        table[slot] = base - 2;
        base += 1 << EXTRA_BITS[slot];
        slot += 1;
    }
    table
};
