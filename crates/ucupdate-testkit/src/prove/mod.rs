//! Proofs that the promises about stores hold. Each runs at the size of a test or at its full size,
//! and returns rows of one table.

mod fleet;
mod location;
mod measurement;
mod measures;
mod moment;
pub mod operations;
pub mod outages;
mod processes;
mod report;
mod written;

pub use location::ProofLocation;
pub use measurement::Measurement;
pub use measures::{MeasureArgs, measure};
pub use operations::operation::Operation;
pub use operations::work::{WorkArgs, work};
pub use processes::worker::{WorkerArgs, work as contend};
pub use report::{Power, ProofError, ProofRow, Scale};

use measures::{cold_start, throughput};
use operations::{crashes, faults, kills, log_rows};
use ucupdate_store::error_chain;

/// Runs the proofs whose name begins with `only`, or all of them, and passes each row of the table
/// to `print`. Returns `true` if all promises hold. `endpoint` is the URL of an S3 server. Without
/// it, the proofs start a server in this process.
pub async fn run(
    scale: &Scale,
    endpoint: Option<&str>,
    only: Option<&str>,
    print: &mut dyn FnMut(&ProofRow),
) -> bool {
    let wanted = |name: &str| only.is_none_or(|only| name.starts_with(only));
    let mut held = true;
    let mut print = |rows: Vec<ProofRow>| {
        for row in rows {
            held &= row.holds;
            print(&row);
        }
    };
    if wanted("crashes-points") {
        print(crashes::points(scale).await);
    }
    if wanted("crashes-mutants") {
        print(crashes::mutants(scale).await);
    }
    if wanted("crashes-syncs") {
        print(crashes::failed_syncs(scale).await);
    }
    if wanted("faults") {
        print(faults::rows(scale, endpoint).await);
    }
    if wanted("outages") {
        print(outages::rows(scale).await);
    }
    // Child processes run this same program.
    let program = std::env::current_exe().unwrap_or_default();
    if wanted("kills") {
        print(kills::rows(scale, endpoint, &program).await);
    }
    if wanted("log_rows") {
        print(log_rows::rows(scale, endpoint, &program).await);
    }
    if wanted("processes") {
        let done = processes::prove(scale, endpoint, &mut print).await;
        print(failure("processes", done));
    }
    if wanted("throughput") {
        let done = throughput::prove(scale, endpoint, &mut print).await;
        print(failure("throughput", done));
    }
    if wanted("cold-start") {
        let done = cold_start::prove(scale, endpoint, &mut print).await;
        print(failure("cold-start", done));
    }
    held
}

/// Returns a row that reports why a proof could not be run, or no row if it could.
fn failure(name: &str, done: Result<(), ProofError>) -> Vec<ProofRow> {
    let row =
        |failed: ProofError| ProofRow { what: name.to_owned(), found: error_chain(&*failed), holds: false };
    done.err().map(row).into_iter().collect()
}
