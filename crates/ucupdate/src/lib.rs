#![doc = include_str!("../README.md")]

mod as_seen;
mod audit_logs;
mod carry;
mod clock;
mod description;
mod document;
mod dry_run;
mod earlier;
mod error;
mod files;
mod fleet;
mod garbage;
mod ingest;
mod layout;
mod logs;
mod observations;
mod rebuild;
mod retention;
mod roll_back;
mod rule_history;
mod service;
mod snapshot;
#[cfg(feature = "local")]
mod tree_export;
#[cfg(feature = "local")]
mod tree_folder;
mod urls;
mod verification;
mod verify;
mod watch;
mod window_zones;
mod zones;

pub use audit_logs::{AuditLogError, AuditLogs, Logged, LoggedRow, MAX_STORED_LOG_BYTES};
pub use carry::{Carried, CarryError, carry};
pub use clock::{Clock, SettableClock, SystemClock};
pub use document::DocumentError;
pub use dry_run::DryRun;
pub use error::{ChangeError, StateError};
pub use files::{FileIndex, ServedFile};
pub use fleet::{Fleet, FleetDevice, FleetModule, MAX_FLEET_MODULES, VersionCount};
pub use garbage::Garbage;
pub use ingest::{IngestError, IngestOptions, IngestProgress, Ingested};
pub use logs::{LogError, LogOptions};
pub use observations::observations;
pub use rebuild::{LeftOut, Rebuilt};
pub use retention::Retention;
pub use rule_history::{Changed, Revision};
pub use service::{Answered, Asker, NoUrls, Options, UpdateService};
pub use snapshot::Snapshot;
#[cfg(feature = "local")]
pub use tree_export::{TreeError, TreeOptions, TreeWritten};
pub use urls::{BaseUrls, Layout, Origin, OriginError};
pub use verification::{Finding, Verification, VerifyOptions, verify_store};
pub use watch::{WATCH_AUTHOR, WatchOptions};
pub use zones::Iana;

/// Audit rows and access rows.
pub use ucupdate_audit as audit;
/// Cabinets and packages.
pub use ucupdate_cab as cab;
/// Versions, rules, deciding.
pub use ucupdate_core::{book, decide, device, loops, outcomes, request, simulate, value, version};
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
