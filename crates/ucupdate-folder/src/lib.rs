#![doc = include_str!("../README.md")]

mod folder;
mod staged;

pub use folder::{Folder, Found};
pub use staged::Staged;
