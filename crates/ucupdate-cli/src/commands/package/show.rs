//! `ucupdate package show`: what a cabinet holds, and what is understood of it.

use super::cabinet::{joined, open};
use super::problem::ProblemReport;
use crate::args::package::PackageArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::files;
use crate::output::shown::Shown;
use crate::output::table::Table;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;
use ucupdate_cab::package::{MemberRole, NoSink, Package, read_package};

#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// A cabinet, a self-extracting program that carries one, or the parts of one set in any order
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    package: PackageArgs,
}

/// A cabinet and the package in it.
#[derive(Debug, Serialize)]
struct Report {
    package: String,
    /// The SHA-256 of the cabinet.
    sha256: String,
    /// `manifest`, `hierarchy` or `neither`.
    form: String,
    /// Whether an ingest would refuse it for what it is; a store may refuse more.
    refused: bool,
    members: Vec<MemberReport>,
    releases: Vec<ReleaseReport>,
    interim: Vec<InterimReport>,
    problems: Vec<ProblemReport>,
}

#[derive(Debug, Serialize)]
struct MemberReport {
    /// As the cabinet gives it.
    name: String,
    /// As a path that is safe to write under; none when there is no such.
    path: Option<String>,
    size: u64,
    sha256: String,
    /// The cabinet's time, `dd-MM-yyyy HH:mm:ss`.
    modified: Option<String>,
    role: &'static str,
}

#[derive(Debug, Serialize)]
struct ReleaseReport {
    rule: String,
    version: String,
    /// Members by their names.
    image: String,
    signature: String,
    descriptions: Vec<String>,
}

#[derive(Debug, Serialize)]
struct InterimReport {
    locale: String,
    update_type: String,
    version: Option<String>,
    image: String,
    signature: String,
}

impl Report {
    fn of(package: &Package) -> Self {
        let name = |index: usize| {
            let mut members = package.members.iter();
            members.find(|member| member.index == index).map(|member| member.name.clone()).unwrap_or_default()
        };
        let members = package.members.iter().map(|member| MemberReport {
            name: member.name.clone(),
            path: member.path.as_ref().ok().map(ToString::to_string),
            size: member.size,
            sha256: member.sha256.to_string(),
            modified: member.modified.map(|time| time.to_string()),
            role: role(member.role),
        });
        let releases = package.releases.iter().map(|release| ReleaseReport {
            rule: release.key.to_string(),
            version: release.version.to_string(),
            image: name(release.image),
            signature: name(release.signature),
            descriptions: release.descriptions.iter().map(|index| name(*index)).collect(),
        });
        let interim = package.interim.iter().map(|image| InterimReport {
            locale: image.locale.to_string(),
            update_type: image.update_type.to_string(),
            version: image.version.as_ref().map(ToString::to_string),
            image: name(image.image),
            signature: name(image.signature),
        });
        Self {
            package: package.id.to_string(),
            sha256: package.sha256.to_string(),
            form: package.form.to_string(),
            refused: package.is_refused(),
            members: members.collect(),
            releases: releases.collect(),
            interim: interim.collect(),
            problems: package.problems.iter().map(ProblemReport::of).collect(),
        }
    }
}

fn role(role: MemberRole) -> &'static str {
    match role {
        MemberRole::Manifest => "manifest",
        MemberRole::Image => "image",
        MemberRole::Signature => "signature",
        MemberRole::Description => "description",
        MemberRole::RoundTableConfig => "round-table-config",
        _ => "other",
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "package {}, cabinet's SHA-256 {}", self.package, self.sha256)?;
        let mut members = Table::new(["SIZE", "SHA-256", "NAME"]);
        for member in &self.members {
            members.row([&member.size, &member.sha256, &member.name]);
        }
        write!(f, "{members}\nunderstood by: {}", self.form)?;
        for release in &self.releases {
            write!(f, "\n  {} {}", Shown(&release.rule), Shown(&release.version))?;
        }
        for image in &self.interim {
            let version = image.version.as_deref().unwrap_or("of no said version");
            write!(
                f,
                "\n  interim image {} for {}, {}",
                Shown(version),
                Shown(&image.locale),
                Shown(&image.update_type)
            )?;
        }
        write!(f, "\nproblems: {}", self.problems.len())?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

pub(crate) async fn run(args: ShowArgs, context: &mut Context) -> Result<(), Failure> {
    let report = files::blocking(move || {
        let package = read_package(
            open(&args.files, args.package.cabinet.options())?,
            args.package.options(),
            &mut NoSink,
        );
        let package = package.map_err(|error| Failure::in_doing(joined(&args.files), &error))?;
        Ok(Report::of(&package))
    });
    let report = report.await?;
    context.output.result(&report)?;
    if report.releases.is_empty() && report.interim.is_empty() {
        return Err(Failure::not_understood(
            "no release is understood in the package, so an ingest would refuse it",
        ));
    }
    match report.refused {
        false => Ok(()),
        true => Err(Failure::new("an ingest would refuse the package")),
    }
}
