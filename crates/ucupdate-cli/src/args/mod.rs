//! Arguments that several commands share.

pub(crate) mod change;
pub(crate) mod devices;
pub(crate) mod dialect;
pub(crate) mod logs;
pub(crate) mod moment;
pub(crate) mod number;
pub(crate) mod package;
pub(crate) mod package_prefix;
pub(crate) mod retention;
pub(crate) mod rules;
pub(crate) mod window;
