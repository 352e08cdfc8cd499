#![doc = include_str!("../README.md")]

mod downloads;
pub mod inventory;
pub mod loops;
pub mod outcomes;
mod pairing;
mod schemes;
pub mod simulate;
pub mod timeline;
