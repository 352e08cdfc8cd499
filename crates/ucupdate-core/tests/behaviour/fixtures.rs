//! Packages, devices and books made by code.

use ucupdate_core::book::{
    BookCommand, IngestId, IngestedPackage, InterimImage, Release, ReleaseFiles, StoredFile, TestDevice,
};
use ucupdate_core::request::InstalledModule;
use ucupdate_core::value::{FieldTime, FileName, Reported, Sha256Digest, UnixTime};
use ucupdate_core::{Device, ReportedVersion, RuleBook, RuleKey};

pub const PHONE: &str = "UCPhone/LG-Nortel/IP8540/A/ENU/CPE";

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
/// Ingests a package, and gives the notes without the one that names its file.
pub fn ingest(book: &mut RuleBook, package: &IngestedPackage) -> Vec<String> {
    let outcome = book.ingest(package).unwrap();
    book.apply(&outcome.delta);
    let notes = outcome.notes.iter().filter(|note| note.kind() != "ingested");
    notes.map(ToString::to_string).collect()
}

#[track_caller]
pub fn make(book: &mut RuleBook, command: BookCommand) -> Vec<String> {
    make_as(book, "ann", command)
}

#[track_caller]
pub fn make_as(book: &mut RuleBook, author: &str, command: BookCommand) -> Vec<String> {
    let outcome = book.command(&command, author).unwrap();
    book.apply(&outcome.delta);
    outcome.notes.iter().map(ToString::to_string).collect()
}

#[track_caller]
pub fn refused(book: &RuleBook, command: BookCommand) -> String {
    refused_to(book, "ann", command)
}

#[track_caller]
pub fn refused_to(book: &RuleBook, author: &str, command: BookCommand) -> String {
    book.command(&command, author).unwrap_err().to_string()
}

/// Pending, approved, rollback as text, `-` for none.
pub fn state(book: &RuleBook, rule: &str) -> String {
    let Some(rule) = book.rule(&key(rule)) else { return "no rule".into() };
    let fields = [rule.pending(), rule.approved(), rule.rollback()];
    fields.map(|candidate| candidate.map_or("-", |candidate| candidate.version.as_str())).join(" ")
}

/// The phone of the field's log, or one like it.
pub fn device(rule: &str) -> Device {
    let key = key(rule);
    Device {
        kind: key.kind().clone(),
        mac_address: Reported::new("0021630F207B"),
        serial_number: Reported::new("C185H001209"),
    }
}

pub fn module(version: &str) -> InstalledModule {
    InstalledModule {
        file_name: "cpe.nbt".into(),
        version: ReportedVersion::new(version),
        time_stamp: Reported::new("01-01-1601 00:00:00"),
    }
}

pub fn test_device(name: &str) -> TestDevice {
    TestDevice {
        name: name.parse().unwrap(),
        id: ucupdate_core::device::DeviceId::Mac("00-21-63-0f-20-7b".parse().unwrap()),
    }
}
