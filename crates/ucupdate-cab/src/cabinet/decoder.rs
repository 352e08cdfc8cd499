//! From data blocks to the bytes of a folder.

use flate2::{Decompress, FlushDecompress, Status};

use super::Compression;
use super::lzx::Lzx;

/// The most bytes a block gives ([MS-CAB] 2.4, `cbUncomp`).
pub(crate) const MAX_OUTPUT_BYTES: usize = 32 * 1024;
/// The most compressed bytes of a block: LZX may add 6144 to what does not compress, MSZIP 12.
pub(crate) const MAX_INPUT_BYTES: usize = MAX_OUTPUT_BYTES + 6144;

/// What is wrong with a block: what was expected, and what was found.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) expected: String,
    pub(crate) found: String,
}

impl Fault {
    pub(crate) fn new(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { expected: expected.into(), found: found.into() }
    }
}

/// The state that goes from block to block of one folder, and the last block's bytes.
pub(crate) enum Decoder {
    None(Vec<u8>),
    Mszip(Box<Mszip>),
    Lzx(Box<Lzx>),
}

impl Decoder {
    pub(crate) fn new(compression: Compression) -> Self {
        match compression {
            Compression::None => Self::None(Vec::new()),
            Compression::Mszip => Self::Mszip(Box::new(Mszip::new())),
            Compression::Lzx { window_bits } => Self::Lzx(Box::new(Lzx::new(window_bits))),
        }
    }

    /// Decodes the next block, which gives `size` bytes, at most [`MAX_OUTPUT_BYTES`].
    pub(crate) fn decode(&mut self, block: &[u8], size: usize) -> Result<(), Fault> {
        match self {
            Self::None(output) => {
                if block.len() != size {
                    let expected = format!("{size} bytes in an uncompressed block of as many");
                    return Err(Fault::new(expected, format!("{} bytes", block.len())));
                }
                output.clear();
                output.extend_from_slice(block);
                Ok(())
            }
            Self::Mszip(mszip) => mszip.decode(block, size),
            Self::Lzx(lzx) => lzx.decode(block, size),
        }
    }

    /// The bytes of the block last decoded.
    pub(crate) fn output(&self) -> &[u8] {
        match self {
            Self::None(output) => output,
            Self::Mszip(mszip) => mszip.output(),
            Self::Lzx(lzx) => lzx.output(),
        }
    }
}

/// MSZIP ([MS-MCI]): each block is `CK` and a whole raw deflate stream (RFC 1951), which may refer to the 32 KiB
/// before the block.
pub(crate) struct Mszip {
    inflate: Decompress,
    output: Vec<u8>,
    /// What stands before the block to come: the last 32 KiB, the newest at the end.
    history: Vec<u8>,
}

impl Mszip {
    fn new() -> Self {
        Self {
            inflate: Decompress::new(false),
            output: Vec::with_capacity(MAX_OUTPUT_BYTES),
            history: Vec::with_capacity(MAX_OUTPUT_BYTES),
        }
    }

    fn output(&self) -> &[u8] {
        &self.output
    }

    fn decode(&mut self, block: &[u8], size: usize) -> Result<(), Fault> {
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
                let found =
                    if self.inflate.total_out() < size as u64 { "one cut off" } else { "a longer one" };
                Err(Fault::new(expected(), found))
            }
            Err(error) => Err(Fault::new(expected(), error.to_string())),
        }
    }

    /// Puts the last block behind the history. Whole blocks, as all but a folder's last one are, replace it.
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
