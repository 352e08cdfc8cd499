//! Requests and responses of devices, without their form on the wire.

mod message;
mod question;
mod simulated;

pub use message::{InstalledModule, OfferedModule, Side, UpdateRequest, UpdateResponse};
pub use question::{AskedFrom, Question};
pub use simulated::{is_simulated, simulated_user, without_simulated_mark};
