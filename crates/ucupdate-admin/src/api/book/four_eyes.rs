//! Four eyes: an administrator who ingested a package cannot approve its versions, pin devices to them, start a rollout of them, or
//! change the share of one. Test devices get a pending version in any case.

use crate::api::call::Call;
use crate::response::problem::Problem;
use http::StatusCode;
use std::collections::BTreeSet;
use ucupdate::book::{BookCommand, Rule, RuleBook};
use ucupdate::value::PackageId;
use ucupdate::{RecordedCommand, Revision};

/// Refuses a command that gives a version of a package to devices, if the same administrator
/// ingested the package last. Does nothing without
/// [`with_four_eyes`](crate::AdminOptions::with_four_eyes).
pub(crate) async fn check(call: &Call<'_>, command: &BookCommand) -> Result<(), Problem> {
    let side = call.side;
    if !side.options.four_eyes {
        return Ok(());
    }
    let name = &call.administrator.name;
    side.service.refresh().await?;
    let snapshot = side.service.snapshot();
    // A command that is refused gives nothing to anyone.
    let Ok(change) = snapshot.book().command(command, name) else { return Ok(()) };
    let mut book = snapshot.book().clone();
    book.apply(&change.delta);
    let before = snapshot.book();
    let mut given: BTreeSet<PackageId> = approved(&book).difference(&approved(before)).copied().collect();
    given.extend(assigned(&book).difference(&assigned(before)));
    if let BookCommand::SetShare(rule, rollout, _) = command {
        let rollout = before.rule(rule).and_then(|rule| rule.rollout(rollout));
        given.extend(rollout.map(|(assignment, _)| assignment.candidate.package));
    }
    if given.is_empty() {
        return Ok(());
    }
    let history = side.service.history(1, usize::MAX).await?;
    for package in given {
        let is_ingest = |revision: &&Revision| matches!(&revision.command, RecordedCommand::Book(BookCommand::Ingest(id)) if *id == package);
        let ingested = history.iter().rev().find(is_ingest);
        if ingested.is_some_and(|revision| revision.author.eq_ignore_ascii_case(name)) {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "same-person",
                format!(
                    "{name} ingested package {package}, so another person must give its versions to devices"
                ),
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

/// Returns the packages of all versions that a pin or a rollout gives to devices.
fn assigned(book: &RuleBook) -> BTreeSet<PackageId> {
    let of_rule = |rule: &'_ Rule| {
        let pins = rule.pins().map(|pin| pin.candidate.package);
        let rollouts = rule.rollouts().map(|(assignment, _)| assignment.candidate.package);
        pins.chain(rollouts).collect::<Vec<_>>()
    };
    book.rules().flat_map(of_rule).collect()
}
