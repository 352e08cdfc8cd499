//! The `ucupdate` command, with which an administrator works on a store from a terminal or a
//! script.
//!
//! Results go to stdout, everything else to stderr; the reason of a failure is the last line on stderr. The exit codes are
//! those of [`failure::FailureKind`]. Only this crate reads the environment.

mod args;
mod command_line;
mod commands;
mod context;
mod failure;
mod files;
mod output;
mod remote;
mod settings;
mod store;
mod suggest;

use args::moment::units;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use clap_complete::CompleteEnv;
use command_line::{with_candidates, with_examples, with_groups};
use commands::answers::{client_filter, diff, explain, inspect, plan, simulate, version};
use commands::devices::{device, fleet, group, hold, loops, report, test_device, timeline};
use commands::package::{self, ingest, sample};
use commands::rules::{alias, ban, decide, interim, list, pin, policy, rollout, stone};
use commands::server::{ask, captures, config, demo, provisioning, serve, shell, storm, token};
use commands::store::{carry, doctor, gc, history, import_ocs, rebuild, status, tree, undo, verify};
use context::Context;
use failure::{Failure, with_advice};
use remote::RemoteArgs;
use settings::help::with_variables;
use settings::variable::variable;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use store::StoreLocation;

/// The largest number of threads for blocking work. A store in a folder reads images with four of
/// them and writes with two. Two others read packages. The last one does all other reads.
const BLOCKING_THREADS: usize = 9;

/// Keeps UC phones up to date: stores firmware packages, offers approved versions to devices, and explains each
/// decision
#[derive(Debug, Parser)]
#[command(name = "ucupdate", version, max_term_width = 100)]
struct CommandLine {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

/// Options of every subcommand, before or after it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every verb")]
struct GlobalArgs {
    /// The store of rules and images: file:PATH, s3://BUCKET/PREFIX, or memory: for a store that ends with the command
    #[arg(long, global = true, value_name = "STORE", default_value = "file:ucupdate-data")]
    store: StoreLocation,
    #[command(flatten)]
    remote: RemoteArgs,
    /// The seconds that a command waits for an answer of the store, or a time such as 2m
    #[arg(
        long, global = true, value_name = "SECONDS", default_value_t = 60,
        value_parser = |text: &str| units::<u64>(text, 1, 1..=86_400)
    )]
    timeout: u64,
    /// A file with settings in TOML [default: UCUPDATE_CONFIG, or none]; `ucupdate config example` prints one
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Write the result as one JSON object with "format": 1
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    // A server and its devices.
    /// Answer devices and serve their files
    Serve(Box<serve::ServeArgs>),
    /// Ask a server as a phone does
    Ask(ask::AskArgs),
    /// Send the requests of many simulated devices to a server, and measure the answers
    Storm(storm::StormArgs),
    /// List the bodies of requests that could not be read, and the uploads of device logs
    Captures(captures::CapturesArgs),
    /// Print the DNS records, DHCP options and in-band values by which phones find a server
    Provisioning(provisioning::ProvisioningArgs),
    /// Create, list and revoke the tokens of administrators
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Run a complete update on this machine, from the package to a simulated phone
    Demo(demo::DemoArgs),
    /// Check the configuration file and the variables, or print an example
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Print the script by which a shell completes verbs, options, rules, groups and packages
    Completions(shell::CompletionsArgs),
    /// Write a manual page for each verb into a folder
    Man(shell::ManArgs),
    // What a store holds and what is decided in it.
    /// Store packages: cabinets, or self-extracting programs that contain one
    Ingest(ingest::IngestArgs),
    /// List the rules: their pending and approved versions, the versions to roll back to, rollouts and pins
    Rules(list::RulesArgs),
    /// Show the served files as a tree of folders
    Tree(tree::TreeArgs),
    /// Approve pending versions: every device of the rule is offered them
    Approve(decide::ApproveArgs),
    /// Reject the pending version of rules
    Reject(decide::RejectArgs),
    /// Withdraw the rejection of a version
    Unreject(decide::UnrejectArgs),
    /// Return to the version that was approved before, in rules or, with --to, in the whole rule book
    Rollback(decide::RollBackArgs),
    /// Remove rules
    Remove(decide::RemoveArgs),
    /// Show one screen: the store, what is pending, rollouts, what is stopped, and troubles
    Status(status::StatusArgs),
    /// Take back the last change of an author
    Undo(undo::UndoArgs),
    /// List the changes, with their time and author
    History(history::HistoryArgs),
    /// List the devices that sent requests, the version of each, and the number of devices of each version
    Fleet(fleet::FleetArgs),
    /// Show the requests and downloads of each device, the answers, and the troubles
    Timeline(Box<timeline::TimelineArgs>),
    /// Show one device: its last request, what it would be offered now, and its timeline
    Device(Box<device::DeviceArgs>),
    /// Write an HTML page for managers: rules, rollouts, the fleet by state and model, and the troubles of the last
    /// days
    Report(report::ReportArgs),
    /// Find devices that are offered the same updates again and again
    Loops(loops::LoopsArgs),
    /// Collect garbage: remove images that no kept revision uses, and files of interrupted ingests
    Gc(gc::GcArgs),
    /// Check that history and images are complete, and print how to repair each problem
    Verify(verify::VerifyArgs),
    /// Check the store, the rules and the URLs, and print what to do about each problem
    Doctor(doctor::DoctorArgs),
    /// Copy state and images into another store, or write the served files into a folder
    Export(carry::ExportArgs),
    /// Copy state and images of another store into this one
    Import(carry::ImportArgs),
    /// Import images, rules and test devices of an OCS, Lync or Skype for Business server
    ImportOcs(import_ocs::ImportOcsArgs),
    /// Create the history of a store that has only images
    Rebuild(rebuild::RebuildArgs),
    /// Manage test devices, which are offered pending versions
    #[command(subcommand)]
    TestDevice(test_device::TestDeviceCommand),
    /// Manage groups of devices
    #[command(subcommand)]
    Group(group::GroupCommand),
    /// Manage rollouts, which offer a version to some devices first, and the kill switch
    #[command(subcommand)]
    Rollout(rollout::RolloutCommand),
    /// Manage holds: a device with a hold is offered nothing
    #[command(subcommand)]
    Hold(hold::HoldCommand),
    /// Manage pins, which keep devices at one version
    #[command(subcommand)]
    Pin(pin::PinCommand),
    /// Manage bans: a banned version or image is offered to no device
    #[command(subcommand)]
    Ban(ban::BanCommand),
    /// Manage aliases: a word that devices report stands for the word of a rule
    #[command(subcommand)]
    Alias(alias::AliasCommand),
    /// Manage policies: how a rule compares versions, and when it offers them
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Manage stepping stones: versions that older devices must install first
    #[command(subcommand)]
    Stone(stone::StoneCommand),
    /// Manage interim images, which devices install first if they are too old for a release
    #[command(subcommand)]
    Interim(interim::InterimCommand),
    // Why a device gets what it gets.
    /// Show the answer of this store to a request, with the reasons
    Explain(Box<explain::ExplainArgs>),
    /// Show each step of a device from its version to the version at which it stays
    Plan(Box<plan::PlanArgs>),
    /// List the devices that two revisions of the rule book answer differently
    Diff(diff::DiffArgs),
    /// Show which items of a captured body are recognised, unknown or missing
    Inspect(inspect::InspectArgs),
    /// Show how a version is read, and how it compares with another one
    Version(version::VersionArgs),
    /// Check whether a sign-in server accepts a phone, so that it can be updated
    #[command(subcommand)]
    ClientFilter(client_filter::ClientFilterCommand),
    /// Simulate a fleet under the rules of the store: the number of devices of each version, day by day
    Simulate(Box<simulate::SimulateArgs>),
    // Packages, without a store.
    /// Build, show and extract packages
    #[command(subcommand)]
    Package(package::PackageCommand),
    /// Write generated packages and a request, for trying the command
    Sample(sample::SampleArgs),
}

impl Command {
    /// Returns a failure if this verb does not work with `--server`, that is, on the store of
    /// another machine.
    fn refuse_remote(&self) -> Result<(), Failure> {
        let name = match self {
            Self::Serve(_) => "serve",
            Self::Token(_) => "token",
            Self::Demo(_) => "demo",
            Self::Doctor(_) => "doctor",
            Self::Import(_) => "import",
            Self::ImportOcs(_) => "import-ocs",
            Self::Rebuild(_) => "rebuild",
            _ => return Ok(()),
        };
        Err(Failure::usage(format_args!(
            "`ucupdate {name}` does not work with --server; run it on the machine of the store"
        )))
    }

    async fn run(self, config: Option<PathBuf>, context: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Serve(args) => serve::run(*args, plain_command, context).await,
            Self::Ask(args) => ask::run(args, context).await,
            Self::Storm(args) => storm::run(args, context).await,
            Self::Provisioning(args) => provisioning::run(args, context).await,
            Self::Captures(args) => captures::run(args, context).await,
            Self::Token(command) => token::run(command, context).await,
            Self::Demo(args) => demo::run(args, context).await,
            Self::Config(verb) => config::run(verb, command(), config, context).await,
            Self::Completions(args) => shell::completions(args, context).await,
            Self::Man(args) => shell::man(args, command(), context).await,
            Self::Ingest(args) => ingest::run(args, context).await,
            Self::Rules(args) => list::run(args, context).await,
            Self::Tree(args) => tree::run(args, context).await,
            Self::Approve(args) => decide::approve(args, context).await,
            Self::Reject(args) => decide::reject(args, context).await,
            Self::Unreject(args) => decide::unreject(args, context).await,
            Self::Rollback(args) => decide::roll_back(args, context).await,
            Self::Remove(args) => decide::remove(args, context).await,
            Self::Status(args) => status::run(args, context).await,
            Self::Undo(args) => undo::run(args, context).await,
            Self::History(args) => history::run(args, context).await,
            Self::Fleet(args) => fleet::run(args, context).await,
            Self::Device(args) => device::run(*args, context).await,
            Self::Timeline(args) => timeline::run(*args, context).await,
            Self::Report(args) => report::run(args, context).await,
            Self::Loops(args) => loops::run(args, context).await,
            Self::Gc(args) => gc::run(args, context).await,
            Self::Verify(args) => verify::run(args, context).await,
            Self::Doctor(args) => doctor::run(args, context).await,
            Self::Export(args) => carry::export(args, context).await,
            Self::Import(args) => carry::import(args, context).await,
            Self::ImportOcs(args) => import_ocs::run(args, context).await,
            Self::Rebuild(args) => rebuild::run(args, context).await,
            Self::TestDevice(command) => test_device::run(command, context).await,
            Self::Group(command) => group::run(command, context).await,
            Self::Rollout(command) => rollout::run(command, context).await,
            Self::Hold(command) => hold::run(command, context).await,
            Self::Ban(command) => ban::run(command, context).await,
            Self::Alias(command) => alias::run(command, context).await,
            Self::Pin(command) => pin::run(command, context).await,
            Self::Policy(command) => policy::run(command, context).await,
            Self::Stone(command) => stone::run(command, context).await,
            Self::Interim(command) => interim::run(command, context).await,
            Self::Explain(args) => explain::run(*args, context).await,
            Self::Plan(args) => plan::run(*args, context).await,
            Self::Diff(args) => diff::run(args, context).await,
            Self::Inspect(args) => inspect::run(args, context).await,
            Self::Version(args) => version::run(args, context).await,
            Self::ClientFilter(command) => client_filter::run(command, context).await,
            Self::Simulate(args) => simulate::run(*args, context).await,
            Self::Package(command) => package::run(command, context).await,
            Self::Sample(args) => sample::run(args, context).await,
        }
    }
}

/// Returns the definition of the command line. Its help has examples, variables, and the verbs in
/// groups.
fn plain_command() -> clap::Command {
    with_groups(with_variables(with_examples(CommandLine::command())))
}

/// Returns the definition of the command line. The shell can complete the names of rules, groups
/// and packages of the store.
fn command() -> clap::Command {
    with_candidates(plain_command)
}

fn main() -> ExitCode {
    CompleteEnv::with_factory(command).var(shell::COMPLETE).complete();
    let words: Vec<OsString> = std::env::args_os().collect();
    let command = plain_command();
    let resolved = match settings::resolve(&command, words, variable) {
        Ok(resolved) => resolved,
        Err(failure) => return output::early_failure(failure),
    };
    let unknown = settings::unknown_variables(&command, std::env::vars_os());
    let parsed = command.try_get_matches_from(&resolved.words);
    let args = match parsed.and_then(|matches| CommandLine::from_arg_matches(&matches)) {
        Ok(args) => args,
        Err(usage) => return output::usage(&usage, &resolved.notes(&usage)),
    };
    let ca_file = args.global.remote.ca_file.clone();
    let remote = Some(args.global.remote).filter(|remote| remote.server.is_some());
    let refused = remote.as_ref().map_or(Ok(()), |_| args.command.refuse_remote());
    let store = remote.map_or(args.global.store, |remote| StoreLocation::Server(Box::new(remote)));
    let timeout = Duration::from_secs(args.global.timeout);
    let mut context = Context::new(store, args.global.json, timeout).with_ca_file(ca_file);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build();
    let done = match runtime {
        Ok(runtime) => {
            let done = runtime.block_on(async {
                refused?;
                unknown.iter().for_each(|warning| context.output.message(warning));
                context.warn_of_open_token();
                args.command.run(args.global.config, &mut context).await
            });
            // The results of tasks that still read or write are not needed.
            runtime.shutdown_background();
            done
        }
        Err(error) => Err(Failure::in_doing("starting the runtime", &error)),
    };
    match done.and_then(|()| context.output.flush()) {
        Ok(()) | Err(Failure::OutputClosed) => ExitCode::SUCCESS,
        Err(Failure::Explained(kind, reason)) => {
            let reason = match context.output.progress.revision() {
                Some(revision) => with_advice(
                    &reason,
                    format_args!("the change before it was made, as revision {revision}"),
                ),
                None => reason,
            };
            context.output.failure(kind, &reason);
            ExitCode::from(kind.exit_code())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }
}
