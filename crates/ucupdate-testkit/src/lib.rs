#![doc = include_str!("../README.md")]
#![allow(clippy::missing_panics_doc, reason = "not published: a panic fails the test or the measurement")]

#[cfg(feature = "prove")]
pub mod audit_logs;
pub mod books;
pub mod crash;
pub mod faulty;
pub mod field;
#[cfg(feature = "prove")]
pub mod history;
pub mod packages;
#[cfg(feature = "prove")]
pub mod prove;
#[cfg(feature = "s3")]
pub mod s3;
pub mod texts;
