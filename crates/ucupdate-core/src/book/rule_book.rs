//! The rule book: all that people decide, as one value.
//!
//! A [`Command`](crate::book::change::command::Command) is applied to a book and gives a [`Delta`], which says what each changed entry *is*
//! now, not how it came to be so. A stored history of deltas therefore reads the same in every later version of this
//! program.

use crate::book::group::{Group, GroupName};
use crate::book::hold::{Hold, HoldName, Stop, StopScope};
use crate::book::package::{IngestedPackage, InterimImage, Release};
use crate::book::rule::{Candidate, Rule};
use crate::book::rule_key::{RuleKey, UpdateType};
use crate::book::stone::SteppingStone;
use crate::book::table::Table;
use crate::book::test_device::{TestDevice, TestDeviceName};
use crate::device::{DeviceId, DeviceType, Locale};
use crate::value::PackageId;
use crate::version::ReportedVersion;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// All that people decide: rules, packages, test devices, groups, holds, stepping stones, settings.
///
/// Clones share their entries. The default book has no rules. It has the built-in stepping stone, and approves packages of
/// RoundTable when they are ingested.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleBook {
    pub(crate) rules: Table<RuleKey, Rule>,
    pub(crate) packages: Table<PackageId, IngestedPackage>,
    pub(crate) interim: Table<InterimKey, PackageId>,
    pub(crate) test_devices: Table<TestDeviceName, TestDevice>,
    pub(crate) groups: Table<GroupName, Group>,
    /// The lists of the groups that have one; none is empty.
    pub(crate) members: BTreeMap<GroupName, Arc<BTreeSet<DeviceId>>>,
    pub(crate) holds: Table<HoldName, Hold>,
    pub(crate) stops: Table<StopScope, Stop>,
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

impl RuleBook {
    /// The rules, by key.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = &Rule> {
        self.rules.values()
    }

    /// The rule for `key`, if there is one.
    pub fn rule(&self, key: &RuleKey) -> Option<&Rule> {
        self.rules.get(key)
    }

    /// The ingested packages, by id.
    pub fn packages(&self) -> impl ExactSizeIterator<Item = &IngestedPackage> {
        self.packages.values()
    }

    /// The package with this id, if it was ingested.
    pub fn package(&self, id: PackageId) -> Option<&IngestedPackage> {
        self.packages.get(&id)
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
}
