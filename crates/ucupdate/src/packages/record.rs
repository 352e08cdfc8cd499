//! The record of a package in the rule book, and the notes about parts that are left out.

use crate::keys;
use crate::service::UpdateService;
use ucupdate_cab::package::{Package, PackagedInterim, PackagedRelease};
use ucupdate_core::book::{IngestId, IngestedPackage, InterimImage, Note, Release, ReleaseFiles, StoredFile};
use ucupdate_core::value::{FileName, is_unseen};
use ucupdate_core::{ReportedVersion, RuleBook};

/// Returns the entry of the rule book for a package that was read from a cabinet.
pub(crate) fn record(
    service: &UpdateService,
    ingest: IngestId,
    package: &Package,
    file_name: &str,
) -> IngestedPackage {
    let file = |index: usize| {
        let member = package.members.iter().find(|member| member.index == index)?;
        Some(StoredFile {
            name: member.path.as_ref().ok()?.file_name().parse::<FileName>().ok()?,
            key: keys::member(ingest, member.index, &member.name),
            size: member.size,
            sha256: member.sha256,
            modified: member.modified,
        })
    };
    let files = |image: usize, signature: usize, descriptions: &[usize]| {
        Some(ReleaseFiles {
            image: file(image)?,
            signature: file(signature)?,
            descriptions: descriptions.iter().filter_map(|index| file(*index)).collect(),
        })
    };
    let release = |release: &PackagedRelease| {
        Some(Release {
            rule: release.key.clone(),
            version: release.version.clone(),
            files: files(release.image, release.signature, &release.descriptions)?,
        })
    };
    let mut record = IngestedPackage {
        sha256: package.sha256,
        ingest,
        file_name: file_name.chars().filter(|c| !is_unseen(*c)).take(128).collect::<String>().into(),
        ingested_at: service.now(),
        releases: package.releases.iter().filter_map(release).collect(),
        interim: Vec::new(),
    };
    let snapshot = service.snapshot();
    for image in &package.interim {
        let version = interim_version(image, &record, snapshot.book());
        let files = files(image.image, image.signature, &[]);
        if let (Some(version), Some(files)) = (version, files) {
            let PackagedInterim { locale, update_type, .. } = image.clone();
            record.interim.push(InterimImage { locale, update_type, version, files });
        }
    }
    record
}

/// Returns the notes about a package that [`RuleBook::ingest`] does not make: problems that were
/// accepted on request, and interim images that were left out.
pub(crate) fn notes_of(package: &Package, record: &IngestedPackage) -> Vec<Note> {
    let accepted = package.problems.iter().filter(|problem| problem.kind.is_accepted_on_request());
    let accepted = accepted.map(|problem| Note::AcceptedOnRequest { problem: problem.to_string().into() });
    accepted.chain(left_out(package, record)).collect()
}

/// Returns the version of an interim image: the version that the package states, or else the
/// version that the stepping stones have for the devices of the package. `None` if neither is
/// known.
fn interim_version(
    image: &PackagedInterim,
    record: &IngestedPackage,
    book: &RuleBook,
) -> Option<ReportedVersion> {
    let mut stones = book.stones_of_interim(record, &image.locale, &image.update_type);
    image.version.clone().or_else(|| stones.next().map(|stone| stone.by.clone().into()))
}

/// Returns a note for each interim image of a package whose version is not known.
fn left_out(package: &Package, record: &IngestedPackage) -> impl Iterator<Item = Note> {
    let images = package.interim.iter();
    let left = images.filter(|image| record.interim_image(&image.locale, &image.update_type).is_none());
    left.map(|image| Note::InterimVersionUnknown { locale: image.locale.clone() })
}
