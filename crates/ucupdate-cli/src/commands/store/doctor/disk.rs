//! The room on the disk of a store in a folder.

use std::path::Path;
use ucupdate::book::RuleBook;
use ucupdate::{Checked, Finding, Severity};

/// Less room than this is a problem: a change of the rules and the logs of a day need some.
const LEAST_BYTES: u64 = 100 << 20;

/// Less room than this is a warning, as is room for less than two of the largest package.
const ENOUGH_BYTES: u64 = 1 << 30;

/// Returns the check of the room for the folder of a store.
pub(super) fn check(folder: &Path, book: &RuleBook) -> Checked {
    let package =
        |package: &ucupdate::book::IngestedPackage| package.files().map(|file| file.size).sum::<u64>();
    let largest = book.packages().map(package).max().unwrap_or(0);
    let free = free_bytes(folder);
    Checked::new("disk space", free.and_then(|free| finding(folder, free, largest)).into_iter().collect())
}

#[cfg(unix)]
fn free_bytes(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(_folder: &Path) -> Option<u64> {
    None
}

fn finding(folder: &Path, free: u64, largest: u64) -> Option<Finding> {
    let enough = ENOUGH_BYTES.max(largest.saturating_mul(2));
    let severity = match free {
        free if free < LEAST_BYTES => Severity::Problem,
        free if free < enough => Severity::Warning,
        _ => return None,
    };
    let mebibytes = |bytes: u64| bytes >> 20;
    Some(Finding::new(
        "disk-nearly-full",
        severity,
        folder.display().to_string(),
        format!("{} MiB are free on the disk of the store", mebibytes(free)),
        format!("at least {} MiB: room for the logs and for two of the largest package", mebibytes(enough)),
        "remove old images and logs (`ucupdate gc --dry-run` says which), or give the store a larger disk"
            .to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_room_is_a_warning_and_less_a_problem() {
        let severity = |free, largest| finding(Path::new("data"), free, largest).map(|found| found.severity);
        assert_eq!(severity(2 << 30, 0), None);
        assert_eq!(severity(2 << 30, 2 << 30), Some(Severity::Warning));
        assert_eq!(severity(500 << 20, 0), Some(Severity::Warning));
        assert_eq!(severity(5 << 20, 0), Some(Severity::Problem));
        assert!(free_bytes(Path::new("/")).is_some_and(|free| free > 0));
    }
}
