//! [`FileIndex`]: the files that are served. The path of a URL is looked up here, and never becomes a key.

use crate::keys;
use foldhash::fast::FixedState;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::hash::BuildHasher as _;
use ucupdate_core::RuleBook;
use ucupdate_core::book::{Candidate, InterimImage, Release, ReleaseFiles, Rule};
use ucupdate_core::value::{FileName, PackageId, Sha256Digest};
use ucupdate_store::StoreKey;

/// The files of every package in a rule book, by their path below the root of a URL.
///
/// Files are still served when no rule offers their release, because a phone may be downloading them when a rule
/// changes.
#[derive(Clone, Copy, Debug)]
pub struct FileIndex<'a> {
    book: &'a RuleBook,
    places: &'a FilePlaces,
}

/// A file with a URL: an image, a catalogue or a description that the rule book names.
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

/// The places of all files in the packages of a book, sorted by the hashes of their paths. A place
/// says where the rule book has a file. The rule book has all parts of the paths, so the paths are
/// not stored here.
///
/// If several files have the same path, the first one is used.
#[derive(Debug, Default)]
pub(crate) struct FilePlaces(Vec<FilePlace>);

#[derive(Clone, Copy, Debug)]
struct FilePlace {
    /// The hash of the path in lower case.
    hash: u32,
    /// The index of the release or of the interim image in its package.
    item: u32,
    /// The index of the file among the files of this release or interim image.
    file: u32,
    package: PackageId,
    folder: FolderKind,
}

#[derive(Clone, Copy, Debug)]
enum FolderKind {
    /// The folder of a release. If a rule uses the release, the folder has the spelling of the
    /// rule, otherwise that of the package.
    Release,
    /// The folder of the interim images of a locale.
    Interim,
    /// The folder of one version of an interim image.
    InterimVersion,
}

impl<'a> FileIndex<'a> {
    /// Creates the index from a rule book and the places that were made from this book.
    pub(crate) fn new(book: &'a RuleBook, places: &'a FilePlaces) -> Self {
        Self { book, places }
    }

    /// Returns the file with this path, ignoring ASCII case. `None` if no file has this path.
    pub fn find(&self, path: &str) -> Option<ServedFile> {
        let FilePlaces(places) = self.places;
        let hash = hash(path.to_ascii_lowercase().as_bytes());
        let first = places.partition_point(|place| place.hash < hash);
        let same = places.iter().skip(first).take_while(|place| place.hash == hash);
        same.filter_map(|place| self.file(place)).find(|file| file.path.eq_ignore_ascii_case(path))
    }

    /// Returns all files, sorted by path, ignoring ASCII case. All files are collected in memory
    /// first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = ServedFile> + use<> {
        let FilePlaces(places) = self.places;
        let mut files: Vec<ServedFile> = places.iter().filter_map(|place| self.file(place)).collect();
        // The sort is stable, so that the first of several files with one path stays.
        files.sort_by(|one, other| in_folded_order(&one.path, &other.path));
        files.dedup_by(|later, first| in_folded_order(&later.path, &first.path).is_eq());
        files.into_iter()
    }

    fn file(&self, place: &FilePlace) -> Option<ServedFile> {
        let package = self.book.package(place.package)?;
        let release = || package.releases.get(place.item as usize);
        let interim = || package.interim.get(place.item as usize);
        let (folder, files) = match place.folder {
            FolderKind::Release => {
                let release = release()?;
                let used = place_in_rule(self.book, place.package, release);
                let rule = used.map_or(&release.rule, |(rule, _)| rule.key());
                (Release::folder(rule, &release.version), &release.files)
            }
            FolderKind::Interim => {
                let image = interim()?;
                (InterimImage::folder(&image.locale), &image.files)
            }
            FolderKind::InterimVersion => {
                let image = interim()?;
                (InterimImage::folder_of_version(&image.locale, &image.version), &image.files)
            }
        };
        let file = files.iter().nth(place.file as usize)?;
        Some(ServedFile {
            path: [&folder, "/", file.name.as_str()].concat().into(),
            name: file.name.clone(),
            key: keys::object(&file.key),
            size: file.size,
            sha256: file.sha256,
            package: place.package,
        })
    }
}

impl FilePlaces {
    pub(crate) fn of(book: &RuleBook) -> Self {
        let mut found = FoundFiles::default();
        // Interim images that are offered come first.
        for (image, package) in book.interim_images().chain(book.pending_interim_images()) {
            let mut images = book.package(package).into_iter().flat_map(|package| &package.interim);
            let item = images.position(|other| std::ptr::eq(other, image)).unwrap_or_default();
            found.add(
                (package, item),
                FolderKind::Interim,
                &InterimImage::folder(&image.locale),
                &image.files,
            );
        }
        found.add_interim_by_version(book);
        let mut packages: Vec<_> = book.packages().collect();
        packages.sort_by_key(|package| (package.ingested_at, package.sha256));
        for package in packages.into_iter().rev() {
            let id = package.id();
            for (item, image) in package.interim.iter().enumerate().rev() {
                let folder = InterimImage::folder(&image.locale);
                found.add((id, item), FolderKind::Interim, &folder, &image.files);
            }
            for (item, release) in package.releases.iter().enumerate().rev() {
                let folder = Release::folder(&release.rule, &release.version);
                found.add((id, item), FolderKind::Release, &folder, &release.files);
            }
        }
        found.sort(book)
    }
}

/// The files of a rule book that were found so far. Each has the number of its release or interim
/// image, counted in the order in which they were added. Of several files with the same path, one
/// that its rule uses comes first ([`use_by_rule`]), and then the one with the smallest number.
#[derive(Debug, Default)]
struct FoundFiles {
    files: Vec<(u32, FilePlace)>,
    order: u32,
    path: Vec<u8>,
}

impl FoundFiles {
    /// Adds the paths with a version (`OCInterim/<locale>/<version>`) for interim images, if the
    /// packages contain several versions for one locale and update type. Then test devices may be
    /// offered another version than other devices.
    fn add_interim_by_version(&mut self, book: &RuleBook) {
        let mut images: BTreeMap<_, Vec<(&InterimImage, PackageId, usize)>> = BTreeMap::new();
        for package in book.packages() {
            for (item, image) in package.interim.iter().enumerate() {
                let key = (image.locale.clone(), image.update_type.clone());
                images.entry(key).or_default().push((image, package.id(), item));
            }
        }
        for images in images.into_values() {
            let has_several =
                images.iter().any(|(image, ..)| !image.version.is_same_release(&images[0].0.version));
            for (image, package, item) in images.into_iter().filter(|_| has_several) {
                let folder = InterimImage::folder_of_version(&image.locale, &image.version);
                self.add((package, item), FolderKind::InterimVersion, &folder, &image.files);
            }
        }
    }

    /// Adds the files of the next release or interim image. All its files get the same number,
    /// which is one more than the number before.
    fn add(&mut self, item: (PackageId, usize), in_folder: FolderKind, folder: &str, files: &ReleaseFiles) {
        self.order += 1;
        let (package, item) = (item.0, u32::try_from(item.1).unwrap_or(u32::MAX));
        for (number, file) in (0..).zip(files.iter()) {
            self.path.clear();
            for part in [folder, "/", file.name.as_str()] {
                self.path.extend_from_slice(part.as_bytes());
            }
            self.path.make_ascii_lowercase();
            let hash = hash(&self.path);
            let place = FilePlace { hash, item, file: number, package, folder: in_folder };
            self.files.push((self.order, place));
        }
    }

    fn sort(mut self, book: &RuleBook) -> FilePlaces {
        self.files.sort_unstable_by_key(|(order, place)| (place.hash, *order, place.file));
        for same in self.files.chunk_by_mut(|(_, one), (_, other)| one.hash == other.hash) {
            if same.len() > 1 {
                same.sort_by_cached_key(|(_, place)| use_by_rule(book, place));
            }
        }
        FilePlaces(self.files.into_iter().map(|(_, place)| place).collect())
    }
}

/// Returns the sort key of a file among files with the same path. Files of releases that their rule
/// uses come first.
fn use_by_rule(book: &RuleBook, place: &FilePlace) -> (usize, u32) {
    let package = book.package(place.package);
    let release = package.and_then(|package| package.releases.get(place.item as usize));
    let release = release.filter(|_| matches!(place.folder, FolderKind::Release));
    let used = release.and_then(|release| place_in_rule(book, place.package, release));
    used.map_or((usize::MAX, 0), |(_, candidate)| (candidate, place.item))
}

/// Returns the rule of a release, and the index of the release among the candidates of the rule.
/// `None` if the rule does not use the release.
fn place_in_rule<'a>(book: &'a RuleBook, package: PackageId, release: &Release) -> Option<(&'a Rule, usize)> {
    let rule = book.rule(&release.rule)?;
    let is_it = |candidate: &Candidate| {
        candidate.package == package && candidate.version.is_same_release(&release.version)
    };
    Some((rule, rule.candidates().position(is_it)?))
}

#[allow(clippy::cast_possible_truncation, reason = "the upper half of 64 bits")]
fn hash(path: &[u8]) -> u32 {
    (FixedState::default().hash_one(path) >> 32) as u32
}

/// Compares two paths by their bytes in lower case.
fn in_folded_order(one: &str, other: &str) -> Ordering {
    // Neighbours in the order share most of their path in the same spelling.
    let shared = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    let rest_of_one = one.bytes().skip(shared).map(|byte| byte.to_ascii_lowercase());
    rest_of_one.cmp(other.bytes().skip(shared).map(|byte| byte.to_ascii_lowercase()))
}
