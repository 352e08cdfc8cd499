//! MSZIP ([MS-MCI]).

use flate2::{Decompress, FlushDecompress, Status};

use super::block::{Fault, MAX_OUTPUT_BYTES};

/// MSZIP ([MS-MCI]). Each block consists of the letters `CK` and a whole raw deflate stream (RFC 1951). Its matches may
/// refer to the 32 KiB of output before the block.
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

    pub(super) fn output(&self) -> &[u8] {
        &self.output
    }

    pub(super) fn decode(&mut self, block: &[u8], size: usize) -> Result<(), Fault> {
        let Some(deflated) = block.strip_prefix(b"CK") else {
            let begin = block.get(..2).unwrap_or(block);
            return Err(Fault::new("`CK` before MSZIP data", format!("bytes {begin:02x?}")));
        };
        self.remember();
        self.inflate.reset(false);
        if !self.history.is_empty() {
            let set = self.inflate.set_dictionary(&self.history);
            set.map_err(|error| Fault::new("the bytes before the block", error.to_string()))?;
        }
        self.output.resize(size, 0);
        let expected = || format!("a deflate stream of {size} bytes");
        match self.inflate.decompress(deflated, &mut self.output, FlushDecompress::Finish) {
            Ok(Status::StreamEnd) if self.inflate.total_out() == size as u64 => Ok(()),
            Ok(Status::StreamEnd) => {
                Err(Fault::new(expected(), format!("one of {} bytes", self.inflate.total_out())))
            }
            Ok(Status::Ok | Status::BufError) => {
                let found = if self.inflate.total_out() < size as u64 {
                    "one that ends too early"
                } else {
                    "a longer one"
                };
                Err(Fault::new(expected(), found))
            }
            Err(_) => {
                let found = format!(
                    "one with a wrong code or a match from before its begin, at most {} bytes in",
                    self.inflate.total_out()
                );
                Err(Fault::new(expected(), found))
            }
        }
    }

    /// Appends the output of the last block to the history. A block of full size replaces the whole history.
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
