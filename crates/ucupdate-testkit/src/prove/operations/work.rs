//! What a child process does: it works on a store, and says before and after each operation what it is about to do and has
//! done.

#![allow(clippy::print_stdout, reason = "that is how it tells")]

use crate::prove::operations::address::{Dice, StoreAddress};
use crate::prove::operations::operation::{NotDone, approve, ingest, not_changed, package, view};
use crate::prove::operations::rows::{self, Log};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;
use ucupdate::cab::package::sample;
use ucupdate::value::UnixTime;
use ucupdate::{Options, SettableClock, UpdateService};
use ucupdate_store::error_chain;

/// What every process's clock shows: whatever an earlier one left is old.
pub(crate) const CLOCK: UnixTime = UnixTime::from_seconds(4_000_000_000);
/// The name of every server.
pub(crate) const SERVER: &str = "ocs";
/// The first row of a process is its number times this.
pub(crate) const ROWS_OF_A_PROCESS: usize = 100_000;

/// Opens a service as the children do.
pub(crate) async fn open(home: &StoreAddress) -> Result<UpdateService, String> {
    let clock = Arc::new(SettableClock::at(CLOCK));
    let options = Options::default().with_clock(clock).with_logs(rows::options(SERVER));
    let opened = UpdateService::open(home.store().await?, options).await;
    opened.map_err(|error| format!("the service does not open: {}", error_chain(&error)))
}

/// What a rule book says, as a number.
pub(crate) fn fingerprint(service: &UpdateService) -> u64 {
    let mut hasher = DefaultHasher::new();
    view(service.snapshot().book()).hash(&mut hasher);
    hasher.finish()
}

/// Runs a task with the arguments that its parent gave: its name, the kind of store, its place, a seed, a number, a prefix.
///
/// # Errors
/// What went wrong; in a child that nobody disturbs nothing should.
pub async fn work(arguments: &[String]) -> Result<(), String> {
    let [task, kind, place, seed, number, prefix] = arguments else {
        return Err("expected a task, a kind of store, its place, a seed, a number and a prefix".into());
    };
    let home = StoreAddress::of(kind, place, prefix)?;
    let seed: u64 = seed.parse().map_err(|_| "the seed is no number")?;
    let number: usize = number.parse().map_err(|_| "the number is no number")?;
    match task.as_str() {
        "change" => change(&home, seed).await,
        "rows" => write_rows(&home, seed, number).await,
        _ => Err(format!("`{task}` is no task")),
    }
}

/// A whole line at once, so that a parent never reads half of one that was acknowledged.
fn tell(line: &str) {
    let mut out = std::io::stdout().lock();
    // A parent that is gone reads nothing more.
    let _ = out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush());
}

/// Ingests, approves, rolls back, flushes and sweeps up until it is killed.
async fn change(home: &StoreAddress, seed: u64) -> Result<(), String> {
    let service = open(home).await?;
    let mut dice = Dice::new(seed);
    let mut rows = rows::in_order(&**service.store(), Log::Audit, SERVER, CLOCK).await?;
    tell("ready");
    loop {
        let revision = service.snapshot().revision();
        let (what, more) = match dice.below(6) {
            0 => ("ingest", 0),
            1 => ("ingest-again", 0),
            2 => ("approve", 0),
            3 => ("roll-back", 0),
            4 => ("flush", 1 + dice.count(20)),
            _ => ("gc", 0),
        };
        tell(&format!("begin {what} {revision} {} 0", rows + more));
        let done = match what {
            "ingest" => ingest(&service, package(revision + 1, 5000)).await,
            "ingest-again" => ingest(&service, package(1, 5000)).await,
            "approve" => approve(&service).await,
            "roll-back" => {
                service.admin("ann").roll_back(sample::ip8540()).await.map(drop).map_err(not_changed)
            }
            "flush" => {
                (rows..rows + more).for_each(|row| Log::Audit.write(&service, row));
                service.flush_logs().await.map_err(|error| NotDone::Failed(error_chain(&error)))
            }
            _ => {
                let swept = service.collect_garbage(Duration::ZERO, true).await;
                swept.map(drop).map_err(|error| NotDone::Failed(error_chain(&error)))
            }
        };
        match done {
            Ok(()) | Err(NotDone::Refused(_)) => {}
            Err(NotDone::Failed(why)) => return Err(format!("{what}: {why}")),
        }
        rows += more;
        tell(&format!("done {what} {} {rows} {}", service.snapshot().revision(), fingerprint(&service)));
    }
}

/// Writes as many rows as the seed says, in flushes of a few, numbered from a hundred thousand times its own number.
async fn write_rows(home: &StoreAddress, seed: u64, number: usize) -> Result<(), String> {
    let service = open(home).await?;
    let mut dice = Dice::new(seed);
    let mut next = number * ROWS_OF_A_PROCESS;
    let end = next + usize::try_from(seed).unwrap_or(0).min(ROWS_OF_A_PROCESS);
    tell("ready");
    while next < end {
        let more = (1 + dice.count(9)).min(end - next);
        (next..next + more).for_each(|row| Log::Audit.write(&service, row));
        service.flush_logs().await.map_err(|error| error_chain(&error))?;
        next += more;
        tell(&format!("done flush 0 {next} 0"));
    }
    service.shutdown().await.map_err(|error| error_chain(&error))
}
