//! Reads files back before they are offered to devices, so that devices get the ingested bytes.

use crate::error::ChangeError;
use crate::keys;
use futures_util::StreamExt as _;
use std::collections::HashSet;
use ucupdate_core::book::{
    Candidate, Delta, IngestId, InterimImage, Refusal, Release, Role, Rule, StoredFile,
};
use ucupdate_core::value::{ObjectKey, Sha256Digest, Sha256Hasher};
use ucupdate_core::{ReportedVersion, RuleBook, RuleKey};
use ucupdate_store::{ImageStore, StoreError, StoreKey};

/// The versions whose files were read back and have the ingested bytes.
pub(crate) struct ReadBack {
    releases: Vec<(RuleKey, ReportedVersion, IngestId)>,
    /// The interim images, by the key of the image in the store. The key is unique.
    interim: Vec<ObjectKey>,
}

impl ReadBack {
    /// Reads back the files of each version that `delta` newly offers to devices other than test
    /// devices. A delta has the entries of the rule book that a command changes.
    pub(crate) async fn read(
        store: &dyn ImageStore,
        book: &RuleBook,
        delta: &Delta,
    ) -> Result<Self, ChangeError> {
        let mut verified = Vec::new();
        let mut read = HashSet::new();
        for (rule, candidate) in given_anew(book, delta) {
            let Some((release, ingest)) = release(book, rule, candidate) else { continue };
            for file in release.files.iter() {
                if read.insert(file.key.clone()) {
                    check(store, file, &release.version, &release.rule).await?;
                }
            }
            verified.push((rule.key().clone(), candidate.version.clone(), ingest));
        }
        let mut interim = Vec::new();
        for image in approved_anew(book, delta) {
            for file in image.files.iter() {
                check(store, file, &image.version, &InterimImage::folder(&image.locale)).await?;
            }
            interim.push(image.files.image.key.clone());
        }
        Ok(Self { releases: verified, interim })
    }

    /// Returns a refusal if the changed entries in `delta` newly offer a version that was not read
    /// back.
    pub(crate) fn covers(&self, book: &RuleBook, delta: &Delta) -> Result<(), Refusal> {
        for (rule, candidate) in given_anew(book, delta) {
            let Some((_, ingest)) = release(book, rule, candidate) else { continue };
            let mut read = self.releases.iter().filter(|(key, ..)| key == rule.key());
            let is_it = |(_, version, from): &(RuleKey, ReportedVersion, IngestId)| {
                *version == candidate.version && *from == ingest
            };
            if !read.clone().any(is_it) {
                let found = candidate.version.clone();
                let expected = read.next().map_or_else(|| found.clone(), |(_, version, _)| version.clone());
                return Err(Refusal::VersionConflict { rule: rule.key().clone(), expected, found });
            }
        }
        let mut interim = approved_anew(book, delta);
        match interim.find(|image| !self.interim.contains(&image.files.image.key)) {
            Some(image) => {
                let what = format!("the interim image for {}", image.locale);
                Err(Refusal::EntryConflict { what })
            }
            None => Ok(()),
        }
    }
}

/// Returns the versions that a delta newly offers to devices other than test devices, with their rules.
fn given_anew<'a>(book: &'a RuleBook, delta: &'a Delta) -> impl Iterator<Item = (&'a Rule, &'a Candidate)> {
    let rules = delta.rules.iter().filter_map(|entry| entry.now.as_ref());
    rules.flat_map(move |rule| {
        let before = book.rule(rule.key());
        let given = |rule: &'a Rule| {
            let assignments = rule.assignments().iter();
            assignments.filter(|assignment| assignment.role() != Role::Pending).map(|given| &given.candidate)
        };
        given(rule)
            .filter(move |candidate| !before.is_some_and(|rule| given(rule).any(|had| had == *candidate)))
            .map(move |candidate| (rule, candidate))
    })
}

/// Returns the interim images that a delta newly approves.
fn approved_anew<'a>(book: &'a RuleBook, delta: &'a Delta) -> impl Iterator<Item = &'a InterimImage> {
    delta.interim.iter().filter_map(|entry| {
        let (locale, update_type) = &entry.key;
        let before = book.interim_rule(locale, update_type).and_then(|rule| rule.approved);
        let package = entry.now.as_ref()?.approved.filter(|package| Some(*package) != before)?;
        book.interim_image(locale, update_type, package)
    })
}

fn release<'a>(book: &'a RuleBook, rule: &Rule, candidate: &Candidate) -> Option<(&'a Release, IngestId)> {
    Some((book.release(rule.key(), candidate)?, book.package(candidate.package)?.ingest))
}

async fn check(
    store: &dyn ImageStore,
    file: &StoredFile,
    version: &ReportedVersion,
    rule: &impl ToString,
) -> Result<(), ChangeError> {
    let what = match state(store, file).await? {
        FileState::Whole => return Ok(()),
        FileState::Other => "differs from what was ingested",
        FileState::Gone => "is missing in the store",
    };
    Err(ChangeError::Image {
        file: file.name.to_string(),
        version: version.to_string(),
        rule: rule.to_string(),
        what,
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileState {
    /// The file has the ingested bytes.
    Whole,
    /// The file has other bytes.
    Other,
    /// The file is missing.
    Gone,
}

pub(crate) async fn state(store: &dyn ImageStore, file: &StoredFile) -> Result<FileState, StoreError> {
    match digest(store, &keys::object(&file.key)).await {
        Ok(found) if found == (file.size, file.sha256) => Ok(FileState::Whole),
        Ok(_) | Err(StoreError::Integrity { .. }) => Ok(FileState::Other),
        Err(StoreError::NotFound { .. }) => Ok(FileState::Gone),
        Err(error) => Err(error),
    }
}

/// Returns the size and the SHA-256 of an object.
pub(crate) async fn digest(
    store: &dyn ImageStore,
    key: &StoreKey,
) -> Result<(u64, Sha256Digest), StoreError> {
    let mut object = store.get(key, None).await?;
    let mut read = Sha256Hasher::default();
    while let Some(bytes) = object.bytes.next().await {
        read.update(&bytes.map_err(|error| StoreError::of_bytes(key, error))?);
    }
    Ok((read.size(), read.digest()))
}
