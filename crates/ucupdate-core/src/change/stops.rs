//! The kill switch.

use super::Change;
use crate::book::Entry;
use crate::{Note, Refusal, Stop, StopScope};

impl Change<'_> {
    /// One call is enough, and nobody has to agree.
    pub(crate) fn kill(&mut self, scope: &StopScope, stop: Stop) -> Result<(), Refusal> {
        let scope = self.known_scope(scope)?;
        if let Some(there) = self.book.stop(&scope).filter(|there| there.restart_asked_by.is_none()) {
            return Err(Refusal::AlreadyStopped { scope, by: there.by.clone() });
        }
        self.delta.stops.push(Entry::is(scope.clone(), stop));
        self.notes.push(Note::Stopped { scope });
        Ok(())
    }

    pub(crate) fn ask_restart(&mut self, scope: &StopScope, by: &str) -> Result<(), Refusal> {
        let scope = self.known_scope(scope)?;
        let mut stop = self.stopped(&scope)?;
        stop.restart_asked_by = Some(by.into());
        self.delta.stops.push(Entry::is(scope.clone(), stop));
        self.notes.push(Note::RestartAsked { scope, by: by.into() });
        Ok(())
    }

    pub(crate) fn approve_restart(&mut self, scope: &StopScope, by: &str) -> Result<(), Refusal> {
        let scope = self.known_scope(scope)?;
        match self.stopped(&scope)?.restart_asked_by {
            None => return Err(Refusal::RestartNotAsked { scope }),
            Some(asked) if asked.trim().eq_ignore_ascii_case(by.trim()) => {
                return Err(Refusal::SamePerson { scope, by: asked });
            }
            Some(_) => {}
        }
        self.delta.stops.push(Entry::gone(scope.clone()));
        self.notes.push(Note::Restarted { scope });
        Ok(())
    }

    fn stopped(&self, scope: &StopScope) -> Result<Stop, Refusal> {
        let stop = self.book.stop(scope).cloned();
        stop.ok_or_else(|| Refusal::NotStopped { scope: scope.clone() })
    }

    fn known_scope(&self, scope: &StopScope) -> Result<StopScope, Refusal> {
        match scope {
            StopScope::All => Ok(StopScope::All),
            StopScope::Rule(rule) => match self.book.rule(rule) {
                Some(rule) => Ok(StopScope::Rule(rule.key().clone())),
                None => Err(Refusal::NoRule { rule: rule.clone() }),
            },
        }
    }
}
