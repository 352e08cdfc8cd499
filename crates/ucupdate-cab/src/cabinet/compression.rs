//! The compression of a folder in a cabinet.

use std::fmt;

/// The compression of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// The data is stored as it is.
    None,
    /// MSZIP: deflate in blocks of 32 KiB.
    Mszip,
    /// LZX with a window.
    Lzx {
        /// The window has 2^`window_bits` bytes, and `window_bits` is 15 to 21.
        window_bits: u8,
    },
    /// A compression that is not supported, such as Quantum. The files of such folders are not read.
    Unsupported {
        /// The type in the folder's entry (`typeCompress`).
        kind: u16,
    },
}

impl Compression {
    /// Returns LZX with a window of 2^`window_bits` bytes. `None` if `window_bits` is not 15 to 21.
    pub fn lzx(window_bits: u8) -> Option<Self> {
        (15..=21).contains(&window_bits).then_some(Self::Lzx { window_bits })
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("no compression"),
            Self::Mszip => f.write_str("MSZIP"),
            Self::Unsupported { kind } if kind & 0xF == 2 => f.write_str("Quantum compression"),
            Self::Unsupported { kind } if kind & 0xF == 3 => {
                write!(f, "LZX with a window of {} bits", kind >> 8 & 0x1F)
            }
            Self::Unsupported { kind } => write!(f, "compression type {kind:#06x}"),
            Self::Lzx { window_bits } => write!(f, "LZX with a window of {window_bits} bits"),
        }
    }
}
