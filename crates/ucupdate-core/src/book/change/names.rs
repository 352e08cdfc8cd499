//! Checks the names of new entries, such as groups and holds, for characters that a reader cannot see.

use crate::book::change::command::BookCommand;
use crate::book::change::refusal::Refusal;
use crate::book::rule_book::RuleBook;
use crate::value::unseen::check_seen;

impl RuleBook {
    /// Refuses a new name with a character that a reader cannot see; see
    /// [`is_unseen`](crate::value::is_unseen). Existing names may have such characters, so that commands
    /// can remove them.
    pub(super) fn check_names(&self, command: &BookCommand) -> Result<(), Refusal> {
        let check = |what: &'static str, name: &str| match check_seen(name) {
            Ok(()) => Ok(()),
            Err(found) => Err(Refusal::NameUnseen { what, name: name.into(), found }),
        };
        match command {
            BookCommand::AddTestDevice(device) => check("test device", device.name.as_str()),
            BookCommand::PutGroup(group) if self.group(&group.name).is_none() => {
                check("group", group.name.as_str())
            }
            BookCommand::StartRollout { rollout, .. } => check("rollout", rollout.name.as_str()),
            BookCommand::AddHold(hold) => check("hold", hold.name.as_str()),
            BookCommand::AddStone(stone) => check("stepping stone", stone.name.as_str()),
            BookCommand::ReplaceStone { stones, name } => {
                let mut new = stones.iter().filter(|stone| stone.name != *name);
                new.try_for_each(|stone| check("stepping stone", stone.name.as_str()))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::{GroupName, TestDevice};
    use crate::device::DeviceId;

    #[test]
    fn a_name_with_a_character_that_is_not_seen_is_refused_and_may_be_removed() {
        let book = RuleBook::default();
        for character in ['\u{a0}', '\u{200b}', '\u{200e}', '\u{202e}', '\u{2060}', '\u{ad}', '\u{3000}'] {
            let name = format!("lab{character}1").parse().unwrap();
            let id = DeviceId::Serial("1".parse().unwrap());
            let refused =
                book.command(&BookCommand::AddTestDevice(TestDevice { name, id }), "ann").unwrap_err();
            assert_eq!(refused.kind(), "name-unseen");
            assert_eq!(
                refused.to_string(),
                format!(
                    "the name of the test device, `lab{0}1`, has the character U+{1:04X}, which is invisible or looks like \
                     another one; type the name again without it",
                    character.escape_unicode(),
                    u32::from(character)
                )
            );
        }
        let group: GroupName = "a\u{200b}b".parse().unwrap();
        let removed = book.command(&BookCommand::RemoveGroup(group), "ann").unwrap_err();
        assert_eq!(removed.kind(), "no-group");
    }
}
