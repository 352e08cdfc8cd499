//! Decompresses data blocks into the bytes of a folder.

mod block;
mod lzx;
mod mszip;

pub(crate) use block::{BlockFault, MAX_INPUT_BYTES, MAX_OUTPUT_BYTES};

use self::lzx::Lzx;
use self::mszip::Mszip;
use super::compression::Compression;

/// The decoder of one folder after another. The variant is the compression of the current folder.
#[derive(Default)]
pub(crate) enum Decoder {
    #[default]
    None,
    Mszip(Box<Mszip>),
    Lzx(Box<Lzx>),
}

impl Decoder {
    /// Begins a folder with this compression. Uses the memory of the previous folder again if the
    /// compression is the same.
    pub(crate) fn restart(&mut self, compression: Compression) {
        match (&mut *self, compression) {
            (Self::Mszip(mszip), Compression::Mszip) => mszip.restart(),
            (Self::Lzx(lzx), Compression::Lzx { window_bits }) if lzx.window_bits() == window_bits => {
                lzx.restart()
            }
            (_, Compression::None | Compression::Unsupported { .. }) => *self = Self::None,
            (_, Compression::Mszip) => *self = Self::Mszip(Box::new(Mszip::new())),
            (_, Compression::Lzx { window_bits }) => *self = Self::Lzx(Box::new(Lzx::new(window_bits))),
        }
    }

    /// Decodes the next block in place. `size` is the expected size of the output in bytes, at most
    /// [`MAX_OUTPUT_BYTES`].
    pub(crate) fn decode(&mut self, block: &mut Vec<u8>, size: usize) -> Result<(), BlockFault> {
        let output = match self {
            Self::None if block.len() == size => return Ok(()),
            Self::None => {
                let expected = format!("{size} bytes in an uncompressed block of as many");
                return Err(BlockFault::new(expected, format!("{} bytes", block.len())));
            }
            Self::Mszip(mszip) => {
                mszip.decode(block, size)?;
                mszip.output()
            }
            Self::Lzx(lzx) => {
                lzx.decode(block, size)?;
                lzx.output()
            }
        };
        block.clear();
        block.extend_from_slice(output);
        Ok(())
    }
}
