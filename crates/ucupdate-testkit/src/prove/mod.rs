//! The proofs: each runs at the size of a test or at its full size, and gives rows of one table.

pub mod crashes;
pub mod faults;
mod home;
pub mod kills;
pub mod log_rows;
mod operation;
mod rows;
mod work;

pub use home::WORK;
pub use operation::Operation;
pub use work::work;

use std::fmt;

/// How much is tried.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Scale {
    /// Whether this is the full size, and not that of the tests.
    pub full: bool,
}

impl Scale {
    /// What a test has time for.
    pub fn small() -> Self {
        Self { full: false }
    }

    /// What is promised.
    pub fn full() -> Self {
        Self { full: true }
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
    held
}
