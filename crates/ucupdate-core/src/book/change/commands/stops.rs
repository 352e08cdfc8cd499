//! The commands for the kill switch.

use crate::book::change::draft::ChangeDraft;
use crate::book::change::notes::Note;
use crate::book::change::refusal::Refusal;
use crate::book::devices::{Stop, StopScope};
use crate::book::table::Entry;
use crate::value::is_unseen;

impl ChangeDraft<'_> {
    /// Turns on the kill switch. One author is enough for this.
    pub(crate) fn kill(&mut self, scope: &StopScope, stop: Stop) -> Result<(), Refusal> {
        let scope = self.known_scope(scope)?;
        if let Some(there) = self.book.stop(&scope).filter(|there| there.restart_asked_by.is_none()) {
            return Err(Refusal::AlreadyStopped { scope, by: there.by.clone() });
        }
        let reason = stop.reason.clone();
        self.delta.stops.push(Entry::set(scope.clone(), stop));
        self.notes.push(Note::Stopped { scope, reason });
        Ok(())
    }

    pub(crate) fn ask_restart(&mut self, scope: &StopScope, by: &str) -> Result<(), Refusal> {
        let scope = self.known_scope(scope)?;
        let mut stop = self.stopped(&scope)?;
        if stop.restart_asked_by.as_deref().is_some_and(|asked| is_same_person(asked, by)) {
            return Ok(());
        }
        stop.restart_asked_by = Some(by.into());
        self.delta.stops.push(Entry::set(scope.clone(), stop));
        self.notes.push(Note::RestartAsked { scope, by: by.into() });
        Ok(())
    }

    pub(crate) fn approve_restart(&mut self, scope: &StopScope, by: &str) -> Result<(), Refusal> {
        let scope = self.known_scope(scope)?;
        let stop = self.stopped(&scope)?;
        match stop.restart_asked_by {
            None => return Err(Refusal::RestartNotAsked { scope }),
            Some(asked) if is_same_person(&asked, by) => {
                return Err(Refusal::SamePerson { scope, by: asked });
            }
            Some(_) => {}
        }
        self.delta.stops.push(Entry::removed(scope.clone()));
        self.notes.push(Note::Restarted { scope, reason: stop.reason });
        Ok(())
    }

    fn stopped(&self, scope: &StopScope) -> Result<Stop, Refusal> {
        let stop = self.book.stop(scope).cloned();
        stop.ok_or_else(|| Refusal::NotStopped { scope: scope.clone() })
    }

    /// Returns the scope with the rule as the rule book spells it. Refused if there is no such rule. A kill switch
    /// outlives its rule, so the scope of an existing kill switch is always accepted.
    fn known_scope(&self, scope: &StopScope) -> Result<StopScope, Refusal> {
        match scope {
            StopScope::All => Ok(StopScope::All),
            StopScope::Rule(_) if self.book.stop(scope).is_some() => Ok(scope.clone()),
            StopScope::Rule(rule) => match self.book.rule(rule) {
                Some(rule) => Ok(StopScope::Rule(rule.key().clone())),
                None => Err(Refusal::NoRule { rule: rule.clone() }),
            },
        }
    }
}

/// Returns whether two names belong to one person. Case, blanks and invisible characters are ignored.
fn is_same_person(one: &str, other: &str) -> bool {
    fn seen(name: &str) -> impl Iterator<Item = char> {
        name.chars().filter(|found| *found != ' ' && !is_unseen(*found)).flat_map(char::to_lowercase)
    }
    seen(one).eq(seen(other))
}
