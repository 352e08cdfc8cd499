//! What some work does to a disk, effect by effect, and what was promised when: then every power cut of it.

use super::cuts::cuts;
use super::disk::CrashDisk;
use std::collections::HashSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

/// How much was tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Effects that the steps had on the disk.
    pub effects: usize,
    /// Ways in which the power was cut: moments times selections of what survived.
    pub cuts: usize,
    /// Distinct crash points: moments with distinct disks left.
    pub crash_points: usize,
    /// Distinct disks among them, told apart also by what was promised; each was looked at once.
    pub disks: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} effects, {} power cuts, {} distinct crash points, {} distinct disks",
            self.effects, self.cuts, self.crash_points, self.disks
        )
    }
}

/// What was got wrong.
#[derive(Clone, Debug, thiserror::Error)]
#[error("power cut after effect {effect} of {effects}: {found}; left on the disk: {left:?}")]
#[non_exhaustive]
pub struct Broken {
    /// How many effects there had been.
    pub effect: usize,
    /// How many there would have been.
    pub effects: usize,
    /// What was found then.
    pub found: String,
    /// The files that were left, with their sizes.
    pub left: Vec<(String, usize)>,
}

/// Work on a [`CrashDisk`] that is recorded, with what it promises: of any kind, a store's or a whole service's.
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
    /// Records from now on; before the first effect `promise` holds.
    pub fn of(disk: &CrashDisk, promise: P) -> Self {
        disk.record();
        Self { disk: disk.clone(), promises: vec![(0, promise)] }
    }

    /// How many effects there were until now.
    pub fn effects(&self) -> usize {
        self.disk.effects()
    }

    /// From this many effects on, `promise` holds, until the next one. What is acknowledged now holds from
    /// [`effects`](Self::effects) on; what may be seen of a step in flight, from one more than there were before it.
    pub fn promise(&mut self, from: usize, promise: P) {
        self.promises.push((from, promise));
    }

    /// Cuts the power at every effect, in every way, and lets `look` say what is wrong with the disk that is left.
    ///
    /// # Errors
    /// [`Broken`] with what `look` said first.
    pub async fn cut_everywhere(
        self,
        mut look: impl AsyncFnMut(CrashDisk, &P) -> Result<(), String>,
    ) -> Result<Report, Broken> {
        let states = self.disk.recorded();
        let mut report = Report { effects: states.len().saturating_sub(1), ..Report::default() };
        let mut seen = HashSet::new();
        for (effect, state) in states.iter().enumerate() {
            let now = self.promises.iter().enumerate().rfind(|(_, (from, _))| *from <= effect);
            // The first promise is from before the first effect, so there always is one.
            let Some((number, (_, promise))) = now else { continue };
            let mut seen_now = HashSet::new();
            for cut in cuts(state) {
                report.cuts += 1;
                let left = cut.tree();
                // Of a million disks, two fall together with a chance of one to 37 million.
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
                    return Err(Broken { effect, effects: report.effects, found, left: left.collect() });
                }
            }
        }
        Ok(report)
    }
}
