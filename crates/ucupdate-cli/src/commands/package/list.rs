//! `ucupdate package list`: lists the packages of a store.

use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::list::List;
use crate::output::time::iso;
use serde_json::json;
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
        let value = json!({
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
        });
        let number = package.releases.len() + package.interim.len();
        let rules = match used {
            0 => "no rule".to_owned(),
            some => Counted::new(some, "rule").to_string(),
        };
        list.row(value, [&package.id(), &iso(package.ingested_at), &package.file_name, &number, &rules]);
    }
    context.output.result(&list)
}

/// Returns the number of rules that have a version of a package in use: pending, approved, kept, pinned or rolled out.
fn used_by(package: &IngestedPackage, book: &RuleBook) -> usize {
    book.rules().filter(|rule| rule.candidates().any(|candidate| candidate.package == package.id())).count()
}
