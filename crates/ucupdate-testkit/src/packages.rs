//! Ingested packages and their files, as entries of a rule book. The files do not exist in any
//! store.

use ucupdate_core::book::{
    IngestId, IngestedPackage, InterimImage, Release, ReleaseFiles, RuleBook, StoredFile,
};
use ucupdate_core::value::{FieldTime, Sha256Digest, UnixTime};
use ucupdate_core::{ReportedVersion, RuleKey};

/// Parses a rule key from a text such as [`field::RULE`](crate::field::RULE).
pub fn key(text: &str) -> RuleKey {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Returns an image and its signature. Every byte of their digests is `content`, so that files with another `content`
/// differ.
pub fn files(content: u8) -> ReleaseFiles {
    ReleaseFiles {
        image: file("CPE.nbt", content),
        signature: file("CPE.cat", content),
        descriptions: Vec::new(),
    }
}

fn file(name: &str, content: u8) -> StoredFile {
    StoredFile {
        name: name.parse().expect("a file name"),
        key: format!("images/{content:02x}/{name}").parse().expect("a key"),
        size: 1,
        sha256: Sha256Digest::new([content; 32]),
        modified: FieldTime::new((2008, 12, 16), (4, 43, 58)),
    }
}

/// Returns a package with one release for each `(rule, version, content)`. `content` is the
/// argument of [`files`]. Every byte of the digest of the package is `id`.
pub fn package(id: u8, releases: &[(&str, &str, u8)]) -> IngestedPackage {
    let release = |(rule, version, content): &(&str, &str, u8)| Release {
        rule: key(rule),
        version: ReportedVersion::new(version),
        files: files(*content),
    };
    IngestedPackage {
        sha256: Sha256Digest::new([id; 32]),
        ingest: IngestId::from_bits(id.into()),
        file_name: "UCUpdates.cab".into(),
        ingested_at: UnixTime::default(),
        releases: releases.iter().map(release).collect(),
        interim: Vec::new(),
    }
}

/// Adds the interim image of a locale to a package.
pub fn with_interim(mut package: IngestedPackage, locale: &str, version: &str) -> IngestedPackage {
    package.interim.push(InterimImage {
        locale: locale.parse().expect("a locale"),
        update_type: "CPE".parse().expect("an update type"),
        version: ReportedVersion::new(version),
        files: files(103),
    });
    package
}

/// Ingests a package into a rule book. Returns the notes for the author as text, without the note
/// that names the cabinet file.
#[track_caller]
pub fn ingest(book: &mut RuleBook, package: &IngestedPackage) -> Vec<String> {
    let change = book.ingest(package).unwrap_or_else(|refusal| panic!("{refusal}"));
    book.apply(&change.delta);
    let notes = change.notes.iter().filter(|note| note.kind() != "ingested");
    notes.map(ToString::to_string).collect()
}
