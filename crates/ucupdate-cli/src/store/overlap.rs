//! Checks whether two locations of stores are the same, or one is inside the other.

use super::location::StoreLocation;
use std::path::{Component, Path, PathBuf};

/// Returns how `one` and `other` overlap: `is`, `is inside` or `contains`. Example: `is inside`
/// means that `one` is inside `other`. `None` if they are separate.
pub(crate) fn of_locations(one: &StoreLocation, other: &StoreLocation) -> Option<&'static str> {
    match (one, other) {
        (StoreLocation::Folder(one), StoreLocation::Folder(other)) => of_folders(one, other),
        #[cfg(feature = "s3")]
        (StoreLocation::Bucket(one), StoreLocation::Bucket(other)) => {
            let parts = |address: &str| -> Vec<String> {
                address.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
            };
            let (one, other) = (parts(one), parts(other));
            described(one.starts_with(&other), other.starts_with(&one))
        }
        _ => None,
    }
}

/// Returns how two folders overlap, as [`of_locations`] does. The folders need not exist. Links,
/// `..` and the case of names are resolved as the file system resolves them.
pub(crate) fn of_folders(one: &Path, other: &Path) -> Option<&'static str> {
    let (one, other) = (resolved(one)?, resolved(other)?);
    let is_within = |one: &Path, other: &Path| one.ancestors().any(|above| is_same(above, other));
    described(is_within(&one, &other), is_within(&other, &one))
}

fn described(is_within: bool, contains: bool) -> Option<&'static str> {
    match (is_within, contains) {
        (true, true) => Some("is"),
        (true, false) => Some("is inside"),
        (false, true) => Some("contains"),
        (false, false) => None,
    }
}

/// Returns the absolute path of a folder, with all links resolved. Parts that do not exist yet stay
/// as they are written.
fn resolved(path: &Path) -> Option<PathBuf> {
    let mut resolved = PathBuf::new();
    for part in std::path::absolute(path).ok()?.components() {
        match part {
            Component::ParentDir => drop(resolved.pop()),
            part => resolved.push(part),
        }
        if let Ok(found) = resolved.canonicalize() {
            resolved = found;
        }
    }
    Some(resolved)
}

#[cfg(unix)]
fn is_same(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let identity = |path: &Path| std::fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    // On a file system that ignores case, one folder has several names.
    one == other || identity(one).is_some_and(|one| Some(one) == identity(other))
}

#[cfg(not(unix))]
fn is_same(one: &Path, other: &Path) -> bool {
    one == other
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn folders_overlap_however_their_paths_are_written() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        fs::create_dir_all(path("store/images")).unwrap();
        fs::create_dir(path("other")).unwrap();
        symlink(path("store"), path("link")).unwrap();
        symlink("store/images", path("inner")).unwrap();
        symlink("missing/folder", path("dangling")).unwrap();
        let store = path("store");
        for (written, expected) in [
            ("store", Some("is")),
            ("store/", Some("is")),
            ("store/.", Some("is")),
            ("other/../store", Some("is")),
            ("missing/../store", Some("is")),
            ("link", Some("is")),
            ("link/../link/new/deep", Some("is inside")),
            ("inner", Some("is inside")),
            ("inner/..", Some("is")),
            ("store/new", Some("is inside")),
            ("", Some("contains")),
            ("..", Some("contains")),
            ("other", None),
            ("store2", None),
            ("other/store", None),
            ("dangling", None),
        ] {
            assert_eq!(of_folders(&path(written), &store), expected, "{written}");
        }
    }

    #[cfg(feature = "s3")]
    #[test]
    fn buckets_overlap_by_their_prefixes() {
        let at = |address: &str| StoreLocation::Bucket(address.to_owned());
        let store = at("s3://firmware/fleet");
        for (address, expected) in [
            ("s3://firmware/fleet", Some("is")),
            ("s3://firmware/fleet/", Some("is")),
            ("s3://firmware/fleet/copy", Some("is inside")),
            ("s3://firmware", Some("contains")),
            ("s3://firmware/fleet2", None),
            ("s3://other/fleet", None),
        ] {
            assert_eq!(of_locations(&at(address), &store), expected, "{address}");
        }
    }
}
