//! How the command is called: the global options, the subcommands, and the values they share.

use crate::commands::{
    carry, changes, diff, explain, fleet, gc, group, history, hold, ingest, inspect, loops, package, pin,
    plan, policy, rebuild, rollout, rules, sample, simulate, stone, test_device, tree, verify, version,
};
use crate::context::Context;
use crate::failure::Failure;
use crate::{ask, demo, serve};
use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use ucupdate::Retention;

/// Keeps UC phones up to date: takes in firmware packages, offers what was approved, and says why.
#[derive(Debug, Parser)]
#[command(name = "ucupdate", version, max_term_width = 100)]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every subcommand, before or after it.
#[derive(Debug, Args)]
pub(crate) struct GlobalArgs {
    /// Where rules and images lie: file:PATH, s3://BUCKET/PREFIX, or memory: for a store that ends with the command
    #[arg(long, global = true, value_name = "STORE", default_value = "file:ucupdate-data")]
    pub(crate) store: StoreLocation,
    /// Write the result as one JSON object with "format": 1
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    // A server and its devices.
    /// Answer devices and serve their files
    Serve(serve::ServeArgs),
    /// Ask a server as a phone does
    Ask(ask::AskArgs),
    /// Show a whole update on this machine, from package to phone
    Demo(demo::DemoArgs),
    // What a store holds and what is decided in it.
    /// Take in packages: cabinets, or programs that carry one
    Ingest(ingest::IngestArgs),
    /// List the rules: what is pending, approved, kept for roll back, rolled out and pinned
    Rules(rules::RulesArgs),
    /// Show the files that are served, as a hierarchy of folders
    Tree(tree::TreeArgs),
    /// Approve what is pending, so that every device gets it
    Approve(changes::ApproveArgs),
    /// Reject what is pending in a rule
    Reject(changes::RuleArgs),
    /// Give every device what was approved before, in a rule or, with --to, in all of them
    Rollback(changes::RollBackArgs),
    /// Remove a rule
    Remove(changes::RuleArgs),
    /// List who changed what, and when
    History(history::HistoryArgs),
    /// List the devices that asked, what they have, and how many have which version
    Fleet(fleet::FleetArgs),
    /// Find devices that are offered updates in a circle
    Loops(loops::LoopsArgs),
    /// Remove images that no kept revision is of, and what ingests that died half-way left behind
    Gc(gc::GcArgs),
    /// See whether history and images are whole, and say how to repair what is not
    Verify(verify::VerifyArgs),
    /// Carry state and images into another store, or write the files that are served into a folder
    Export(carry::ExportArgs),
    /// Carry state and images of another store into this one
    Import(carry::ImportArgs),
    /// Begin a history for a store that has only images
    Rebuild(rebuild::RebuildArgs),
    /// Name the devices that get pending versions
    #[command(subcommand)]
    TestDevice(test_device::TestDeviceCommand),
    /// Name groups of devices
    #[command(subcommand)]
    Group(group::GroupCommand),
    /// Give a version to some devices before everybody gets it, and stop everything
    #[command(subcommand)]
    Rollout(rollout::RolloutCommand),
    /// Offer nothing to devices for a while
    #[command(subcommand)]
    Hold(hold::HoldCommand),
    /// Keep devices at a version
    #[command(subcommand)]
    Pin(pin::PinCommand),
    /// Say how a rule treats versions
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Name versions that devices must pass through
    #[command(subcommand)]
    Stone(stone::StoneCommand),
    // Why a device gets what it gets.
    /// Say what a request is answered from this store, and why
    Explain(Box<explain::ExplainArgs>),
    /// Show the whole way of a device, from what it has to where it ends
    Plan(Box<plan::PlanArgs>),
    /// List whose answer is another in another revision of the rule book
    Diff(diff::DiffArgs),
    /// Say which items of a captured body are recognised, unknown, missing
    Inspect(inspect::InspectArgs),
    /// Say how a version is read, and how it compares with another
    Version(version::VersionArgs),
    /// Play days of a fleet under the rules of the store: who will have which version when
    Simulate(Box<simulate::SimulateArgs>),
    // Packages, without a store.
    /// Build, show and extract packages
    #[command(subcommand)]
    Package(package::PackageCommand),
    /// Write generated packages and a request to try things with
    Sample(sample::SampleArgs),
}

impl Command {
    /// Does it.
    pub(crate) async fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Serve(args) => serve::run(args, context).await,
            Self::Ask(args) => ask::run(args, context).await,
            Self::Demo(args) => demo::run(args, context).await,
            Self::Ingest(args) => ingest::run(args, context).await,
            Self::Rules(args) => rules::run(args, context).await,
            Self::Tree(args) => tree::run(args, context).await,
            Self::Approve(args) => changes::approve(args, context).await,
            Self::Reject(args) => changes::reject(args, context).await,
            Self::Rollback(args) => changes::roll_back(args, context).await,
            Self::Remove(args) => changes::remove(args, context).await,
            Self::History(args) => history::run(args, context).await,
            Self::Fleet(args) => fleet::run(args, context).await,
            Self::Loops(args) => loops::run(args, context).await,
            Self::Gc(args) => gc::run(args, context).await,
            Self::Verify(args) => verify::run(args, context).await,
            Self::Export(args) => carry::export(args, context).await,
            Self::Import(args) => carry::import(args, context).await,
            Self::Rebuild(args) => rebuild::run(args, context).await,
            Self::TestDevice(command) => test_device::run(command, context).await,
            Self::Group(command) => group::run(command, context).await,
            Self::Rollout(command) => rollout::run(command, context).await,
            Self::Hold(command) => hold::run(command, context).await,
            Self::Pin(command) => pin::run(command, context).await,
            Self::Policy(command) => policy::run(command, context).await,
            Self::Stone(command) => stone::run(command, context).await,
            Self::Explain(args) => explain::run(*args, context).await,
            Self::Plan(args) => plan::run(*args, context).await,
            Self::Diff(args) => diff::run(args, context).await,
            Self::Inspect(args) => inspect::run(args, context).await,
            Self::Version(args) => version::run(args, context).await,
            Self::Simulate(args) => simulate::run(*args, context).await,
            Self::Package(command) => package::run(command, context).await,
            Self::Sample(args) => sample::run(args, context).await,
        }
    }
}

/// Reads the command line.
///
/// # Errors
/// What clap has to say: a mistake, or the help that was asked for.
pub(crate) fn read(args: impl IntoIterator<Item = OsString>) -> Result<CommandLine, clap::Error> {
    CommandLine::try_parse_from(args)
}

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreLocation {
    /// In this folder.
    Folder(PathBuf),
    /// In the bucket at this address.
    #[cfg(feature = "s3")]
    Bucket(String),
    /// In memory, as long as the command runs.
    Memory,
}

impl FromStr for StoreLocation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("file", path)) if !path.is_empty() => Ok(Self::Folder(path.into())),
            Some(("memory", "")) => Ok(Self::Memory),
            #[cfg(feature = "s3")]
            Some(("s3", _)) => match ucupdate::s3::S3Options::at(text) {
                Ok(_) => Ok(Self::Bucket(text.to_owned())),
                Err(error) => Err(error.to_string()),
            },
            #[cfg(not(feature = "s3"))]
            Some(("s3", _)) => Err("this command was built without its feature s3".to_owned()),
            _ => Err("expected file:PATH, s3://BUCKET/PREFIX or memory:".to_owned()),
        }
    }
}

impl fmt::Display for StoreLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "file:{}", path.display()),
            #[cfg(feature = "s3")]
            Self::Bucket(address) => f.write_str(address),
            Self::Memory => f.write_str("memory:"),
        }
    }
}

/// In whose name a change is made.
#[derive(Debug, Args)]
pub(crate) struct AuthorArgs {
    /// In whose name the change is made [default: the system's user name]
    #[arg(long, value_name = "NAME", value_parser = author)]
    author: Option<String>,
}

impl AuthorArgs {
    /// The name: as given, else that of the system's user, else `unknown`.
    pub(crate) fn name(&self) -> String {
        let system = || {
            let variables = ["USER", "LOGNAME", "USERNAME"];
            variables.into_iter().find_map(|variable| author(&std::env::var(variable).ok()?).ok())
        };
        self.author.clone().or_else(system).unwrap_or_else(|| "unknown".to_owned())
    }
}

/// Which revisions' images are kept.
#[derive(Debug, Args)]
pub(crate) struct RetentionArgs {
    /// Keep the images of the last N revisions, or those of --keep-days, whichever is more
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    keep_revisions: u64,
    /// Keep the images of the revisions that held in the last N days
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=36500))]
    keep_days: u32,
}

impl RetentionArgs {
    pub(crate) fn retention(&self) -> Retention {
        let time = Duration::from_secs(u64::from(self.keep_days) * 24 * 60 * 60);
        Retention { revisions: self.keep_revisions, time }
    }
}

/// The most bytes the name of an author may have.
const MAX_AUTHOR_BYTES: usize = 128;

fn author(text: &str) -> Result<String, String> {
    let name = text.trim();
    if name.is_empty() {
        return Err("name is blank".to_owned());
    }
    if name.len() > MAX_AUTHOR_BYTES {
        return Err(format!("name has {} bytes, expected at most {MAX_AUTHOR_BYTES}", name.len()));
    }
    if name.chars().any(char::is_control) {
        return Err("name holds a control character".to_owned());
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn a_store_is_a_folder_or_memory() {
        assert_eq!("file:a:b".parse(), Ok(StoreLocation::Folder("a:b".into())));
        assert_eq!("memory:".parse(), Ok(StoreLocation::Memory));
        for wrong in ["", "file:", "memory", "memory:x", "s3:bucket", "ucupdate-data"] {
            assert!(wrong.parse::<StoreLocation>().is_err(), "{wrong}");
        }
    }

    #[cfg(feature = "s3")]
    #[test]
    fn a_store_may_be_a_bucket() {
        for address in ["s3://firmware", "s3://firmware/fleet/a"] {
            assert_eq!(address.parse(), Ok(StoreLocation::Bucket(address.to_owned())));
        }
        assert!("s3://".parse::<StoreLocation>().is_err());
    }

    #[test]
    fn an_author_has_a_name_of_one_line() {
        assert_eq!(author(" Ann "), Ok("Ann".to_owned()));
        for wrong in ["", "  ", "a\nb", "a\u{1b}", &"x".repeat(129)] {
            assert!(author(wrong).is_err(), "{wrong:?}");
        }
    }
}
