//! What is wrong in a store, and what mends it.

use std::fmt;
use ucupdate_core::value::PackageId;

/// Something that is wrong in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreProblem {
    /// A revision is not there, though a later one is.
    RevisionMissing {
        /// Its key.
        key: String,
    },
    /// A revision cannot be read, or is not what its place says.
    RevisionDamaged {
        /// Its key.
        key: String,
        /// What is wrong with it.
        what: String,
    },
    /// A revision does not follow the one before it: one of the two is not what was written.
    ChainBroken {
        /// The key of the later one.
        key: String,
        /// The key of the one before it.
        before: String,
        /// What is wrong.
        what: String,
    },
    /// There is no history, though packages were ingested.
    HistoryGone {
        /// How many.
        packages: usize,
    },
    /// A newer program wrote a revision; it and all after it were not looked at.
    Newer {
        /// Its key.
        key: String,
        /// What it says.
        what: String,
    },
    /// A checkpoint is not what the history says.
    CheckpointDamaged {
        /// Its key.
        key: String,
        /// What is wrong with it.
        what: String,
    },
    /// A checkpoint is of a later revision than there is: revisions may be lost.
    CheckpointAhead {
        /// Its key.
        key: String,
    },
    /// What describes a package, for a rebuild, is gone or is not what the history says of the package.
    DescriptionDamaged {
        /// Its key.
        key: String,
        /// The package.
        package: PackageId,
        /// What that package was called.
        package_file: String,
    },
    /// A file of a package is not in the store.
    FileGone {
        /// Its key.
        key: String,
        /// Its name.
        file: String,
        /// The package it came in.
        package: PackageId,
        /// What that package was called.
        package_file: String,
    },
    /// A file of a package is not what was ingested.
    FileDamaged {
        /// Its key.
        key: String,
        /// Its name.
        file: String,
        /// The package it came in.
        package: PackageId,
        /// What that package was called.
        package_file: String,
    },
    /// A kept revision is of a package that has left the rule book.
    PackageGone {
        /// Which package.
        package: PackageId,
    },
}

impl StoreProblem {
    /// Its kind in one word: `revision-missing`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RevisionMissing { .. } => "revision-missing",
            Self::RevisionDamaged { .. } => "revision-damaged",
            Self::ChainBroken { .. } => "chain-broken",
            Self::HistoryGone { .. } => "history-gone",
            Self::Newer { .. } => "newer",
            Self::CheckpointDamaged { .. } => "checkpoint-damaged",
            Self::CheckpointAhead { .. } => "checkpoint-ahead",
            Self::DescriptionDamaged { .. } => "description-damaged",
            Self::FileGone { .. } => "file-gone",
            Self::FileDamaged { .. } => "file-damaged",
            Self::PackageGone { .. } => "package-gone",
        }
    }

    /// The key of the object that is wrong, where it is one.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::RevisionMissing { key }
            | Self::RevisionDamaged { key, .. }
            | Self::ChainBroken { key, .. }
            | Self::Newer { key, .. }
            | Self::CheckpointDamaged { key, .. }
            | Self::CheckpointAhead { key }
            | Self::DescriptionDamaged { key, .. }
            | Self::FileGone { key, .. }
            | Self::FileDamaged { key, .. } => Some(key),
            Self::HistoryGone { .. } | Self::PackageGone { .. } => None,
        }
    }

    /// What mends it.
    pub fn repair(&self) -> String {
        match self {
            Self::RevisionMissing { key } | Self::RevisionDamaged { key, .. } => format!(
                "put `{key}` back from a copy of the store; without one, move `state/` away and rebuild from the images"
            ),
            Self::ChainBroken { key, before, .. } => format!(
                "put `{before}` or `{key}` back from a copy of the store, whichever differs from it; without one, move `state/` away and rebuild from the images"
            ),
            Self::HistoryGone { .. } => {
                "do the import or export again that broke off, or put `state/` back from a copy of the store; without one, rebuild from the images".to_owned()
            }
            Self::Newer { .. } => "use the program that wrote it, or a newer one".to_owned(),
            Self::CheckpointDamaged { key, .. } => {
                format!("delete `{key}`: it is only a cache, and starting takes longer until the next one")
            }
            Self::CheckpointAhead { key } => format!(
                "put the revisions up to it back from a copy of the store; where none were lost, delete `{key}`"
            ),
            Self::DescriptionDamaged { package_file, package, .. } => format!(
                "ingest package {package} ({package_file}) again, or put the object back from a copy; exporting the store writes it anew in the other one"
            ),
            Self::FileGone { package_file, package, .. }
            | Self::FileDamaged { package_file, package, .. } => {
                format!("ingest package {package} ({package_file}) again, or put the object back from a copy")
            }
            Self::PackageGone { package } => {
                format!("ingest package {package} again to be able to roll back that far, or leave it")
            }
        }
    }
}

impl fmt::Display for StoreProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RevisionMissing { key } => write!(f, "`{key}` is missing, and later revisions are there"),
            Self::RevisionDamaged { what, .. }
            | Self::ChainBroken { what, .. }
            | Self::Newer { what, .. } => f.write_str(what),
            Self::HistoryGone { packages } => {
                write!(f, "there is no history, and {packages} ingested package(s) are there")
            }
            Self::CheckpointAhead { key } => write!(f, "`{key}` is of a revision that is not there"),
            Self::DescriptionDamaged { key, package, .. } => {
                write!(f, "`{key}` does not describe package {package} as it was ingested")
            }
            Self::CheckpointDamaged { key, what } => write!(f, "`{key}` {what}"),
            Self::FileGone { key, file, package, .. } => {
                write!(f, "{file} of package {package} is gone from `{key}`")
            }
            Self::FileDamaged { key, file, package, .. } => {
                write!(f, "{file} of package {package} is not at `{key}` as it was ingested")
            }
            Self::PackageGone { package } => {
                write!(f, "a kept revision is of package {package}, which has left the rule book")
            }
        }
    }
}
