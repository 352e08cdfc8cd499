//! [`ProblemReport`]: a problem of a package, as the command and the API show it.

use serde::Serialize;
use std::fmt;
use ucupdate::cab::package::Problem;

/// A problem that was found in a package, with the kind and the severity as words.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ProblemReport {
    /// The kind, such as `digest-mismatch`.
    pub kind: &'static str,
    /// `refusal` or `warning`.
    pub severity: String,
    /// The file of the package that has the problem. `None` if the problem concerns the whole package.
    pub file: Option<String>,
    /// The place of the problem in the file, or the entry of the manifest, such as `Update 3`. `None` if it has no
    /// place.
    pub place: Option<String>,
    /// The value or form that was expected.
    pub expected: String,
    /// The value or form that was found in the package. `None` if something is missing.
    pub found: Option<String>,
    /// The whole problem as a sentence.
    pub text: String,
}

impl ProblemReport {
    /// Copies the fields of a problem, with the kind and the severity as words.
    pub fn of(problem: &Problem) -> Self {
        Self {
            kind: problem.kind.code(),
            severity: problem.severity().to_string(),
            file: problem.file.clone(),
            place: problem.place.clone(),
            expected: problem.expected.clone(),
            found: problem.found.clone(),
            text: problem.to_string(),
        }
    }

    /// Returns whether the problem is a signature catalogue that cannot be read. An option of the ingest accepts such catalogues.
    pub fn is_unreadable_catalogue(&self) -> bool {
        self.kind == "catalogue-unreadable"
    }
}

impl fmt::Display for ProblemReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
