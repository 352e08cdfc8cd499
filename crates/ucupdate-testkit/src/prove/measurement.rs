//! [`Measurement`]: an operation that is measured in a process of its own, and [`Measured`], the
//! result.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// The thing to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[non_exhaustive]
pub enum Measurement {
    /// Ingesting a package into the store, which includes reading its images back
    Ingest,
    /// Copying the file to the same folder and syncing the copy
    Copy,
    /// Putting the file with `object_store` alone
    Put,
    /// Opening a service on the store
    Open,
    /// Changing the rule book while devices ask, on one thread
    Publish,
}

impl Measurement {
    /// Returns the name for the command line.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Copy => "copy",
            Self::Put => "put",
            Self::Open => "open",
            Self::Publish => "publish",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Duration in nanoseconds.
    pub(crate) took: u64,
    /// Largest memory of the process in bytes; `None` when the system does not report it.
    pub(crate) peak: Option<u64>,
    /// Longest time between two answers to devices in nanoseconds; 0 when the measurement has no
    /// devices.
    pub(crate) longest: u64,
}
