//! Reads the data blocks of a folder ([MS-CAB] 2.4), one after another, from all parts that contain
//! the folder.

use std::io::Read;

use super::checksum::checksum;
use super::codec::{BlockFault, MAX_INPUT_BYTES, MAX_OUTPUT_BYTES};
use super::compression::Compression;
use super::header::{u16_at, u32_at};
use super::irregularity::Irregularity;
use super::set::{CabinetFolder, FolderPiece};
use super::source::InputBuffer;
use crate::error::{CabError, Position, Structure};

/// The size of a block's header without its reserve area, in bytes.
const BLOCK_BYTES: usize = 8;

/// The input of one part of a set, or of a single cabinet. The tables of the part were read
/// already.
pub(crate) struct InputPart<R> {
    pub(crate) source: InputBuffer<R>,
    /// The length of the part in bytes. At first it is the length that the header states. If a
    /// block ends after this length, the end of the block replaces it. If the input ends earlier,
    /// the number of bytes that were read replaces it.
    pub(crate) bytes: u64,
    pub(crate) block_reserve: u8,
    pub(crate) reserve: Box<[u8]>,
    lengths: PartLengths,
    is_drained: bool,
}

/// The length of a part that its header states, and the largest length that the limits allow. Both
/// are in bytes.
pub(crate) struct PartLengths {
    pub(crate) stated: u64,
    pub(crate) limit: u64,
}

impl<R: Read> InputPart<R> {
    pub(crate) fn new(
        source: InputBuffer<R>,
        lengths: PartLengths,
        block_reserve: u8,
        reserve: Box<[u8]>,
    ) -> Self {
        Self { source, bytes: lengths.stated, block_reserve, reserve, lengths, is_drained: false }
    }

    /// Reads to the end of the part. If the input ends too early, this is no error:
    /// [`irregularity`](Self::irregularity) then reports it.
    pub(crate) fn drain(&mut self) -> Result<(), CabError> {
        if self.is_drained {
            return Ok(());
        }
        match self.source.skip_to(self.bytes, Structure::End) {
            Err(CabError::Truncated { .. }) => self.bytes = self.source.taken(),
            other => other?,
        }
        self.is_drained = true;
        Ok(())
    }

    /// Returns an irregularity if the length of the part differs from the length in its header.
    /// `number` is the number of the part, counted from 1.
    pub(crate) fn irregularity(&self, number: u16) -> Option<Irregularity> {
        (self.bytes != self.lengths.stated).then_some(Irregularity::Length {
            part: number,
            stated: self.lengths.stated,
            found: self.bytes,
        })
    }

    /// Makes room for the next structure of the part, which has `bytes` bytes. If the structure
    /// goes beyond the end of the part, moves the end, because the header may state too small a
    /// length. Fails above the limit `cabinet_bytes`.
    fn extend(&mut self, bytes: usize) -> Result<(), CabError> {
        let end = self.source.taken() + bytes as u64;
        if end > self.bytes {
            CabError::above("cabinet_bytes", "cabinet has bytes:", self.lengths.limit, end)?;
            self.bytes = end;
            self.source.set_cabinet_bytes(end);
        }
        Ok(())
    }
}

/// A block that was read. Decoding replaces the compressed bytes by the uncompressed ones.
pub(crate) struct EncodedBlock {
    pub(crate) what: Structure,
    pub(crate) at: Position,
    /// The compression of the folder that begins with this block. `None` for later blocks of a
    /// folder.
    pub(crate) begins: Option<Compression>,
    pub(crate) bytes: Vec<u8>,
    /// The uncompressed size of the block in bytes.
    pub(crate) size: usize,
    pub(crate) fault: Option<BlockFault>,
}

#[derive(Default)]
pub(crate) struct FolderBlocks {
    /// The index of the current [`FolderPiece`]: the blocks of the folder that are in one part of the
    /// set.
    piece: usize,
    /// The number of blocks of the current piece that were read.
    of_piece: u16,
    /// The number of blocks that were read in all pieces.
    blocks: u32,
    /// The uncompressed size of the read blocks in bytes, as their headers state it.
    size: u64,
    /// The beginning of a block that continues in the next part.
    carried: Vec<u8>,
}

impl FolderBlocks {
    /// Returns the uncompressed size of the read blocks in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Reads the next block of the folder. The block takes over the memory of `buffer`. If the
    /// block is in a later part of the set, the parts before it are first read to their ends.
    pub(crate) fn next_block<R: Read>(
        &mut self,
        folder: &CabinetFolder,
        parts: &mut [InputPart<R>],
        mut buffer: Vec<u8>,
    ) -> Result<EncodedBlock, CabError> {
        loop {
            let piece = self.next_piece(folder)?;
            let (before, from) = parts.split_at_mut(piece.part.min(parts.len()));
            for part in before {
                part.drain()?;
                part.source.release();
            }
            let Some(part) = from.first_mut() else { return Err(self.ends_early(folder)) };
            if self.of_piece == 0 {
                seek(&mut part.source, folder, piece)?;
            }
            self.of_piece += 1;
            buffer.clear();
            if let Some(block) = self.read_block(folder, part, &mut buffer)? {
                return Ok(block);
            }
        }
    }

    /// Returns the piece of the folder that contains the next block. Fails if all blocks were read.
    fn next_piece<'a>(&mut self, folder: &'a CabinetFolder) -> Result<&'a FolderPiece, CabError> {
        loop {
            let Some(piece) = folder.pieces.get(self.piece) else { return Err(self.ends_early(folder)) };
            if self.of_piece < piece.blocks {
                return Ok(piece);
            }
            self.piece += 1;
            self.of_piece = 0;
        }
    }

    /// Reads one block. Returns `None` if the block continues in the next part.
    fn read_block<R: Read>(
        &mut self,
        folder: &CabinetFolder,
        part: &mut InputPart<R>,
        buffer: &mut Vec<u8>,
    ) -> Result<Option<EncodedBlock>, CabError> {
        let what = Structure::Block { folder: folder.number, block: self.blocks };
        let at = part.source.place();
        let head_bytes = BLOCK_BYTES + usize::from(part.block_reserve);
        part.extend(head_bytes)?;
        let head = part.source.need(head_bytes, what)?;
        let (sum, packed, size) =
            (u32_at(head, 0), usize::from(u16_at(head, 4)), usize::from(u16_at(head, 6)));
        check_sizes(what, at, packed + self.carried.len(), size)?;
        let whole = head_bytes + packed;
        part.extend(whole)?;
        let block = part.source.need(whole, what)?;
        let (head, data) = block.split_at(head_bytes.min(block.len()));
        check_sum(what, at, sum, head, data)?;
        if size == 0 {
            let goes_on = folder.pieces.get(self.piece + 1).is_some();
            let is_last = folder.pieces.get(self.piece).is_some_and(|piece| piece.blocks == self.of_piece);
            if !(goes_on && is_last) {
                let found = "one of no bytes, as stand only before the next part of a set";
                return Err(CabError::damaged(what, at, "a block that gives bytes", found));
            }
            // The block is counted when its end is read.
            self.carried.extend_from_slice(data);
            part.source.take(whole);
            return Ok(None);
        }
        buffer.append(&mut self.carried);
        buffer.extend_from_slice(data);
        part.source.take(whole);
        let begins = (self.blocks == 0).then_some(folder.compression);
        self.blocks += 1;
        self.size += size as u64;
        Ok(Some(EncodedBlock { what, at, begins, bytes: std::mem::take(buffer), size, fault: None }))
    }

    /// Returns whether the folder has blocks that were not read.
    pub(crate) fn has_more(&self, folder: &CabinetFolder) -> bool {
        let later: u64 = folder.pieces.iter().skip(self.piece + 1).map(|piece| u64::from(piece.blocks)).sum();
        let here = folder.pieces.get(self.piece).map_or(0, |piece| u64::from(piece.blocks - self.of_piece));
        later + here > 0
    }

    fn ends_early(&self, folder: &CabinetFolder) -> CabError {
        let expected = format!("{} bytes, those of its files", folder.bytes);
        let found = format!("{} in its {} data blocks", self.size, self.blocks);
        CabError::damaged(Structure::Folder(folder.number), folder.at, expected, found)
    }
}

/// Skips to the first block of a piece. Fails if this block begins before the current position.
fn seek<R: Read>(
    source: &mut InputBuffer<R>,
    folder: &CabinetFolder,
    piece: &FolderPiece,
) -> Result<(), CabError> {
    let what = Structure::Folder(folder.number);
    let first = u64::from(piece.first_block);
    if first < source.taken() {
        let expected = format!("its data behind byte {} of the cabinet", source.taken());
        return Err(CabError::damaged(what, folder.at, expected, format!("byte {first}")));
    }
    source.skip_to(first, what)
}

fn check_sizes(what: Structure, at: Position, packed: usize, size: usize) -> Result<(), CabError> {
    if packed > MAX_INPUT_BYTES {
        let expected = format!("at most {MAX_INPUT_BYTES} compressed bytes");
        return Err(CabError::damaged(what, at, expected, packed));
    }
    if size > MAX_OUTPUT_BYTES {
        let expected = format!("at most {MAX_OUTPUT_BYTES} bytes uncompressed");
        return Err(CabError::damaged(what, at, expected, size));
    }
    Ok(())
}

/// Checks the checksum of a block, which covers the data and the rest of the header. A checksum of zero means that
/// the block has no checksum.
///
/// By [MS-CAB] 2.4 the checksum covers the reserve area too. libmspack and gcab leave the reserve area out. Both forms
/// are accepted.
fn check_sum(what: Structure, at: Position, expected: u32, head: &[u8], data: &[u8]) -> Result<(), CabError> {
    if expected == 0 {
        return Ok(());
    }
    let of_data = checksum(data, 0);
    let with = |end: usize| checksum(head.get(4..end).unwrap_or_default(), of_data);
    let found = with(BLOCK_BYTES);
    if found != expected && with(head.len()) != expected {
        let found = format!("{found:#010x}");
        return Err(CabError::damaged(what, at, format!("the checksum {expected:#010x}"), found));
    }
    Ok(())
}
