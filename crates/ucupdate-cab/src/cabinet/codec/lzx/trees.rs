//! The Huffman trees of an LZX block: canonical codes of at most 16 bits.

use super::bits::Bits;
use super::{LITERALS, LzxFault, MAX_SLOTS};

/// The largest length in bits of a code that one lookup in the table decodes.
const TABLE_BITS: u32 = 11;
const MAX_BITS: usize = 16;
const MAX_SYMBOLS: usize = LITERALS + 8 * MAX_SLOTS;
const PRE_SYMBOLS: usize = 20;

/// A Huffman tree that is ready for decoding.
pub(super) struct HuffmanTree {
    /// The decoding table. The index is the next [`TABLE_BITS`] bits. An entry is the symbol
    /// shifted left by 4, plus the length of its code. Zero means that the code is longer than
    /// [`TABLE_BITS`].
    table: [u16; 1 << TABLE_BITS],
    /// Symbols in the order of their codes.
    symbols: [u16; MAX_SYMBOLS],
    /// For each length, the first code that is greater than all codes of this length, aligned to 16 bits.
    limits: [u32; MAX_BITS + 1],
    /// For each length, the number to add to a code to get the index of its symbol.
    offsets: [i32; MAX_BITS + 1],
}

impl HuffmanTree {
    pub(super) fn new() -> Self {
        Self {
            table: [0; 1 << TABLE_BITS],
            symbols: [0; MAX_SYMBOLS],
            limits: [0; MAX_BITS + 1],
            offsets: [0; MAX_BITS + 1],
        }
    }

    /// Builds the tree for these code lengths, one for each symbol. A length is at most 16. The
    /// codes must be complete, unless all lengths are zero.
    pub(super) fn build(&mut self, lengths: &[u8]) -> Result<(), LzxFault> {
        let mut counts = [0_u16; MAX_BITS + 1];
        for length in lengths {
            *counts.get_mut(usize::from(*length)).ok_or("a code of more than 16 bits")? += 1;
        }
        counts[0] = 0;
        self.limits = [0; MAX_BITS + 1];
        let mut places = [0_u16; MAX_BITS + 1];
        let (mut code, mut place) = (0_u32, 0_u16);
        for length in 1..=MAX_BITS {
            let count = counts[length];
            let shift = MAX_BITS - length;
            places[length] = place;
            self.offsets[length] = i32::from(place) - i32::try_from(code >> shift).unwrap_or(i32::MAX);
            code += u32::from(count) << shift;
            place += count;
            self.limits[length] = code;
        }
        if code != 1 << MAX_BITS && place != 0 {
            return Err("a tree whose codes do not fill it");
        }
        for (symbol, length) in (0_u16..).zip(lengths) {
            if *length == 0 {
                continue;
            }
            let place = &mut places[usize::from(*length)];
            if let Some(target) = self.symbols.get_mut(usize::from(*place)) {
                *target = symbol;
            }
            *place += 1;
        }
        let mut filled = 0;
        let mut symbols = self.symbols.iter();
        for (length, count) in (0_u16..).zip(counts).take(TABLE_BITS as usize + 1) {
            for symbol in symbols.by_ref().take(usize::from(count)) {
                let width = 1 << (TABLE_BITS - u32::from(length));
                if let Some(entries) = self.table.get_mut(filled..filled + width) {
                    entries.fill(symbol << 4 | length);
                }
                filled += width;
            }
        }
        if let Some(rest) = self.table.get_mut(filled..) {
            rest.fill(0);
        }
        Ok(())
    }

    /// Decodes the next symbol and takes its bits. At least 16 bits must be loaded.
    #[inline(always)]
    pub(super) fn symbol(&self, bits: &mut Bits<'_>) -> Result<u16, LzxFault> {
        let entry = self.table[bits.look(TABLE_BITS) as usize];
        if entry == 0 {
            return self.long_symbol(bits);
        }
        bits.drop_bits(u32::from(entry & 15));
        Ok(entry >> 4)
    }

    #[cold]
    fn long_symbol(&self, bits: &mut Bits<'_>) -> Result<u16, LzxFault> {
        let code = bits.look(16);
        for length in TABLE_BITS + 1..=16 {
            let index = length as usize;
            if code < self.limits[index] {
                let code = i32::try_from(code >> (16 - length)).unwrap_or(i32::MAX);
                let place = usize::try_from(code + self.offsets[index]).unwrap_or(usize::MAX);
                bits.drop_bits(length);
                return self.symbols.get(place).copied().ok_or("a code without a symbol");
            }
        }
        Err("a symbol of a tree that has no symbols")
    }
}

/// Reads code lengths into `lengths`. The stream has the differences to the lengths of the previous
/// block, coded with a small tree, `pre`, that is read first.
pub(super) fn read_lengths(
    bits: &mut Bits<'_>,
    pre: &mut HuffmanTree,
    lengths: &mut [u8],
) -> Result<(), LzxFault> {
    let mut pre_lengths = [0; PRE_SYMBOLS];
    for length in &mut pre_lengths {
        bits.refill()?;
        *length = u8::try_from(bits.take(4)).unwrap_or_default();
    }
    pre.build(&pre_lengths)?;
    let changed = |before: u8, by: u16| match by {
        0..=16 => Ok(u8::try_from((u16::from(before) + 17 - by) % 17).unwrap_or_default()),
        _ => Err("a run in a run of code lengths"),
    };
    let mut at = 0;
    while let Some(before) = lengths.get(at).copied() {
        bits.refill()?;
        let (count, length) = match pre.symbol(bits)? {
            17 => (4 + bits.take(4), 0),
            18 => (20 + bits.take(5), 0),
            19 => (4 + bits.take(1), changed(before, pre.symbol(bits)?)?),
            by => (1, changed(before, by)?),
        };
        let end = at + count as usize;
        lengths.get_mut(at..end).ok_or("more code lengths than symbols")?.fill(length);
        at = end;
    }
    Ok(())
}
