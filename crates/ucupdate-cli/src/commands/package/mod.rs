//! `ucupdate package`: commands about cabinets that need no store, and about the packages of a store.

mod build;
mod cabinet;
mod extract;
pub(crate) mod ingest;
mod list;
pub(crate) mod sample;
mod show;

use crate::context::Context;
use crate::failure::Failure;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum PackageCommand {
    /// Build a package from a folder with the structure UCPhone/LG-Nortel/IP8540/A/ENU/3.5.6907.0/CPE
    Build(build::BuildArgs),
    /// List the packages of the store
    List,
    /// Show the files of a cabinet, and how its package is understood, or a package of the store
    Show(show::ShowArgs),
    /// Write the files of a cabinet into a folder
    Extract(extract::ExtractArgs),
}

pub(crate) async fn run(command: PackageCommand, context: &mut Context) -> Result<(), Failure> {
    match command {
        PackageCommand::Build(args) => build::run(args, context).await,
        PackageCommand::List => list::run(context).await,
        PackageCommand::Show(args) => show::run(args, context).await,
        PackageCommand::Extract(args) => extract::run(args, context).await,
    }
}
