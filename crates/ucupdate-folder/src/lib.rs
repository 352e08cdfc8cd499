#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod folder;
mod staged;

pub use folder::{Folder, FoundFile};
pub use staged::Staged;
