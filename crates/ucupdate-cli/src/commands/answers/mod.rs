//! Verbs about the answers to devices, and the reasons for them.

pub(crate) mod client_filter;
pub(crate) mod diff;
pub(crate) mod explain;
pub(crate) mod inspect;
pub(crate) mod plan;
mod replay;
pub(crate) mod simulate;
pub(crate) mod version;
