//! The subcommands, a module each: how it is called, what it does, what its result is.

pub(crate) mod changes;
pub(crate) mod explain;
pub(crate) mod fleet;
pub(crate) mod gc;
pub(crate) mod history;
pub(crate) mod ingest;
pub(crate) mod inspect;
pub(crate) mod loops;
pub(crate) mod package;
pub(crate) mod rules;
pub(crate) mod sample;
pub(crate) mod simulate;
pub(crate) mod test_device;
pub(crate) mod tree;
pub(crate) mod version;
