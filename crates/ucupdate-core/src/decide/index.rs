//! The compiled form of a rule book.

use crate::book::{
    Alias, Assignment, Ban, Hold, OfferPolicy, Predicate, ReleaseFiles, ReleaseKey, Rule, SteppingStone,
    Stop, StopScope, TestDevice, Window, with_last,
};
use crate::decide::folded_table::{GroupedTable, InGroup};
use crate::decide::known_devices::KnownDevices;
use crate::decide::module_rules::{ModuleLookup, ModuleRules};
use crate::decide::walk::{Silent, find_rule};
use crate::device::{Device, KindWord, KindWords};
use crate::request::{InstalledModule, Question};
use crate::value::{FieldTime, FileName, Zone};
use crate::version::{FirmwareVersion, Numbers, ReadVersion, ReportedVersion, VersionScheme};
use std::sync::Arc;

/// A rule book compiled for fast decisions. It never changes; a new revision of the book needs a new index.
#[derive(Debug, Default)]
pub struct EligibilityIndex {
    pub(crate) revision: u64,
    /// The table in which a decision looks up the words of a device. It has the [`Head`] of each rule. The keys
    /// of rules come first. After them come keys that aliases make, with words that a device may report in
    /// place of the words of a rule. The keys of one kind of device are a group.
    pub(super) table: GroupedTable<Head>,
    /// The indices of rules for the keys of `table` that aliases make, in the order of these keys.
    pub(super) aliased: Vec<u32>,
    pub(super) module_rules: ModuleRules,
    pub(super) aliases: Vec<Alias>,
    /// The version schemes of the rules. The first scheme is [`VersionScheme::Dotnet`].
    pub(super) schemes: Vec<VersionScheme>,
    pub(super) bans: Vec<Ban>,
    /// The compiled assignments. The assignments of one rule are adjacent.
    pub(crate) assignments: Vec<CompiledAssignment>,
    /// The assignments of the rule book, for reasons and explanations. Rules that assign the same version
    /// of the same package share an entry.
    pub(super) assigned: Vec<Assignment>,
    /// The versions of the assignments, as the schemes of their rules read them. Equal versions share an
    /// entry, because many rules assign the same few versions.
    pub(super) targets: Vec<Target>,
    pub(super) shares: Vec<CompiledShare>,
    pub(crate) rules: Vec<CompiledRule>,
    pub(super) offers: Vec<Offer>,
    /// Paths over stepping stones. The first path has no stone.
    pub(super) paths: Vec<StonePath>,
    pub(crate) stones: Vec<SteppingStone>,
    pub(crate) known: KnownDevices,
    pub(crate) test_devices: Vec<TestDevice>,
    /// The predicates of the groups, in the order of the names of the groups. `None` for a group that is a
    /// list of devices.
    pub(crate) groups: Vec<Option<Predicate>>,
    pub(crate) holds: Vec<Hold>,
    pub(crate) group_holds: Vec<(CompiledAudience, u32)>,
    pub(crate) any_device_holds: bool,
    pub(crate) stop_all: Option<(StopScope, Stop)>,
    pub(crate) windows: Vec<CompiledWindow>,
}

/// The value of [`Head::scheme`] for a version scheme that is not in the table, because the table is full.
/// The scheme is then read from the policy of the rule.
pub(super) const SCHEME_OF_THE_RULE: u8 = u8::MAX;

/// The value of [`Head::count`] if a rule has 65,535 assignments or more, which is too large for the field. The
/// number is then read from the rule.
pub(super) const COUNT_OF_THE_RULE: u16 = u16::MAX;

/// The part of a rule that a decision reads first. A lookup in [`EligibilityIndex::table`] returns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// The index of the first assignment of the rule.
    pub(super) first: u32,
    /// The number of assignments, or [`COUNT_OF_THE_RULE`].
    pub(super) count: u16,
    /// `true` if the policy is the default one, except for its scheme, and there is no hold or stop on the rule.
    pub(crate) is_plain: bool,
    /// The index of the version scheme in the table of schemes, or [`SCHEME_OF_THE_RULE`].
    pub(super) scheme: u8,
}

/// The part of an assignment that a decision reads. Two of them fit in one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub(crate) struct CompiledAssignment {
    pub(super) audience: PackedAudience,
    /// The index of the assigned version in the table of targets. [`NONE`] if the version scheme of the rule
    /// cannot read the version.
    pub(super) target: u32,
    /// The index of the share in the table of shares. [`NONE`] if the assignment is for all devices of its
    /// audience.
    pub(super) share: u32,
    pub(super) offer: u32,
    pub(super) path: u32,
    pub(super) window: u32,
    /// The index in [`EligibilityIndex::assigned`] of the assignment from which this one was compiled.
    pub(super) assigned: u32,
    pub(crate) is_paused: bool,
}

const _: () = assert!(size_of::<CompiledAssignment>() == 32);

/// The version of an assignment, as the version scheme of the rule reads it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Target {
    pub(super) numbers: Numbers,
    /// The prefix of the version, such as `UC440HD_`. `None` if the version scheme does not compare prefixes.
    pub(super) prefix: Option<Box<str>>,
}

/// The share of an assignment that is not for all devices of its audience.
#[derive(Clone, Copy, Debug)]
pub(super) struct CompiledShare {
    /// The release that is rolled out. The position of each device in the rollout is computed from it.
    pub(super) key: ReleaseKey,
    /// The first position outside the share. `None` for a ramp, whose share depends on the time.
    pub(super) bound: Option<u64>,
}

/// A compiled [`Audience`](crate::book::Audience). A device or a group is given by its index in the compiled
/// rule book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CompiledAudience {
    Everybody,
    TestDevices,
    Device(u32),
    List(u32),
    Predicate(u32),
    /// A group that does not exist, so it contains no device.
    Nobody,
}

/// A [`CompiledAudience`] in four bytes, so that two compiled assignments fit in one cache line. The low three bits
/// have the number of the variant. The bits above them have the number of the device or group.
#[derive(Clone, Copy, Debug)]
pub(super) struct PackedAudience(u32);

impl PackedAudience {
    /// Packs an audience.
    ///
    /// # Panics
    /// Panics if the number of a device or a group is 2^29 or more.
    pub(super) fn new(audience: CompiledAudience) -> Self {
        let (variant, number) = match audience {
            CompiledAudience::Everybody => (0, 0),
            CompiledAudience::TestDevices => (1, 0),
            CompiledAudience::Device(device) => (2, device),
            CompiledAudience::List(group) => (3, group),
            CompiledAudience::Predicate(group) => (4, group),
            CompiledAudience::Nobody => (5, 0),
        };
        Self(number.checked_mul(8).expect("500 million devices do not come about") | variant)
    }

    #[inline]
    pub(super) fn get(self) -> CompiledAudience {
        let number = self.0 / 8;
        match self.0 % 8 {
            0 => CompiledAudience::Everybody,
            1 => CompiledAudience::TestDevices,
            2 => CompiledAudience::Device(number),
            3 => CompiledAudience::List(number),
            4 => CompiledAudience::Predicate(number),
            _ => CompiledAudience::Nobody,
        }
    }
}

#[derive(Debug)]
pub(crate) struct CompiledRule {
    pub(crate) rule: Arc<Rule>,
    pub(crate) window: u32,
    /// The indices in [`EligibilityIndex::holds`] of the holds on this rule.
    pub(crate) holds: Vec<u32>,
    /// The kill switch of the rule, if it is on. It is boxed, because nearly no rule has a kill switch.
    pub(crate) stop: Option<Box<(StopScope, Stop)>>,
}

impl CompiledRule {
    /// Returns the words of the kind of device that the rule is for.
    pub(super) fn kind_words(&self) -> KindWords<&str> {
        self.rule.key().kind().words().into()
    }
}

#[derive(Debug)]
pub(crate) struct CompiledWindow {
    pub(crate) window: Window,
    /// The zone of the window. `None` if the zone database has no such zone, and then the window is never open.
    pub(crate) zone: Option<Zone>,
}

/// The stepping stones on the way to one version. The stones are sorted by their thresholds, and the lowest one
/// is first.
#[derive(Debug, Default)]
pub(super) struct StonePath {
    /// The highest threshold of the stones. A device whose version is at or above it needs no stepping stone.
    pub(super) highest: [u32; 8],
    pub(super) steps: Vec<StoneHop>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct StoneHop {
    pub(super) below: [u32; 8],
    pub(super) stone: u32,
    /// The offer of the stone's image for all devices: the index of an offer, a number that stands for a ban,
    /// or [`NONE`] if there is no image.
    pub(super) offer: u32,
    /// The offer of the stone's image for test devices: that of the pending image if it can be offered, or else
    /// that for all devices.
    pub(super) for_test_devices: u32,
}

impl StoneHop {
    /// Returns whether test devices are offered a pending image of the stone, which other devices are not
    /// offered.
    #[inline]
    pub(super) fn is_pending(&self) -> bool {
        self.for_test_devices != self.offer
    }
}

/// The index that means `None`.
pub(super) const NONE: u32 = u32::MAX;

/// The files that a device is offered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Offer {
    /// The version of the image.
    pub version: ReportedVersion,
    /// The folder below the root of the URL, such as `OCInterim/ENU`.
    pub folder: Box<str>,
    /// The image's file name.
    pub image: FileName,
    /// The signature catalogue's file name.
    pub signature: FileName,
    /// The modification time of the image in its package. `None` if the package has no valid time.
    pub time_stamp: Option<FieldTime>,
}

impl Offer {
    pub(super) fn new(version: &ReportedVersion, folder: String, files: &ReleaseFiles) -> Self {
        Self {
            version: version.clone(),
            folder: folder.into(),
            image: files.image.name.clone(),
            signature: files.signature.name.clone(),
            time_stamp: files.image.modified,
        }
    }
}

impl EligibilityIndex {
    /// Returns the revision of the rule book that the index was compiled from.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Returns the number of rules in the rule book, including those that offer nothing.
    pub fn rule_count(&self) -> usize {
        self.rules.len()
    }

    /// Returns the test device with the MAC address or the serial number of `device`. `None` if `device` is
    /// not a test device.
    #[inline]
    pub fn test_device(&self, device: &Device) -> Option<&TestDevice> {
        self.test_devices.get(self.known.find(device).test_device()? as usize)
    }

    /// Returns the rule that answers a question, found in the same way as [`decide`](crate::decide::decide()) finds it: by the
    /// update type, by a file name, or by an alias. `None` if no rule answers it.
    pub fn rule_of(&self, question: &Question<'_>) -> Option<&Rule> {
        let found = find_rule(self, question, &mut Silent).ok()?;
        self.rules.get(found.at).map(|rule| &*rule.rule)
    }

    /// Finds the rule of a module whose file name is not the name of an update type. `words` are the words of
    /// the device, after aliases if any apply. `first` is the index of the first rule for this kind of device.
    pub(super) fn find_by_module(
        &self,
        words: [&str; KindWord::COUNT],
        first: usize,
        question: &Question<'_>,
    ) -> ModuleLookup {
        let by_update_type = |module: &InstalledModule| match self.find_words(words, module) {
            InGroup::Key(at) => Some(at),
            _ => None,
        };
        self.module_rules.find(words, self.table.group_from(first), question, by_update_type)
    }

    /// Finds the rule for the words of a device and the update type of a module. Only the words of rules
    /// themselves are searched, and not the keys that aliases make.
    pub(super) fn find_words(&self, words: [&str; KindWord::COUNT], module: &InstalledModule) -> InGroup {
        match self.table.find(with_last(words, module.update_type_stem())) {
            InGroup::Key(at) | InGroup::Group(at) if at >= self.rules.len() => InGroup::None,
            found => found,
        }
    }

    /// Replaces the words of a device by aliases. Returns all words, replaced or not, and for each word the
    /// alias that replaced it. `None` if no alias applies.
    pub(super) fn words_meant<'w>(
        &'w self,
        words: [&'w str; KindWord::COUNT],
    ) -> Option<(KindWords<&'w str>, KindWords<Option<&'w Alias>>)> {
        if self.aliases.is_empty() {
            return None;
        }
        let words = KindWords::from(words);
        let (mut meant, mut used): (_, KindWords<Option<&Alias>>) = (words, KindWords::default());
        for alias in &self.aliases {
            if let Some(word) = alias.reported.replaced_in(&words)
                && used[word].is_none()
            {
                meant[word] = alias.stands_for.as_str();
                used[word] = Some(alias);
            }
        }
        used.each_ref().iter().any(|alias| alias.is_some()).then_some((meant, used))
    }

    /// Returns whether a predicate matches a device, in the same way as in a decision. If the rule of the
    /// device is found by aliases, a word matches as it was reported, or as an alias replaces it. The
    /// installed version is read in the scheme of the rule.
    pub fn is_in(&self, predicate: &Predicate, question: &Question<'_>) -> bool {
        let found = find_rule(self, question, &mut Silent).ok();
        let rule = found.and_then(|found| self.rules.get(found.at));
        let meant =
            rule.filter(|_| found.is_some_and(|found| found.is_aliased)).map(CompiledRule::kind_words);
        let version = &question.module.version;
        let installed = match rule {
            Some(rule) => rule.rule.policy().scheme.numbers(version),
            None => version.readable().map(FirmwareVersion::numbers),
        };
        predicate.first_mismatch(question, meant.as_ref(), installed, &mut || false).is_none()
    }

    /// Returns the ban that applies to an assignment. `None` if its version is not banned.
    pub(super) fn ban_of(&self, assignment: &CompiledAssignment) -> Option<&Ban> {
        self.ban_at(assignment.offer)
    }

    fn ban_at(&self, offer: u32) -> Option<&Ban> {
        let number = NONE.checked_sub(1)?.checked_sub(offer)?;
        self.bans.get(number as usize)
    }

    /// Returns the [`Head`] of the rule with this index.
    #[inline]
    pub(super) fn head(&self, at: usize) -> Option<Head> {
        self.table.value(at)
    }

    /// Returns the compiled assignments of a rule. Each has its index in [`EligibilityIndex::assignments`].
    #[inline]
    pub(crate) fn assignments_of(
        &self,
        head: Head,
        rule: &CompiledRule,
    ) -> impl Iterator<Item = (usize, &CompiledAssignment)> {
        let first = head.first as usize;
        let count = match head.count {
            COUNT_OF_THE_RULE => rule.rule.assignments().len(),
            count => usize::from(count),
        };
        let these = self.assignments.get(first..first + count).unwrap_or_default();
        (first..).zip(these)
    }

    #[inline]
    pub(super) fn scheme_of<'s>(&'s self, head: Head, rule: &'s CompiledRule) -> &'s VersionScheme {
        self.schemes.get(usize::from(head.scheme)).unwrap_or(&rule.rule.policy().scheme)
    }

    /// Returns the version of an assignment as the scheme of its rule reads it. `None` if the scheme cannot read it.
    #[inline]
    pub(super) fn target_of(&self, assignment: &CompiledAssignment) -> Option<ReadVersion<'_>> {
        let Target { numbers, prefix } = self.targets.get(assignment.target as usize)?;
        Some(ReadVersion { numbers: *numbers, prefix: prefix.as_deref() })
    }

    /// Returns the assignment of the rule book from which an assignment was compiled.
    #[inline]
    pub(crate) fn assigned_of(&self, assignment: &CompiledAssignment) -> &Assignment {
        &self.assigned[assignment.assigned as usize]
    }

    /// Returns the offer of an assignment. `None` if its version is banned, or if the package with its
    /// version has left the book.
    #[inline]
    pub(crate) fn offer_of(&self, assignment: &CompiledAssignment) -> Option<&Offer> {
        self.offers.get(assignment.offer as usize)
    }

    /// Returns the stone that a device with the installed version must install before the version of an
    /// assignment. `None` if the device needs no stone.
    #[inline]
    pub(super) fn stone_of(
        &self,
        assignment: &CompiledAssignment,
        installed: &Numbers,
    ) -> Option<(&SteppingStone, &StoneHop)> {
        let path = self.paths.get(assignment.path as usize)?;
        if !installed.is_below(&path.highest) {
            return None;
        }
        let step = path.steps.iter().find(|step| installed.is_below(&step.below))?;
        Some((self.stones.get(step.stone as usize)?, step))
    }

    /// Returns the offer of a stepping stone's image, for test devices or for all devices. Otherwise the error
    /// has the ban of the image, or `None` if there is no image to offer.
    #[inline]
    pub(super) fn offer_of_step(
        &self,
        step: &StoneHop,
        is_test_device: bool,
    ) -> Result<&Offer, Option<&Ban>> {
        let offer = if is_test_device { step.for_test_devices } else { step.offer };
        self.offers.get(offer as usize).ok_or_else(|| self.ban_at(offer))
    }

    /// Returns whether `version` is the version of a stepping stone on the way to the version of an assignment.
    pub(crate) fn is_on_way(
        &self,
        assignment: &CompiledAssignment,
        policy: &OfferPolicy,
        version: &ReportedVersion,
    ) -> bool {
        let Some(path) = self.paths.get(assignment.path as usize) else { return false };
        let offers = path.steps.iter().flat_map(|step| [step.offer, step.for_test_devices]);
        let mut offers = offers.filter_map(|offer| self.offers.get(offer as usize));
        offers.any(|offer| policy.scheme.is_same_release(&offer.version, version))
    }

    pub(crate) fn window(&self, at: u32) -> Option<&CompiledWindow> {
        self.windows.get(at as usize)
    }
}

impl CompiledAssignment {
    pub(crate) fn window(&self) -> u32 {
        self.window
    }
}

impl CompiledWindow {
    pub(crate) fn is_open(&self, now: crate::value::UnixTime) -> bool {
        self.zone.as_ref().is_some_and(|zone| self.window.is_open(zone, now))
    }
}
