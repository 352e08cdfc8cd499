//! The commands for groups and holds.

use crate::book::change::draft::ChangeDraft;
use crate::book::change::notes::Note;
use crate::book::change::refusal::Refusal;
use crate::book::devices::{Group, GroupName, HeldDevices, Hold, HoldName};
use crate::book::rule::Audience;
use crate::book::table::Entry;
use crate::device::DeviceId;
use std::collections::BTreeSet;

/// Largest number of devices on the list of one group. Each change of a list copies and compiles it, so a much longer
/// list would slow down every later command. A predicate or a share can contain any number of devices.
pub const MAX_LISTED: usize = 250_000;

impl ChangeDraft<'_> {
    pub(crate) fn put_group(&mut self, group: &Group) -> Result<(), Refusal> {
        let name = group.name.clone();
        let members = self.book.members(&name).len();
        match &group.predicate {
            Some(predicate) if predicate.is_empty() => return Err(Refusal::EmptyPredicate { name }),
            Some(_) if members > 0 => return Err(Refusal::IsAList { name, members }),
            _ => {}
        }
        if self.book.group(&name) == Some(group) {
            return Ok(());
        }
        let before = self.book.group(&name).map(Group::summary);
        // An existing group keeps its spelling.
        let name = self.book.group(&name).map_or(name, |there| there.name.clone());
        self.delta.groups.push(Entry::set(name.clone(), Group { name: name.clone(), ..group.clone() }));
        self.notes.push(Note::GroupIs { name, what: group.summary(), before });
        Ok(())
    }

    pub(crate) fn remove_group(&mut self, name: &GroupName) -> Result<(), Refusal> {
        let group = self.known_group(name)?;
        let (name, what) = (group.name.clone(), group.summary());
        let of_rule = |rule: &crate::book::rule::Rule| {
            let mut assignments = rule.assignments().iter();
            assignments.any(|assignment| assignment.audience == Audience::Group(name.clone()))
        };
        if let Some(rule) = self.book.rules().find(|rule| of_rule(rule)) {
            return Err(Refusal::GroupInUse { by: format!("the rule {}", rule.key()), name });
        }
        let mut holds = self.book.holds();
        if let Some(hold) = holds.find(|hold| hold.on == HeldDevices::Group(name.clone())) {
            return Err(Refusal::GroupInUse { by: format!("the hold {}", hold.name), name });
        }
        let removed = self.book.members(&name).len();
        if removed > 0 {
            let (before, added, unchanged) = (removed, 0, 0);
            self.notes.push(Note::MembersChanged { name: name.clone(), before, added, removed, unchanged });
        }
        let members = self.book.members(&name).map(|member| Entry::removed((name.clone(), member.clone())));
        self.delta.members.extend(members);
        self.delta.groups.push(Entry::removed(name.clone()));
        self.notes.push(Note::GroupRemoved { name, what });
        Ok(())
    }

    pub(crate) fn change_members(
        &mut self,
        group: &GroupName,
        add: &[DeviceId],
        remove: &[DeviceId],
    ) -> Result<(), Refusal> {
        let group = self.known_group(group)?;
        let name = group.name.clone();
        if let Some(predicate) = &group.predicate {
            return Err(Refusal::NotAList { name, predicate: predicate.to_string() });
        }
        let remove: BTreeSet<&DeviceId> = remove.iter().collect();
        let add: BTreeSet<&DeviceId> = add.iter().filter(|device| !remove.contains(device)).collect();
        let coming: Vec<_> = add.iter().filter(|device| !self.book.is_member(&name, device)).collect();
        let leaving: Vec<_> = remove.iter().filter(|device| self.book.is_member(&name, device)).collect();
        let (added, removed) = (coming.len(), leaving.len());
        let found = self.book.members(&name).len() + added - removed;
        if added > 0 && found > MAX_LISTED {
            return Err(Refusal::TooManyMembers { name, found, limit: MAX_LISTED });
        }
        let key = |device: &DeviceId| (name.clone(), device.clone());
        self.delta.members.extend(
            coming.into_iter().map(|device| Entry::set(key(device), crate::book::delta::GroupMember {})),
        );
        self.delta.members.extend(leaving.into_iter().map(|device| Entry::removed(key(device))));
        let unchanged = add.len() + remove.len() - added - removed;
        let before = self.book.members(&name).len();
        self.notes.push(Note::MembersChanged { name, before, added, removed, unchanged });
        Ok(())
    }

    pub(crate) fn add_hold(&mut self, hold: &Hold) -> Result<(), Refusal> {
        if let Some(known) = self.book.hold(&hold.name) {
            return Err(Refusal::HoldNameTaken { name: known.name.clone(), on: known.on.clone() });
        }
        match &hold.on {
            HeldDevices::Group(name) => drop(self.known_group(name)?),
            HeldDevices::Rule(rule) if self.book.rule(rule).is_none() => {
                return Err(Refusal::NoRule { rule: rule.clone() });
            }
            HeldDevices::Rule(_) | HeldDevices::Device(_) => {}
        }
        self.delta.holds.push(Entry::set(hold.name.clone(), hold.clone()));
        self.notes.push(Note::held(hold));
        Ok(())
    }

    pub(crate) fn remove_hold(&mut self, name: &HoldName) -> Result<(), Refusal> {
        let known = self.book.hold(name).ok_or_else(|| Refusal::NoHold { name: name.clone() })?;
        self.delta.holds.push(Entry::removed(known.name.clone()));
        self.notes.push(Note::HoldRemoved { hold: Box::new(known.clone()) });
        Ok(())
    }

    fn known_group(&self, name: &GroupName) -> Result<Group, Refusal> {
        self.book.group(name).cloned().ok_or_else(|| Refusal::NoGroup { name: name.clone() })
    }
}
