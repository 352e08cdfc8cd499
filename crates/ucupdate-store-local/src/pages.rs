//! Listings in order of bytes, in memory that does not grow with the number of objects.
//!
//! A folder gives its entries in any order, and `a-b`, `a/b`, `a0` is the order of keys. So each folder is read through
//! for its next few entries in order, a folder counting as its name with `/` behind, and what is found is gone into before
//! more is read. A page of a folder of n objects costs one pass over its n names.

use crate::disk::Kind;
use crate::folder::Folder;
use std::collections::BTreeMap;
use std::io;
use ucupdate_store::{MAX_PAGE_OBJECTS, ObjectMeta, StoreKey};

impl Folder {
    /// The first objects, at most [`MAX_PAGE_OBJECTS`], whose key begins with `prefix` and comes after `after`.
    pub(crate) fn page(&self, prefix: &str, after: Option<&StoreKey>) -> io::Result<Vec<ObjectMeta>> {
        let mut page = Page { folder: self, after: after.map_or("", StoreKey::as_str), found: Vec::new() };
        match prefix.rsplit_once('/') {
            None => page.fill("", prefix)?,
            Some((folder, name)) => {
                // What is no key is no folder of a key.
                if let Ok(folder) = StoreKey::parse(folder)
                    && self.is_folder(&folder)?
                {
                    page.fill(&format!("{folder}/"), name)?;
                }
            }
        }
        Ok(page.found)
    }
}

struct Page<'a> {
    folder: &'a Folder,
    after: &'a str,
    found: Vec<ObjectMeta>,
}

impl Page<'_> {
    /// Goes through the entries of one folder (its path with `/` behind) that begin with `name`.
    fn fill(&mut self, folder: &str, name: &str) -> io::Result<()> {
        let mut from = String::new();
        loop {
            let most = MAX_PAGE_OBJECTS - self.found.len();
            let next = self.next_entries(folder, name, &from, most)?;
            let is_last = next.len() < most;
            for (entry, kind) in next {
                let path = format!("{folder}{entry}");
                match kind {
                    Kind::Folder => self.fill(&path, "")?,
                    _ => self.add(&path)?,
                }
                if self.found.len() == MAX_PAGE_OBJECTS {
                    return Ok(());
                }
                from = entry;
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// The first `most` entries after `from`, in order, that are or may hold what is sought.
    fn next_entries(
        &self,
        folder: &str,
        name: &str,
        from: &str,
        most: usize,
    ) -> io::Result<BTreeMap<String, Kind>> {
        let mut next = BTreeMap::new();
        let read = self.folder.disk.entries(folder.trim_end_matches('/'), &mut |entry, kind| {
            if kind == Kind::Other || !entry.starts_with(name) {
                return;
            }
            let mut entry = entry.to_owned();
            if kind == Kind::Folder {
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
            // The folder went while we came to it: everything in it was deleted.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(error),
            Ok(()) => Ok(next),
        }
    }

    /// Whether a path is a key after `after`, or of a folder (with `/` behind) that may hold one.
    fn may_hold(&self, path: &str) -> bool {
        let key = path.strip_suffix('/').unwrap_or(path);
        let is_folder = key.len() < path.len();
        // The staging folder and what others laid here are no keys.
        (path > self.after || (is_folder && self.after.starts_with(path))) && StoreKey::parse(key).is_ok()
    }

    fn add(&mut self, path: &str) -> io::Result<()> {
        let Ok(key) = StoreKey::parse(path) else { return Ok(()) };
        match self.folder.disk.entry(path) {
            Ok(entry) if entry.kind == Kind::File => {
                self.found.push(ObjectMeta::new(key, entry.size, entry.modified));
                Ok(())
            }
            // Deleted between the listing and the look.
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
