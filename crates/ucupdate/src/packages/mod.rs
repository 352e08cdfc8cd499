//! Packages: taking them in, reading back what lies in the store, finding them again.

pub(crate) mod channels;
pub(crate) mod description;
pub(crate) mod files;
pub(crate) mod ingest;
pub(crate) mod options;
pub(crate) mod read_back;
pub(crate) mod rebuild;
