//! Decodes MSZIP ([MS-MCI]).

use flate2::{Decompress, FlushDecompress, Status};

use super::block::{BlockFault, MAX_OUTPUT_BYTES};

/// Decoder of MSZIP ([MS-MCI]). Each block consists of the letters `CK` and a complete raw deflate
/// stream (RFC 1951). Matches in a block may refer to the 32 KiB of output before the block.
///
/// The output of a block has at most 32 KiB, and the history is kept from block to block ([MS-MCI]
/// section 2). After a block of less than 32 KiB, a match can therefore refer to output of several
/// earlier blocks. zlib with the history as its dictionary decodes the same bytes. Other tools
/// treat such a match differently: cabextract begins its window again with each block, and 7-Zip
/// reports a data error.
pub(crate) struct Mszip {
    inflate: Decompress,
    output: Vec<u8>,
    /// The last 32 KiB of output before the next block.
    history: Vec<u8>,
}

impl Mszip {
    pub(super) fn new() -> Self {
        Self {
            inflate: Decompress::new(false),
            output: Vec::with_capacity(MAX_OUTPUT_BYTES),
            history: Vec::with_capacity(MAX_OUTPUT_BYTES),
        }
    }

    /// Begins a folder of the cabinet. Its first block cannot refer to output of the folder before.
    pub(super) fn restart(&mut self) {
        self.output.clear();
        self.history.clear();
    }

    pub(super) fn output(&self) -> &[u8] {
        &self.output
    }

    pub(super) fn decode(&mut self, block: &[u8], size: usize) -> Result<(), BlockFault> {
        let Some(deflated) = block.strip_prefix(b"CK") else {
            let begin = block.get(..2).unwrap_or(block);
            return Err(BlockFault::new("`CK` before MSZIP data", format!("bytes {begin:02x?}")));
        };
        self.remember();
        self.inflate.reset(false);
        if !self.history.is_empty() {
            let set = self.inflate.set_dictionary(&self.history);
            set.map_err(|error| BlockFault::new("the bytes before the block", error.to_string()))?;
        }
        self.output.resize(size, 0);
        let expected = || format!("a deflate stream of {size} bytes");
        match self.inflate.decompress(deflated, &mut self.output, FlushDecompress::Finish) {
            Ok(Status::StreamEnd) if self.inflate.total_out() == size as u64 => Ok(()),
            Ok(Status::StreamEnd) => {
                Err(BlockFault::new(expected(), format!("one of {} bytes", self.inflate.total_out())))
            }
            Ok(Status::Ok | Status::BufError) => {
                let found = if self.inflate.total_out() < size as u64 {
                    "one that ends too early"
                } else {
                    "a longer one"
                };
                Err(BlockFault::new(expected(), found))
            }
            Err(_) => {
                let found = format!(
                    "one with a wrong code or a match from before its begin, at most {} bytes in",
                    self.inflate.total_out()
                );
                Err(BlockFault::new(expected(), found))
            }
        }
    }

    /// Appends the output of the last block to the history. An output of 32 KiB replaces the whole
    /// history.
    fn remember(&mut self) {
        if self.output.len() == MAX_OUTPUT_BYTES {
            std::mem::swap(&mut self.history, &mut self.output);
            return;
        }
        let kept = MAX_OUTPUT_BYTES - self.output.len();
        let dropped = self.history.len().saturating_sub(kept);
        self.history.drain(..dropped);
        self.history.extend_from_slice(&self.output);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compress, Compression, FlushCompress};

    /// Returns `size` bytes. A sequence of 3000 bytes is repeated until this size is reached.
    fn repeated(size: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let once: Vec<u8> = std::iter::repeat_with(next).take(3000).collect();
        once.into_iter().cycle().take(size).collect()
    }

    fn compressed(data: &[u8], history: &[u8]) -> Vec<u8> {
        let mut deflate = Compress::new(Compression::best(), false);
        if !history.is_empty() {
            deflate.set_dictionary(history).unwrap();
        }
        let mut block = b"CK".to_vec();
        block.reserve(2 * data.len() + 100);
        let status = deflate.compress_vec(data, &mut block, FlushCompress::Finish).unwrap();
        assert_eq!(status, Status::StreamEnd);
        block
    }

    #[test]
    fn a_match_reaches_32_kib_back_through_blocks_of_any_size() {
        let sizes = [1000, 1000, 1000, 1, 700, 2500, 32_768, 1000, 32_768, 5];
        let data = repeated(sizes.iter().sum());
        let mut mszip = Mszip::new();
        let mut at = 0_usize;
        for size in sizes {
            let history = &data[at.saturating_sub(MAX_OUTPUT_BYTES)..at];
            let block = compressed(&data[at..at + size], history);
            assert!(
                at < 3000 || block.len() < 3000.min(size + 20),
                "the block has matches from before its begin"
            );
            mszip.decode(&block, size).unwrap();
            assert_eq!(mszip.output(), &data[at..at + size], "{size} bytes at {at}");
            at += size;
        }
    }
}
