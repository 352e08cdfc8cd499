//! [`RecordedCommand`]: the command that a revision records, and its stored form.

use serde::{Deserialize, Serialize, Serializer};
use ucupdate_core::book::{BookCommand, StopScope};
use ucupdate_core::value::PackageId;

/// The command that a revision records. It is a command of the rule book, or a command that needs
/// the history or the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "nearly every revision records a command of the rule book")]
pub enum RecordedCommand {
    /// The rule book of this earlier revision was restored. See [`Admin::roll_back_to`](crate::Admin::roll_back_to).
    RollBackTo(u64),
    /// These packages were taken from a store whose history was lost. See [`Admin::rebuild`](crate::Admin::rebuild).
    Rebuild(Vec<PackageId>),
    /// A command of the rule book.
    #[serde(untagged)]
    Book(BookCommand),
}

impl From<BookCommand> for RecordedCommand {
    fn from(command: BookCommand) -> Self {
        Self::Book(command)
    }
}

/// A command in the form in which formats 1.1 and 1.2 store it.
///
/// The commands of the kill switch repeat the author as `by`, because programs of these formats
/// require this field. These programs know only one command for roll backs, so a roll back to
/// nothing is stored as `roll-back`.
pub(crate) struct StoredCommand<'a> {
    pub(crate) command: &'a RecordedCommand,
    pub(crate) author: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum StoredStop<'a> {
    Kill {
        scope: &'a StopScope,
        by: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        reason: &'a str,
    },
    AskRestart {
        scope: &'a StopScope,
        by: &'a str,
    },
    ApproveRestart {
        scope: &'a StopScope,
        by: &'a str,
    },
}

impl Serialize for StoredCommand<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let by = self.author;
        let stop = match self.command {
            RecordedCommand::Book(BookCommand::Kill { scope, reason }) => {
                StoredStop::Kill { scope, by, reason }
            }
            RecordedCommand::Book(BookCommand::AskRestart { scope }) => StoredStop::AskRestart { scope, by },
            RecordedCommand::Book(BookCommand::ApproveRestart { scope }) => {
                StoredStop::ApproveRestart { scope, by }
            }
            RecordedCommand::Book(BookCommand::RollBackToNothing(rule)) => {
                return BookCommand::RollBack(rule.clone()).serialize(serializer);
            }
            command => return command.serialize(serializer),
        };
        stop.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_the_kill_switch_are_stored_with_their_author_and_read_without() {
        let scope = StopScope::All;
        for (command, stored) in [
            (
                BookCommand::Kill { scope: scope.clone(), reason: "phones ring".into() },
                r#"{"kill":{"scope":"all","by":"ann","reason":"phones ring"}}"#,
            ),
            (
                BookCommand::Kill { scope: scope.clone(), reason: "".into() },
                r#"{"kill":{"scope":"all","by":"ann"}}"#,
            ),
            (
                BookCommand::AskRestart { scope: scope.clone() },
                r#"{"ask-restart":{"scope":"all","by":"ann"}}"#,
            ),
            (BookCommand::ApproveRestart { scope }, r#"{"approve-restart":{"scope":"all","by":"ann"}}"#),
        ] {
            let command = RecordedCommand::from(command);
            let written = serde_json::to_string(&StoredCommand { command: &command, author: "ann" }).unwrap();
            assert_eq!(written, stored);
            assert_eq!(serde_json::from_str::<RecordedCommand>(stored).unwrap(), command);
        }
    }

    #[test]
    fn commands_of_the_history_and_of_the_store_keep_their_stored_form() {
        let id = "010101010101".parse().unwrap();
        for (command, stored) in [
            (RecordedCommand::RollBackTo(7), r#"{"roll-back-to":7}"#),
            (RecordedCommand::Rebuild(vec![id]), r#"{"rebuild":["010101010101"]}"#),
            (BookCommand::Ingest(id).into(), r#"{"ingest":"010101010101"}"#),
        ] {
            let written = serde_json::to_string(&StoredCommand { command: &command, author: "ann" }).unwrap();
            assert_eq!(written, stored);
            assert_eq!(serde_json::from_str::<RecordedCommand>(stored).unwrap(), command);
        }
    }
}
