//! Records the changes and syncs that some work makes on a disk. Promises say what must be on the
//! disk after a power cut. Checks the promises after every possible power cut.

use super::cuts::cuts;
use super::disk::CrashDisk;
use std::collections::HashSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The numbers of simulated power cuts and of remaining disks that were checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CrashReport {
    /// Number of effects that were recorded: calls that changed or synced a file or a folder.
    pub effects: usize,
    /// Number of simulated power cuts. After each effect there is one power cut for each selection
    /// of unsynced changes and bytes that may survive.
    pub cuts: usize,
    /// Number of distinct crash points. A crash point is a pair of an effect and a disk that may be
    /// left after it.
    pub crash_points: usize,
    /// Number of distinct pairs of a promise and a remaining disk. Each pair was checked once.
    pub disks: usize,
}

impl CrashReport {
    /// Adds the counts of another report.
    pub fn add(&mut self, other: Self) {
        self.effects += other.effects;
        self.cuts += other.cuts;
        self.crash_points += other.crash_points;
        self.disks += other.disks;
    }
}

impl fmt::Display for CrashReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} effects, {} power cuts, {} distinct crash points, {} distinct disks",
            self.effects, self.cuts, self.crash_points, self.disks
        )
    }
}

/// The error of a promise that does not hold after a power cut.
#[derive(Clone, Debug, thiserror::Error)]
#[error("power cut after effect {effect} of {effects}: {found}; left on the disk: {left:?}")]
#[non_exhaustive]
pub struct BrokenPromise {
    /// Number of effects (changes and syncs of the disk) before the power cut.
    pub effect: usize,
    /// Number of all effects that were recorded.
    pub effects: usize,
    /// The reason why the promise does not hold.
    pub found: String,
    /// The remaining files with their sizes in bytes.
    pub left: Vec<(String, usize)>,
}

/// A recording of the changes and syncs that a store, or a whole service, makes on a [`CrashDisk`].
/// The caller adds promises to it. A promise says what must be on the disk after a later power cut.
///
/// ```
/// use std::io::Write;
/// use ucupdate_store_local::Disk;
/// use ucupdate_testkit::crash::{CrashDisk, Recording};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
///
/// let disk = CrashDisk::default();
/// let mut recording = Recording::of(&disk, "nothing");
/// let mut file = disk.create("a").unwrap();
/// file.write_all(b"kept").unwrap();
/// file.sync().unwrap();
/// disk.sync_dir("").unwrap();
/// recording.promise(recording.effects(), "the file");
///
/// let report = recording
///     .cut_everywhere(async |left: CrashDisk, promise: &&str| match (*promise, left.files().get("a")) {
///         ("the file", None) => Err("it is gone".to_owned()),
///         _ => Ok(()),
///     })
///     .await
///     .unwrap();
/// assert_eq!((report.effects, report.disks), (4, 5));
/// # });
/// ```
#[derive(Debug)]
pub struct Recording<P> {
    disk: CrashDisk,
    promises: Vec<(usize, P)>,
}

impl<P> Recording<P> {
    /// Starts to record the changes and syncs of `disk`. `promise` holds from the start, until
    /// [`promise`](Self::promise) adds another one.
    pub fn of(disk: &CrashDisk, promise: P) -> Self {
        disk.record();
        Self { disk: disk.clone(), promises: vec![(0, promise)] }
    }

    /// Returns the number of effects so far.
    pub fn effects(&self) -> usize {
        self.disk.effects()
    }

    /// Adds a promise about the disk after a power cut. It is checked after effect number `from`
    /// and later, until the next promise begins.
    ///
    /// For a step that has reported success, `from` is [`effects`](Self::effects). For a step that
    /// still runs, `from` is the number of effects before the step plus one, because the result of
    /// the step may be visible from then on.
    pub fn promise(&mut self, from: usize, promise: P) {
        self.promises.push((from, promise));
    }

    /// Cuts the power after every effect. Passes each disk that such a power cut may leave to
    /// `look`, with the promise that must hold then. `look` returns an error if the promise does
    /// not hold on that disk.
    ///
    /// # Errors
    /// [`BrokenPromise`] with the first error that `look` returns.
    pub async fn cut_everywhere(
        self,
        look: impl AsyncFnMut(CrashDisk, &P) -> Result<(), String>,
    ) -> Result<CrashReport, BrokenPromise> {
        self.cut_from(0, look).await
    }

    /// Works like [`cut_everywhere`](Self::cut_everywhere), but begins after effect number `first`.
    /// A run with a fault has the same effects before the fault as a run without it, so the effects
    /// before the fault need no second check.
    pub(crate) async fn cut_from(
        self,
        first: usize,
        mut look: impl AsyncFnMut(CrashDisk, &P) -> Result<(), String>,
    ) -> Result<CrashReport, BrokenPromise> {
        let states = self.disk.recorded();
        let mut report = CrashReport { effects: states.len().saturating_sub(1), ..CrashReport::default() };
        let mut seen = HashSet::new();
        for (effect, state) in states.iter().enumerate().skip(first) {
            let now = self.promises.iter().enumerate().rfind(|(_, (from, _))| *from <= effect);
            // The first promise holds from the start, so there always is one.
            let Some((number, (_, promise))) = now else { continue };
            let mut seen_now = HashSet::new();
            for cut in cuts(state) {
                report.cuts += 1;
                let left = cut.tree();
                // Two of a million different disks have the same hash with a probability of 1 in 37 million.
                let mut hasher = DefaultHasher::new();
                left.hash(&mut hasher);
                let hash = hasher.finish();
                if !seen_now.insert(hash) {
                    continue;
                }
                report.crash_points += 1;
                if !seen.insert((number, hash)) {
                    continue;
                }
                report.disks += 1;
                if let Err(found) = look(CrashDisk::of(cut), promise).await {
                    let left = left.into_iter().filter_map(|(path, bytes)| Some((path, bytes?.len())));
                    return Err(BrokenPromise {
                        effect,
                        effects: report.effects,
                        found,
                        left: left.collect(),
                    });
                }
            }
        }
        Ok(report)
    }
}
