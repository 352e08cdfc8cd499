//! The commands. Each module has the arguments, the work and the result of one command.

pub(crate) mod answers;
pub(crate) mod devices;
pub(crate) mod package;
pub(crate) mod rules;
pub(crate) mod server;
pub(crate) mod store;
