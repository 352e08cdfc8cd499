//! Packages, devices and books made by code.

use ucupdate_core::book::{
    BookCommand, IngestId, IngestedPackage, InterimImage, Release, ReleaseFiles, StoredFile,
};
use ucupdate_core::value::{FieldTime, FileName, Sha256Digest, UnixTime};
use ucupdate_core::{Device, ReportedVersion, RuleBook, RuleKey};
use ucupdate_testkit::field;

pub use ucupdate_testkit::field::RULE as PHONE;
pub use ucupdate_testkit::field::module;

pub fn key(text: &str) -> RuleKey {
    text.parse().unwrap()
}

fn file(name: &str, content: u8) -> StoredFile {
    StoredFile {
        name: name.parse::<FileName>().unwrap(),
        key: format!("images/{content:02x}/{name}").parse().unwrap(),
        size: 1,
        sha256: Sha256Digest::new([content; 32]),
        modified: FieldTime::new((2008, 12, 16), (4, 43, 58)),
    }
}

/// Files whose bytes are told apart by `content`.
pub fn files(content: u8) -> ReleaseFiles {
    ReleaseFiles {
        image: file("CPE.nbt", content),
        signature: file("CPE.cat", content),
        descriptions: Vec::new(),
    }
}

/// A package called by `id` with releases of `(rule, version, content)`.
pub fn package(id: u8, releases: &[(&str, &str, u8)]) -> IngestedPackage {
    IngestedPackage {
        sha256: Sha256Digest::new([id; 32]),
        ingest: IngestId::from_bits(id.into()),
        file_name: "UCUpdates.cab".into(),
        ingested_at: UnixTime::default(),
        releases: releases
            .iter()
            .map(|(rule, version, content)| Release {
                rule: key(rule),
                version: ReportedVersion::new(version),
                files: files(*content),
            })
            .collect(),
        interim: Vec::new(),
    }
}

/// Adds the interim image of a locale to a package.
pub fn with_interim(mut package: IngestedPackage, locale: &str, version: &str) -> IngestedPackage {
    package.interim.push(InterimImage {
        locale: locale.parse().unwrap(),
        update_type: "CPE".parse().unwrap(),
        version: ReportedVersion::new(version),
        files: files(103),
    });
    package
}

/// Approves the pending interim image of a locale.
pub fn approve_interim(locale: &str) -> BookCommand {
    let (locale, update_type) = (locale.parse().unwrap(), "CPE".parse().unwrap());
    BookCommand::ApproveInterim { locale, update_type, version: None }
}

#[track_caller]
pub fn ingest(book: &mut RuleBook, package: &IngestedPackage) -> Vec<String> {
    let outcome = book.ingest(package).unwrap();
    book.apply(&outcome.delta);
    outcome.notes.iter().map(ToString::to_string).collect()
}

#[track_caller]
pub fn make(book: &mut RuleBook, command: BookCommand) -> Vec<String> {
    let outcome = book.command(&command, "ann").unwrap();
    book.apply(&outcome.delta);
    outcome.notes.iter().map(ToString::to_string).collect()
}

/// The phone of the field's log, or one like it.
pub fn device(rule: &str) -> Device {
    field::phone(&key(rule))
}
