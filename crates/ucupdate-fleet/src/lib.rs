#![doc = include_str!("../README.md")]

pub mod inventory;
pub mod timeline;
