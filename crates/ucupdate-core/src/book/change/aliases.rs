//! The commands for aliases.

use super::draft::ChangeDraft;
use crate::book::alias::{Alias, AliasKey};
use crate::book::change::note::Note;
use crate::book::change::refusal::Refusal;
use crate::book::table::Entry;

impl ChangeDraft<'_> {
    pub(crate) fn put_alias(&mut self, alias: &Alias) -> Result<(), Refusal> {
        if alias.reported.word == alias.stands_for {
            return Err(Refusal::AliasOfItself { alias: Box::new(alias.clone()) });
        }
        let before = self.book.aliases.entry(&alias.reported);
        if before.is_some_and(|(_, before)| before.as_str() == alias.stands_for.as_str()) {
            return Ok(());
        }
        let before = before.map(|(_, before)| before.clone());
        self.delta.aliases.push(Entry::set(alias.reported.clone(), alias.stands_for.clone()));
        self.notes.push(Note::AliasPut { alias: Box::new(alias.clone()), before });
        Ok(())
    }

    pub(crate) fn remove_alias(&mut self, key: &AliasKey) -> Result<(), Refusal> {
        let known = self.book.aliases.entry(key);
        let (key, from) = known.ok_or_else(|| Refusal::NoAlias { alias: Box::new(key.clone()) })?;
        self.delta.aliases.push(Entry::removed(key.clone()));
        self.notes.push(Note::AliasRemoved { alias: Box::new(key.clone()), from: from.clone() });
        Ok(())
    }
}
