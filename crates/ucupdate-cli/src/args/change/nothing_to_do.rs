//! Changes whose result exists already. They are not failures, so that a script can repeat them.

use ucupdate::book::{BookCommand, Refusal, RuleBook, RuleError, Share, StopScope};

/// Returns a text about the existing state, if a refused command asks only for what exists already.
/// Otherwise returns `None`.
///
/// The texts that people give as reasons are not compared. The existing reason stays, and the
/// returned text contains it.
pub(crate) fn existing_result(command: &BookCommand, refusal: &Refusal, book: &RuleBook) -> Option<String> {
    let (is_there, kept_reason) = match (command, refusal) {
        (BookCommand::Ban(_), Refusal::AlreadyBanned { .. })
        | (BookCommand::AskRestart { .. } | BookCommand::ApproveRestart { .. }, Refusal::NotStopped { .. })
        | (BookCommand::ResumeRollout(..), Refusal::WrongState { cause: RuleError::NotPaused { .. }, .. })
        | (
            BookCommand::RollBackToNothing(_),
            Refusal::WrongState { cause: RuleError::NothingToRollBack, .. },
        ) => (true, None),
        (BookCommand::Kill { .. }, Refusal::AlreadyStopped { scope, .. }) => (true, stop_reason(scope, book)),
        (
            BookCommand::PauseRollout(rule, name, _),
            Refusal::WrongState { cause: RuleError::Paused { .. }, .. },
        ) => {
            let rollout = book.rule(rule).and_then(|rule| rule.rollout(name));
            (true, rollout.and_then(|(_, rollout)| rollout.paused.as_deref()))
        }
        (BookCommand::AddHold(hold), Refusal::HoldNameTaken { name, .. }) => {
            let there = book.hold(name);
            let is_same = there.is_some_and(|there| there.on == hold.on && there.until == hold.until);
            (is_same, there.map(|there| &*there.reason))
        }
        (BookCommand::AddTestDevice(device), Refusal::TestDeviceNameTaken { id, .. }) => {
            (device.id == *id, None)
        }
        (BookCommand::AddStone(stone), Refusal::StoneNameTaken { stone: there }) => (*stone == **there, None),
        (
            BookCommand::Unreject { rule, version },
            Refusal::WrongState { cause: RuleError::NotRejected { .. }, .. },
        ) => (book.newest_release(rule, version).is_some(), None),
        (BookCommand::ApproveAllOf(_), Refusal::NothingPendingOf { .. }) => {
            return is_approved(command, book)
                .then(|| "everything of the package that devices need is approved".to_owned());
        }
        (
            BookCommand::StartRollout { .. },
            Refusal::WrongState { cause: RuleError::RolloutNameTaken { .. }, .. },
        ) => (is_started(command, book), None),
        _ => (false, None),
    };
    let kept = kept_reason.filter(|reason| !reason.is_empty());
    let kept = kept.map(|reason| format!(" (reason: {reason})")).unwrap_or_default();
    is_there.then(|| format!("{refusal}{kept}"))
}

fn stop_reason<'a>(scope: &StopScope, book: &'a RuleBook) -> Option<&'a str> {
    book.stop(scope).map(|stop| &*stop.reason)
}

/// Returns whether the command approves a package whose releases are all approved already.
fn is_approved(command: &BookCommand, book: &RuleBook) -> bool {
    let BookCommand::ApproveAllOf(id) = command else { return false };
    let Some(package) = book.package(*id) else { return false };
    let are_releases_approved = package.releases.iter().all(|release| {
        let rule = book.rule(&release.rule);
        rule.is_some_and(|rule| {
            rule.approved()
                .is_some_and(|approved| rule.policy().is_same_release(&approved.version, &release.version))
        })
    });
    are_releases_approved
        && package.interim.iter().all(|image| {
            let (locale, update_type) = (&image.locale, &image.update_type);
            let is_needed = book.stones_of_interim(package, locale, update_type).next().is_some();
            let approved = book.interim_rule(locale, update_type).and_then(|rule| rule.approved);
            let approved = approved.and_then(|package| book.interim_image(locale, update_type, package));
            !is_needed || approved.is_some_and(|approved| approved.version.is_same_release(&image.version))
        })
}

/// Returns whether a rollout with the name and the settings of the command exists and is not
/// paused. The start time of a ramp is not compared.
fn is_started(command: &BookCommand, book: &RuleBook) -> bool {
    let BookCommand::StartRollout { rule, audience, version, rollout } = command else { return false };
    let Some(rule) = book.rule(rule) else { return false };
    rule.rollout(&rollout.name).is_some_and(|(assignment, there)| {
        assignment.audience == *audience
            && rule.policy().is_same_release(&assignment.candidate.version, version)
            && is_same_plan(&there.share, &rollout.share)
            && there.window == rollout.window
            && there.guard == rollout.guard
            && there.paused.is_none()
    })
}

fn is_same_plan(there: &Share, asked: &Share) -> bool {
    match (there, asked) {
        (Share::Ramp(there), Share::Ramp(asked)) => there.stages == asked.stages,
        _ => there == asked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ucupdate_testkit::packages::{package, with_interim};

    /// Returns the text for a second approval of the package, after `before` and the first approval.
    fn second_approval(before: &[BookCommand]) -> Option<String> {
        let mut book = RuleBook::default();
        let package = package(1, &[("UCPhone/LG-Nortel/IP8540/A/ENU/CPE", "3.5.6907.0", 1)]);
        let package = with_interim(with_interim(package, "ENU", "1.0.522.103"), "DEU", "1.0.522.103");
        book.apply(&book.ingest(&package).unwrap().delta);
        let approve = BookCommand::ApproveAllOf(package.id());
        for command in before.iter().chain([&approve]) {
            book.apply(&book.command(command, "ann").unwrap().delta);
        }
        let refusal = book.command(&approve, "ann").unwrap_err();
        existing_result(&approve, &refusal, &book)
    }

    #[test]
    fn a_package_whose_interim_image_was_rejected_is_not_called_approved() {
        let (locale, update_type) = ("DEU".parse().unwrap(), "CPE".parse().unwrap());
        assert_eq!(second_approval(&[BookCommand::RejectInterim { locale, update_type }]), None);
        let all = second_approval(&[]);
        assert_eq!(all.as_deref(), Some("everything of the package that devices need is approved"));
    }
}
