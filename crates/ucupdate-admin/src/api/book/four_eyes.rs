//! Four eyes: an administrator who ingested a package cannot approve its versions, pin devices to them, start a
//! rollout of them, or change the share of such a rollout. The pending version is still offered to test devices,
//! because that needs no approval.

use crate::api::call::Call;
use crate::response::problem::Problem;
use http::StatusCode;
use std::collections::BTreeSet;
use ucupdate::book::{Audience, BookCommand, RuleBook, RuleKey, UpdateType};
use ucupdate::device::Locale;
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
    side.service.refresh().await?;
    let snapshot = side.service.snapshot();
    let before = snapshot.book();
    // A command that is refused gives nothing to anyone.
    let Ok(change) = before.command(command, &call.administrator.name) else { return Ok(()) };
    let mut after = before.clone();
    after.apply(&change.delta);
    let mut given = given(before, &after);
    if let BookCommand::SetShare(rule, rollout, _) = command {
        let rollout = before.rule(rule).and_then(|rule| rule.rollout(rollout));
        given.extend(rollout.map(|(assignment, _)| assignment.candidate.package));
    }
    refuse_own(call, &given).await
}

/// Refuses a roll back to an earlier revision if it gives a version of a package to devices, and the same
/// administrator ingested that package last. Does nothing without
/// [`with_four_eyes`](crate::AdminOptions::with_four_eyes).
pub(crate) async fn check_roll_back(call: &Call<'_>, revision: u64) -> Result<(), Problem> {
    let side = call.side;
    if !side.options.four_eyes {
        return Ok(());
    }
    let admin = side.service.admin(&call.administrator.name);
    // A roll back that fails gives nothing to anyone.
    let Ok(would) = admin.dry_run_roll_back_to(revision).await else { return Ok(()) };
    refuse_own(call, &given(would.before.book(), would.after.book())).await
}

/// Returns an error if the administrator ingested one of these packages last.
async fn refuse_own(call: &Call<'_>, packages: &BTreeSet<PackageId>) -> Result<(), Problem> {
    if packages.is_empty() {
        return Ok(());
    }
    let name = &call.administrator.name;
    let history = call.side.service.history(1, usize::MAX).await?;
    for package in packages {
        let is_ingest = |revision: &&Revision| matches!(&revision.command, RecordedCommand::Book(BookCommand::Ingest(id)) if id == package);
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

/// Compares the rule books before and after a change. Returns the packages that contain a version which devices get
/// only after the change. Each rule counts for itself: a package is also returned if its version was already
/// approved for another rule.
fn given(before: &RuleBook, after: &RuleBook) -> BTreeSet<PackageId> {
    let (known, interim) = (assigned(before), interim(before));
    let mut given: BTreeSet<PackageId> =
        assigned(after).difference(&known).map(|assigned| assigned.package).collect();
    given.extend(self::interim(after).difference(&interim).map(|(_, package)| *package));
    given
}

/// An approval, a pin or a rollout of a version of `package`. Test devices are not an audience here.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct GivenPackage<'a> {
    rule: &'a RuleKey,
    audience: &'a Audience,
    is_rollout: bool,
    package: PackageId,
}

fn assigned(book: &RuleBook) -> BTreeSet<GivenPackage<'_>> {
    let mut assigned = BTreeSet::new();
    for rule in book.rules() {
        let given = rule.assignments().iter().filter(|one| one.audience != Audience::TestDevices);
        assigned.extend(given.map(|one| GivenPackage {
            rule: rule.key(),
            audience: &one.audience,
            is_rollout: one.rollout.is_some(),
            package: one.candidate.package,
        }));
    }
    assigned
}

/// Returns the packages of approved interim images, each with the locale and the update type for which its image is
/// approved.
fn interim(book: &RuleBook) -> BTreeSet<((&Locale, &UpdateType), PackageId)> {
    book.interim_images().map(|(image, package)| ((&image.locale, &image.update_type), package)).collect()
}
