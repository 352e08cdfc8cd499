//! The rule book: all that people decide, as one value.
//!
//! A [`Command`](crate::Command) is applied to a book and gives a [`Delta`], which says what each changed entry *is*
//! now, not how it came to be so. A stored history of deltas therefore reads the same in every later version of this
//! program.

use crate::{
    DeviceType, IngestedPackage, InterimImage, Locale, PackageId, Release, Rule, RuleKey, SteppingStone,
    TestDevice, TestDeviceId, TestDeviceName, UpdateType, rule::Candidate,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// All that people decide: rules, packages, test devices, stepping stones, settings.
///
/// Cloning is cheap for what it is: entries are shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleBook {
    pub(crate) rules: BTreeMap<RuleKey, Arc<Rule>>,
    pub(crate) packages: BTreeMap<PackageId, Arc<IngestedPackage>>,
    pub(crate) interim: BTreeMap<InterimKey, PackageId>,
    pub(crate) test_devices: BTreeMap<TestDeviceName, TestDevice>,
    pub(crate) settings: Settings,
}

/// What an interim image is found by: the locale, and the update type it replaces.
pub(crate) type InterimKey = (Locale, UpdateType);

/// What holds for the whole book.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Settings {
    /// The stepping stones; the first that applies is taken.
    pub stones: Vec<SteppingStone>,
    /// Device types whose packages go to everybody as soon as they are ingested, as the original does for RoundTable.
    pub deploy_at_ingest: BTreeSet<DeviceType>,
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
    pub fn test_device(&self, id: &TestDeviceId) -> Option<&TestDevice> {
        self.test_devices.values().find(|device| device.id == *id)
    }

    /// What holds for the whole book.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The release a candidate of `rule` stands for; none where its package is gone.
    pub fn release(&self, rule: &RuleKey, candidate: &Candidate) -> Option<&Release> {
        self.package(candidate.package)?.release(rule, &candidate.version)
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
        if let Some(settings) = &delta.settings {
            self.settings.clone_from(settings);
        }
    }

    /// The whole book as the delta that makes it from an empty one: the form a checkpoint keeps.
    pub fn to_delta(&self) -> Delta {
        Delta {
            rules: self.rules.iter().map(|(key, rule)| Entry::is(key.clone(), (**rule).clone())).collect(),
            packages: self
                .packages
                .iter()
                .map(|(key, package)| Entry::is(*key, (**package).clone()))
                .collect(),
            interim: self.interim.iter().map(|(key, package)| Entry::is(key.clone(), *package)).collect(),
            test_devices: self
                .test_devices
                .iter()
                .map(|(key, device)| Entry::is(key.clone(), device.clone()))
                .collect(),
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
    pub(crate) fn is(key: K, now: V) -> Self {
        Self { key, now: Some(now) }
    }

    pub(crate) fn gone(key: K) -> Self {
        Self { key, now: None }
    }
}
