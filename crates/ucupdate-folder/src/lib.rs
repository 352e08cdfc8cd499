#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod folder;
mod regular;
mod staged;

pub use folder::{Folder, FoundFile};
pub use regular::open_regular;
pub use staged::Staged;
