//! `ucupdate package list`: lists the packages of a store. Also shows one of them for
//! `ucupdate package show`.

use crate::args::package_prefix::PackagePrefix;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::list::List;
use crate::output::shown::Shown;
use crate::output::time::iso;
use serde_json::{Value, json};
use ucupdate::book::{IngestedPackage, RuleBook};
use ucupdate::value::Counted;

pub(crate) async fn run(context: &mut Context) -> Result<(), Failure> {
    let service = context.administer(IfMissing::Refuse).await?;
    let snapshot = service.snapshot();
    let mut packages: Vec<&IngestedPackage> = snapshot.book().packages().collect();
    packages.sort_by_key(|package| (package.ingested_at, package.id()));
    let mut list =
        List::new("packages", "no packages", ["PACKAGE", "INGESTED", "FILE", "RELEASES", "USED BY"]);
    for package in packages {
        let used = used_by(package, snapshot.book());
        let value = value(package, used);
        let number = package.releases.len() + package.interim.len();
        let rules = match used {
            0 => "no rule".to_owned(),
            some => Counted::new(some, "rule").to_string(),
        };
        list.row(value, [&package.id(), &iso(package.ingested_at), &package.file_name, &number, &rules]);
    }
    context.output.result(&list)
}

pub(super) async fn show(id: &PackagePrefix, context: &mut Context) -> Result<(), Failure> {
    let snapshot = context.administer(IfMissing::Refuse).await?.snapshot();
    let book = snapshot.book();
    let id = id.in_book(book)?;
    let Some(package) = book.package(id) else {
        return Err(Failure::not_found(format_args!(
            "no package {id}; `ucupdate package list` lists the packages"
        )));
    };
    let used = used_by(package, book);
    let rules = match used {
        0 => "no rule uses it".to_owned(),
        some => format!("used by {}", Counted::new(some, "rule")),
    };
    let mut lines = vec![
        format!("package {id} from {}, ingested at {}", Shown(&package.file_name), iso(package.ingested_at)),
        format!("cabinet's SHA-256 {}", package.sha256),
        rules,
    ];
    let releases = package.releases.iter();
    lines.extend(releases.map(|release| format!("  {} {}", Shown(&release.rule), Shown(&release.version))));
    lines.extend(package.interim.iter().map(|image| {
        let (version, locale) = (Shown(&image.version), Shown(&image.locale));
        format!("  interim image {version} for {locale}, {}", Shown(&image.update_type))
    }));
    context.output.both(&value(package, used), lines.join("\n"))
}

/// Returns a package of the store as a JSON object. `used` is the number of rules that use it.
fn value(package: &IngestedPackage, used: usize) -> Value {
    json!({
        "package": package.id().to_string(),
        "ingested_at": iso(package.ingested_at),
        "file_name": package.file_name,
        "sha256": package.sha256,
        "releases": package.releases.iter().map(|release| json!({
            "rule": release.rule, "version": release.version,
        })).collect::<Vec<_>>(),
        "interim": package.interim.iter().map(|image| json!({
            "locale": image.locale, "update_type": image.update_type, "version": image.version,
        })).collect::<Vec<_>>(),
        "used_by": used,
    })
}

/// Returns the number of rules that use a version of a package: as pending, approved, kept for roll
/// back, pinned or rolled out.
fn used_by(package: &IngestedPackage, book: &RuleBook) -> usize {
    book.rules().filter(|rule| rule.candidates().any(|candidate| candidate.package == package.id())).count()
}
