//! Simulates a power cut after every effect that a store has on its disk, and checks what is left
//! on the disk. An effect is a call that changes or syncs a file or a folder.
//!
//! An acknowledged write must be on the disk afterwards. A write that was not acknowledged must
//! have left either the whole old object or the whole new object.
//!
//! A store that uses a [`Disk`](ucupdate_store_local::Disk) runs over a [`CrashDisk`]. This disk
//! separates visible from durable state, and remembers its state after each effect. [`every_crash`]
//! makes, for each of these states, every disk that a power cut may leave: any selection of the
//! entries that are not synced yet, with unsynced bytes kept, lost, read as zeros or torn at
//! multiples of 512. It then opens the store on each disk and checks the objects. A [`Recording`]
//! does the same for other work on the disk, such as the work of a service, with a check that the
//! caller gives.
//!
//! Mutants prove the kit itself. [`SkippedSync`] leaves out any one sync. [`NameFirst`] gives a
//! file its name before the bytes are written. [`SameFolders`], [`SyncsOnce`] and [`NeverChecked`]
//! lead a store to rely on a sync that did not happen. The kit must find all these faults.

mod cuts;
mod disk;
mod failing_syncs;
mod recording;
mod run;
mod sabotage;

pub use disk::CrashDisk;
pub use failing_syncs::{FailingSyncs, SyncFault, TrustsWhatItReads, every_failed_sync, every_sync_with};
pub use recording::{BrokenPromise, CrashReport, Recording};
pub use run::{CrashScenario, ScenarioStep, every_crash};
pub use sabotage::{
    FailingDisk, ForeignLocks, LoweringDisk, NameFirst, NeverChecked, NoDirSync, SameFolders, SkippedSync,
    SyncEvent, SyncsOnce,
};
