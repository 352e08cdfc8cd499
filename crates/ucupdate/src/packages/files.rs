//! [`FileIndex`]: the files that are served. The text of a URL never becomes a key; it is looked up here.

use crate::keys;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use ucupdate_core::RuleBook;
use ucupdate_core::book::{IngestedPackage, InterimImage, Release, ReleaseFiles, ReleasesByRule};
use ucupdate_core::value::{FileName, PackageId, Sha256Digest};
use ucupdate_store::StoreKey;

/// The files of every package in the rule book, by their path below the root of a URL.
///
/// Files stay when no rule offers their release any more, because a phone may be in the middle of a download when a rule
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
    /// The path below the root of a URL: `OCInterim/ENU/CPE.nbt`.
    pub path: Box<str>,
    /// The last part of the path.
    pub name: FileName,
    /// The object in the store.
    pub key: StoreKey,
    /// The size in bytes.
    pub size: u64,
    /// The SHA-256 of the content. In quotes it is the ETag.
    pub sha256: Sha256Digest,
    /// The package that contained the file.
    pub package: PackageId,
}

impl FileIndex {
    pub(crate) fn of(book: &RuleBook) -> Self {
        let mut index = Self::default();
        // What comes first stands above what comes later. What rules offer now stands above what came later and was
        // rejected; and has the rule's spelling.
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
        // Stable: of two with one path the first stays.
        index.files.sort_by(|one, other| in_folded_order(&one.path, &other.path));
        index.files.dedup_by(|later, first| in_folded_order(&later.path, &first.path).is_eq());
        index
    }

    /// Adds the folders by version where packages contain several interim images of a locale and update type: a test device
    /// may be offered one while every other device is offered another.
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
    // Neighbours share most of their path, spelled alike.
    let shared = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    let rest_of_one = one.bytes().skip(shared).map(|byte| byte.to_ascii_lowercase());
    rest_of_one.cmp(other.bytes().skip(shared).map(|byte| byte.to_ascii_lowercase()))
}
