//! Computes every disk that a power cut may leave behind at one moment.

use super::disk::DiskState;

/// Size of a sector in bytes. A disk writes a sector whole or not at all.
const SECTOR: usize = 512;

/// The largest number of unsynced changes for which every subset is tried as the surviving changes.
/// This gives at most 2 to the power of this number, or 256, subsets.
const MOST_SELECTED: usize = 8;

/// The fate of bytes that were written but not yet synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnsyncedBytes {
    /// All unsynced bytes were written.
    Kept,
    /// The file has its last synced content.
    Lost,
    /// The file has its new size. It keeps the synced bytes, and zeros follow them.
    Zeroed,
    /// Only the bytes before this offset were written.
    Torn(usize),
    /// All bytes were written, except those in the sector that begins at this offset.
    Holed(usize),
}

impl UnsyncedBytes {
    pub(super) fn of(self, bytes: &[u8], synced: &[u8]) -> Vec<u8> {
        let old = |at: usize| synced.get(at).copied().unwrap_or(0);
        match self {
            Self::Kept => bytes.to_vec(),
            Self::Lost => synced.to_vec(),
            Self::Zeroed => (0..bytes.len()).map(old).collect(),
            Self::Torn(at) => {
                let at = at.min(bytes.len());
                bytes[..at].iter().chain(synced.get(at..).unwrap_or_default()).copied().collect()
            }
            Self::Holed(from) => {
                let place = bytes.iter().copied().enumerate();
                place
                    .map(|(at, byte)| if (from..from + SECTOR).contains(&at) { old(at) } else { byte })
                    .collect()
            }
        }
    }
}

/// Returns every disk that a power cut may leave in this state. The same disk may be returned more
/// than once.
pub(super) fn cuts(state: &DiskState) -> impl Iterator<Item = DiskState> {
    let mut fates = vec![UnsyncedBytes::Kept];
    let unsynced = state.unsynced_bytes();
    if unsynced > 0 {
        fates.extend([UnsyncedBytes::Lost, UnsyncedBytes::Zeroed]);
        fates.extend((0..unsynced).step_by(SECTOR).skip(1).map(UnsyncedBytes::Torn));
        fates.extend((0..unsynced).step_by(SECTOR).map(UnsyncedBytes::Holed));
    }
    let selections = selections(state.pending.len());
    selections
        .into_iter()
        .flat_map(move |kept| fates.clone().into_iter().map(move |fate| state.cut(&kept, fate)))
}

/// Returns the subsets of pending changes that may survive, as lists of their indices. With up to
/// [`MOST_SELECTED`] changes, every subset is returned. With more, the subsets are every prefix,
/// each change alone, and all changes but one.
fn selections(changes: usize) -> Vec<Vec<usize>> {
    if changes <= MOST_SELECTED {
        let bits = |set: usize| (0..changes).filter(move |at| set >> at & 1 == 1).collect();
        return (0..1 << changes).map(bits).collect();
    }
    let beginnings = (0..=changes).map(|end| (0..end).collect());
    let alone = (0..changes).map(|one| vec![one]);
    let all_but = (0..changes).map(|one| (0..changes).filter(|&at| at != one).collect());
    beginnings.chain(alone).chain(all_but).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crash::CrashDisk;
    use std::collections::BTreeSet;
    use std::io::Write;
    use ucupdate_store_local::Disk;

    #[test]
    fn unsynced_bytes_may_be_kept_lost_zeroed_or_torn() {
        let (bytes, synced) = ([1; 1300], [2; 600]);
        assert_eq!(UnsyncedBytes::Kept.of(&bytes, &synced), bytes);
        assert_eq!(UnsyncedBytes::Lost.of(&bytes, &synced), synced);
        assert_eq!(UnsyncedBytes::Zeroed.of(&bytes, &synced), [[2; 600].as_slice(), &[0; 700]].concat());
        assert_eq!(UnsyncedBytes::Torn(512).of(&bytes, &synced), [[1; 512].as_slice(), &[2; 88]].concat());
        assert_eq!(UnsyncedBytes::Torn(1024).of(&bytes, &synced), [1; 1024]);
        let holed = [[1; 512].as_slice(), &[2; 88], &[0; 424], &[1; 276]].concat();
        assert_eq!(UnsyncedBytes::Holed(512).of(&bytes, &synced), holed);
    }

    #[test]
    fn every_selection_of_unsynced_entries_may_survive() {
        assert_eq!(selections(0), [[0; 0]]);
        assert_eq!(selections(2), [vec![], vec![0], vec![1], vec![0, 1]]);
        assert_eq!(selections(8).len(), 256);
        assert_eq!(selections(9).len(), 28);
    }

    #[test]
    fn a_cut_disk_holds_what_was_synced_and_perhaps_more() {
        let disk = CrashDisk::default();
        disk.record();
        disk.create_dir("a").unwrap();
        disk.sync_dir("").unwrap();
        let mut file = disk.create("a/x").unwrap();
        file.write_all(&[7; 600]).unwrap();
        let states = disk.recorded();
        assert_eq!(states.len(), 5);
        let left: BTreeSet<_> = cuts(&states[4])
            .map(|cut| CrashDisk::of(cut).files())
            .map(|files| {
                files.into_iter().map(|(path, bytes)| (path, bytes.len(), bytes.contains(&0))).collect()
            })
            .collect();
        let x = |len, zeros| vec![("a/x".to_owned(), len, zeros)];
        assert_eq!(left, BTreeSet::from([vec![], x(0, false), x(512, false), x(600, false), x(600, true)]));
        file.sync().unwrap();
        disk.sync_dir("a").unwrap();
        assert_eq!(disk.after_power_cut().files(), disk.files());
    }

    #[test]
    fn a_rename_survives_whole_or_not_at_all() {
        let disk = CrashDisk::default();
        disk.create("new").unwrap().write_all(b"new").unwrap();
        disk.create("old").unwrap().write_all(b"old").unwrap();
        disk.settle();
        disk.record();
        disk.rename("new", "old").unwrap();
        let left: Vec<_> =
            cuts(disk.recorded().last().unwrap()).map(|cut| CrashDisk::of(cut).files().len()).collect();
        assert_eq!(left, [2, 1]);
    }
}
