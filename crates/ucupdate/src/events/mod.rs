//! Events: what happens in an open service, for listeners of the embedder.

pub(crate) mod event;
pub(crate) mod listeners;
#[cfg(feature = "tracing")]
pub(crate) mod trace;
