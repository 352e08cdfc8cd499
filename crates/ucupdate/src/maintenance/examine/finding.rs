//! [`Finding`]: the state that an examination found, the state that was expected, and the remedy.

use crate::maintenance::problem::StoreProblem;
use std::fmt;

/// The urgency of a finding. The most urgent severity is the smallest value. It serializes as its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::exhaustive_enums, reason = "a finding is to be mended, to be looked at, or to be known")]
pub enum FindingSeverity {
    /// Devices are not served as intended, or will not be soon.
    Problem,
    /// A thing that may be intended, and that a person should look at.
    Warning,
    /// A fact that an administrator should know.
    Note,
}

impl fmt::Display for FindingSeverity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Problem => "problem",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// A finding of an examination. Its texts are for people; `kind` and `severity` are for programs. It serializes as an object with
/// the names of its fields.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The kind in one word, such as `clocks-differ`.
    pub kind: &'static str,
    /// The urgency, for programs and for sorting.
    pub severity: FindingSeverity,
    /// The subject of the finding: a rule, a URL, or `store`.
    pub subject: String,
    /// The state that was found.
    pub found: String,
    /// The state that was expected.
    pub expected: String,
    /// The remedy, as an instruction.
    pub remedy: String,
}

impl Finding {
    /// Creates a finding. The texts are the ones that the fields of the same names describe.
    pub fn new(
        kind: &'static str,
        severity: FindingSeverity,
        subject: impl Into<String>,
        found: String,
        expected: String,
        remedy: String,
    ) -> Self {
        Self { kind, severity, subject: subject.into(), found, expected, remedy }
    }

    pub(super) fn folder_not_writable(folder: &str, reason: &str) -> Self {
        Self::new(
            "folder-not-writable",
            FindingSeverity::Problem,
            folder,
            format!("{folder} cannot be written: {reason}"),
            "folders that the user of the server may write".to_owned(),
            "give the folder to the user of the server; a command that was run as root may have made it"
                .to_owned(),
        )
    }

    pub(super) fn store_unreadable(reason: &str) -> Self {
        Self::new(
            "store-unreadable",
            FindingSeverity::Problem,
            "store",
            format!("the store cannot be read: {reason}"),
            "a store that can be read".to_owned(),
            "give this user the right to read it, or check the disk or the network; then run this again"
                .to_owned(),
        )
    }
}

/// Converts a problem that [`check_store`](crate::check_store) found.
impl From<&StoreProblem> for Finding {
    fn from(problem: &StoreProblem) -> Self {
        let (severity, expected) = match problem {
            StoreProblem::CheckpointDamaged { .. } => {
                (FindingSeverity::Warning, "checkpoints that equal the history")
            }
            StoreProblem::PackageGone { .. } => {
                (FindingSeverity::Warning, "the packages of all kept revisions")
            }
            StoreProblem::StoneTooWide { .. } => {
                (FindingSeverity::Warning, "a stone that names the models its image was made for")
            }
            StoreProblem::OtherInterimVersion { .. } => {
                (FindingSeverity::Problem, "an image with the version that its stone names")
            }
            StoreProblem::OneRelease { .. } => {
                (FindingSeverity::Warning, "one image for each release of a rule")
            }
            StoreProblem::Stray { .. } => {
                (FindingSeverity::Problem, "nothing in the way of the next changes")
            }
            StoreProblem::BanEmpty { .. } => (FindingSeverity::Warning, "a version in each ban"),
            StoreProblem::FileGone { .. } | StoreProblem::FileDamaged { .. } => {
                (FindingSeverity::Problem, "the files of each package as they were ingested")
            }
            StoreProblem::DescriptionDamaged { .. } => {
                (FindingSeverity::Problem, "a whole description of each package")
            }
            _ => (FindingSeverity::Problem, "a whole history"),
        };
        let subject = problem.key().unwrap_or("store");
        Self::new(
            problem.kind(),
            severity,
            subject,
            problem.to_string(),
            expected.to_owned(),
            problem.repair(),
        )
    }
}
