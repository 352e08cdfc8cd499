//! Pulls the plug at every effect of a store's work on its disk, in every way that may turn out, and looks whether what was
//! acknowledged is there and what was not is old or new, whole.
//!
//! A store that speaks to a [`Disk`](ucupdate_store_local::Disk) is run over a [`CrashDisk`], which keeps what is visible
//! apart from what is durable and remembers its state after each effect. [`every_crash`] then lays out, for each of those
//! states, every disk that a power cut may leave: any selection of the entries not synced yet, with unsynced bytes kept,
//! lost, read as zeros or torn at multiples of 512. The store is opened on each and asked what it holds. A [`Recording`]
//! does the same with any other work on the disk, as that of a service over the store, and any other question.
//!
//! The kit is proved by mutants: with [`SkippedSync`] any one sync is left out, with [`NameFirst`] a name is made before
//! the bytes are written; both must be found.

mod cuts;
mod disk;
mod failing_syncs;
mod recording;
mod run;
mod sabotage;

pub use disk::CrashDisk;
pub use failing_syncs::{FailingSyncs, Repetition, TrustsWhatItReads, every_failed_sync};
pub use recording::{Broken, Recording, Report};
pub use run::{Scenario, ScenarioStep, every_crash};
pub use sabotage::{FailingDisk, ForeignLocks, NameFirst, NoDirSync, SkippedSync, SyncEvent};
