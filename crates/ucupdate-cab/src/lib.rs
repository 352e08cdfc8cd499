#![doc = include_str!("../README.md")]

mod cabinet;
mod code_page;
mod error;
pub mod laws;
mod limits;
pub mod package;
mod path;

pub use cabinet::{
    Attributes, BuildError, Cabinet, CabinetBuilder, Compression, Entry, FileReader, Finished,
    self_extracting,
};
pub use code_page::CodePage;
pub use error::{CabError, Item, Place};
pub use limits::Limits;
pub use path::{NameProblem, SafePath};
