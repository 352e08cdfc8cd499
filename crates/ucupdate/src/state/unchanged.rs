//! Changes that replace a whole entry. They must not undo the changes of other callers.

use crate::admin::Admin;
use crate::error::ChangeError;
use crate::state::rule_history::Changed;
use ucupdate_core::book::{BookCommand, Candidate, Refusal, SteppingStone, StoneName};
use ucupdate_core::{RuleBook, RuleKey};

impl Admin<'_> {
    /// Executes a command, but refuses it if the entry that it replaces has changed since `seen`.
    ///
    /// [`BookCommand::SetPolicy`] and [`BookCommand::PutGroup`] replace a whole policy or a whole group. Without this check, the
    /// later of two callers would undo the change of the earlier one. [`BookCommand::Approve`], [`BookCommand::Reject`] and the
    /// roll backs name no version, so the versions of their rules must be those that the caller saw. A rule that
    /// [`BookCommand::Remove`] removes must not have changed since the caller saw it. Other commands need no check, and are
    /// executed as [`command`](Self::command) does.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use ucupdate::book::{BookCommand, Group};
    /// use ucupdate::{Options, UpdateService, store::MemoryStore};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let service = UpdateService::open(Arc::new(MemoryStore::default()), Options::default()).await?;
    /// let seen = service.snapshot();
    /// let command = BookCommand::PutGroup(Group { name: "lab".parse()?, predicate: None });
    /// service.admin("ann").command_if_unchanged(&command, seen.book()).await?;
    /// let refused = service.admin("bob").command_if_unchanged(&command, seen.book()).await.unwrap_err();
    /// assert_eq!(refused.to_string(), "conflict: the group lab changed since it was read; look at it and try again");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Refusal::EntryConflict`] when the entry has changed, and the errors of [`command`](Self::command).
    pub async fn command_if_unchanged(
        self,
        command: &BookCommand,
        seen: &RuleBook,
    ) -> Result<Changed, ChangeError> {
        self.command_if(command, |book, _| require_unchanged(command, seen, book)).await
    }
}

fn require_unchanged(command: &BookCommand, seen: &RuleBook, book: &RuleBook) -> Result<(), Refusal> {
    let policy = |book: &RuleBook, rule: &RuleKey| book.rule(rule).map(|rule| rule.policy().clone());
    match command {
        BookCommand::SetPolicy(rule, _) if policy(seen, rule) != policy(book, rule) => {
            Err(Refusal::EntryConflict { what: format!("the policy of {rule}") })
        }
        BookCommand::PutGroup(group) if seen.group(&group.name) != book.group(&group.name) => {
            Err(Refusal::EntryConflict { what: format!("the group {}", group.name) })
        }
        BookCommand::Remove(rule) if seen.rule(rule) != book.rule(rule) => {
            Err(Refusal::EntryConflict { what: format!("the rule {rule}") })
        }
        BookCommand::RollBack(rule) | BookCommand::RollBackToNothing(rule) | BookCommand::Reject(rule)
            if versions_of(seen, rule) != versions_of(book, rule) =>
        {
            Err(Refusal::EntryConflict { what: format!("the rule {rule}") })
        }
        BookCommand::Approve(rules) => {
            match rules.iter().find(|rule| versions_of(seen, rule) != versions_of(book, rule)) {
                Some(rule) => Err(Refusal::EntryConflict { what: format!("the rule {rule}") }),
                None => Ok(()),
            }
        }
        BookCommand::ApproveInterim { locale, update_type, .. }
            if seen.interim_rule(locale, update_type) != book.interim_rule(locale, update_type) =>
        {
            Err(Refusal::EntryConflict { what: format!("the interim image for {locale}") })
        }
        BookCommand::ReplaceStone { name, .. } if stone(seen, name) != stone(book, name) => {
            Err(Refusal::EntryConflict { what: format!("the stepping stone {name}") })
        }
        _ => Ok(()),
    }
}

fn stone<'a>(book: &'a RuleBook, name: &StoneName) -> Option<&'a SteppingStone> {
    book.settings().stones.iter().find(|stone| stone.name == *name)
}

/// The versions of a rule that a person saw before a decision about it.
#[derive(Debug, PartialEq, Eq)]
struct Versions<'a> {
    pending: Option<&'a Candidate>,
    approved: Option<&'a Candidate>,
    rollback: Option<&'a Candidate>,
}

/// Returns the versions of a rule. `None` if the book does not have the rule.
fn versions_of<'a>(book: &'a RuleBook, rule: &RuleKey) -> Option<Versions<'a>> {
    let rule = book.rule(rule)?;
    Some(Versions { pending: rule.pending(), approved: rule.approved(), rollback: rule.rollback() })
}
