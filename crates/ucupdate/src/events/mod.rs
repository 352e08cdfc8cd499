//! Events of an open service, for listeners of the program that embeds the service.

pub(crate) mod event;
pub(crate) mod listeners;
#[cfg(feature = "tracing")]
pub(crate) mod trace;
