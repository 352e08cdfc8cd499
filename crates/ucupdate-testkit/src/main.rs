//! `cargo run --release -p ucupdate-testkit -- prove` proves the promises about stores at full size, and prints a
//! table. `logs` writes audit logs of any size, and `history` a store with any number of revisions.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is what the command is for")]

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;
use ucupdate_testkit::prove::{self, Power, Scale};
use ucupdate_testkit::{audit_logs, history};

#[derive(Debug, Parser)]
#[command(name = "ucupdate-testkit")]
struct CommandLine {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Prove the promises about stores, and print a table
    Prove(ProveArgs),
    /// Write audit logs of ten days, for measuring what reads them
    Logs(LogsArgs),
    /// Make a store with a long history, for measuring what reads or copies it
    History(HistoryArgs),
    /// Run as a child process of a proof
    #[command(hide = true)]
    Work(prove::WorkArgs),
    /// Run as one of the processes that contend for a store
    #[command(hide = true)]
    Contend(prove::WorkerArgs),
    /// Measure one thing for a proof
    #[command(hide = true)]
    Measure(prove::MeasureArgs),
}

#[derive(Debug, Args)]
struct LogsArgs {
    /// The folder for the logs. It is made if it does not exist
    folder: PathBuf,
    /// The number of rows
    #[arg(long, default_value = "1000000")]
    rows: u64,
    /// The number of devices
    #[arg(long, default_value = "1000000")]
    devices: u64,
}

#[derive(Debug, Args)]
struct HistoryArgs {
    /// The folder for the store
    folder: PathBuf,
    /// The number of revisions
    #[arg(long, default_value = "50000")]
    revisions: u64,
}

#[derive(Debug, Args)]
struct ProveArgs {
    /// Use the S3 server at this URL instead of one in this process; bucket and key are read from UCUPDATE_TEST_S3_*
    #[arg(long, value_name = "ENDPOINT")]
    s3: Option<String>,
    /// Run only the proofs whose name begins with this text
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Cut the power of the file system of this folder instead of killing processes; see .ci/power-cuts
    #[arg(long, value_name = "FOLDER", requires = "power_switch")]
    power_folder: Option<PathBuf>,
    /// The program that cuts the power (`cut`) and mounts the file system again (`restore`)
    #[arg(long, value_name = "PROGRAM", requires = "power_folder")]
    power_switch: Option<PathBuf>,
    /// Run the proofs at the size of the tests: seconds instead of minutes
    #[arg(long)]
    small: bool,
}

fn main() -> ExitCode {
    let task = CommandLine::parse().task;
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("starting the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(async {
        match task {
            Task::Prove(args) => Ok(prove(&args).await),
            Task::Logs(args) => {
                audit_logs::write(&args.folder, args.rows, args.devices).map(|()| true).map_err(Into::into)
            }
            Task::History(args) => history::write(&args.folder, args.revisions).await.map(|()| true),
            Task::Work(args) => prove::work(&args).await.map(|()| true),
            Task::Contend(args) => prove::contend(&args).await.map(|()| true),
            Task::Measure(args) => prove::measure(&args).await.map(|line| {
                println!("{line}");
                true
            }),
        }
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{}", ucupdate_store::error_chain(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn prove(args: &ProveArgs) -> bool {
    let mut scale = if args.small { Scale::small() } else { Scale::full() };
    if let (Some(folder), Some(switch)) = (&args.power_folder, &args.power_switch) {
        scale = scale.with_power(Power::new(folder, switch));
    }
    prove::run(&scale, args.s3.as_deref(), args.only.as_deref(), &mut |row| println!("{row}")).await
}
