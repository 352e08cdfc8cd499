//! The rule book: all that people decide, as one value.
//!
//! A [`Command`](crate::book::change::command::Command) is applied to a book and gives a [`Delta`], which says what each changed entry *is*
//! now, not how it came to be so. A stored history of deltas therefore reads the same in every later version of this
//! program.

use crate::book::alias::{Alias, AliasKey, AliasWord};
use crate::book::ban::{Ban, BanScope};
use crate::book::group::{Group, GroupName};
use crate::book::hold::{Hold, HoldName, Stop, StopScope};
use crate::book::package::{IngestedPackage, InterimImage, Release};
use crate::book::policy::OfferPolicy;
use crate::book::rule::{Candidate, Rule};
use crate::book::rule_key::{RuleKey, UpdateType};
use crate::book::stone::SteppingStone;
use crate::book::test_device::{TestDevice, TestDeviceName};
use crate::device::{DeviceId, DeviceType, Locale};
use crate::value::PackageId;
use crate::version::ReportedVersion;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// All that people decide: rules, packages, test devices, groups, holds, stepping stones, settings.
///
/// Cloning is cheap for what it is: entries are shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleBook {
    pub(crate) rules: BTreeMap<RuleKey, Arc<Rule>>,
    pub(crate) packages: BTreeMap<PackageId, Arc<IngestedPackage>>,
    pub(crate) interim: BTreeMap<InterimKey, PackageId>,
    pub(crate) test_devices: BTreeMap<TestDeviceName, TestDevice>,
    pub(crate) groups: BTreeMap<GroupName, Group>,
    /// The lists of the groups that have one; none is empty.
    pub(crate) members: BTreeMap<GroupName, Arc<BTreeSet<DeviceId>>>,
    pub(crate) holds: BTreeMap<HoldName, Hold>,
    pub(crate) stops: BTreeMap<StopScope, Stop>,
    pub(crate) bans: BTreeMap<BanScope, Ban>,
    pub(crate) aliases: BTreeMap<AliasKey, AliasWord>,
    pub(crate) settings: Settings,
}

/// What an interim image is found by: the locale, and the update type it replaces.
pub(crate) type InterimKey = (Locale, UpdateType);

/// What holds for the whole book.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Settings {
    /// The stepping stones, by threshold, of one threshold the narrowest first; the first that applies is taken.
    pub stones: Vec<SteppingStone>,
    /// Device types whose packages go to everybody as soon as they are ingested, as the original does for RoundTable.
    pub deploy_at_ingest: BTreeSet<DeviceType>,
}

impl Settings {
    pub(crate) fn sort_stones(&mut self) {
        let order = |one: &SteppingStone, two: &SteppingStone| {
            let below = one.below.release_order(&two.below);
            let narrowness = two.narrowness().cmp(&one.narrowness());
            below.then(narrowness).then_with(|| one.name.cmp(&two.name))
        };
        self.stones.sort_by(order);
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            stones: vec![SteppingStone::ocs_interim()],
            deploy_at_ingest: [DeviceType::from_static("RoundTable")].into(),
        }
    }
}

impl Default for RuleBook {
    /// A book with no rules, the built-in stepping stone, and RoundTable deployed as it is ingested.
    fn default() -> Self {
        Self {
            rules: BTreeMap::new(),
            packages: BTreeMap::new(),
            interim: BTreeMap::new(),
            test_devices: BTreeMap::new(),
            groups: BTreeMap::new(),
            members: BTreeMap::new(),
            holds: BTreeMap::new(),
            stops: BTreeMap::new(),
            bans: BTreeMap::new(),
            aliases: BTreeMap::new(),
            settings: Settings::default(),
        }
    }
}

impl RuleBook {
    /// The rules, by key.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = &Rule> {
        self.rules.values().map(Arc::as_ref)
    }

    /// The rule for `key`, if there is one.
    pub fn rule(&self, key: &RuleKey) -> Option<&Rule> {
        self.rules.get(key).map(Arc::as_ref)
    }

    /// The ingested packages, by id.
    pub fn packages(&self) -> impl ExactSizeIterator<Item = &IngestedPackage> {
        self.packages.values().map(Arc::as_ref)
    }

    /// The package with this id, if it was ingested.
    pub fn package(&self, id: PackageId) -> Option<&IngestedPackage> {
        self.packages.get(&id).map(Arc::as_ref)
    }

    /// The test devices, by name.
    pub fn test_devices(&self) -> impl ExactSizeIterator<Item = &TestDevice> {
        self.test_devices.values()
    }

    /// The test device known by `id`, if there is one.
    pub fn test_device(&self, id: &DeviceId) -> Option<&TestDevice> {
        self.test_devices.values().find(|device| device.id == *id)
    }

    /// The groups, by name.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = &Group> {
        self.groups.values()
    }

    /// The group of this name, if there is one.
    pub fn group(&self, name: &GroupName) -> Option<&Group> {
        self.groups.get(name)
    }

    /// The devices on a group's list; none where the group has a predicate.
    pub fn members(&self, group: &GroupName) -> impl ExactSizeIterator<Item = &DeviceId> {
        static NOBODY: BTreeSet<DeviceId> = BTreeSet::new();
        self.members.get(group).map_or(&NOBODY, Arc::as_ref).iter()
    }

    /// The lists of all groups, a device at a time, the group in its own spelling.
    pub(crate) fn listed(&self) -> impl Iterator<Item = (GroupName, DeviceId)> {
        self.members.iter().flat_map(|(group, devices)| {
            let group = self.groups.get(group).map_or(group, |group| &group.name);
            devices.iter().map(move |device| (group.clone(), device.clone()))
        })
    }

    /// The holds, by name.
    pub fn holds(&self) -> impl ExactSizeIterator<Item = &Hold> {
        self.holds.values()
    }

    /// The hold of this name, if there is one.
    pub fn hold(&self, name: &HoldName) -> Option<&Hold> {
        self.holds.get(name)
    }

    /// The kill switches that are thrown, and what each stops.
    pub fn stops(&self) -> impl ExactSizeIterator<Item = (&StopScope, &Stop)> {
        self.stops.iter()
    }

    /// The kill switch of exactly this scope, if it is thrown.
    pub fn stop(&self, scope: &StopScope) -> Option<&Stop> {
        self.stops.get(scope)
    }

    /// The bans, by the text of their scope.
    pub fn bans(&self) -> impl ExactSizeIterator<Item = &Ban> {
        self.bans.values()
    }

    /// The ban that keeps a release from being offered by a rule, if there is one.
    pub fn ban_of(&self, rule: &RuleKey, policy: &OfferPolicy, release: &Release) -> Option<&Ban> {
        self.bans.values().find(|ban| ban.holds(rule, policy, release))
    }

    /// The aliases, in the order they are looked at.
    pub fn aliases(&self) -> impl ExactSizeIterator<Item = Alias> + '_ {
        self.aliases.iter().map(|(reported, stands_for)| Alias {
            reported: reported.clone(),
            stands_for: stands_for.clone(),
        })
    }

    /// What holds for the whole book.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The release a candidate of `rule` stands for; none where its package is gone.
    pub fn release(&self, rule: &RuleKey, candidate: &Candidate) -> Option<&Release> {
        self.package(candidate.package)?.release(rule, &candidate.version)
    }

    /// The release of a version that was ingested last for a rule, as a candidate.
    pub fn newest_release(&self, rule: &RuleKey, version: &ReportedVersion) -> Option<Candidate> {
        let scheme = self.rule(rule).map(|rule| rule.policy().scheme.clone()).unwrap_or_default();
        let brought = self
            .packages()
            .filter_map(|package| Some((package, package.release_in(&scheme, rule, version)?)));
        let (package, release) = brought.max_by_key(|(package, _)| (package.ingested_at, package.sha256))?;
        Some(Candidate { version: release.version.clone(), package: package.id() })
    }

    /// The interim images in use, by locale and update type, and the packages that brought them.
    pub fn interim_images(&self) -> impl Iterator<Item = (&InterimImage, PackageId)> {
        self.interim.iter().filter_map(|((locale, update_type), package)| {
            let mut images = self.package(*package)?.interim.iter();
            let found = images.find(|image| image.locale == *locale && image.update_type == *update_type);
            found.map(|image| (image, *package))
        })
    }

    /// Puts the entries of a delta in place. A delta that was made on another state is applied just as well: it says
    /// what is, not what changes.
    pub fn apply(&mut self, delta: &Delta) {
        for entry in &delta.rules {
            match &entry.now {
                Some(rule) => drop(self.rules.insert(entry.key.clone(), Arc::new(rule.clone()))),
                None => drop(self.rules.remove(&entry.key)),
            }
        }
        for entry in &delta.packages {
            match &entry.now {
                Some(package) => drop(self.packages.insert(entry.key, Arc::new(package.clone()))),
                None => drop(self.packages.remove(&entry.key)),
            }
        }
        for entry in &delta.interim {
            match entry.now {
                Some(package) => drop(self.interim.insert(entry.key.clone(), package)),
                None => drop(self.interim.remove(&entry.key)),
            }
        }
        for entry in &delta.test_devices {
            match &entry.now {
                Some(device) => drop(self.test_devices.insert(entry.key.clone(), device.clone())),
                None => drop(self.test_devices.remove(&entry.key)),
            }
        }
        for entry in &delta.groups {
            match &entry.now {
                Some(group) => drop(self.groups.insert(entry.key.clone(), group.clone())),
                None => drop(self.groups.remove(&entry.key)),
            }
        }
        for Entry { key: (group, device), now } in &delta.members {
            let members = Arc::make_mut(self.members.entry(group.clone()).or_default());
            let _changed = match now {
                Some(_) => members.insert(device.clone()),
                None => members.remove(device),
            };
            if members.is_empty() {
                self.members.remove(group);
            }
        }
        for entry in &delta.holds {
            match &entry.now {
                Some(hold) => drop(self.holds.insert(entry.key.clone(), hold.clone())),
                None => drop(self.holds.remove(&entry.key)),
            }
        }
        for entry in &delta.stops {
            match &entry.now {
                Some(stop) => drop(self.stops.insert(entry.key.clone(), stop.clone())),
                None => drop(self.stops.remove(&entry.key)),
            }
        }
        for entry in &delta.bans {
            match &entry.now {
                Some(ban) => drop(self.bans.insert(entry.key.clone(), ban.clone())),
                None => drop(self.bans.remove(&entry.key)),
            }
        }
        for entry in &delta.aliases {
            match &entry.now {
                Some(word) => drop(self.aliases.insert(entry.key.clone(), word.clone())),
                None => drop(self.aliases.remove(&entry.key)),
            }
        }
        if let Some(settings) = &delta.settings {
            self.settings.clone_from(settings);
            self.settings.sort_stones();
        }
    }

    /// The whole book as the delta that makes it from an empty one: the form a checkpoint keeps.
    pub fn to_delta(&self) -> Delta {
        Delta {
            rules: self.rules.iter().map(|(key, rule)| Entry::set(key.clone(), (**rule).clone())).collect(),
            packages: self
                .packages
                .iter()
                .map(|(key, package)| Entry::set(*key, (**package).clone()))
                .collect(),
            interim: self.interim.iter().map(|(key, package)| Entry::set(key.clone(), *package)).collect(),
            test_devices: self
                .test_devices
                .iter()
                .map(|(key, device)| Entry::set(key.clone(), device.clone()))
                .collect(),
            groups: self.groups.iter().map(|(key, group)| Entry::set(key.clone(), group.clone())).collect(),
            members: self.listed().map(|key| Entry::set(key, Member {})).collect(),
            holds: self.holds.iter().map(|(key, hold)| Entry::set(key.clone(), hold.clone())).collect(),
            stops: self.stops.iter().map(|(key, stop)| Entry::set(key.clone(), stop.clone())).collect(),
            bans: self.bans.iter().map(|(key, ban)| Entry::set(key.clone(), ban.clone())).collect(),
            aliases: self.aliases.iter().map(|(key, word)| Entry::set(key.clone(), word.clone())).collect(),
            settings: Some(self.settings.clone()),
        }
    }
}

/// What changed in a book: each entry as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Delta {
    /// Rules.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub rules: Vec<Entry<RuleKey, Rule>>,
    /// Packages.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub packages: Vec<Entry<PackageId, IngestedPackage>>,
    /// Which package the interim image of a locale and update type is in.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub interim: Vec<Entry<(Locale, UpdateType), PackageId>>,
    /// Test devices.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub test_devices: Vec<Entry<TestDeviceName, TestDevice>>,
    /// Groups.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub groups: Vec<Entry<GroupName, Group>>,
    /// Who is on which group's list.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub members: Vec<Entry<(GroupName, DeviceId), Member>>,
    /// Holds.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub holds: Vec<Entry<HoldName, Hold>>,
    /// Kill switches.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub stops: Vec<Entry<StopScope, Stop>>,
    /// Bans.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub bans: Vec<Entry<BanScope, Ban>>,
    /// Aliases: what each reported word stands for.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub aliases: Vec<Entry<AliasKey, AliasWord>>,
    /// The settings, when they changed.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub settings: Option<Settings>,
}

impl Delta {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// That a device is on a group's list. There is nothing more to say of it yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Member {}

/// One entry as it is now, or gone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Entry<K, V> {
    /// Its key.
    pub key: K,
    /// What it is now; none when it is gone.
    pub now: Option<V>,
}

impl<K, V> Entry<K, V> {
    pub(crate) fn set(key: K, now: V) -> Self {
        Self { key, now: Some(now) }
    }

    pub(crate) fn removed(key: K) -> Self {
        Self { key, now: None }
    }
}
