//! An earlier rule book restored on the current one.

use crate::book::change::command::Outcome;
use crate::book::change::note::Note;
use crate::book::change::refusal::Refusal;
use crate::book::delta::Delta;
use crate::book::rollout::RolloutName;
use crate::book::rule::Rule;
use crate::book::rule_book::RuleBook;
use crate::book::rule_key::RuleKey;
use std::collections::BTreeSet;

impl RuleBook {
    /// What restoring `earlier`, the book of that revision, on this one would do: all is as it was then, but for the
    /// packages, which stay as they are now. So files that devices are fetching stay served, and what was ingested since
    /// can be approved again. Kill switches stay as they are now too: undoing one takes two people.
    ///
    /// # Errors
    /// [`Refusal::PackageRetired`] when a rule or an interim image of then is of a package that has left the book.
    pub fn restore(&self, earlier: &Self, revision: u64) -> Result<Outcome, Refusal> {
        for package in earlier.named_packages() {
            let then = earlier.package(package);
            let now = self.package(package);
            // One that was gone then already is no worse off for being restored so.
            if then.is_some_and(|then| now.is_none_or(|now| now.sha256 != then.sha256)) {
                return Err(Refusal::PackageRetired { package });
            }
        }
        let mut target = earlier.clone();
        target.packages.clone_from(&self.packages);
        target.stops.clone_from(&self.stops);
        let delta = self.delta_to(&target);
        let notes = self.notes_of(&delta, revision);
        Ok(Outcome { delta, notes })
    }

    /// What is worth telling of a restored book: each hold that comes or goes, each rule in which everybody gets something
    /// else, and each rollout that goes on again, is paused again, or is over.
    fn notes_of(&self, delta: &Delta, revision: u64) -> Vec<Note> {
        if delta.is_empty() {
            return Vec::new();
        }
        let mut notes = vec![Note::Restored { revision }];
        for entry in &delta.holds {
            let respelled = delta.holds.iter().any(|other| other.now.is_some() && other.key == entry.key);
            match &entry.now {
                Some(hold) => notes.push(Note::Held { name: hold.name.clone(), on: hold.on.clone() }),
                None if respelled => {}
                None => notes.push(Note::HoldRemoved { name: entry.key.clone() }),
            }
        }
        // One that is written in another spelling goes and comes.
        let come: BTreeSet<&RuleKey> =
            delta.rules.iter().filter_map(|entry| Some(entry.now.as_ref()?.key())).collect();
        for entry in &delta.rules {
            let Some(rule) = &entry.now else {
                notes.extend((!come.contains(&entry.key)).then(|| Note::Removed { rule: entry.key.clone() }));
                continue;
            };
            notes.extend(notes_of_rollouts(self.rule(&entry.key), rule));
            let before = self.rule(&entry.key).and_then(Rule::approved);
            let rule_key = rule.key().clone();
            match rule.approved() {
                now if now == before => {}
                Some(now) => {
                    notes.push(Note::RolledBack { rule: rule_key, version: now.version.clone() });
                }
                None => notes.push(Note::NothingApproved { rule: rule_key }),
            }
        }
        notes
    }
}

/// The rollouts of a restored rule that run and did not, and those that ran and do not.
fn notes_of_rollouts(before: Option<&Rule>, rule: &Rule) -> Vec<Note> {
    let runs = |rule: Option<&Rule>, name: &RolloutName| {
        rule?.rollout(name).map(|(_, rollout)| rollout.paused.is_none())
    };
    let mut notes = Vec::new();
    for (_, rollout) in rule.rollouts() {
        let (rule, name) = (rule.key().clone(), rollout.name.clone());
        match (runs(before, &name), rollout.paused.is_none()) {
            (None | Some(false), true) => notes.push(Note::RolloutResumed { rule, name }),
            (None | Some(true), false) => notes.push(Note::RolloutPaused { rule, name }),
            (Some(true), true) | (Some(false), false) => {}
        }
    }
    let over = before.into_iter().flat_map(Rule::rollouts).map(|(_, rollout)| rollout.name.clone());
    let over = over.filter(|name| rule.rollout(name).is_none());
    notes.extend(over.map(|name| Note::RolloutOver { rule: rule.key().clone(), name }));
    notes
}
