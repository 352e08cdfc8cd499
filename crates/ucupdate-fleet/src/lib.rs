#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod downloads;
pub mod inventory;
pub mod loops;
pub mod outcomes;
mod pairing;
mod schemes;
pub mod simulate;
pub mod timeline;
