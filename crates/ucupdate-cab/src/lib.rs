#![doc = include_str!("../README.md")]

mod builder;
mod cabinet;
mod code_page;
mod error;
pub mod laws;
mod limits;
mod names;
pub mod package;

pub use builder::{BuildError, CabinetBuilder, self_extracting};
pub use cabinet::{Attributes, Cabinet, Compression, Entry, FileReader, Finished};
pub use code_page::CodePage;
pub use error::{CabError, Item, Place};
pub use limits::Limits;
pub use names::{NameProblem, SafePath};
