//! `cargo run --release -p ucupdate-testkit -- prove`: what is promised of stores, at its full size, as a table.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is what the command is for")]

use clap::{Args, Parser, Subcommand};
use std::process::ExitCode;
use ucupdate_testkit::prove::{self, Scale};

#[derive(Debug, Parser)]
#[command(name = "ucupdate-testkit")]
struct CommandLine {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Prove what is promised of stores, and print a table
    Prove(ProveArgs),
    /// What a proof's child processes do
    #[command(hide = true)]
    Work {
        /// As the parent writes them
        arguments: Vec<String>,
    },
}

#[derive(Debug, Args)]
struct ProveArgs {
    /// Against the S3 server at this address instead of one in this process; bucket and key by UCUPDATE_TEST_S3_*
    #[arg(long, value_name = "ENDPOINT")]
    s3: Option<String>,
    /// Only the proofs whose name begins so
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// In the sizes of the tests: minutes become seconds
    #[arg(long)]
    small: bool,
}

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("starting the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let args = match CommandLine::parse().task {
        Task::Prove(args) => args,
        Task::Work { arguments } => {
            let worked = runtime.block_on(prove::work(&arguments));
            worked.as_ref().err().into_iter().for_each(|error| eprintln!("{error}"));
            return if worked.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
    };
    let scale = if args.small { Scale::small() } else { Scale::full() };
    let held = runtime.block_on(prove::run(&scale, args.s3.as_deref(), args.only.as_deref(), &mut |row| {
        println!("{row}");
    }));
    if held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
