//! Writes a large rule book directly as documents of format 1.2.0, which all programs since that
//! format can read. This takes seconds. To make the same changes one after another with the service
//! would take minutes.

use crate::prove::report::ProofError;
use bytes::Bytes;
use serde_json::json;
use ucupdate::book::{
    BookChange, BookCommand, IngestId, IngestedPackage, Release, ReleaseFiles, RuleBook, RuleKey, StoredFile,
    TestDevice,
};
use ucupdate::device::DeviceId;
use ucupdate::value::{FieldTime, Sha256Digest, UnixTime};
use ucupdate::version::ReportedVersion;
use ucupdate_store::{ImageStore, StoreKey};

const RELEASES: usize = 500;

/// A writer of revisions to a store, one after another.
pub(crate) struct Scribe<'a> {
    store: &'a dyn ImageStore,
    book: RuleBook,
    revision: u64,
    sha256: Sha256Digest,
}

impl<'a> Scribe<'a> {
    /// Creates a writer for a store without a history.
    pub(crate) fn new(store: &'a dyn ImageStore) -> Self {
        Self { store, book: RuleBook::default(), revision: 0, sha256: Sha256Digest::of(b"") }
    }

    /// Returns the number of the last revision.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Ingests packages for `rules` rules, and approves each rule.
    pub(crate) async fn rules(&mut self, rules: usize) -> Result<(), ProofError> {
        for first in (0..rules).step_by(RELEASES) {
            let package = package(first..rules.min(first + RELEASES))?;
            let ingested = self.book.ingest(&package)?;
            self.write(&BookCommand::Ingest(package.id()), ingested).await?;
            let approve = BookCommand::ApproveAllOf(package.id());
            let approved = self.book.command(&approve, "ann")?;
            self.write(&approve, approved).await?;
        }
        Ok(())
    }

    /// Adds `count` test devices. Each is a revision.
    pub(crate) async fn test_devices(&mut self, count: u64) -> Result<(), ProofError> {
        for number in self.revision..self.revision + count {
            let name = format!("lab phone {number}").parse()?;
            let id = DeviceId::Serial(format!("LAB{number}").parse()?);
            let add = BookCommand::AddTestDevice(TestDevice { name, id });
            let added = self.book.command(&add, "ann")?;
            self.write(&add, added).await?;
        }
        Ok(())
    }

    /// Continues after a revision of another writer. `bytes` is the document of that revision.
    pub(crate) fn continue_after(&mut self, revision: u64, bytes: &[u8]) {
        (self.revision, self.sha256) = (revision, Sha256Digest::of(bytes));
    }

    async fn write(&mut self, command: &BookCommand, change: BookChange) -> Result<(), ProofError> {
        let number = self.revision + 1;
        let document = json!({
            "format": "1.2.0",
            "revision": number,
            "change": Sha256Digest::of(number.to_be_bytes()),
            "previous": self.sha256,
            "at": UnixTime::default(),
            "author": "ann",
            "command": command,
            "notes": change.notes.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "delta": change.delta,
        });
        let bytes = Bytes::from(sealed(&document.to_string()));
        self.book.apply(&change.delta);
        (self.revision, self.sha256) = (number, Sha256Digest::of(&bytes));
        self.store.create(&key(number)?, bytes).await?;
        Ok(())
    }
}

/// Returns a document with its seal. The seal is the SHA-256 of the document without it.
fn sealed(document: &str) -> String {
    let seal = Sha256Digest::of(document);
    format!("{},\"seal\":\"{seal}\"}}", document.strip_suffix('}').unwrap_or(document))
}

pub(crate) fn key(revision: u64) -> Result<StoreKey, ProofError> {
    Ok(StoreKey::parse(&format!("state/revisions/{revision:020}.json"))?)
}

/// Returns a package with a release for each of these rules.
fn package(rules: std::ops::Range<usize>) -> Result<IngestedPackage, ProofError> {
    let first = u128::try_from(rules.start)? + 1;
    let sha256 = Sha256Digest::of(first.to_be_bytes());
    let ingest = IngestId::from_bits(first.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835));
    let file = |number: usize, name: &str, size| -> Result<StoredFile, ProofError> {
        Ok(StoredFile {
            name: name.parse()?,
            key: format!("images/{ingest}/{number}-{name}").parse()?,
            size,
            sha256: Sha256Digest::of(format!("{number} {name}").as_bytes()),
            modified: Some(FieldTime::FILETIME_ZERO),
        })
    };
    let release = |number: usize| -> Result<Release, ProofError> {
        let image = file(number, "CPE.nbt", 30 << 20)?;
        let files =
            ReleaseFiles { image, signature: file(number, "CPE.cat", 2000)?, descriptions: Vec::new() };
        Ok(Release { rule: rule(number)?, version: ReportedVersion::new("4.0.7577.0"), files })
    };
    Ok(IngestedPackage {
        sha256,
        ingest,
        file_name: "UCUpdates.cab".into(),
        ingested_at: UnixTime::default(),
        releases: rules.map(release).collect::<Result<_, _>>()?,
        interim: Vec::new(),
    })
}

/// Returns rule number `number`. There are few vendors and locales and many models, as in a real fleet.
fn rule(number: usize) -> Result<RuleKey, ProofError> {
    let vendors = ["LG-Nortel", "Polycom", "Aastra", "Snom"];
    let locales = ["ENU", "DEU", "FRA", "JPN", "ESN"];
    let (rest, vendor) = (number / vendors.len(), vendors[number % vendors.len()]);
    let (model, locale) = (rest / locales.len(), locales[rest % locales.len()]);
    Ok(format!("UCPhone/{vendor}/CX{model}/A/{locale}/CPE").parse()?)
}
