//! Decompresses data blocks into the bytes of a folder.

mod block;
mod lzx;
mod mszip;

pub(crate) use block::{MAX_INPUT_BYTES, MAX_OUTPUT_BYTES};

use self::block::Fault;
use self::lzx::Lzx;
use self::mszip::Mszip;
use super::compression::Compression;

/// The state of one folder's decompression, and the output of its last block.
pub(crate) enum Decoder {
    None(Vec<u8>),
    Mszip(Box<Mszip>),
    Lzx(Box<Lzx>),
}

impl Decoder {
    pub(crate) fn new(compression: Compression) -> Self {
        match compression {
            Compression::None | Compression::Unsupported { .. } => Self::None(Vec::new()),
            Compression::Mszip => Self::Mszip(Box::new(Mszip::new())),
            Compression::Lzx { window_bits } => Self::Lzx(Box::new(Lzx::new(window_bits))),
        }
    }

    /// Decodes the next block. Its output has `size` bytes, at most [`MAX_OUTPUT_BYTES`].
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

    /// Returns the output of the last block.
    pub(crate) fn output(&self) -> &[u8] {
        match self {
            Self::None(output) => output,
            Self::Mszip(mszip) => mszip.output(),
            Self::Lzx(lzx) => lzx.output(),
        }
    }
}
