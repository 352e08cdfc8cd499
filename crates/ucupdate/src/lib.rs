#![doc = include_str!("../README.md")]

mod clock;
mod document;
mod error;
mod files;
mod garbage;
mod ingest;
mod layout;
mod logs;
mod rule_history;
mod service;
mod snapshot;
mod urls;
mod verify;

pub use clock::{Clock, SettableClock, SystemClock};
pub use document::DocumentError;
pub use error::{ChangeError, StateError};
pub use files::{FileIndex, ServedFile};
pub use garbage::Garbage;
pub use ingest::{IngestError, IngestOptions, IngestProgress, Ingested};
pub use logs::{LogError, LogOptions};
pub use rule_history::{Changed, Revision};
pub use service::{Answered, Asker, NoUrls, Options, UpdateService};
pub use snapshot::Snapshot;
pub use urls::{BaseUrls, Layout, Origin, OriginError};

/// Audit rows and access rows.
pub use ucupdate_audit as audit;
/// Cabinets and packages.
pub use ucupdate_cab as cab;
/// Versions, rules, deciding.
pub use ucupdate_core as core;
/// The trait all that lasts lies behind.
pub use ucupdate_store as store;
/// A store in a folder.
#[cfg(feature = "local")]
pub use ucupdate_store_local as local;
/// A store in a bucket.
#[cfg(feature = "s3")]
pub use ucupdate_store_s3 as s3;
/// The codec of the wire.
pub use ucupdate_upx as upx;
