//! The logs: written in the background, and read back.

pub(crate) mod losses;
pub(crate) mod merge;
pub(crate) mod of_service;
pub(crate) mod options;
pub(crate) mod place;
pub(crate) mod read_ahead;
pub(crate) mod reader;
pub(crate) mod removal;
pub(crate) mod tail;
pub(crate) mod writer;
pub(crate) mod zone_file;
