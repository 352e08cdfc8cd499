//! Asks for confirmation before a change that affects every device of a rule.

use crate::context::Context;
use crate::failure::Failure;
use crate::output::message_line;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use ucupdate::book::{BookCommand, StopScope};

/// Returns whether a command changes what all devices of a rule are offered. The kill switch does
/// this too, but returns `false`, because it must not wait for an answer.
pub(crate) fn reaches_everybody(command: &BookCommand) -> bool {
    matches!(
        command,
        BookCommand::Approve(_)
            | BookCommand::ApproveAllOf(_)
            | BookCommand::ApproveVersion { .. }
            | BookCommand::ApproveInterim { .. }
            | BookCommand::RollBack(_)
            | BookCommand::RollBackToNothing(_)
            | BookCommand::FinishRollout(..)
            | BookCommand::Remove(_)
            | BookCommand::ApproveRestart { scope: StopScope::All }
    )
}

/// Asks the question on a terminal, and fails when the answer is not yes. Does not ask if
/// `is_agreed` (`--yes`) is set, or if there is no terminal.
pub(crate) fn confirm(question: &str, is_agreed: bool, context: &mut Context) -> Result<(), Failure> {
    let is_terminal = std::io::stdin().is_terminal() && context.output.stderr_is_terminal();
    if is_agreed || !is_terminal {
        return Ok(());
    }
    context.output.progress.around(|| ask(question))
}

/// Asks the question on a terminal. Does not ask if `is_agreed` (`--yes`) is set. Fails when the
/// answer is not yes, and when there is no terminal.
pub(crate) fn confirm_or_refuse(
    question: &str,
    is_agreed: bool,
    context: &mut Context,
) -> Result<(), Failure> {
    if is_agreed {
        return Ok(());
    }
    if !(std::io::stdin().is_terminal() && context.output.stderr_is_terminal()) {
        return Err(Failure::usage(
            "nobody can be asked without a terminal; --yes agrees, and --dry-run changes nothing",
        ));
    }
    context.output.progress.around(|| ask(question))
}

fn ask(question: &str) -> Result<(), Failure> {
    let mut stderr = std::io::stderr();
    let line = message_line(&format!("{question} [y/N]"));
    let _shown = write!(stderr, "{} ", line.trim_end()).and_then(|()| stderr.flush());
    let mut answer = String::new();
    // An answer is short, so a longer line is not read.
    let read = std::io::Read::take(std::io::stdin().lock(), 1024).read_line(&mut answer);
    match (read, answer.trim().to_ascii_lowercase().as_str()) {
        (Ok(_), "y" | "yes") => Ok(()),
        _ => Err(Failure::new("nothing was changed: the answer was not yes")),
    }
}
