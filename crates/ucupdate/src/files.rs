//! The files that are served. A URL never becomes a key by its text: it is looked up here.

use std::collections::BTreeMap;
use ucupdate_core::{
    FileName, IngestedPackage, InterimImage, PackageId, Release, ReleaseFiles, RuleBook, Sha256Digest,
    StoredFile,
};
use ucupdate_store::StoreKey;

/// The files of every package the rule book keeps, by their path below the root of a URL.
///
/// Files of a release that no rule offers any more stay: a phone may be four minutes into a download when a rule moves.
#[derive(Debug, Default)]
pub struct FileIndex {
    /// By path, in lower case.
    files: BTreeMap<Box<str>, ServedFile>,
}

/// A file that is served.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServedFile {
    /// Its path below the root of a URL: `OCInterim/ENU/CPE.nbt`.
    pub path: Box<str>,
    /// Its name.
    pub name: FileName,
    /// Its object in the store.
    pub key: StoreKey,
    /// Its size in bytes.
    pub size: u64,
    /// The SHA-256 of its bytes: quoted, its ETag.
    pub sha256: Sha256Digest,
    /// The package it came in.
    pub package: PackageId,
}

impl FileIndex {
    pub(crate) fn of(book: &RuleBook) -> Self {
        let mut index = Self::default();
        let mut packages: Vec<&IngestedPackage> = book.packages().collect();
        packages.sort_by_key(|package| (package.ingested_at, package.sha256));
        for package in packages {
            for release in &package.releases {
                index.add(&Release::folder(&release.rule, &release.version), &release.files, package.id());
            }
            for image in &package.interim {
                index.add(&InterimImage::folder(&image.locale), &image.files, package.id());
            }
        }
        // What rules offer now stands above what came later and was rejected; and has the rule's spelling.
        for rule in book.rules() {
            for candidate in rule.candidates() {
                if let Some(release) = book.release(rule.key(), candidate) {
                    index.add(
                        &Release::folder(rule.key(), &release.version),
                        &release.files,
                        candidate.package,
                    );
                }
            }
        }
        for (image, package) in book.interim_images() {
            index.add(&InterimImage::folder(&image.locale), &image.files, package);
        }
        index
    }

    fn add(&mut self, folder: &str, files: &ReleaseFiles, package: PackageId) {
        for file in files.iter() {
            self.add_file(folder, file, package);
        }
    }

    fn add_file(&mut self, folder: &str, file: &StoredFile, package: PackageId) {
        // A book that names what is no key was not written by us; such a file is not served.
        let Ok(key) = StoreKey::parse(&file.key) else { return };
        let path: Box<str> = format!("{folder}/{}", file.name).into();
        let served = ServedFile {
            name: file.name.clone(),
            key,
            size: file.size,
            sha256: file.sha256,
            package,
            path: path.clone(),
        };
        self.files.insert(path.to_ascii_lowercase().into(), served);
    }

    /// The file with this path below the root, without regard to ASCII case.
    pub fn find(&self, path: &str) -> Option<&ServedFile> {
        self.files.get(path.to_ascii_lowercase().as_str())
    }

    /// All of them, sorted by path without regard to case.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &ServedFile> {
        self.files.values()
    }
}
