//! Decodes the folders of a cabinet in order. In large cabinets, blocks are read ahead and decoded on other threads.
//!
//! The calling thread reads all blocks in the order of the data. It receives the decoded bytes and
//! the errors of the blocks in the same order. When it has read all blocks of a folder, it begins
//! to read the blocks of the next folder, and a second thread decodes these.

use std::collections::VecDeque;
use std::io::Read;
use std::ops::Range;

use super::blocks::{EncodedBlock, FolderBlocks, InputPart};
use super::codec::{Decoder, MAX_INPUT_BYTES};
use super::compression::Compression;
use super::set::CabinetFolder;
use crate::error::CabError;
use crate::options::CabinetOptions;
use crate::worker_thread::WorkerThread;

/// The number of folders that are decoded at the same time.
const LANES: usize = 2;

/// The largest number of decoded blocks that a thread returns together.
const BATCH_BLOCKS: usize = 8;

/// Decoder of the folders of a cabinet, with the decoded bytes of the last block.
pub(crate) struct FolderDecoder {
    /// The folders whose blocks are being read, at most [`LANES`]. The first one is the current
    /// folder: its bytes are delivered to the reader of the cabinet.
    open: VecDeque<OpenFolder>,
    /// The decoders, which are called lanes. Two folders that follow each other use different
    /// lanes.
    lanes: [Lane; LANES],
    /// The bytes of the last received block.
    block: Vec<u8>,
    /// The range of `block` that was not yet delivered to the reader of the cabinet.
    ready: Range<usize>,
    /// The number of decoded bytes of the current folder that were received from its decoder.
    received: u64,
    /// Buffers of earlier blocks, which the next blocks use again.
    buffers: Vec<Vec<u8>>,
    /// The number of blocks of all open folders that were read and not received yet.
    in_flight: usize,
    /// The largest allowed value of `in_flight`.
    max_in_flight: usize,
    /// The number of bytes that the calling thread still decodes before it starts other threads.
    single_thread_bytes: u64,
}

struct OpenFolder {
    index: usize,
    lane: usize,
    blocks: FolderBlocks,
    in_flight: usize,
    /// The error that ended the reading of the blocks. It is reported when all blocks before it
    /// were received.
    failure: Option<CabError>,
}

/// A decoder, on the calling thread or on its own thread. Each lane decodes one folder at a time.
enum Lane {
    /// Decodes on the calling thread. The second value is a decoded block that was not received yet.
    Caller(Decoder, Option<EncodedBlock>),
    Worker(WorkerThread<EncodedBlock, Decoder>),
}

impl FolderDecoder {
    pub(crate) fn new(options: &CabinetOptions) -> Self {
        // The buffer of a block has room for the largest input, which is larger than the largest output.
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
            single_thread_bytes: options.single_thread_bytes,
        }
    }

    /// Returns the index of the current folder, whose bytes are delivered. `None` if no folder is
    /// open.
    pub(crate) fn folder(&self) -> Option<usize> {
        self.open.front().map(|open| open.index)
    }

    /// Starts to deliver the bytes of a folder. `index` must be the index of the next folder that
    /// has bytes.
    pub(crate) fn open(&mut self, index: usize) {
        if self.open.is_empty() {
            self.open.push_back(OpenFolder::new(index, 0));
        }
        debug_assert_eq!(self.folder(), Some(index));
    }

    /// Ends the current folder. Returns the folder if some of its bytes or blocks were not
    /// delivered, because they belong to no file.
    pub(crate) fn close<'a>(&mut self, folders: &'a [CabinetFolder]) -> Option<&'a CabinetFolder> {
        let open = self.open.pop_front()?;
        self.received = 0;
        let has_ready = !std::mem::take(&mut self.ready).is_empty();
        folders.get(open.index).filter(|folder| has_ready || open.blocks.has_more(folder))
    }

    pub(crate) fn ready(&self) -> Range<usize> {
        self.ready.clone()
    }

    /// Returns the offset of the next byte to deliver, in bytes from the start of the folder.
    pub(crate) fn position(&self) -> u64 {
        self.received - self.ready.len() as u64
    }

    /// Delivers at most `most` bytes. Returns their range in the last received block, for
    /// [`bytes`](Self::bytes).
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
        folders: &[CabinetFolder],
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

    /// Reads blocks until the allowed number is in flight. Blocks after the last file of a folder
    /// are not read.
    fn read_ahead<R: Read>(&mut self, folders: &[CabinetFolder], parts: &mut [InputPart<R>]) {
        while let Some(open) = self.open.back_mut()
            && let Some(folder) = folders.get(open.index)
            && open.failure.is_none()
        {
            let lane = &mut self.lanes[open.lane];
            if self.single_thread_bytes == 0
                && self.max_in_flight > 1
                && folder.compression != Compression::None
            {
                lane.start_thread();
            }
            let is_caller = matches!(lane, Lane::Caller(..));
            if self.in_flight >= if is_caller { 1 } else { self.max_in_flight } {
                return;
            }
            if open.blocks.size() < folder.bytes {
                let buffer = self.buffers.pop().unwrap_or_else(|| Vec::with_capacity(MAX_INPUT_BYTES));
                match open.blocks.next_block(folder, parts, buffer) {
                    Ok(block) => {
                        if is_caller {
                            self.single_thread_bytes =
                                self.single_thread_bytes.saturating_sub(block.size as u64);
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
            if is_caller || self.open.len() == LANES {
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
        Self::Caller(Decoder::default(), None)
    }
}

impl Lane {
    /// Moves the decoder to a new thread. If no thread can be started, the calling thread keeps
    /// decoding.
    fn start_thread(&mut self) {
        if let Self::Caller(decoder, None) = self {
            *self = match WorkerThread::start("unpacking", std::mem::take(decoder), BATCH_BLOCKS, decode) {
                Ok(thread) => Self::Worker(thread),
                Err(decoder) => Self::Caller(decoder, None),
            };
        }
    }

    fn send(&mut self, mut block: EncodedBlock) {
        match self {
            Self::Caller(decoder, done) => {
                decode(decoder, &mut block);
                *done = Some(block);
            }
            Self::Worker(thread) => thread.send(block),
        }
    }

    fn receive(&mut self) -> Option<EncodedBlock> {
        match self {
            Self::Caller(_, done) => done.take(),
            Self::Worker(thread) => {
                let block = thread.receive();
                if block.is_none()
                    && let Self::Worker(thread) = std::mem::take(self)
                {
                    // The thread panicked. This panics too.
                    thread.end();
                }
                block
            }
        }
    }
}

fn decode(decoder: &mut Decoder, block: &mut EncodedBlock) {
    if let Some(compression) = block.begins {
        decoder.restart(compression);
    }
    block.fault = decoder.decode(&mut block.bytes, block.size).err();
}
