//! The decoded bytes of the folders, in order. In large cabinets, blocks are read ahead and decoded on other threads.
//!
//! The calling thread reads all blocks in the order of the data, and gets their bytes and their errors in the same order.
//! After a folder was read to its end, the next one is decoded at the same time, on a thread of its own.

use std::collections::VecDeque;
use std::io::Read;
use std::ops::Range;

use super::blocks::{Block, FolderBlocks, InputPart};
use super::codec::{Decoder, MAX_INPUT_BYTES};
use super::compression::Compression;
use super::set::Folder;
use crate::error::CabError;
use crate::options::CabinetOptions;
use crate::second::Second;

/// The number of folders that are decoded at the same time.
const LANES: usize = 2;

/// The number of blocks that a thread gives back together.
const BATCH_BLOCKS: usize = 8;

/// The folders that are being read, and the decoded bytes of the last block.
pub(crate) struct Ahead {
    /// The first folder is the one whose bytes are delivered.
    open: VecDeque<OpenFolder>,
    /// Folders take turns on the lanes.
    lanes: [Lane; LANES],
    /// The bytes of the last received block, and the range of them that was not delivered yet.
    block: Vec<u8>,
    ready: Range<usize>,
    /// The number of received bytes of the first folder.
    received: u64,
    /// Buffers for the next blocks.
    buffers: Vec<Vec<u8>>,
    /// The number of blocks that were read and not received, and its largest value.
    in_flight: usize,
    max_in_flight: usize,
    /// The number of bytes that the calling thread still decodes itself before it starts other threads.
    here_bytes: u64,
}

/// A folder whose blocks are being read.
struct OpenFolder {
    index: usize,
    lane: usize,
    blocks: FolderBlocks,
    in_flight: usize,
    /// The error that ended the reading of its blocks.
    failure: Option<CabError>,
}

/// Decodes the blocks of one folder after another.
enum Lane {
    /// Decodes on the calling thread. The block was decoded and is not received yet.
    Here(Decoder, Option<Block>),
    There(Second<Block, Decoder>),
}

impl Ahead {
    pub(crate) fn new(options: &CabinetOptions) -> Self {
        // Each block has a buffer for the largest input, which is larger than the largest output.
        let max_in_flight = options.limits.ahead_bytes / MAX_INPUT_BYTES as u64;
        Self {
            open: VecDeque::new(),
            lanes: [Lane::default(), Lane::default()],
            block: Vec::new(),
            ready: 0..0,
            received: 0,
            buffers: Vec::new(),
            in_flight: 0,
            max_in_flight: usize::try_from(max_in_flight).unwrap_or(usize::MAX),
            here_bytes: options.here_bytes,
        }
    }

    /// Returns the index of the folder whose bytes are delivered.
    pub(crate) fn folder(&self) -> Option<usize> {
        self.open.front().map(|open| open.index)
    }

    /// Begins to deliver a folder, which must be the next one that has bytes.
    pub(crate) fn open(&mut self, index: usize) {
        if self.open.is_empty() {
            self.open.push_back(OpenFolder::new(index, 0));
        }
        debug_assert_eq!(self.folder(), Some(index));
    }

    /// Ends the current folder, whose files were delivered. Returns its index if it has bytes or blocks after its files.
    pub(crate) fn close(&mut self, folders: &[Folder]) -> Option<usize> {
        let open = self.open.pop_front()?;
        self.received = 0;
        let has_tail = !self.ready.is_empty()
            || folders.get(open.index).is_some_and(|folder| open.blocks.has_more(folder));
        self.ready = 0..0;
        has_tail.then_some(open.index)
    }

    pub(crate) fn ready(&self) -> Range<usize> {
        self.ready.clone()
    }

    /// Returns the offset of the next byte to deliver, in bytes from the start of the folder.
    pub(crate) fn position(&self) -> u64 {
        self.received - self.ready.len() as u64
    }

    /// Delivers at most `most` decoded bytes, as a range in the last block.
    pub(crate) fn deliver(&mut self, most: usize) -> Range<usize> {
        let end = self.ready.end.min(self.ready.start.saturating_add(most));
        let range = self.ready.start..end;
        self.ready.start = end;
        range
    }

    pub(crate) fn bytes(&self, range: Range<usize>) -> &[u8] {
        self.block.get(range).unwrap_or_default()
    }

    /// Receives the next block of the current folder, so that bytes are ready.
    pub(crate) fn next_block<R: Read>(
        &mut self,
        folders: &[Folder],
        parts: &mut [InputPart<R>],
    ) -> Result<(), CabError> {
        self.read_ahead(folders, parts);
        let Some(open) = self.open.front_mut() else { return Err(CabError::GivenUp) };
        if open.in_flight == 0 {
            return Err(open.failure.take().unwrap_or(CabError::GivenUp));
        }
        let block = self.lanes[open.lane].receive().ok_or(CabError::GivenUp)?;
        open.in_flight -= 1;
        self.in_flight -= 1;
        if let Some(fault) = block.fault {
            return Err(CabError::damaged(block.what, block.at, fault.expected, fault.found));
        }
        self.buffers.push(std::mem::replace(&mut self.block, block.bytes));
        self.ready = 0..self.block.len();
        self.received += self.block.len() as u64;
        Ok(())
    }

    /// Reads blocks until as many are in flight as allowed. Blocks after the last file of a folder are not read.
    fn read_ahead<R: Read>(&mut self, folders: &[Folder], parts: &mut [InputPart<R>]) {
        while let Some(open) = self.open.back_mut()
            && let Some(folder) = folders.get(open.index)
            && open.failure.is_none()
        {
            let lane = &mut self.lanes[open.lane];
            if self.here_bytes == 0 && self.max_in_flight > 1 && folder.compression != Compression::None {
                lane.start_thread();
            }
            let is_here = matches!(lane, Lane::Here(..));
            if self.in_flight >= if is_here { 1 } else { self.max_in_flight } {
                return;
            }
            if open.blocks.size() < folder.bytes {
                let buffer = self.buffers.pop().unwrap_or_else(|| Vec::with_capacity(MAX_INPUT_BYTES));
                match open.blocks.next_block(folder, parts, buffer) {
                    Ok(block) => {
                        if is_here {
                            self.here_bytes = self.here_bytes.saturating_sub(block.size as u64);
                        }
                        lane.send(block);
                        open.in_flight += 1;
                        self.in_flight += 1;
                    }
                    Err(error) => open.failure = Some(error),
                }
                continue;
            }
            let (after, lane) = (open.index + 1, open.lane);
            if is_here || self.open.len() == LANES {
                return;
            }
            let Some(next) = (after..folders.len()).find(|index| folders[*index].is_read()) else { return };
            self.open.push_back(OpenFolder::new(next, (lane + 1) % LANES));
        }
    }
}

impl OpenFolder {
    fn new(index: usize, lane: usize) -> Self {
        Self { index, lane, blocks: FolderBlocks::default(), in_flight: 0, failure: None }
    }
}

impl Default for Lane {
    fn default() -> Self {
        Self::Here(Decoder::default(), None)
    }
}

impl Lane {
    /// Moves the decoder to a thread of its own, if one can be started.
    fn start_thread(&mut self) {
        if let Self::Here(decoder, None) = self {
            *self = match Second::begin("unpacking", std::mem::take(decoder), BATCH_BLOCKS, decode) {
                Ok(second) => Self::There(second),
                Err(decoder) => Self::Here(decoder, None),
            };
        }
    }

    fn send(&mut self, mut block: Block) {
        match self {
            Self::Here(decoder, done) => {
                decode(decoder, &mut block);
                *done = Some(block);
            }
            Self::There(second) => second.send(block),
        }
    }

    fn receive(&mut self) -> Option<Block> {
        match self {
            Self::Here(_, done) => done.take(),
            Self::There(second) => {
                let block = second.receive();
                if block.is_none()
                    && let Self::There(second) = std::mem::take(self)
                {
                    // The thread panicked. This panics too.
                    second.end();
                }
                block
            }
        }
    }
}

/// Decodes a block in place.
fn decode(decoder: &mut Decoder, block: &mut Block) {
    if let Some(compression) = block.begins {
        decoder.restart(compression);
    }
    block.fault = decoder.decode(&mut block.bytes, block.size).err();
}
