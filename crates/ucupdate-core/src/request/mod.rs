//! Requests and responses of devices, without their form on the wire.

mod message;
mod question;

pub use message::{InstalledModule, OfferedModule, Side, UpdateRequest, UpdateResponse};
pub use question::{AskedFrom, Question};
