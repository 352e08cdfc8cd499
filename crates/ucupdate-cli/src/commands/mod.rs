//! The subcommands, a module each: how it is called, what it does, what its result is.

pub(crate) mod version;
