//! Reads cabinets in one pass. Each folder is decompressed once, and every number is bounded by
//! [`CabinetLimits`](crate::CabinetLimits).
//!
//! The format is Microsoft's: [MS-CAB] (*Cabinet File Format*), [MS-MCI] (MSZIP), and LZX as in
//! [MS-PATCH] without its delta extensions. The reader accepts irregular cabinets that other tools
//! accept: files may share bytes, leave gaps, or end before the end of their folder. It reports
//! each such [`Irregularity`], and strict reading refuses the cabinet.

mod blocks;
#[cfg(feature = "build")]
mod builder;
mod checksum;
mod codec;
mod compression;
mod entry;
mod folder_decoder;
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
