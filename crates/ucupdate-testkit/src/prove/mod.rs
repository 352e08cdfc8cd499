//! The proofs: each runs at the size of a test or at its full size, and gives rows of one table.

mod address;
mod cold_start;
pub mod crashes;
mod fault;
pub mod faults;
mod fleet;
pub mod kills;
mod location;
pub mod log_rows;
mod measure;
mod moment;
mod operation;
mod processes;
mod record;
mod rows;
mod scribe;
mod throughput;
mod witness;
mod work;
mod worker;
mod written;

pub use address::WORK;
pub use location::StoreLocation;
pub use measure::{MeasureArgs, Measurement, measure};
pub use operation::Operation;
pub use work::work;
pub use worker::{WorkerArgs, work as contend};

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

    fn program(&self) -> Result<PathBuf, ProofError> {
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

/// Runs the proofs whose name begins with `only`, and gives whether all hold. `endpoint` is that of an S3 server to run
/// against, else one in this process is started.
pub async fn run(
    scale: &Scale,
    endpoint: Option<&str>,
    only: Option<&str>,
    tell: &mut dyn FnMut(&Row),
) -> bool {
    let wanted = |name: &str| only.is_none_or(|only| name.starts_with(only));
    let mut held = true;
    let mut tell = |rows: Vec<Row>| {
        for row in rows {
            held &= row.holds;
            tell(&row);
        }
    };
    if wanted("crashes") {
        tell(crashes::points(scale).await);
        tell(crashes::mutants(scale).await);
    }
    if wanted("faults") {
        tell(faults::rows(scale, endpoint).await);
    }
    // Children run this very program.
    let program = std::env::current_exe().unwrap_or_default();
    if wanted("kills") {
        tell(kills::rows(scale, endpoint, &program).await);
    }
    if wanted("log_rows") {
        tell(log_rows::rows(scale, endpoint, &program).await);
    }
    if wanted("processes") {
        let done = processes::prove(scale, endpoint, &mut tell).await;
        tell(failure("processes", done));
    }
    if wanted("throughput") {
        let done = throughput::prove(scale, endpoint, &mut tell).await;
        tell(failure("throughput", done));
    }
    if wanted("cold-start") {
        let done = cold_start::prove(scale, endpoint, &mut tell).await;
        tell(failure("cold-start", done));
    }
    held
}

/// The row of a proof that could not be carried out.
fn failure(name: &str, done: Result<(), ProofError>) -> Vec<Row> {
    let row = |failed: ProofError| Row { what: name.to_owned(), found: whole(&*failed), holds: false };
    done.err().map(row).into_iter().collect()
}

/// An error and what caused it, in one line.
pub fn whole(error: &(dyn std::error::Error + 'static)) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    told
}
