//! The stored forms: JSON, each with the version of its format first. A newer one is refused by its number.

use semver::Version;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use ucupdate_core::{Command, Delta, IngestedPackage, Sha256Digest, UnixTime};

/// The format this program writes, and the newest it reads. 1.1 came with groups, rollouts, pins, holds and stops: a
/// program that does not know them must not take a rollout for an approval.
const FORMAT: Version = Version::new(1, 1, 0);

/// One revision of the rule book: what was asked, and what the changed entries are now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RevisionDocument {
    pub(crate) format: Version,
    pub(crate) revision: u64,
    /// Random: who lost the answer of a write finds by it whether the write was his.
    pub(crate) change: ChangeId,
    /// The SHA-256 of the revision before; of nothing for the first.
    pub(crate) previous: Sha256Digest,
    pub(crate) at: UnixTime,
    pub(crate) author: String,
    pub(crate) command: Command,
    /// What was told to the author, a line each.
    pub(crate) notes: Vec<String>,
    pub(crate) delta: Delta,
}

/// The whole book as of a revision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct CheckpointDocument {
    pub(crate) format: Version,
    pub(crate) revision: u64,
    /// The SHA-256 of that revision, which the next one names.
    pub(crate) sha256: Sha256Digest,
    /// The SHA-256 of the book below, as it is written: a book that was damaged is never believed.
    pub(crate) book_sha256: Sha256Digest,
    pub(crate) book: Delta,
}

impl CheckpointDocument {
    /// A checkpoint of a book at a revision with this digest.
    pub(crate) fn of(book: Delta, revision: u64, sha256: Sha256Digest) -> Self {
        let book_sha256 = self::sha256(&write(&book));
        Self { format: FORMAT, revision, sha256, book_sha256, book }
    }

    /// Whether the book is the one that was written.
    pub(crate) fn is_whole(&self) -> bool {
        sha256(&write(&self.book)) == self.book_sha256
    }
}

/// What an ingested package holds, beside its members.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PackageDocument {
    pub(crate) format: Version,
    pub(crate) package: IngestedPackage,
}

/// A random number that names one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct ChangeId(pub(crate) Sha256Digest);

/// Why a stored document cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// A newer program wrote it.
    #[error("`{key}` has format {found}, and this program reads up to {FORMAT}")]
    Newer {
        /// Where it lies.
        key: String,
        /// Its format.
        found: Version,
    },
    /// It is no such document.
    #[error("`{key}` cannot be read")]
    Unreadable {
        /// Where it lies.
        key: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// It does not follow the one before it.
    #[error("`{key}` says it follows {said}, and the one before it is {found}")]
    Chain {
        /// Where it lies.
        key: String,
        /// What it says it follows.
        said: Sha256Digest,
        /// What it should follow.
        found: Sha256Digest,
    },
    /// It is not there, though one after it is: somebody removed it.
    #[error(
        "`{key}` is missing, and later revisions are there; put it back, or nothing after it can be read"
    )]
    Missing {
        /// Where it should lie.
        key: String,
    },
    /// It carries another number than its key.
    #[error("`{key}` says it is revision {said}")]
    Number {
        /// Where it lies.
        key: String,
        /// The number it carries.
        said: u64,
    },
}

impl RevisionDocument {
    pub(crate) fn format() -> Version {
        FORMAT
    }
}

/// Only the format of a document, whatever else is in it.
#[derive(Deserialize)]
struct Format {
    format: Version,
}

/// Reads a document; the format is looked at before anything else.
pub(crate) fn read<T: serde::de::DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<T, DocumentError> {
    let unreadable = |source| DocumentError::Unreadable { key: key.to_owned(), source };
    let Format { format } = serde_json::from_slice(bytes).map_err(unreadable)?;
    if format > FORMAT {
        return Err(DocumentError::Newer { key: key.to_owned(), found: format });
    }
    serde_json::from_slice(bytes).map_err(unreadable)
}

/// Writes a document.
pub(crate) fn write<T: Serialize>(document: &T) -> Vec<u8> {
    serde_json::to_vec(document).expect("our own documents have text keys and finite numbers only")
}

pub(crate) fn sha256(bytes: &[u8]) -> Sha256Digest {
    Sha256Digest::new(Sha256::digest(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ucupdate_core::RuleBook;

    fn checkpoint() -> CheckpointDocument {
        CheckpointDocument::of(RuleBook::default().to_delta(), 3, sha256(b""))
    }

    #[test]
    fn a_document_of_a_newer_format_is_refused_by_its_number_whatever_it_holds() {
        let newer = br#"{"format":"1.2.0","revision":"in words"}"#;
        let refused = read::<CheckpointDocument>("state/x.json", newer).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "`state/x.json` has format 1.2.0, and this program reads up to 1.1.0"
        );
    }

    #[test]
    fn what_is_cut_short_is_refused_with_its_place() {
        let bytes = write(&checkpoint());
        for end in 0..bytes.len() {
            let refused = read::<CheckpointDocument>("state/x.json", &bytes[..end]).unwrap_err();
            assert_eq!(refused.to_string(), "`state/x.json` cannot be read");
        }
        assert_eq!(read::<CheckpointDocument>("state/x.json", &bytes).unwrap(), checkpoint());
    }
}
