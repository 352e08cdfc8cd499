//! The free space on the disk of a store in a folder.

use super::Checked;
use super::finding::{Finding, FindingSeverity};
use std::path::Path;
use ucupdate_core::RuleBook;
use ucupdate_core::book::IngestedPackage;

/// Less free space than this is a problem, because changes of the rules and the logs of a day need
/// some.
const LEAST_BYTES: u64 = 100 << 20;

/// Less free space than this is a warning. Less than twice the size of the largest package is a
/// warning too.
const ENOUGH_BYTES: u64 = 1 << 30;

/// Examines the free space on the disk with the folder of a store. The free space is compared with the size of the packages in
/// `book`, the rule book of the store. If the system does not report the free space, there is no finding.
pub fn examine_disk(folder: &Path, book: &RuleBook) -> Checked {
    let package =
        |package: &IngestedPackage| package.files().map(|file| file.size).fold(0, u64::saturating_add);
    let largest = book.packages().map(package).max().unwrap_or(0);
    let free = fs4::available_space(folder).ok();
    Checked::new("disk space", free.and_then(|free| finding(folder, free, largest)).into_iter().collect())
}

fn finding(folder: &Path, free: u64, largest: u64) -> Option<Finding> {
    let enough = ENOUGH_BYTES.max(largest.saturating_mul(2));
    let severity = match free {
        free if free < LEAST_BYTES => FindingSeverity::Problem,
        free if free < enough => FindingSeverity::Warning,
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
        assert_eq!(severity(2 << 30, 2 << 30), Some(FindingSeverity::Warning));
        assert_eq!(severity(500 << 20, 0), Some(FindingSeverity::Warning));
        assert_eq!(severity(5 << 20, 0), Some(FindingSeverity::Problem));
    }
}
