//! [`FileIndex`]: the files that are served. The path of a URL is looked up here, and never becomes a key.

use crate::keys;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use ucupdate_core::RuleBook;
use ucupdate_core::book::{IngestedPackage, InterimImage, Release, ReleaseFiles, ReleasesByRule};
use ucupdate_core::value::{FileName, PackageId, Sha256Digest};
use ucupdate_store::StoreKey;

/// The files of every package in the rule book, by their path below the root of a URL.
///
/// Files are still served when no rule offers their release, because a phone may be downloading them when a rule
/// changes.
#[derive(Debug, Default)]
pub struct FileIndex {
    /// Sorted by path, ignoring ASCII case. Each path occurs once.
    files: Vec<ServedFile>,
}

/// A file that is served.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServedFile {
    /// The path below the root of a URL, such as `OCInterim/ENU/CPE.nbt`.
    pub path: Box<str>,
    /// The last part of the path.
    pub name: FileName,
    /// The object in the store.
    pub key: StoreKey,
    /// The size in bytes.
    pub size: u64,
    /// The SHA-256 of the content. The ETag is this value in quotes.
    pub sha256: Sha256Digest,
    /// The package that contained the file.
    pub package: PackageId,
}

impl FileIndex {
    pub(crate) fn of(book: &RuleBook) -> Self {
        let mut index = Self::default();
        // If several files have one path, the first one is used. Files that rules offer now come first, in the spelling
        // of the rule.
        for (image, package) in book.interim_images().chain(book.pending_interim_images()) {
            index.add(&InterimImage::folder(&image.locale), &image.files, package);
        }
        index.add_interim_by_version(book);
        let releases = ReleasesByRule::of(book);
        let mut offered = HashSet::new();
        for rule in book.rules() {
            for candidate in rule.candidates() {
                if let Some(release) = releases.find(rule.key(), candidate) {
                    offered.insert(std::ptr::from_ref(release));
                    let folder = Release::folder(rule.key(), &release.version);
                    index.add(&folder, &release.files, candidate.package);
                }
            }
        }
        let mut packages: Vec<&IngestedPackage> = book.packages().collect();
        packages.sort_by_key(|package| (package.ingested_at, package.sha256));
        for package in packages.into_iter().rev() {
            for image in package.interim.iter().rev() {
                index.add(&InterimImage::folder(&image.locale), &image.files, package.id());
            }
            for release in package.releases.iter().rev() {
                if !offered.contains(&std::ptr::from_ref(release)) {
                    let folder = Release::folder(&release.rule, &release.version);
                    index.add(&folder, &release.files, package.id());
                }
            }
        }
        // The sort is stable, so that the first of several files with one path stays.
        index.files.sort_by(|one, other| in_folded_order(&one.path, &other.path));
        index.files.dedup_by(|later, first| in_folded_order(&later.path, &first.path).is_eq());
        index
    }

    /// Adds paths with versions for interim images, if packages contain several for one locale and update type. A test
    /// device may be offered another one than all other devices.
    fn add_interim_by_version(&mut self, book: &RuleBook) {
        let mut images: BTreeMap<_, Vec<(&InterimImage, PackageId)>> = BTreeMap::new();
        for package in book.packages() {
            for image in &package.interim {
                let key = (image.locale.clone(), image.update_type.clone());
                images.entry(key).or_default().push((image, package.id()));
            }
        }
        for images in images.into_values() {
            let has_several =
                images.iter().any(|(image, _)| !image.version.same_release(&images[0].0.version));
            for (image, package) in images.into_iter().filter(|_| has_several) {
                let folder = InterimImage::folder_of_version(&image.locale, &image.version);
                self.add(&folder, &image.files, package);
            }
        }
    }

    fn add(&mut self, folder: &str, files: &ReleaseFiles, package: PackageId) {
        for file in files.iter() {
            self.files.push(ServedFile {
                path: [folder, "/", file.name.as_str()].concat().into(),
                name: file.name.clone(),
                key: keys::object(&file.key),
                size: file.size,
                sha256: file.sha256,
                package,
            });
        }
    }

    /// Returns the file with this path, ignoring ASCII case.
    pub fn find(&self, path: &str) -> Option<&ServedFile> {
        let found = self.files.binary_search_by(|file| in_folded_order(&file.path, path));
        found.ok().and_then(|at| self.files.get(at))
    }

    /// All files, sorted by path, ignoring ASCII case.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &ServedFile> {
        self.files.iter()
    }
}

/// Compares two paths by their bytes in lower case.
fn in_folded_order(one: &str, other: &str) -> Ordering {
    // Neighbours in the order share most of their path in the same spelling.
    let shared = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    let rest_of_one = one.bytes().skip(shared).map(|byte| byte.to_ascii_lowercase());
    rest_of_one.cmp(other.bytes().skip(shared).map(|byte| byte.to_ascii_lowercase()))
}
