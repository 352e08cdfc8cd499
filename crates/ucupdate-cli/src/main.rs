//! The `ucupdate` command: what an administrator does with a store, from a terminal or a script.
//!
//! Results go to stdout, everything else to stderr. It ends with 0 when done, 1 when refused or failed (the reason is the
//! last line on stderr), 2 when it was called wrongly. Only this crate reads the environment.

mod args;
mod ask;
mod audit_args;
mod commands;
mod context;
mod demo;
mod failure;
mod files;
mod new_files;
mod output;
mod serve;
mod shown;
mod table;

use crate::context::Context;
use crate::failure::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = match args::read(std::env::args_os()) {
        Ok(args) => args,
        Err(usage) => return output::usage(&usage),
    };
    let mut context = Context::new(args.global);
    let done = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let done = runtime.block_on(args.command.run(&mut context));
            // Whatever still reads or writes has no one to report to.
            runtime.shutdown_background();
            done
        }
        Err(error) => Err(Failure::in_doing("starting the runtime", &error)),
    };
    match done.and_then(|()| context.output.flush()) {
        Ok(()) | Err(Failure::OutputClosed) => ExitCode::SUCCESS,
        Err(Failure::Reason(reason)) => {
            context.output.message(&reason);
            ExitCode::FAILURE
        }
        Err(Failure::Usage(reason)) => {
            context.output.message(&reason);
            ExitCode::from(2)
        }
    }
}
