//! Packages: ingests them, reads their files back, and finds them in a store without a history.

pub(crate) mod channels;
pub(crate) mod compared;
pub(crate) mod description;
pub(crate) mod files;
pub(crate) mod image_cache;
pub(crate) mod ingest;
pub(crate) mod options;
pub(crate) mod read_back;
pub(crate) mod rebuild;
pub(crate) mod record;
pub(crate) mod timed;
