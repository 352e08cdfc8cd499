//! The tasks of a child process. A process works on a store, and prints a line before and after each operation.

#![allow(clippy::print_stdout, reason = "the parent reads the lines")]

use crate::faulty::{Faulty, StoreCall};
use crate::prove::location::ProofLocation;
use crate::prove::operations::files;
use crate::prove::operations::operation::{StepFailure, approve, ingest, not_changed, package, view};
use crate::prove::operations::rows::{self, LARGE_FILE, Log, SMALL_FILE};
use crate::prove::report::ProofError;
use clap::{Args, ValueEnum};
use fastrand::Rng;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use ucupdate::cab::package::sample;
use ucupdate::value::UnixTime;
use ucupdate::{GarbageOptions, LogOptions, Options, SettableClock, UpdateService};
use ucupdate_folder::Folder;
use ucupdate_store::{ImageStore, error_chain};

/// The time of the clock of every child process. It is so late that the objects of earlier processes count as old.
pub(crate) const CLOCK: UnixTime = UnixTime::from_seconds(4_000_000_000);
/// The server name of every child process.
pub(crate) const SERVER: &str = "ocs";
/// The difference between the first row numbers of two processes. Process 2 begins with row
/// 200,000.
pub(crate) const ROWS_OF_A_PROCESS: usize = 100_000;
/// The word that a child process prints for a flush that appended to a log file.
pub(crate) const APPENDED: &str = "appended";

/// The arguments of a child process.
#[derive(Clone, Debug, Args)]
#[allow(clippy::exhaustive_structs, reason = "it is what the command line says")]
pub struct WorkArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "a sentence here would be in the command's help")]
    pub location: ProofLocation,
    /// The task of the process
    #[arg(long)]
    pub task: WorkTask,
    /// The number of rows to write
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub rows: usize,
    /// The number of the process among those that write rows
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub process: usize,
    /// The seed of the random numbers
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub seed: u64,
}

/// The task of a child process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[non_exhaustive]
pub enum WorkTask {
    /// Changing the rule book and writing rows until the process is killed
    Change,
    /// Writing rows
    Rows,
    /// Appending rows to the audit log until the process is killed
    AppendAudit,
    /// Appending rows to the access log until the process is killed
    AppendAccess,
    /// Writing files without a store until the process is killed
    Files,
}

impl WorkTask {
    /// Returns the log to which the task writes rows.
    pub(crate) fn log(self) -> Log {
        if self == Self::AppendAccess { Log::Access } else { Log::Audit }
    }

    pub(crate) fn is_append(self) -> bool {
        matches!(self, Self::AppendAudit | Self::AppendAccess)
    }
}

/// Opens a service with the options of the child processes.
pub(crate) async fn open(store: Arc<dyn ImageStore>) -> Result<UpdateService, String> {
    open_with(store, rows::options(SERVER, SMALL_FILE)).await
}

async fn open_with(store: Arc<dyn ImageStore>, logs: LogOptions) -> Result<UpdateService, String> {
    let clock = Arc::new(SettableClock::at(CLOCK));
    let options = Options::default().with_clock(clock).with_logs(logs);
    let opened = UpdateService::open(store, options).await;
    opened.map_err(|error| format!("the service does not open: {}", error_chain(&error)))
}

/// Returns a hash of the rule book of a service.
pub(crate) fn fingerprint(service: &UpdateService) -> u64 {
    let mut hasher = DefaultHasher::new();
    view(service.snapshot().book()).hash(&mut hasher);
    hasher.finish()
}

/// Runs the task of a child process.
///
/// # Errors
/// Returns an error if the task fails, which happens only under a fault.
pub async fn work(args: &WorkArgs) -> Result<(), ProofError> {
    let done = match args.task {
        WorkTask::Change => change(&open(args.location.open().await?).await?, args.seed).await,
        WorkTask::Rows => write_rows(open(args.location.open().await?).await?, args).await,
        WorkTask::AppendAudit | WorkTask::AppendAccess => {
            append_rows(args.location.open().await?, args.task.log(), args.seed).await
        }
        WorkTask::Files => write_files(args.location.folder.as_deref().ok_or("expected --folder")?),
    };
    done.map_err(Into::into)
}

/// Prints a whole line with one write, so that the parent never reads half a line.
fn print_line(line: &str) {
    let mut out = std::io::stdout().lock();
    // An error means that the parent has ended.
    let _ = out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush());
}

/// Ingests, approves, rolls back, flushes and collects garbage until the process is killed.
async fn change(service: &UpdateService, seed: u64) -> Result<(), String> {
    let mut rng = Rng::with_seed(seed);
    let mut rows = rows::in_order(&**service.store(), Log::Audit, SERVER, CLOCK).await?;
    print_line("ready");
    loop {
        let revision = service.snapshot().revision();
        let (what, more) = match rng.u8(..6) {
            0 => ("ingest", 0),
            1 => ("ingest-again", 0),
            2 => ("approve", 0),
            3 => ("roll-back", 0),
            4 => ("flush", rng.usize(1..=20)),
            _ => ("gc", 0),
        };
        print_line(&format!("begin {what} {revision} {} 0", rows + more));
        let done = match what {
            "ingest" => ingest(service, package(revision + 1, 5000)).await,
            "ingest-again" => ingest(service, package(1, 5000)).await,
            "approve" => approve(service).await,
            "roll-back" => {
                service.admin("ann").roll_back(sample::ip8540()).await.map(drop).map_err(not_changed)
            }
            "flush" => {
                (rows..rows + more).for_each(|row| Log::Audit.write(service, row));
                service.flush_logs().await.map_err(|error| StepFailure::Failed(error_chain(&error)))
            }
            _ => {
                let swept =
                    service.collect_garbage(&GarbageOptions::default().with_grace(Duration::ZERO)).await;
                swept.map(drop).map_err(|error| StepFailure::Failed(error_chain(&error)))
            }
        };
        match done {
            Ok(()) | Err(StepFailure::Refused(_)) => {}
            Err(StepFailure::Failed(why)) => return Err(format!("{what}: {why}")),
        }
        rows += more;
        print_line(&format!("done {what} {} {rows} {}", service.snapshot().revision(), fingerprint(service)));
    }
}

/// Writes rows to one log until the process is killed, and flushes after every few rows. The files
/// of the log are so large that all flushes but the first one append. A flush is acknowledged as
/// [`APPENDED`] if the service called `append` of the store.
async fn append_rows(store: Arc<dyn ImageStore>, log: Log, seed: u64) -> Result<(), String> {
    let store = Faulty::new(store);
    let service = open_with(Arc::new(store.clone()), rows::options(SERVER, LARGE_FILE)).await?;
    let mut rng = Rng::with_seed(seed);
    let mut rows = rows::in_order(&store, log, SERVER, CLOCK).await?;
    print_line("ready");
    loop {
        let more = rng.usize(1..=20);
        print_line(&format!("begin flush 0 {} 0", rows + more));
        let before = store.calls(StoreCall::Append);
        (rows..rows + more).for_each(|row| log.write(&service, row));
        service.flush_logs().await.map_err(|error| error_chain(&error))?;
        rows += more;
        let what = if store.calls(StoreCall::Append) > before { APPENDED } else { "flush" };
        print_line(&format!("done {what} 0 {rows} 0"));
    }
}

/// Writes numbered files, as the client and the exports do, until the process is killed.
fn write_files(folder: &Path) -> Result<(), String> {
    let folder = Folder::open_or_create(folder).map_err(|error| error_chain(&error))?;
    let mut next = files::in_order(&folder)?;
    print_line("ready");
    loop {
        print_line(&format!("begin file 0 {} 0", next + 1));
        files::write(&folder, next).map_err(|error| error_chain(&error))?;
        next += 1;
        print_line(&format!("done file 0 {next} 0"));
    }
}

/// Writes rows, and flushes after every few of them. The first row has the number of the process
/// times [`ROWS_OF_A_PROCESS`].
async fn write_rows(service: UpdateService, args: &WorkArgs) -> Result<(), String> {
    let mut rng = Rng::with_seed(args.seed);
    let mut next = args.process * ROWS_OF_A_PROCESS;
    let end = next + args.rows.min(ROWS_OF_A_PROCESS);
    print_line("ready");
    while next < end {
        let more = rng.usize(1..=9).min(end - next);
        (next..next + more).for_each(|row| Log::Audit.write(&service, row));
        service.flush_logs().await.map_err(|error| error_chain(&error))?;
        next += more;
        print_line(&format!("done flush 0 {next} 0"));
    }
    service.shutdown().await.map_err(|error| error_chain(&error))
}
