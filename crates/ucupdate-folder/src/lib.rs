#![doc = include_str!("../README.md")]

mod folder;
mod staged;

pub use folder::{Folder, FoundFile};
pub use staged::Staged;
