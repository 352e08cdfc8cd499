//! Reads cabinets in one pass. Each folder is decompressed once, and every number is bounded by
//! [`Limits`](crate::Limits).
//!
//! The format is Microsoft's: [MS-CAB] (*Cabinet File Format*), [MS-MCI] (MSZIP), and LZX as in [MS-PATCH] without its
//! delta extensions. Where these documents leave a choice, this reader takes the strict one. The files of a folder must
//! follow one another without a gap or an overlap, and must fill the folder. Then a damaged size or offset cannot shift
//! the bytes of a file.

mod ahead;
mod blocks;
#[cfg(feature = "build")]
mod builder;
mod checksum;
mod codec;
mod compression;
mod entry;
mod header;
mod irregularity;
mod reader;
mod set;
mod source;
mod stub;

#[cfg(feature = "build")]
pub use builder::{BuildError, CabinetBuilder, self_extracting};
pub use compression::Compression;
pub use entry::{Attributes, FileEntry};
pub use irregularity::Irregularity;
pub use reader::{Cabinet, FileReader, Finished};
