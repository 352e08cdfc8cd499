//! Restores an earlier rule book by a change of the current one.

use crate::book::alias::Alias;
use crate::book::change::command::BookChange;
use crate::book::change::notes::Note;
use crate::book::change::refusal::Refusal;
use crate::book::delta::{Delta, GroupMember};
use crate::book::devices::{Group, GroupName, TestDevice};
use crate::book::interim::InterimRule;
use crate::book::rollout::RolloutName;
use crate::book::rule::{Audience, Candidate, OfferPolicy, Rule, RulePattern};
use crate::book::rule_book::{InterimKey, RuleBook, Settings};
use crate::book::stone::SteppingStone;
use crate::book::table::Entry;
use crate::device::DeviceId;
use crate::value::PackageId;
use std::collections::BTreeMap;

impl RuleBook {
    /// Returns the change that restores `earlier`, the rule book of revision `revision`, in place of this
    /// one.
    ///
    /// Packages do not change. Files that devices are downloading are still served, and packages that were ingested
    /// since can be approved again. Kill switches do not change either, because turning one off takes two people. Bans and
    /// rejections stay as they are now: a version that was rejected since is not pending again. The rejections of a rule
    /// that the earlier book does not have become bans.
    ///
    /// # Errors
    /// Returns [`Refusal::PackageRetired`] if the earlier rule book uses a package that has left this rule
    /// book.
    pub fn restore(&self, earlier: &Self, revision: u64) -> Result<BookChange, Refusal> {
        for package in earlier.named_packages() {
            let then = earlier.package(package);
            let now = self.package(package);
            // A package that was missing at that revision already is not a reason to refuse.
            if then.is_some_and(|then| now.is_none_or(|now| now.sha256 != then.sha256)) {
                return Err(Refusal::PackageRetired { package });
            }
        }
        let mut target = earlier.clone();
        target.packages.clone_from(&self.packages);
        target.stops.clone_from(&self.stops);
        target.bans.clone_from(&self.bans);
        let rules = target.rules.iter().filter_map(|(key, rule)| {
            let later = self.rule(key)?;
            let mut rule = rule.clone();
            rule.keep_rejections(later);
            Some(Entry::set(key.clone(), rule))
        });
        let rules: Vec<_> = rules.collect();
        target.rules.put(rules);
        let gone = self.rules().filter(|rule| earlier.rule(rule.key()).is_none());
        let bans: Vec<_> = gone.flat_map(|rule| self.bans_of_rejections(rule)).collect();
        target.bans.put(bans.into_iter().map(|ban| Entry::set(ban.scope.clone(), ban)).collect());
        let delta = self.delta_to(&target);
        let mut notes = self.notes_of(&delta, revision);
        if !delta.is_empty() {
            notes.extend(self.notes_of_what_stays(earlier));
        }
        notes.extend(self.notes_of_rejections(earlier));
        Ok(BookChange { delta, notes })
    }

    /// Returns the notes about a restored book. The first note says which revision was restored. Then there are
    /// notes about the changed entries of every kind, except packages and kill switches, which are not restored.
    fn notes_of(&self, delta: &Delta, revision: u64) -> Vec<Note> {
        if delta.is_empty() {
            return Vec::new();
        }
        // The fields are listed, so that the compiler reports a new field that is missing here.
        let Delta {
            rules,
            packages: _,
            interim,
            test_devices,
            groups,
            members,
            holds,
            stops: _,
            bans,
            aliases,
            settings,
        } = delta;
        let mut notes = vec![Note::Restored { revision }];
        let bans = bans.iter().filter_map(|entry| entry.now.clone());
        notes.extend(bans.map(|ban| Note::Banned { ban: Box::new(ban) }));
        for entry in removed(test_devices) {
            let known = self.test_devices.get(&entry.key);
            notes.extend(known.map(|known| {
                let TestDevice { name, id } = known.clone();
                Note::TestDeviceRemoved { name, id }
            }));
        }
        for device in test_devices.iter().filter_map(|entry| entry.now.clone()) {
            let TestDevice { name, id } = device;
            notes.push(Note::TestDeviceAdded { name, id });
        }
        notes.extend(removed(holds).filter_map(|entry| {
            let hold = Box::new(self.hold(&entry.key)?.clone());
            Some(Note::HoldRemoved { hold })
        }));
        notes.extend(holds.iter().filter_map(|entry| entry.now.as_ref().map(Note::held)));
        notes.extend(removed(groups).filter_map(|entry| {
            let group = self.group(&entry.key)?;
            Some(Note::GroupRemoved { name: group.name.clone(), what: group.summary() })
        }));
        notes.extend(groups.iter().filter_map(|entry| {
            let group = entry.now.as_ref()?;
            let before = self.group(&entry.key).map(Group::summary);
            Some(Note::GroupIs { name: group.name.clone(), what: group.summary(), before })
        }));
        notes.extend(self.notes_of_members(members));
        notes.extend(removed(aliases).filter_map(|entry| {
            let from = self.aliases.get(&entry.key)?.clone();
            Some(Note::AliasRemoved { alias: Box::new(entry.key.clone()), from })
        }));
        notes.extend(aliases.iter().filter_map(|entry| {
            let alias = Alias { reported: entry.key.clone(), stands_for: entry.now.clone()? };
            let before = self.aliases.get(&entry.key).cloned();
            Some(Note::AliasPut { alias: Box::new(alias), before })
        }));
        if let Some(settings) = settings {
            notes.extend(notes_of_settings(&self.settings, settings));
        }
        interim
            .iter()
            .for_each(|entry| notes.extend(self.notes_of_interim(entry, is_set(interim, &entry.key))));
        for entry in removed(rules) {
            notes.extend(self.rule(&entry.key).into_iter().flat_map(Note::of_removed));
        }
        for rule in rules.iter().filter_map(|entry| entry.now.as_ref()) {
            notes.extend(notes_of_rule(self.rule(rule.key()), rule));
        }
        notes
    }
}

impl RuleBook {
    fn notes_of_members(&self, members: &[Entry<(GroupName, DeviceId), GroupMember>]) -> Vec<Note> {
        let mut counts: BTreeMap<&GroupName, (usize, usize)> = BTreeMap::new();
        for entry in members {
            let (added, removed) = counts.entry(&entry.key.0).or_default();
            match entry.now {
                Some(GroupMember {}) => *added += 1,
                None => *removed += 1,
            }
        }
        let note = |(name, (added, removed)): (&GroupName, (usize, usize))| Note::MembersChanged {
            name: name.clone(),
            before: self.members(name).len(),
            added,
            removed,
            unchanged: 0,
        };
        counts.into_iter().map(note).collect()
    }

    /// Returns a note for each ban and kill switch of this rule book that `earlier` does not have. They
    /// stay in force when `earlier` is restored.
    fn notes_of_what_stays(&self, earlier: &Self) -> impl Iterator<Item = Note> {
        let bans = self.bans.iter().filter(|(scope, _)| !earlier.bans.contains_key(scope));
        let bans = bans.map(|(_, ban)| Note::BanStays { ban: Box::new(ban.clone()) });
        let stops = self.stops.iter().filter(|(scope, _)| !earlier.stops.contains_key(scope));
        let stops =
            stops.map(|(scope, stop)| Note::StopStays { scope: scope.clone(), reason: stop.reason.clone() });
        bans.chain(stops)
    }

    /// Returns notes about the rejections that the earlier rule book did not have. They stay in place.
    fn notes_of_rejections(&self, earlier: &Self) -> impl Iterator<Item = Note> {
        let rejections = self.rules().filter_map(|rule| Some((rule, earlier.rule(rule.key())?)));
        rejections.flat_map(|(rule, then)| {
            let since = rule.rejected().iter().filter(|version| !then.is_rejected(version));
            since.map(|version| Note::RejectionStays { rule: rule.key().clone(), version: version.clone() })
        })
    }

    /// Returns notes about one restored entry of the rules of interim images. If only the spelling of its key
    /// changes, the delta has two entries: one removes the key, and one sets it again. `is_set` is `true` if the
    /// delta also sets the key again. In this case the removal gets no note.
    fn notes_of_interim(&self, entry: &Entry<InterimKey, InterimRule>, is_set: bool) -> Vec<Note> {
        if entry.now.is_none() && is_set {
            return Vec::new();
        }
        let (locale, update_type) = &entry.key;
        let version = |package: Option<PackageId>| {
            let image = self.interim_image(locale, update_type, package?)?;
            Some(image.version.clone())
        };
        let before = self.interim.get(&entry.key).cloned().unwrap_or_default();
        let now = entry.now.clone().unwrap_or_default();
        let mut notes = Vec::new();
        if now.approved != before.approved {
            let locale = locale.clone();
            notes.push(match version(now.approved) {
                Some(now) => {
                    let before = version(before.approved);
                    Note::InterimApproved { locale, version: now, before, with: None }
                }
                None => Note::InterimRemoved { locale },
            });
        }
        if now.pending != before.pending {
            let locale = locale.clone();
            notes.extend(match (version(now.pending), version(before.pending)) {
                (Some(version), replaced) => Some(Note::InterimPending { locale, version, replaced }),
                (None, Some(from)) => Some(Note::InterimNotPending { locale, from }),
                (None, None) => None,
            });
        }
        notes
    }
}

/// Returns the entries that are removed and not set again. An entry is removed and set again if only the spelling of
/// its key changes.
fn removed<K: PartialEq, V>(entries: &[Entry<K, V>]) -> impl Iterator<Item = &Entry<K, V>> {
    entries.iter().filter(|entry| entry.now.is_none() && !is_set(entries, &entry.key))
}

fn is_set<K: PartialEq, V>(entries: &[Entry<K, V>], key: &K) -> bool {
    entries.iter().any(|entry| entry.now.is_some() && entry.key == *key)
}

fn notes_of_settings(before: &Settings, now: &Settings) -> Vec<Note> {
    let Settings { stones, deploy_at_ingest, schemes } = now;
    let boxed = |stone: &SteppingStone| Box::new(stone.clone());
    let removed = before.stones.iter().filter(|stone| !stones.contains(stone));
    let added = stones.iter().filter(|stone| !before.stones.contains(stone));
    let removed = removed.map(|stone| Note::StoneRemoved { stone: boxed(stone) });
    let added = added.map(|stone| Note::StoneAdded { stone: boxed(stone) });
    let deployed = before.deploy_at_ingest.symmetric_difference(deploy_at_ingest);
    let deployed = deployed.map(|device_type| Note::DeployAtIngest {
        device_type: device_type.clone(),
        on: deploy_at_ingest.contains(device_type),
    });
    let scheme_in = |settings: &Settings, rules: &RulePattern| {
        let there = settings.schemes.iter().find(|there| there.rules.is_same(rules));
        there.map(|there| there.scheme.clone())
    };
    let unset = before.schemes.iter().filter(|scheme| scheme_in(now, &scheme.rules).is_none());
    let unset = unset.map(|scheme| Note::SchemeRemoved { scheme: Box::new(scheme.clone()) });
    let set = schemes.iter().filter(|scheme| !before.schemes.contains(scheme));
    let set = set.map(|scheme| Note::SchemeSet {
        scheme: Box::new(scheme.clone()),
        before: scheme_in(before, &scheme.rules),
    });
    removed.chain(added).chain(deployed).chain(unset).chain(set).collect()
}

/// Returns notes about a restored rule: its policy, its pins, its rollouts, and its pending and approved versions.
fn notes_of_rule(before: Option<&Rule>, now: &Rule) -> Vec<Note> {
    let rule = now.key().clone();
    let policy = before.map_or_else(OfferPolicy::default, |before| before.policy().clone());
    let mut notes = Note::policy_changes(&rule, &policy, now.policy());
    let pin_of = |of: &Rule, audience: &Audience| {
        let mut pins = of.pins();
        pins.find(|pin| pin.audience == *audience).map(|pin| pin.candidate.version.clone())
    };
    for pin in before.into_iter().flat_map(Rule::pins) {
        if pin_of(now, &pin.audience).is_none() {
            let (audience, version) = (pin.audience.clone(), pin.candidate.version.clone());
            notes.push(Note::Unpinned { rule: rule.clone(), audience, version });
        }
    }
    for pin in now.pins() {
        let (audience, version) = (pin.audience.clone(), pin.candidate.version.clone());
        let before = before.and_then(|before| pin_of(before, &audience));
        if before.as_ref() != Some(&version) {
            notes.push(Note::Pinned { rule: rule.clone(), audience, version, before });
        }
    }
    notes.extend(notes_of_rollouts(before, now));
    let version = |candidate: Option<&Candidate>| candidate.map(|candidate| candidate.version.clone());
    let (pending, approved) = (before.and_then(Rule::pending), before.and_then(Rule::approved));
    if now.pending() != pending {
        notes.extend(match (version(now.pending()), version(pending)) {
            (Some(version), Some(replaced)) => Some(Note::Replaced { rule: rule.clone(), version, replaced }),
            (Some(version), None) => Some(Note::Pending { rule: rule.clone(), version }),
            (None, Some(from)) => Some(Note::NothingPending { rule: rule.clone(), from }),
            (None, None) => None,
        });
    }
    if now.approved() != approved {
        let from = version(approved);
        match version(now.approved()) {
            Some(version) => {
                let kept_back = Note::of_kept_back(now, &version, from.as_ref());
                notes.push(Note::RolledBack { rule, version, from });
                notes.extend(kept_back);
            }
            None => notes.push(Note::NothingApproved { rule, from }),
        }
    }
    notes
}

/// Returns notes about the rollouts of a restored rule that run again, are paused again, or end.
fn notes_of_rollouts(before: Option<&Rule>, rule: &Rule) -> Vec<Note> {
    let paused = |rule: Option<&Rule>, name: &RolloutName| rule?.rollout(name)?.1.paused.clone();
    let runs = |rule: Option<&Rule>, name: &RolloutName| {
        rule?.rollout(name).map(|(_, rollout)| rollout.paused.is_none())
    };
    let share = |rule: Option<&Rule>, name: &RolloutName| {
        rule?.rollout(name).map(|(_, rollout)| rollout.share.clone())
    };
    let mut notes = Vec::new();
    for (_, rollout) in rule.rollouts() {
        let name = rollout.name.clone();
        let before_share = share(before, &name).filter(|share| *share != rollout.share);
        notes.extend(before_share.map(|before| Note::ShareSet {
            rule: rule.key().clone(),
            name: name.clone(),
            share: rollout.share.clone(),
            before,
        }));
        let rule = rule.key().clone();
        match (runs(before, &name), &rollout.paused) {
            (None | Some(false), None) => {
                let reason = paused(before, &name).unwrap_or_default();
                notes.push(Note::RolloutResumed { rule, name, reason });
            }
            (None | Some(true), Some(reason)) => {
                notes.push(Note::RolloutPaused { rule, name, reason: reason.clone() });
            }
            (Some(true), None) | (Some(false), Some(_)) => {}
        }
    }
    let over = before.into_iter().flat_map(Rule::rollouts);
    let over = over.filter(|(_, rollout)| rule.rollout(&rollout.name).is_none());
    notes.extend(over.map(|(assignment, rollout)| Note::RolloutOver {
        rule: rule.key().clone(),
        name: rollout.name.clone(),
        version: assignment.candidate.version.clone(),
    }));
    notes
}
