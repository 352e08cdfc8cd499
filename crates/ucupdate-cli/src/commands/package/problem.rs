//! What is wrong with a package, in results.

use crate::output::shown::Shown;
use serde::Serialize;
use std::fmt;
use ucupdate_cab::package::Problem;

/// One thing that is wrong with a package.
#[derive(Debug, Serialize)]
pub(crate) struct ProblemReport {
    /// `digest-mismatch`, ...
    kind: &'static str,
    /// `refusal` or `warning`.
    severity: String,
    /// The member it is about, if any.
    file: Option<String>,
    /// Where in that member, or where else.
    place: Option<String>,
    expected: String,
    found: Option<String>,
    /// All of it as a sentence.
    pub(crate) text: String,
}

impl ProblemReport {
    pub(crate) fn of(problem: &Problem) -> Self {
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
}

impl ProblemReport {
    /// Returns whether the problem is a signature that `--accept-unreadable-catalogue` accepts.
    pub(crate) fn is_unreadable_catalogue(&self) -> bool {
        self.kind == "catalogue-unreadable"
    }
}

impl fmt::Display for ProblemReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(&self.text).fmt(f)
    }
}
