#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod cabinet;
mod code_page;
mod error;
mod hashing;
#[cfg(feature = "fuzzing")]
pub mod laws;
mod limits;
mod options;
pub mod package;
mod path;
mod worker_thread;

pub use cabinet::{Attributes, Cabinet, Compression, FileEntry, FileReader, Finished, Irregularity};
#[cfg(feature = "build")]
pub use cabinet::{BuildError, CabinetBuilder, self_extracting};
pub use code_page::CodePage;
pub use error::{CabError, Position, Structure};
pub use limits::CabinetLimits;
pub use options::CabinetOptions;
pub use path::{NameProblem, SafePath};
