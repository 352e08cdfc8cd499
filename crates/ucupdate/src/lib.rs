#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod admin;
mod asker;
mod captures;
mod clock;
mod error;
mod events;
mod kept;
mod keys;
#[cfg(feature = "fuzzing")]
pub mod laws;
mod logs;
mod maintenance;
mod metrics;
mod options;
mod packages;
mod provisioning;
mod service;
mod state;
mod urls;
mod watch;

pub use admin::Admin;
pub use asker::{Answered, Asker, NoUrls, host_network};
pub use captures::capture::{Capture, CaptureId, CaptureIdError, CaptureKind, UnreadableCapture};
pub use captures::options::CaptureOptions;
pub use clock::{Clock, SettableClock, SystemClock};
pub use error::{ChangeError, StateError};
pub use events::event::{Event, EventKind, EventKindError, Events, FetchOutcome};
pub use kept::keeper::{InventoryKeeper, KeptError, KeptReport};
pub use kept::reading::{KeptInventory, UnusableInventory, read_kept_inventory};
pub use logs::options::{FullLog, LogOptions};
pub use logs::reader::{AccessLogs, AuditLogs, LogReadError, LogSummary, Logged, MAX_STORED_LOG_BYTES};
pub use logs::writer::LogError;
pub use maintenance::access::{StoreAccess, check_access, check_log_access};
pub use maintenance::carry::{Carried, CarryError, carry};
pub use maintenance::check::{CheckOptions, StoreCheck, check_store};
pub use maintenance::continuation::{Continued, continue_after_loss};
#[cfg(feature = "local")]
pub use maintenance::examine::disk::examine_disk;
pub use maintenance::examine::finding::{Finding, FindingSeverity};
pub use maintenance::examine::{Checked, examine_unreadable};
pub use maintenance::garbage::{Garbage, GarbageOptions};
pub use maintenance::problem::StoreProblem;
pub use maintenance::retention::Retention;
#[cfg(feature = "local")]
pub use maintenance::tree_export::{TreeError, TreeOptions, TreeWritten};
pub use metrics::counters::Metrics;
pub use options::Options;
pub use packages::files::{FileIndex, ServedFile};
pub use packages::ingest::dry_ingest::IngestDryRun;
pub use packages::ingest::ingested::Ingested;
pub use packages::ingest::{IngestError, IngestProgress};
pub use packages::options::IngestOptions;
pub use packages::rebuild::{Rebuilt, SkippedIngest};
pub use provisioning::{Setting, SettingPlace, provisioning};
pub use service::UpdateService;
pub use state::document::DocumentError;
pub use state::dry_run::DryRun;
pub use state::health::Health;
pub use state::recorded_command::RecordedCommand;
pub use state::rule_history::{Changed, Revision};
pub use state::snapshot::Snapshot;
pub use state::submitted::{SubmitError, SubmittedRevision};
pub use urls::{BaseUrls, Origin, OriginError, UrlStyle};
pub use watch::follower::OutcomeError;
pub use watch::options::WatchOptions;
pub use watch::pause::{RolloutOutcomes, WATCH_AUTHOR, WatchError};
pub use watch::troubles::{HOLD_AUTHOR, TroubleError, TroubleWatch, TroublesFound};

/// Audit rows and access rows (`ucupdate-audit`).
pub use ucupdate_audit as audit;
/// Cabinets and packages (`ucupdate-cab`).
pub use ucupdate_cab as cab;
/// Versions, rules and decisions (`ucupdate-core`).
pub use ucupdate_core::{book, decide, device, request, value, version};
/// The inventory of a fleet, its loops, the outcomes of rollouts, simulations and timelines.
pub use ucupdate_fleet::{inventory, loops, outcomes, simulate, timeline};
/// The `ImageStore` trait, which holds all persistent state.
pub use ucupdate_store as store;
/// A store in a folder.
#[cfg(feature = "local")]
pub use ucupdate_store_local as local;
/// A store in a bucket.
#[cfg(feature = "s3")]
pub use ucupdate_store_s3 as s3;
/// The codec of requests and responses (`ucdevice.upx`).
pub use ucupdate_upx as upx;
