//! The size of a proof and the rows it prints.

use std::fmt;
use std::path::PathBuf;

/// Why a proof could not be carried out.
pub type ProofError = Box<dyn std::error::Error + Send + Sync>;

/// How much is tried.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Scale {
    /// Whether this is the full size, and not that of the tests.
    pub full: bool,
    /// This program, for the processes that proofs start; none for the one that runs.
    pub program: Option<PathBuf>,
}

impl Scale {
    /// What a test has time for.
    pub fn small() -> Self {
        Self { full: false, program: None }
    }

    /// What is promised.
    pub fn full() -> Self {
        Self { full: true, program: None }
    }

    /// With this program for the processes that proofs start: for a test, which is another.
    #[must_use]
    pub fn with_program(self, program: impl Into<PathBuf>) -> Self {
        Self { program: Some(program.into()), ..self }
    }

    pub(crate) fn program(&self) -> Result<PathBuf, ProofError> {
        Ok(self.program.clone().map_or_else(std::env::current_exe, Ok)?)
    }
}

/// One line of the table.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "a literal is how it is made")]
pub struct Row {
    /// What was tried: `crash points of ingest, folder`.
    pub what: String,
    /// What was found: `312 distinct, each old or new`.
    pub found: String,
    /// Whether that is what is promised.
    pub holds: bool,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.holds { "holds" } else { "FAILS" };
        write!(f, "{mark}  {:<56}  {}", self.what, self.found)
    }
}
