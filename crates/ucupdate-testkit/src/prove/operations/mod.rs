//! Runs each [`Operation`](crate::prove::Operation) of the service under power cuts, faults of the
//! bucket, and kills of the process.

pub mod crashes;
pub mod faults;
mod files;
pub mod kills;
pub mod log_rows;
pub(crate) mod operation;
mod rows;
pub(crate) mod work;
