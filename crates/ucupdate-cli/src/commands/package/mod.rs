//! `ucupdate package`: cabinets, without a store.

mod build;
mod extract;
mod show;

use crate::context::Context;
use crate::failure::Failure;
use crate::files;
use crate::shown::Shown;
use serde::Serialize;
use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use ucupdate_cab::package::Problem;
use ucupdate_cab::{Cabinet, Limits};

/// How it is called.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum PackageCommand {
    /// Build a package from a folder laid out as UCPhone/LG-Nortel/IP8540/A/ENU/3.5.6907.0/CPE
    Build(build::BuildArgs),
    /// Show what a cabinet holds and what is understood of it
    Show(show::ShowArgs),
    /// Write the files of a cabinet into a folder
    Extract(extract::ExtractArgs),
}

pub(crate) async fn run(command: PackageCommand, context: &mut Context) -> Result<(), Failure> {
    match command {
        PackageCommand::Build(args) => build::run(args, context).await,
        PackageCommand::Show(args) => show::run(args, context).await,
        PackageCommand::Extract(args) => extract::run(args, context).await,
    }
}

/// One thing that is wrong with a package.
#[derive(Debug, Serialize)]
pub(crate) struct ProblemReport {
    /// `digest-mismatch`, ...
    kind: &'static str,
    /// `refusal` or `warning`.
    severity: String,
    /// The member it is about, if any.
    file: Option<String>,
    /// Where in that member, or where else.
    place: Option<String>,
    expected: String,
    found: Option<String>,
    /// All of it as a sentence.
    pub(crate) text: String,
}

impl ProblemReport {
    pub(crate) fn of(problem: &Problem) -> Self {
        Self {
            kind: problem.kind.code(),
            severity: problem.severity().to_string(),
            file: problem.file.clone(),
            place: problem.place.clone(),
            expected: problem.expected.clone(),
            found: problem.found.clone(),
            text: problem.to_string(),
        }
    }
}

impl fmt::Display for ProblemReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(&self.text).fmt(f)
    }
}

/// The paths in one line, for messages.
fn joined(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    paths.join(", ")
}

/// Opens a cabinet, a program that carries one, or the parts of a set.
fn open(paths: &[PathBuf]) -> Result<Cabinet<BufReader<File>>, Failure> {
    let part = |path: &PathBuf| files::open(path).map(BufReader::new);
    let parts = paths.iter().map(part).collect::<Result<Vec<_>, _>>()?;
    Cabinet::open_set(parts, Limits::default()).map_err(|error| Failure::in_doing(joined(paths), &error))
}

/// A path below a folder, its parts divided by `/`, as cabinets of this workspace name files.
fn relative(path: &Path, folder: &Path) -> Result<String, Failure> {
    let not_text = || Failure::new(format_args!("{}: name is no text", path.display()));
    let below = path.strip_prefix(folder).unwrap_or(path);
    let parts = below.components().map(|part| part.as_os_str().to_str().ok_or_else(not_text));
    Ok(parts.collect::<Result<Vec<_>, _>>()?.join("/"))
}
