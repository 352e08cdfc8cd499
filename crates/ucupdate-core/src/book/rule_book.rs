//! The rule book: all decisions of administrators, as one value.
//!
//! A [`BookCommand`](crate::book::change::command::BookCommand) is applied to a book and returns a [`Delta`] with the
//! new value of each changed entry. A stored history of deltas therefore has the same meaning in every later version of
//! this program.

use crate::book::alias::{Alias, AliasKey, AliasWord};
use crate::book::ban::{Ban, BanScope};
use crate::book::devices::{Group, GroupName, Hold, HoldName, Stop, StopScope, TestDevice, TestDeviceName};
use crate::book::interim::InterimRule;
use crate::book::package::{IngestedPackage, Release};
use crate::book::rule::{Candidate, OfferPolicy, PatternScheme, Rule, RuleKey, UpdateType};
use crate::book::stone::SteppingStone;
use crate::book::table::Table;
use crate::device::{DeviceId, DeviceType, Locale};
use crate::value::PackageId;
use crate::version::{ReportedVersion, VersionScheme};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// All decisions of administrators: rules, packages, test devices, groups, holds, kill switches, bans,
/// aliases, stepping stones and other settings.
///
/// Clones share their entries. The default book has no rules. It has the built-in stepping stone, and approves packages of
/// RoundTable when they are ingested.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleBook {
    pub(crate) rules: Table<RuleKey, Rule>,
    pub(crate) packages: Table<PackageId, IngestedPackage>,
    pub(crate) interim: Table<InterimKey, InterimRule>,
    pub(crate) test_devices: Table<TestDeviceName, TestDevice>,
    pub(crate) groups: Table<GroupName, Group>,
    /// The member lists of the groups. There are no empty lists.
    pub(crate) members: BTreeMap<GroupName, Arc<BTreeSet<DeviceId>>>,
    pub(crate) holds: Table<HoldName, Hold>,
    pub(crate) stops: Table<StopScope, Stop>,
    pub(crate) bans: Table<BanScope, Ban>,
    pub(crate) aliases: Table<AliasKey, AliasWord>,
    pub(crate) settings: Settings,
}

/// The key of an interim image: the locale of the devices, and the part of the device that the image replaces.
pub(crate) type InterimKey = (Locale, UpdateType);

/// The settings of the whole rule book.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Settings {
    /// The stepping stones, sorted by threshold. Of stones with the same threshold, the stone for the
    /// fewest kinds of device comes first. The first stone that applies is used.
    pub stones: Vec<SteppingStone>,
    /// The device types whose packages are approved when they are ingested. The original does this for RoundTable.
    pub deploy_at_ingest: BTreeSet<DeviceType>,
    /// The version schemes that were set for patterns of rules, the most exact pattern first.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub schemes: Vec<PatternScheme>,
}

impl Settings {
    /// Returns the settings of a new store. They have stepping stones for the three kinds of phones that the interim
    /// image of OCS was made for. The `Default` settings are for a store whose history has no settings. They have one
    /// stepping stone, which applies to every UCPhone.
    pub fn of_new_store() -> Self {
        Self { stones: SteppingStone::ocs_interim_of_known_kinds().to_vec(), ..Self::default() }
    }

    /// Returns the version scheme that is set for a pattern of rules, with its pattern. If the rule matches several
    /// patterns, the most exact one counts. `None` if the rule matches no pattern.
    pub fn scheme_of(&self, rule: &RuleKey) -> Option<&PatternScheme> {
        PatternScheme::find(&self.schemes, rule)
    }

    pub(crate) fn sort_stones(&mut self) {
        let order = |one: &SteppingStone, two: &SteppingStone| {
            let below = one.below.release_order(&two.below);
            let narrowness = two.kind.narrowed_words().cmp(&one.kind.narrowed_words());
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
            schemes: Vec::new(),
        }
    }
}

impl RuleBook {
    /// Returns the rule book of a new store, to which the first change is applied.
    pub fn of_new_store() -> Self {
        Self { settings: Settings::of_new_store(), ..Self::default() }
    }

    /// Returns the rules in the order of their keys.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = &Rule> {
        self.rules.values()
    }

    /// Returns the rule with this key. Case of ASCII letters does not matter in keys.
    pub fn rule(&self, key: &RuleKey) -> Option<&Rule> {
        self.rules.get(key)
    }

    /// Returns the ingested packages in the order of their ids.
    pub fn packages(&self) -> impl ExactSizeIterator<Item = &IngestedPackage> {
        self.packages.values()
    }

    /// Returns the package with this id. `None` if it was never ingested, or was retired.
    pub fn package(&self, id: PackageId) -> Option<&IngestedPackage> {
        self.packages.get(&id)
    }

    /// Returns the test devices in the order of their names.
    pub fn test_devices(&self) -> impl ExactSizeIterator<Item = &TestDevice> {
        self.test_devices.values()
    }

    /// Returns the test device with this MAC address or serial number. `None` if there is none with this
    /// identity.
    pub fn test_device(&self, id: &DeviceId) -> Option<&TestDevice> {
        self.test_devices.values().find(|device| device.id == *id)
    }

    /// Returns the groups in the order of their names.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = &Group> {
        self.groups.values()
    }

    /// Returns the group with this name. Case of ASCII letters does not matter in names.
    pub fn group(&self, name: &GroupName) -> Option<&Group> {
        self.groups.get(name)
    }

    /// Returns the member list of a group. The list is empty if the group has a predicate.
    pub fn members(&self, group: &GroupName) -> impl ExactSizeIterator<Item = &DeviceId> {
        static NOBODY: BTreeSet<DeviceId> = BTreeSet::new();
        self.members.get(group).map_or(&NOBODY, Arc::as_ref).iter()
    }

    /// Returns whether a device is on the list of a group.
    pub fn is_member(&self, group: &GroupName, device: &DeviceId) -> bool {
        self.members.get(group).is_some_and(|members| members.contains(device))
    }

    /// Returns every member of every list of a group, with the name of the group in the group's own
    /// spelling.
    pub(crate) fn listed(&self) -> impl Iterator<Item = (GroupName, DeviceId)> {
        self.members.iter().flat_map(|(group, devices)| {
            let group = self.groups.get(group).map_or(group, |group| &group.name);
            devices.iter().map(move |device| (group.clone(), device.clone()))
        })
    }

    /// Returns the holds in the order of their names.
    pub fn holds(&self) -> impl ExactSizeIterator<Item = &Hold> {
        self.holds.values()
    }

    /// Returns the hold with this name, even if it is over. Case of ASCII letters does not matter in names.
    pub fn hold(&self, name: &HoldName) -> Option<&Hold> {
        self.holds.get(name)
    }

    /// Returns the kill switches that are on, each with its scope.
    pub fn stops(&self) -> impl ExactSizeIterator<Item = (&StopScope, &Stop)> {
        self.stops.iter()
    }

    /// Returns the kill switch of exactly this scope, if it is on.
    pub fn stop(&self, scope: &StopScope) -> Option<&Stop> {
        self.stops.get(scope)
    }

    /// Returns the bans in the order of their scopes.
    pub fn bans(&self) -> impl ExactSizeIterator<Item = &Ban> {
        self.bans.values()
    }

    /// Returns the aliases in the order in which they are applied. Of several aliases of one word, the
    /// alias with the most exact pattern comes first.
    pub fn aliases(&self) -> impl ExactSizeIterator<Item = Alias> + use<> {
        let aliases = self.aliases.iter();
        let mut aliases: Vec<Alias> = aliases
            .map(|(reported, stands_for)| Alias {
                reported: reported.clone(),
                stands_for: stands_for.clone(),
            })
            .collect();
        aliases.sort_by(|one, other| {
            let word = |alias: &Alias| (alias.reported.field, alias.reported.word.clone());
            let exactness = |alias: &Alias| alias.reported.within.exactness();
            word(one).cmp(&word(other)).then_with(|| exactness(other).cmp(&exactness(one)))
        });
        aliases.into_iter()
    }

    /// Returns the settings of the whole rule book.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the version scheme of a rule. For a rule that does not exist, this is the scheme that a new rule would
    /// get.
    pub fn scheme_of(&self, rule: &RuleKey) -> &VersionScheme {
        static DOTNET: VersionScheme = VersionScheme::Dotnet;
        match self.rule(rule) {
            Some(rule) => &rule.policy().scheme,
            None => self.settings.scheme_of(rule).map_or(&DOTNET, |entry| &entry.scheme),
        }
    }

    /// Returns a new rule without assignments. Its version scheme is that of the most exact pattern that
    /// matches `key`.
    pub(crate) fn new_rule(&self, key: RuleKey) -> Rule {
        let policy = OfferPolicy { scheme: self.scheme_of(&key).clone(), ..OfferPolicy::default() };
        let mut rule = Rule::new(key);
        rule.set_policy(policy);
        rule
    }

    /// Returns the release that a candidate of `rule` names by its version and package. `None` if the rule book no
    /// longer has the package.
    pub fn release(&self, rule: &RuleKey, candidate: &Candidate) -> Option<&Release> {
        self.package(candidate.package)?.release(rule, &candidate.version)
    }

    /// Returns the version and the package of a release for a rule. Versions are compared in the scheme of the rule.
    /// If several packages contain the release, returns the package that was ingested last. `None` if no package
    /// contains it.
    pub fn newest_release(&self, rule: &RuleKey, version: &ReportedVersion) -> Option<Candidate> {
        let scheme = self.scheme_of(rule);
        self.newest_where(rule, |found| scheme.is_same_release(found, version))
    }

    /// Returns the version and the package of a release whose version has exactly this text. If several packages
    /// contain it, returns the package that was ingested last. `None` if no package contains it.
    pub(crate) fn newest_with_text(&self, rule: &RuleKey, version: &ReportedVersion) -> Option<Candidate> {
        self.newest_where(rule, |found| found.as_str() == version.as_str())
    }

    fn newest_where(&self, rule: &RuleKey, is_it: impl Fn(&ReportedVersion) -> bool) -> Option<Candidate> {
        let releases = self.packages().flat_map(|package| {
            let releases = package.releases.iter().map(move |release| (package, release));
            releases.filter(|(_, release)| release.rule == *rule && is_it(&release.version))
        });
        let (package, release) = releases.max_by_key(|(package, _)| (package.ingested_at, package.sha256))?;
        Some(Candidate { version: release.version.clone(), package: package.id() })
    }
}
