//! The scale of a proof, and the rows that it prints.

use std::fmt;
use std::path::PathBuf;

/// The error of a proof that could not be run.
pub type ProofError = Box<dyn std::error::Error + Send + Sync>;

/// The scale of a proof: the number of cases that it tries, and the way in which it disturbs a
/// store.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[must_use]
pub struct Scale {
    /// `true` for the scale of full proofs, `false` for the small scale of the tests.
    pub full: bool,
    /// The program that proofs start as child processes; `None` for the running one.
    pub program: Option<PathBuf>,
    /// A way to cut the power of a file system. With `None`, processes are killed instead.
    pub power: Option<Power>,
}

/// A file system whose power can be cut by a program.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Power {
    /// The folder in which stores are made. It must be on the file system.
    pub folder: PathBuf,
    /// The program that is called with `cut` to lose everything that is not durable, and with `restore` to mount the file
    /// system again.
    pub switch: PathBuf,
}

impl Power {
    /// Describes a file system by a folder on it and the program that cuts its power.
    pub fn new(folder: impl Into<PathBuf>, switch: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), switch: switch.into() }
    }

    pub(crate) async fn turn(&self, what: &str) -> Result<(), String> {
        let ended = tokio::process::Command::new(&self.switch).arg(what).status().await;
        match ended {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("`{} {what}` ended with {status}", self.switch.display())),
            Err(error) => Err(format!("`{} {what}`: {error}", self.switch.display())),
        }
    }
}

impl Scale {
    /// Returns the small scale, at which the tests run proofs: seconds instead of minutes.
    pub fn small() -> Self {
        Self { full: false, program: None, power: None }
    }

    /// Returns the scale of full proofs, which take minutes.
    pub fn full() -> Self {
        Self { full: true, program: None, power: None }
    }

    /// Sets the program that proofs start as child processes. Default: the running program. A test must set it, because a test is
    /// not the program `ucupdate-testkit`.
    pub fn with_program(self, program: impl Into<PathBuf>) -> Self {
        Self { program: Some(program.into()), ..self }
    }

    /// Sets the file system whose power is cut, instead of killing processes.
    pub fn with_power(self, power: Power) -> Self {
        Self { power: Some(power), ..self }
    }

    pub(crate) fn program(&self) -> Result<PathBuf, ProofError> {
        Ok(self.program.clone().map_or_else(std::env::current_exe, Ok)?)
    }
}

/// One row of the table that the proofs print: what was tried, and whether the promise holds.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "a literal is how it is made")]
pub struct ProofRow {
    /// The name of the tried case, such as `crash points of ingest, folder`.
    pub what: String,
    /// The text of the result, such as `312 distinct, each old or new`.
    pub found: String,
    /// `true` if the promise holds.
    pub holds: bool,
}

impl fmt::Display for ProofRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.holds { "holds" } else { "FAILS" };
        write!(f, "{mark}  {:<56}  {}", self.what, self.found)
    }
}
