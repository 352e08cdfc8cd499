//! Listings in the order of the bytes of keys, in memory that does not grow with the number of objects.
//!
//! A folder returns its entries in any order, while keys sort as `a-b`, `a/b`, `a0`. Therefore each
//! folder is read completely to find its next few entries in order, with `/` added to the names of
//! folders. These entries are visited before further ones are read. A page of a folder with n
//! objects costs one pass over its n names.

use crate::disk::EntryKind;
use crate::folder::{StoreFolder, listing, meta};
use crate::staging::STAGING;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use ucupdate_store::{ObjectMeta, StoreError, StoreKey};

impl StoreFolder {
    /// Returns the first `most` objects whose key begins with `prefix` and comes after `after`,
    /// sorted by key.
    pub(crate) fn page(
        &self,
        prefix: &str,
        after: Option<&StoreKey>,
        most: usize,
    ) -> Result<Vec<ObjectMeta>, StoreError> {
        let after = after.map_or("", StoreKey::as_str);
        let mut page = ListPage { folder: self, after, most, found: Vec::new() };
        match prefix.rsplit_once('/') {
            None => page.fill("", prefix)?,
            Some((folder, name)) => match StoreKey::parse(folder) {
                Ok(folder) if self.has_folder(&folder)? => page.fill(&format!("{folder}/"), name)?,
                // A text that is not a key cannot be the folder of a key.
                _ => {}
            },
        }
        Ok(page.found)
    }

    /// Returns the paths of the first [`MAX_STRAYS`] entries in a folder that are not files.
    /// `folder` ends with `/`, or is empty for the root. The staging folder in the root is left
    /// out, but anything else with its name is returned.
    pub(crate) fn strays(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let path = folder.trim_end_matches('/');
        if !path.is_empty() {
            let Ok(key) = StoreKey::parse(path) else { return Ok(Vec::new()) };
            if !self.has_folder(&key)? {
                return Ok(Vec::new());
            }
        }
        let mut found = BTreeSet::new();
        let read = self.disk.entries(path, &mut |name, kind| {
            let regular =
                if path.is_empty() && name == STAGING { EntryKind::Folder } else { EntryKind::File };
            if kind != regular {
                found.insert(if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") });
                if found.len() > MAX_STRAYS {
                    found.pop_last();
                }
            }
        });
        read.map_err(|error| listing(folder, error))?;
        Ok(found.into_iter().collect())
    }
}

/// The largest number of entries that [`StoreFolder::strays`] returns.
const MAX_STRAYS: usize = 1000;

struct ListPage<'a> {
    folder: &'a StoreFolder,
    after: &'a str,
    most: usize,
    found: Vec<ObjectMeta>,
}

impl ListPage<'_> {
    /// Adds the objects of a folder to the page: files in the folder whose name begins with `name`,
    /// and all objects below the subfolders whose name begins with `name`. `folder` ends with `/`,
    /// or is empty for the root.
    ///
    /// An error names the folder or the object that cannot be read, which may be far below
    /// `folder`.
    fn fill(&mut self, folder: &str, name: &str) -> Result<(), StoreError> {
        let mut from = String::new();
        loop {
            let most = self.most - self.found.len();
            let next =
                self.next_entries(folder, name, &from, most).map_err(|error| listing(folder, error))?;
            let is_last = next.len() < most;
            for (entry, kind) in next {
                let path = format!("{folder}{entry}");
                match kind {
                    EntryKind::Folder => self.fill(&path, "")?,
                    _ => self.add(&path).map_err(|error| listing(&path, error))?,
                }
                if self.found.len() == self.most {
                    return Ok(());
                }
                from = entry;
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// Returns the first `most` entries of a folder after `from`, in order. The entries are objects
    /// and subfolders whose name begins with `name` and that the page may need. The name of a
    /// subfolder ends with `/`.
    fn next_entries(
        &self,
        folder: &str,
        name: &str,
        from: &str,
        most: usize,
    ) -> io::Result<BTreeMap<String, EntryKind>> {
        let mut next = BTreeMap::new();
        let read = self.folder.disk.entries(folder.trim_end_matches('/'), &mut |entry, kind| {
            if kind == EntryKind::Other || !entry.starts_with(name) {
                return;
            }
            let mut entry = entry.to_owned();
            if kind == EntryKind::Folder {
                entry.push('/');
            }
            if entry.as_str() <= from || !self.may_hold(&format!("{folder}{entry}")) {
                return;
            }
            next.insert(entry, kind);
            if next.len() > most {
                next.pop_last();
            }
        });
        match read {
            // The folder disappeared in the meantime, so everything in it was deleted. The root never disappears like this.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !folder.is_empty() => {
                Ok(BTreeMap::new())
            }
            Err(error) => Err(error),
            Ok(()) => Ok(next),
        }
    }

    /// Returns whether a path is a key that the page may contain, or a folder that may contain such
    /// a key. The path of a folder ends with `/`.
    fn may_hold(&self, path: &str) -> bool {
        let key = path.strip_suffix('/').unwrap_or(path);
        let is_folder = key.len() < path.len();
        // The staging folder and foreign files have names that are not keys.
        (path > self.after || (is_folder && self.after.starts_with(path))) && StoreKey::parse(key).is_ok()
    }

    fn add(&mut self, path: &str) -> io::Result<()> {
        let Ok(key) = StoreKey::parse(path) else { return Ok(()) };
        match self.folder.disk.entry(path) {
            Ok(entry) if entry.kind == EntryKind::File => {
                self.found.push(meta(&key, &entry));
                Ok(())
            }
            // The object was deleted after the listing.
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::real_disk::RealDisk;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;
    use std::sync::Arc;

    fn lay(root: &Path, file: &str) {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }

    fn open(root: &Path) -> StoreFolder {
        StoreFolder::open(Arc::new(RealDisk::open(root).unwrap())).unwrap()
    }

    fn keys(page: &[ObjectMeta]) -> Vec<&str> {
        page.iter().map(|meta| meta.key.as_str()).collect()
    }

    /// Generates keys. The names of folders end in a digit and those of files do not, so a folder
    /// and a file never have the same name.
    fn some_key() -> impl Strategy<Value = String> {
        let folder = "[ab.~-]{0,1}[ab-][0-1]";
        (proptest::collection::vec(folder, 0..4), "[ab.~-]{0,1}[ab-]{1,2}")
            .prop_map(|(folders, name)| [folders, vec![name]].concat().join("/"))
            .prop_filter("no dot in front", |key| StoreKey::parse(key).is_ok())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn pages_of_any_size_join_to_the_sorted_keys_that_begin_with_the_prefix(
            written in proptest::collection::btree_set(some_key(), 0..25),
            most in 1_usize..9,
            prefix in "([ab-][01]/){0,1}[ab-]{0,1}",
        ) {
            let root = tempfile::tempdir().unwrap();
            written.iter().for_each(|key| lay(root.path(), key));
            fs::create_dir_all(root.path().join("a0/empty1/empty1")).unwrap();
            let folder = open(root.path());
            let mut found = Vec::new();
            loop {
                let after = found.last().map(|key: &String| StoreKey::parse(key).unwrap());
                let page = folder.page(&prefix, after.as_ref(), most).unwrap();
                prop_assert!(page.len() <= most);
                if page.is_empty() {
                    break;
                }
                found.extend(page.into_iter().map(|meta| meta.key.to_string()));
            }
            let expected: Vec<_> = written.iter().filter(|key| key.starts_with(&prefix)).cloned().collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn folders_without_objects_fill_no_page() {
        let root = tempfile::tempdir().unwrap();
        for n in 0..30 {
            fs::create_dir_all(root.path().join(format!("{n:02}/empty"))).unwrap();
        }
        lay(root.path(), "31/x");
        assert_eq!(keys(&open(root.path()).page("", None, 4).unwrap()), ["31/x"]);
    }

    #[cfg(unix)]
    #[test]
    fn folders_and_links_in_a_folder_are_its_strays() {
        let root = tempfile::tempdir().unwrap();
        ["Logs/one.log", "Logs/sub/two.log", "Logs2/x"].iter().for_each(|file| lay(root.path(), file));
        std::os::unix::fs::symlink("one.log", root.path().join("Logs/link.log")).unwrap();
        let folder = open(root.path());
        assert_eq!(folder.strays("Logs/").unwrap(), ["Logs/link.log", "Logs/sub"]);
        assert_eq!(folder.strays("Logs3/").unwrap(), Vec::<String>::new());
        assert_eq!(keys(&folder.page("Logs/", None, 9).unwrap()), ["Logs/one.log", "Logs/sub/two.log"]);
    }

    #[test]
    fn a_staging_folder_is_no_stray_of_the_root_and_a_file_in_its_place_is_one() {
        let root = tempfile::tempdir().unwrap();
        lay(root.path(), "Logs/one.log");
        let folder = open(root.path());
        assert_eq!(folder.strays("").unwrap(), ["Logs"]);
        drop(folder);
        fs::remove_dir_all(root.path().join(STAGING)).unwrap();
        lay(root.path(), STAGING);
        assert_eq!(open(root.path()).strays("").unwrap(), [STAGING, "Logs"]);
    }

    #[test]
    fn what_is_no_key_is_not_listed() {
        let root = tempfile::tempdir().unwrap();
        for file in [".hidden", "a/.b/c", "a/nul.txt", "a/b:c", "a/d"] {
            lay(root.path(), file);
        }
        let folder = open(root.path());
        assert_eq!(keys(&folder.page("", None, 9).unwrap()), ["a/d"]);
        assert!(folder.page(".staging/", None, 9).unwrap().is_empty());
    }

    #[test]
    fn memory_holds_one_page_of_names_at_a_time() {
        let root = tempfile::tempdir().unwrap();
        let written: BTreeSet<_> = (0..200).map(|n| format!("{:03}", n * 37 % 200)).collect();
        written.iter().for_each(|key| lay(root.path(), key));
        let folder = open(root.path());
        let page = ListPage { folder: &folder, after: "", most: 9, found: Vec::new() };
        let next = page.next_entries("", "", "049", 9).unwrap();
        assert_eq!(
            next.into_keys().collect::<Vec<_>>(),
            written.iter().skip(50).take(9).cloned().collect::<Vec<_>>()
        );
    }
}
