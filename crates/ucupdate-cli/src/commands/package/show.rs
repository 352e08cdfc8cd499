//! `ucupdate package show`: shows how the content of a cabinet is understood as a package.

use super::cabinet::{joined, open};
use super::list;
use crate::args::package::PackageArgs;
use crate::args::package_prefix::PackagePrefix;
use crate::context::Context;
use crate::failure::{Failure, with_limit_option};
use crate::files;
use crate::output::shown::Shown;
use crate::output::table::Table;
use serde_json::{Value, json};
use std::path::PathBuf;
use ucupdate_admin::report::ProblemReport;
use ucupdate_cab::package::{MemberRole, NoSink, Package, read_package};

#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// A cabinet, a self-extracting program that contains one, or the parts of one set in any order. Or the id of a package of the
    /// store, or its first digits
    #[arg(required = true, value_name = "FILE-OR-ID")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    package: PackageArgs,
}

/// Returns a package as a JSON object. Members have their names in the cabinet. `path` is `null` if
/// the name is not safe as a file name.
fn package_json(package: &Package) -> Value {
    let name = |index: &usize| {
        let mut members = package.members.iter();
        members.find(|member| member.index == *index).map(|member| member.name.clone()).unwrap_or_default()
    };
    let members = package.members.iter().map(|member| {
        json!({
            "name": member.name,
            "path": member.path.as_ref().ok().map(ToString::to_string),
            "size": member.size,
            "sha256": member.sha256,
            "modified": member.modified.map(|time| time.to_string()),
            "role": role(member.role),
        })
    });
    let releases = package.releases.iter().map(|release| {
        json!({
            "rule": release.key,
            "version": release.version,
            "image": name(&release.image),
            "signature": name(&release.signature),
            "descriptions": release.descriptions.iter().map(name).collect::<Vec<_>>(),
        })
    });
    let interim = package.interim.iter().map(|image| {
        json!({
            "locale": image.locale,
            "update_type": image.update_type,
            "version": image.version,
            "image": name(&image.image),
            "signature": name(&image.signature),
        })
    });
    json!({
        "package": package.id,
        "sha256": package.sha256,
        "form": package.form.to_string(),
        "refused": package.is_refused(),
        "members": members.collect::<Vec<_>>(),
        "releases": releases.collect::<Vec<_>>(),
        "interim": interim.collect::<Vec<_>>(),
        "problems": package.problems.iter().map(ProblemReport::of).collect::<Vec<_>>(),
    })
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

fn package_text(package: &Package) -> String {
    let mut table = Table::new(["SIZE", "SHA-256", "NAME"]);
    for member in &package.members {
        table.row([&member.size, &member.sha256, &member.name]);
    }
    let mut lines = vec![
        format!("package {}, cabinet's SHA-256 {}", package.id, package.sha256),
        table.to_string(),
        format!("understood by: {}", package.form),
    ];
    let releases = package.releases.iter();
    lines.extend(releases.map(|release| format!("  {} {}", Shown(&release.key), Shown(&release.version))));
    lines.extend(package.interim.iter().map(|image| {
        let version =
            image.version.as_ref().map_or_else(|| "of no stated version".to_owned(), ToString::to_string);
        format!(
            "  interim image {} for {}, {}",
            Shown(version),
            Shown(&image.locale),
            Shown(&image.update_type)
        )
    }));
    lines.push(format!("problems: {}", package.problems.len()));
    lines.extend(
        package.problems.iter().map(|problem| format!("  {}", Shown(with_limit_option(problem.to_string())))),
    );
    lines.join("\n")
}

/// Returns the id of a package, if the only argument is an id or its first digits, and no file has
/// this name.
fn package_id(files: &[PathBuf]) -> Option<PackagePrefix> {
    let [file] = files else { return None };
    let id = file.to_str()?.parse().ok()?;
    (!file.exists()).then_some(id)
}

pub(crate) async fn run(args: ShowArgs, context: &mut Context) -> Result<(), Failure> {
    if let Some(id) = package_id(&args.files) {
        return list::show(&id, context).await;
    }
    let progress = context.output.progress.clone();
    let package = files::blocking(move || {
        let package = read_package(
            open(&args.files, args.package.cabinet.options()?, &progress)?,
            args.package.options(),
            &mut NoSink,
        );
        let package = package.map_err(|error| Failure::in_doing(joined(&args.files), &error))?;
        Ok(package)
    });
    let package = package.await?;
    context.output.both(&package_json(&package), package_text(&package))?;
    if package.releases.is_empty() && package.interim.is_empty() {
        return Err(Failure::not_understood(
            "no release is understood in the package, so an ingest would refuse it",
        ));
    }
    match package.is_refused() {
        false => Ok(()),
        true => Err(Failure::new("an ingest would refuse the package")),
    }
}
