//! From one book to another: the delta between them, and an earlier book restored on the one that holds now.

use crate::book::change::command::Outcome;
use crate::book::change::note::Note;
use crate::book::change::refusal::Refusal;
use crate::book::group::GroupName;
use crate::book::hold::StopScope;
use crate::book::rollout::RolloutName;
use crate::book::rule::Rule;
use crate::book::rule_book::{Delta, Entry, Member, RuleBook};
use crate::book::rule_key::{RuleKey, UpdateType};
use crate::book::test_device::TestDeviceName;
use crate::device::{DeviceId, Locale};
use crate::value::PackageId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl RuleBook {
    /// The delta that makes `target` of this book, complete over all a book holds; empty when they are the same.
    ///
    /// Words that differ in case only are the same key, and the spelling counts all the same: it stands in URLs.
    ///
    /// ```
    /// use ucupdate_core::RuleBook;
    /// use ucupdate_core::book::{Command, TestDevice};
    /// use ucupdate_core::device::DeviceId;
    /// let before = RuleBook::default();
    /// let lab = TestDevice {
    ///     name: "lab".parse().unwrap(),
    ///     id: DeviceId::Serial("C185H001209".parse().unwrap()),
    /// };
    /// let mut book = before.clone();
    /// book.apply(&book.command(&Command::AddTestDevice(lab)).unwrap().delta);
    ///
    /// let back = book.delta_to(&before);
    /// assert_eq!(back.test_devices.len(), 1);
    /// book.apply(&back);
    /// assert_eq!(book, before);
    /// assert!(book.delta_to(&before).is_empty());
    /// ```
    pub fn delta_to(&self, target: &Self) -> Delta {
        // Named one by one, so that a field that is added is not forgotten here.
        let Self {
            rules,
            packages,
            interim,
            test_devices,
            groups,
            members: _,
            holds,
            stops,
            bans,
            aliases,
            settings,
        } = target;
        let shared = |rule: &Arc<Rule>| (**rule).clone();
        Delta {
            rules: entries(&self.rules, rules, same_spelling_of_rules, shared),
            packages: entries(
                &self.packages,
                packages,
                |one, other| one == other,
                |package| (**package).clone(),
            ),
            interim: entries(&self.interim, interim, same_spelling_of_interim, PackageId::clone),
            test_devices: entries(&self.test_devices, test_devices, same_spelling_of_names, Clone::clone),
            groups: entries(
                &self.groups,
                groups,
                |one, other| one.0.as_str() == other.0.as_str(),
                Clone::clone,
            ),
            members: entries(&listed(self), &listed(target), same_spelling_of_members, |()| Member {}),
            holds: entries(&self.holds, holds, |one, other| one.0.as_str() == other.0.as_str(), Clone::clone),
            stops: entries(&self.stops, stops, same_spelling_of_scopes, Clone::clone),
            bans: entries(
                &self.bans,
                bans,
                |one, other| one.0.to_string() == other.0.to_string(),
                Clone::clone,
            ),
            aliases: entries(
                &self.aliases,
                aliases,
                |one, other| one.0.to_string() == other.0.to_string(),
                Clone::clone,
            ),
            settings: (self.settings != *settings).then(|| settings.clone()),
        }
    }

    /// The book of a delta that says all of it, as [`to_delta`](Self::to_delta) gives one. What [`apply`](Self::apply) on
    /// an empty book does, without a copy of each entry.
    pub fn of(whole: Delta) -> Self {
        let Delta {
            rules,
            packages,
            interim,
            test_devices,
            groups,
            members,
            holds,
            stops,
            bans,
            aliases,
            settings,
        } = whole;
        let mut lists: BTreeMap<GroupName, BTreeSet<DeviceId>> = BTreeMap::new();
        for ((group, device), Member {}) in present(members) {
            lists.entry(group).or_default().insert(device);
        }
        let mut settings = settings.unwrap_or_default();
        settings.sort_stones();
        Self {
            rules: present(rules).map(|(key, rule)| (key, Arc::new(rule))).collect(),
            packages: present(packages).map(|(key, package)| (key, Arc::new(package))).collect(),
            interim: present(interim).collect(),
            test_devices: present(test_devices).collect(),
            groups: present(groups).collect(),
            members: lists.into_iter().map(|(group, devices)| (group, Arc::new(devices))).collect(),
            holds: present(holds).collect(),
            stops: present(stops).collect(),
            bans: present(bans).collect(),
            aliases: present(aliases).collect(),
            settings,
        }
    }

    /// What restoring `earlier`, the book of that revision, on this one would do: all is as it was then, but for the
    /// packages, which stay as they are now. So files that devices are fetching stay served, and what was ingested since
    /// can be approved again. Kill switches stay as they are now too: undoing one takes two people. So do bans.
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
        target.bans.clone_from(&self.bans);
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

/// What is to be said of one map so that it becomes another. An entry whose key is spelled otherwise goes first, since a
/// map keeps the spelling it has.
fn entries<K: Ord + Clone, T: PartialEq, V>(
    from: &BTreeMap<K, T>,
    to: &BTreeMap<K, T>,
    same_spelling: impl Fn((&K, &T), (&K, &T)) -> bool,
    value: impl Fn(&T) -> V,
) -> Vec<Entry<K, V>> {
    let gone = from.keys().filter(|key| !to.contains_key(*key)).map(|key| Entry::removed(key.clone()));
    let mut entries: Vec<Entry<K, V>> = gone.collect();
    for (key, now) in to {
        let before = from.get_key_value(key);
        let is_spelled_so = before.is_some_and(|before| same_spelling(before, (key, now)));
        if is_spelled_so && before.is_some_and(|(_, before)| before == now) {
            continue;
        }
        if let Some((before, _)) = before.filter(|_| !is_spelled_so) {
            entries.push(Entry::removed(before.clone()));
        }
        entries.push(Entry::set(key.clone(), value(now)));
    }
    entries
}

fn present<K, V>(entries: Vec<Entry<K, V>>) -> impl Iterator<Item = (K, V)> {
    entries.into_iter().filter_map(|Entry { key, now }| now.map(|now| (key, now)))
}

fn same_spelling_of_rules(one: (&RuleKey, &Arc<Rule>), other: (&RuleKey, &Arc<Rule>)) -> bool {
    one.0.words() == other.0.words() && one.1.key().words() == other.1.key().words()
}

fn same_spelling_of_interim(
    ((locale, update_type), _): (&(Locale, UpdateType), &PackageId),
    ((other_locale, other_type), _): (&(Locale, UpdateType), &PackageId),
) -> bool {
    locale.as_str() == other_locale.as_str() && update_type.as_str() == other_type.as_str()
}

fn same_spelling_of_names<T>(one: (&TestDeviceName, &T), other: (&TestDeviceName, &T)) -> bool {
    one.0.as_str() == other.0.as_str()
}

/// The lists of groups, a device at a time.
fn listed(book: &RuleBook) -> BTreeMap<(GroupName, DeviceId), ()> {
    book.listed().map(|key| (key, ())).collect()
}

/// The spelling of a group is the group's own, whoever is on its list.
fn same_spelling_of_members(
    ((_, device), ()): (&(GroupName, DeviceId), &()),
    ((_, other_device), ()): (&(GroupName, DeviceId), &()),
) -> bool {
    device.to_string() == other_device.to_string()
}

fn same_spelling_of_scopes<T>(one: (&StopScope, &T), other: (&StopScope, &T)) -> bool {
    one.0.to_string() == other.0.to_string()
}
