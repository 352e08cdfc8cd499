//! Four eyes: an administrator who ingested a package cannot approve its versions.

use super::Call;
use crate::response::problem::Problem;
use http::StatusCode;
use std::collections::BTreeSet;
use ucupdate::book::{BookCommand, RuleBook};
use ucupdate::value::PackageId;
use ucupdate::{RecordedCommand, Revision};

/// Refuses a command that approves a version of a package that the same administrator ingested last, if the options ask for it.
pub(crate) async fn check(call: &Call<'_>, command: &BookCommand) -> Result<(), Problem> {
    let side = call.side;
    if !side.options.four_eyes {
        return Ok(());
    }
    let name = &call.administrator.name;
    side.service.refresh().await?;
    let snapshot = side.service.snapshot();
    // A command that is refused approves nothing.
    let Ok(change) = snapshot.book().command(command, name) else { return Ok(()) };
    let mut book = snapshot.book().clone();
    book.apply(&change.delta);
    let approved: BTreeSet<PackageId> =
        approved(&book).difference(&approved(snapshot.book())).copied().collect();
    if approved.is_empty() {
        return Ok(());
    }
    let history = side.service.history(1, usize::MAX).await?;
    for package in approved {
        let is_ingest = |revision: &&Revision| matches!(&revision.command, RecordedCommand::Book(BookCommand::Ingest(id)) if *id == package);
        let ingested = history.iter().rev().find(is_ingest);
        if ingested.is_some_and(|revision| revision.author.eq_ignore_ascii_case(name)) {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "same-person",
                format!("{name} ingested package {package}, so another person must approve it"),
            ));
        }
    }
    Ok(())
}

/// Returns the packages of all approved versions and interim images.
fn approved(book: &RuleBook) -> BTreeSet<PackageId> {
    let rules = book.rules().filter_map(|rule| Some(rule.approved()?.package));
    rules.chain(book.interim_images().map(|(_, package)| package)).collect()
}
