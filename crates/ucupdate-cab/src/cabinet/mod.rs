//! The container: reading cabinets forward only, with each folder decompressed once and every number bounded by
//! [`Limits`](crate::Limits).
//!
//! The format is Microsoft's: [MS-CAB] (*Cabinet File Format*), [MS-MCI] (MSZIP), and LZX as in [MS-PATCH] without
//! its delta extensions. Where they leave a choice, this reader is strict: the files of a folder must lie in it one
//! after another without gap or overlap and fill it, so that a damaged size or offset cannot shift a file's bytes.

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
