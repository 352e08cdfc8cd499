//! The commands, a module each: its arguments, what it does, and its result.

pub(crate) mod answers;
pub(crate) mod devices;
pub(crate) mod package;
pub(crate) mod rules;
pub(crate) mod server;
pub(crate) mod store;
