#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod disk;
mod folder;
mod local_store;
mod pages;
mod real_disk;
mod staging;
mod synced;

pub use disk::{Disk, DiskEntry, EntryKind, Lock, ReadFile, WriteFile};
pub use local_store::LocalStore;
pub use real_disk::RealDisk;
