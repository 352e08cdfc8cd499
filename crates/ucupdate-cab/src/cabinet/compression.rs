//! How the data of a folder is compressed.

use std::fmt;

/// How a folder is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    None,
    /// MSZIP: deflate in blocks of 32 KiB.
    Mszip,
    /// LZX.
    Lzx {
        /// The window, 15 to 21: it has 2 to that power bytes.
        window_bits: u8,
    },
}

impl Compression {
    /// LZX with a window of so many bits; `None` where the format has no such window.
    pub fn lzx(window_bits: u8) -> Option<Self> {
        (15..=21).contains(&window_bits).then_some(Self::Lzx { window_bits })
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("no compression"),
            Self::Mszip => f.write_str("MSZIP"),
            Self::Lzx { window_bits } => write!(f, "LZX with a window of {window_bits} bits"),
        }
    }
}
