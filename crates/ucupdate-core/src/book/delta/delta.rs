//! Deltas: the changed entries of a rule book.

use crate::book::alias::{AliasKey, AliasWord};
use crate::book::ban::{Ban, BanScope};
use crate::book::devices::{Group, GroupName, Hold, HoldName, Stop, StopScope, TestDevice, TestDeviceName};
use crate::book::interim::InterimRule;
use crate::book::package::IngestedPackage;
use crate::book::rule::{PatternScheme, Rule, RuleKey, UpdateType};
use crate::book::rule_book::{RuleBook, Settings};
use crate::book::table::{Entry, Table, TableKey as _};
use crate::device::{DeviceId, Locale};
use crate::value::PackageId;
use foldhash::fast::FixedState;
use std::collections::HashSet;
use std::sync::Arc;

impl RuleBook {
    /// Sets or removes the entries that a delta contains. The delta may come from another state of the
    /// book, because it contains new values and not differences.
    pub fn apply(&mut self, delta: &Delta) {
        self.put(delta.clone());
    }

    /// Creates a rule book from a delta that contains all entries of the book. [`to_delta`](Self::to_delta) returns
    /// such a delta.
    pub fn of(mut whole: Delta) -> Self {
        whole.share_keys();
        let mut book = Self::default();
        book.put(whole);
        book
    }

    fn put(&mut self, delta: Delta) {
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
        } = delta;
        self.rules.put(rules);
        self.packages.put(packages);
        self.interim.put(interim);
        self.test_devices.put(test_devices);
        self.groups.put(groups);
        self.put_members(members);
        self.holds.put(holds);
        self.stops.put(stops);
        self.bans.put(bans);
        self.aliases.put(aliases);
        if let Some(settings) = settings {
            self.settings = settings;
            self.settings.sort_stones();
            PatternScheme::sort(&mut self.settings.schemes);
        }
    }

    fn put_members(&mut self, entries: Vec<Entry<(GroupName, DeviceId), GroupMember>>) {
        for Entry { key: (group, device), now } in entries {
            let members = Arc::make_mut(self.members.entry(group.clone()).or_default());
            let _changed = match now {
                Some(GroupMember {}) => members.insert(device),
                None => members.remove(&device),
            };
            if members.is_empty() {
                self.members.remove(&group);
            }
        }
    }

    /// Returns the delta that makes this rule book from an empty one. A checkpoint of the history stores
    /// this delta.
    pub fn to_delta(&self) -> Delta {
        let mut delta = Self::default().delta_to(self);
        delta.settings = Some(self.settings.clone());
        delta
    }

    /// Returns the delta that changes this book to `target`. It is empty if both are equal.
    ///
    /// Keys that differ only in case are equal, but a different spelling is a change, because URLs contain it.
    ///
    /// ```
    /// use ucupdate_core::RuleBook;
    /// use ucupdate_core::book::{BookCommand, TestDevice};
    /// use ucupdate_core::device::DeviceId;
    /// let before = RuleBook::default();
    /// let lab = TestDevice {
    ///     name: "lab".parse().unwrap(),
    ///     id: DeviceId::Serial("C185H001209".parse().unwrap()),
    /// };
    /// let mut book = before.clone();
    /// book.apply(&book.command(&BookCommand::AddTestDevice(lab), "ann").unwrap().delta);
    ///
    /// let back = book.delta_to(&before);
    /// assert_eq!(back.test_devices.len(), 1);
    /// book.apply(&back);
    /// assert_eq!(book, before);
    /// assert!(book.delta_to(&before).is_empty());
    /// ```
    pub fn delta_to(&self, target: &Self) -> Delta {
        // The fields are destructured, so that the compiler reports a new field that is missing here.
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
        Delta {
            rules: self.rules.entries_to(rules),
            packages: self.packages.entries_to(packages),
            interim: self.interim.entries_to(interim),
            test_devices: self.test_devices.entries_to(test_devices),
            groups: self.groups.entries_to(groups),
            members: self.member_table().entries_to(&target.member_table()),
            holds: self.holds.entries_to(holds),
            stops: self.stops.entries_to(stops),
            bans: self.bans.entries_to(bans),
            aliases: self.aliases.entries_to(aliases),
            settings: (self.settings != *settings).then(|| settings.clone()),
        }
    }

    /// Returns the member lists of all groups as one table.
    fn member_table(&self) -> Table<(GroupName, DeviceId), GroupMember> {
        let mut table = Table::default();
        table.put(self.listed().map(|key| Entry::set(key, GroupMember {})).collect());
        table
    }
}

/// The changed entries of a rule book, each with its new value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
#[allow(missing_docs, reason = "a field has the entries of the table of its name")]
pub struct Delta {
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    #[cfg_attr(
        feature = "serde",
        serde(deserialize_with = "crate::book::delta::compact_entries::read_rules")
    )]
    pub rules: Vec<Entry<RuleKey, Rule>>,
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    #[cfg_attr(
        feature = "serde",
        serde(deserialize_with = "crate::book::delta::compact_entries::read_packages")
    )]
    pub packages: Vec<Entry<PackageId, IngestedPackage>>,
    /// The rules of interim images, each for a locale and update type.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub interim: Vec<Entry<(Locale, UpdateType), InterimRule>>,
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub test_devices: Vec<Entry<TestDeviceName, TestDevice>>,
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub groups: Vec<Entry<GroupName, Group>>,
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub members: Vec<Entry<(GroupName, DeviceId), GroupMember>>,
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub holds: Vec<Entry<HoldName, Hold>>,
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub stops: Vec<Entry<StopScope, Stop>>,
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub bans: Vec<Entry<BanScope, Ban>>,
    /// Aliases, each with the word that replaces the reported one.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub aliases: Vec<Entry<AliasKey, AliasWord>>,
    /// The settings. `None` if they did not change.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub settings: Option<Settings>,
}

impl Delta {
    /// Returns whether the delta changes nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Lets releases share the keys of their rules, to save memory.
    fn share_keys(&mut self) {
        let known: HashSet<RuleKey, FixedState> = self.rules.iter().map(|entry| entry.key.clone()).collect();
        let packages = self.packages.iter_mut().filter_map(|entry| entry.now.as_mut());
        for release in packages.flat_map(|package| &mut package.releases) {
            if let Some(key) = known.get(&release.rule).filter(|key| key.has_spelling_of(&release.rule)) {
                release.rule = key.clone();
            }
        }
    }
}

/// The membership of a device in a group. It has no properties yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct GroupMember {}
