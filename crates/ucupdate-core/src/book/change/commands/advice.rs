//! The command lines that messages advise. Each change of a stone is tried on a copy of the rule book first, so that
//! the advised command line is not refused when a person types it.

use crate::book::change::command::BookCommand;
use crate::book::change::refusal::Refusal;
use crate::book::rule_book::RuleBook;
use crate::book::stone::SteppingStone;
use crate::value::shell_word;
use crate::version::{ReportedVersion, VersionScheme};

/// Returns the advice to type command lines. After these command lines, each of the stones names this version for
/// its interim image. If a stone cannot name this version, the command line removes the stone. If no stone can name
/// it, the advice says so.
pub(super) fn stones_that_name(
    book: &RuleBook,
    stones: &[SteppingStone],
    version: &ReportedVersion,
) -> String {
    let Ok(by) = version.as_str().parse().or_else(|_| VersionScheme::Numeric.read(version.as_str())) else {
        return format!("no stepping stone can name {version}: expected numbers with points between them");
    };
    let (mut tried, mut lines, mut notes) = (book.clone(), Vec::new(), Vec::new());
    for stone in stones {
        let name = shell_word(stone.name.as_str());
        let is_low = by.is_release_before(&stone.below);
        let below = if is_low { by.clone() } else { stone.below.clone() };
        let named = SteppingStone { by: by.clone(), below, ..stone.clone() };
        let replace = BookCommand::ReplaceStone { name: stone.name.clone(), stones: vec![named] };
        let below = if is_low { format!(" --below {by}") } else { String::new() };
        match try_on(&mut tried, &replace) {
            Ok(()) if is_low => {
                lines.push(format!("`ucupdate stone set {name}{below} --by {by}`"));
                notes.push(format!("devices of {name} with {by} or later no longer need a step"));
            }
            Ok(()) => lines.push(format!("`ucupdate stone set {name} --by {by}`")),
            Err(refusal) => {
                let remove = BookCommand::RemoveStone(stone.name.clone());
                if try_on(&mut tried, &remove).is_ok() {
                    lines.push(format!("`ucupdate stone remove {name}`"));
                    notes.push(format!("{name} cannot name {by}: {refusal}"));
                }
            }
        }
    }
    let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join("; ")) };
    format!("type {}{notes}", lines.join(" and "))
}

/// Returns the command lines that add these stones. Stones that would be refused are left out.
pub(super) fn stones_to_add(book: &RuleBook, stones: &[SteppingStone]) -> Vec<String> {
    let mut tried = book.clone();
    let added = stones.iter().filter(|stone| {
        let add = BookCommand::AddStone((*stone).clone());
        try_on(&mut tried, &add).is_ok()
    });
    added.map(|stone| format!("`{}`", stone.add_command())).collect()
}

fn try_on(book: &mut RuleBook, command: &BookCommand) -> Result<(), Refusal> {
    let change = book.command(command, "")?;
    book.apply(&change.delta);
    Ok(())
}
