//! `ucupdate undo`: takes back the last change of an author.

use crate::args::change::ChangeArgs;
use crate::args::change::confirm::confirm_or_refuse;
use crate::args::change::{make, make_roll_back_to};
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::shown::Shown;
use crate::output::time::iso;
use ucupdate::book::{BookCommand, RuleBook};
use ucupdate::value::Counted;
use ucupdate::{RecordedCommand, Revision, UpdateService};

/// The largest number of revisions that are searched for the last change of an author. The search
/// begins at the newest revision.
const SEARCHED: u64 = 200;

#[derive(Debug, clap::Args)]
pub(crate) struct UndoArgs {
    #[command(flatten)]
    how: ChangeArgs,
}

/// The way in which a change is taken back.
enum Undoing {
    /// A command that takes back only this change.
    Command(Box<BookCommand>),
    /// A roll back to the revision before. Only possible for the newest revision.
    RollBack,
}

pub(crate) async fn run(args: UndoArgs, context: &mut Context) -> Result<(), Failure> {
    let service = context.administer(IfMissing::Refuse).await?;
    let author = args.how.author.name();
    let newest = service.snapshot().revision();
    let first = newest.saturating_sub(SEARCHED - 1).max(1);
    let revisions = service.history(first, usize::MAX).await?;
    let Some(last) = revisions.iter().rev().find(|revision| revision.author == author) else {
        return Err(Failure::not_found(format_args!(
            "no change of {author} among the last {} revisions; --author NAME undoes that of another author",
            revisions.len()
        )));
    };
    context.output.message(format_args!(
        "the last change of {author} is revision {}, of {}:",
        last.number,
        iso(last.at)
    ));
    for note in &last.notes {
        context.output.message(format_args!("  {}", Shown(note)));
    }
    let undoing = undoing(&service, last, newest).await?;
    if !args.how.dry_run {
        confirm_or_refuse("Undo this?", args.how.yes, context)?;
    }
    match undoing {
        Undoing::Command(command) => make(&command, &args.how.confirmed(), context).await,
        Undoing::RollBack => make_roll_back_to(last.number - 1, &args.how.confirmed(), context).await,
    }
}

/// Returns the way in which the change `last` is taken back. The failure says why it cannot be
/// taken back, and what to do instead.
async fn undoing(service: &UpdateService, last: &Revision, newest: u64) -> Result<Undoing, Failure> {
    let number = last.number;
    let cannot = |why: String| Err(Failure::new(format_args!("revision {number} cannot be undone: {why}")));
    let before = service.book_at(number.saturating_sub(1)).await;
    if let RecordedCommand::Book(command) = &last.command {
        if let BookCommand::Kill { .. }
        | BookCommand::AskRestart { .. }
        | BookCommand::ApproveRestart { .. } = command
        {
            return cannot(
                "two persons decide that offers start again; use `ucupdate rollout restart`, or `rollout kill`".to_owned(),
            );
        }
        if let Some(inverse) = before.as_ref().ok().and_then(|before| inverse(command, before)) {
            return Ok(Undoing::Command(Box::new(inverse)));
        }
    }
    if number != newest {
        return cannot(format!(
            "{} on it; `ucupdate rollback --to {} --dry-run` shows what would change for all of them",
            Counted::new(newest - number, "later revision").with_verb("rests", "rest"),
            number.saturating_sub(1)
        ));
    }
    if number <= 1 {
        return cannot("it is the first revision; `ucupdate remove RULE` removes its rules".to_owned());
    }
    let would = service.admin(&last.author).dry_run_roll_back_to(number - 1).await?;
    let stays = would.change.notes.iter().find(|note| {
        let kind = note.kind();
        kind.ends_with("-stays") || kind.ends_with("-kept")
    });
    match stays {
        Some(note) => cannot(note.to_string()),
        None => Ok(Undoing::RollBack),
    }
}

/// Returns the command that takes back `command` and nothing else. `before` is the rule book before
/// the command. `None` if there is no such command.
fn inverse(command: &BookCommand, before: &RuleBook) -> Option<BookCommand> {
    Some(match command {
        BookCommand::AddTestDevice(device) => BookCommand::RemoveTestDevice(device.name.clone()),
        BookCommand::RemoveTestDevice(name) => {
            BookCommand::AddTestDevice(before.test_devices().find(|device| device.name == *name)?.clone())
        }
        BookCommand::AddHold(hold) => BookCommand::RemoveHold(hold.name.clone()),
        BookCommand::RemoveHold(name) => BookCommand::AddHold(before.hold(name)?.clone()),
        BookCommand::Ban(ban) => BookCommand::LiftBan(ban.scope.clone()),
        BookCommand::LiftBan(scope) => {
            BookCommand::Ban(before.bans().find(|ban| ban.scope == *scope)?.clone())
        }
        BookCommand::SetPolicy(rule, _) => {
            BookCommand::SetPolicy(rule.clone(), before.rule(rule)?.policy().clone())
        }
        BookCommand::SetShare(rule, name, _) => {
            let (_, rollout) = before.rule(rule)?.rollout(name)?;
            BookCommand::SetShare(rule.clone(), name.clone(), rollout.share.clone())
        }
        BookCommand::PauseRollout(rule, name, _) => BookCommand::ResumeRollout(rule.clone(), name.clone()),
        BookCommand::StartRollout { rule, rollout, .. } => {
            BookCommand::EndRollout(rule.clone(), rollout.name.clone())
        }
        BookCommand::Reject(rule) => {
            let version = before.rule(rule)?.pending()?.version.clone();
            BookCommand::Unreject { rule: rule.clone(), version }
        }
        BookCommand::AddStone(stone) => BookCommand::RemoveStone(stone.name.clone()),
        _ => return None,
    })
}
