//! An ingested package in the rule book: its releases, and the keys of their files in the store.

#[cfg(feature = "serde")]
use crate::book::delta::KnownTexts;
use crate::book::rule::{RuleKey, UpdateType};
use crate::device::Locale;
use crate::value::{FieldTime, FileName, ObjectKey, PackageId, Sha256Digest, UnixTime};
use crate::version::{ReportedVersion, VersionScheme};
use std::fmt;

/// A file of a release in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct StoredFile {
    /// The file name in the URL.
    pub name: FileName,
    /// The key of the file's object in the store.
    pub key: ObjectKey,
    /// The size of the file in bytes.
    pub size: u64,
    /// The SHA-256 of the file's bytes.
    pub sha256: Sha256Digest,
    /// The modification time of the file in the cabinet. `None` if it is not valid.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub modified: Option<FieldTime>,
}

/// The files of one version: the image, its signature catalogue and its descriptions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ReleaseFiles {
    /// The image (`.nbt`).
    pub image: StoredFile,
    /// The signature catalogue (`.cat`).
    pub signature: StoredFile,
    /// Descriptions (`.xml`), if any.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub descriptions: Vec<StoredFile>,
}

impl ReleaseFiles {
    /// Returns all files, the image first.
    pub fn iter(&self) -> impl Iterator<Item = &StoredFile> {
        [&self.image, &self.signature].into_iter().chain(&self.descriptions)
    }

    /// Returns whether the images have the same SHA-256, and the signature catalogues too. Descriptions are
    /// not compared.
    pub fn has_same_bytes(&self, other: &Self) -> bool {
        self.image.sha256 == other.image.sha256 && self.signature.sha256 == other.signature.sha256
    }
}

/// One version for one rule, with its files.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Release {
    /// The rule of the devices for which the image was made.
    pub rule: RuleKey,
    /// The version in the spelling of the package.
    pub version: ReportedVersion,
    /// The image, its catalogue, and descriptions.
    pub files: ReleaseFiles,
}

impl Release {
    /// Returns the folder of the files of a release, below the root of a URL:
    /// `UCPhone/LG-Nortel/IP8540/A/ENU/3.5.6907.0/CPE`.
    ///
    /// The folder has the words in the spelling of `rule`. A rule keeps the spelling of its first ingest.
    pub fn folder(rule: &RuleKey, version: &ReportedVersion) -> String {
        let kind = rule.kind().words();
        [&kind[..], &[version.as_str(), rule.update_type().as_str()]].concat().join("/")
    }
}

/// An interim image: the image of a stepping stone for one locale.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct InterimImage {
    /// The locale of the devices that the image is for. Each locale has its own folder below `OCInterim`.
    pub locale: Locale,
    /// The part of the device that the image replaces, such as `CPE`.
    pub update_type: UpdateType,
    /// The version in the spelling of the package. If the package states no version, this is the version that the
    /// stepping stone names.
    pub version: ReportedVersion,
    /// The image, its catalogue, and descriptions.
    pub files: ReleaseFiles,
}

/// The folder of the interim images, below the root of a URL.
pub const INTERIM_FOLDER: &str = "OCInterim";

impl InterimImage {
    /// Returns the folder of the files of an interim image, below the root of a URL: `OCInterim/ENU`.
    pub fn folder(locale: &Locale) -> String {
        format!("{INTERIM_FOLDER}/{locale}")
    }

    /// Returns the folder of a pending image that needs its own URL beside the approved image:
    /// `OCInterim/ENU/1.0.522.110`.
    pub fn folder_of_version(locale: &Locale, version: &ReportedVersion) -> String {
        format!("{INTERIM_FOLDER}/{locale}/{version}")
    }
}

/// The content of one ingested cabinet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct IngestedPackage {
    /// The SHA-256 of the cabinet.
    pub sha256: Sha256Digest,
    /// The name of the folder in the store that contains the files of this package.
    pub ingest: IngestId,
    /// The name of the file that was ingested, as the history shows it.
    pub file_name: Box<str>,
    /// The time of the ingest, by the clock of the server that did it.
    pub ingested_at: UnixTime,
    /// The releases. There is at most one release for each rule.
    pub releases: Vec<Release>,
    /// The interim images. May be empty.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub interim: Vec<InterimImage>,
}

impl IngestedPackage {
    /// Returns the id, which is the beginning of the SHA-256 of the cabinet.
    pub fn id(&self) -> PackageId {
        PackageId::of(&self.sha256)
    }

    /// Returns the release of `version` for `rule`. `None` if the package does not contain it.
    pub fn release(&self, rule: &RuleKey, version: &ReportedVersion) -> Option<&Release> {
        self.releases.iter().find(|release| release.rule == *rule && release.version.is_same_release(version))
    }

    /// Returns the release of a version for a rule. Versions are compared in `scheme`.
    pub(crate) fn release_in(
        &self,
        scheme: &VersionScheme,
        rule: &RuleKey,
        version: &ReportedVersion,
    ) -> Option<&Release> {
        self.releases
            .iter()
            .find(|release| release.rule == *rule && scheme.is_same_release(&release.version, version))
    }

    /// Frees unused memory, and lets equal versions and file names share their memory.
    #[cfg(feature = "serde")]
    pub(in crate::book) fn compact(&mut self, known: &mut KnownTexts) {
        self.releases.shrink_to_fit();
        for Release { version, files, .. } in &mut self.releases {
            known.share_version(version);
            for file in [&mut files.image, &mut files.signature].into_iter().chain(&mut files.descriptions) {
                known.share_name(&mut file.name);
            }
        }
    }

    /// Returns the files of all releases, and then those of all interim images.
    pub fn files(&self) -> impl Iterator<Item = &StoredFile> {
        let releases = self.releases.iter().map(|release| &release.files);
        let interim = self.interim.iter().map(|image| &image.files);
        releases.chain(interim).flat_map(ReleaseFiles::iter)
    }
}

/// The random name of one ingest: 32 hexadecimal digits. A name is used only once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IngestId(u128);

impl IngestId {
    /// Creates an id from random bits.
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }
}

impl fmt::Display for IngestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for IngestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IngestId({self})")
    }
}

#[cfg(feature = "serde")]
mod stored {
    use super::IngestId;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    impl Serialize for IngestId {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(self)
        }
    }

    impl<'de> Deserialize<'de> for IngestId {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let text = String::deserialize(deserializer)?;
            let whole = text.len() == 32 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
            let bits = u128::from_str_radix(&text, 16).ok().filter(|_| whole);
            bits.map(Self).ok_or_else(|| D::Error::custom("ingest id is not 32 hexadecimal digits"))
        }
    }
}
