//! Devices: their identity, their kind, and the user agents of their SIP clients.

mod client_filter;
#[expect(clippy::module_inception, reason = "the file defines `Device`; this one only lists the room")]
mod device;
mod device_id;
mod kind;
mod kind_pattern;
mod kind_words;
mod user_agent;
mod words;

pub use client_filter::{ClientAction, ClientFilter, ClientRule, ClientType, ClientVerdict, ClientVersions};
pub use device::{Device, MacAddress, SerialNumber};
pub use device_id::DeviceId;
pub use kind::DeviceKind;
#[cfg(feature = "serde")]
pub(crate) use kind::as_list as kind_as_list;
pub(crate) use kind::split as split_kind;
pub use kind_pattern::KindPattern;
#[cfg(feature = "serde")]
pub(crate) use kind_pattern::by_word as kind_by_word;
pub use kind_words::{KindWord, KindWords, ReportedKind};
pub use user_agent::{ClientProduct, MAX_PRODUCTS, MAX_USER_AGENT_BYTES, UserAgent};
pub use words::*;
