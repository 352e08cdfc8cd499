//! The compiled form of a rule book.

use crate::book::{
    Alias, Assignment, Audience, Ban, Candidate, GroupName, HeldDevices, Hold, InterimImage, OfferPolicy,
    Predicate, Release, ReleaseFiles, ReleaseKey, ReleasesByRule, Rule, RuleBook, RuleKey, Share,
    SteppingStone, StoneImage, Stop, StopScope, TestDevice, UpdateType, Window, with_last,
};
use crate::decide::decision::find_by_other_words;
use crate::decide::folded_table::FoldedTable;
use crate::decide::known_devices::KnownDevices;
use crate::decide::module_rules::{Found, ModuleRules};
use crate::device::{Device, DeviceId, KindWord, KindWords};
use crate::request::{InstalledModule, Question};
use crate::value::{FieldTime, FileName, Sha256Digest, Zone};
use crate::version::{ReportedVersion, VersionScheme};
use foldhash::fast::FixedState;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A rule book compiled for fast decisions. It never changes; a new revision of the book needs a new index.
#[derive(Debug, Default)]
pub struct EligibilityIndex {
    pub(crate) revision: u64,
    table: FoldedTable<Head>,
    module_rules: ModuleRules,
    aliases: Vec<Alias>,
    bans: Vec<Ban>,
    /// The compiled assignments; those of one rule are adjacent.
    pub(crate) assignments: Vec<CompiledAssignment>,
    /// The assignments as the book has them, at the same places, for reasons and explanations.
    pub(crate) assigned: Vec<Assignment>,
    pub(crate) rules: Vec<CompiledRule>,
    offers: Vec<Offer>,
    /// Ways over stepping stones; the first has none.
    paths: Vec<StonePath>,
    pub(crate) stones: Vec<SteppingStone>,
    pub(crate) known: KnownDevices,
    pub(crate) test_devices: Vec<TestDevice>,
    /// The predicates of the groups, by their names; none for a list.
    pub(crate) groups: Vec<Option<Predicate>>,
    pub(crate) holds: Vec<Hold>,
    /// The holds on groups.
    pub(crate) group_holds: Vec<(CompiledAudience, u32)>,
    pub(crate) any_device_holds: bool,
    pub(crate) stop_all: Option<(StopScope, Stop)>,
    pub(crate) windows: Vec<CompiledWindow>,
}

/// The part of a rule that a lookup returns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    /// The place of its first assignment.
    first: u32,
    count: u16,
    /// Whether its policy is the default one, and no hold or stop is on it.
    pub(crate) is_plain: bool,
}

/// The part of an assignment that deciding reads: one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(crate) struct CompiledAssignment {
    /// The version, missing parts as zero; what it is where it cannot be read does not matter.
    pub(crate) target: [u32; 4],
    /// Where devices find their places, when it is for a share.
    pub(crate) key: ReleaseKey,
    /// The first place the share does not hold.
    pub(crate) bound: u64,
    pub(crate) audience: CompiledAudience,
    offer: u32,
    path: u32,
    window: u32,
    pub(crate) is_readable: bool,
    pub(crate) is_paused: bool,
    pub(crate) share: ShareKind,
}

/// How the share of an assignment is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShareKind {
    All,
    Fixed,
    Ramp,
}

/// An audience, compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CompiledAudience {
    Everybody,
    TestDevices,
    Device(u32),
    List(u32),
    Predicate(u32),
    /// A group that is not there: nobody.
    Nobody,
}

#[derive(Debug)]
pub(crate) struct CompiledRule {
    pub(crate) rule: Arc<Rule>,
    pub(crate) window: u32,
    /// The holds that name it.
    pub(crate) holds: Vec<u32>,
    pub(crate) stop: Option<(StopScope, Stop)>,
}

#[derive(Debug)]
pub(crate) struct CompiledWindow {
    pub(crate) window: Window,
    /// `None` when the zone database has no such zone; the window is never open then.
    pub(crate) zone: Option<Zone>,
}

/// A way over stepping stones to one target: the steps by their thresholds.
#[derive(Debug, Default)]
struct StonePath {
    /// The highest threshold. A device that is not below it takes no step.
    highest: [u32; 8],
    steps: Vec<StoneHop>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct StoneHop {
    below: [u32; 8],
    stone: u32,
    offer: u32,
}

/// None, for an index into a table.
const NONE: u32 = u32::MAX;

/// The files that a device is offered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Offer {
    /// The version of the image.
    pub version: ReportedVersion,
    /// The folder below the root of the URL: `OCInterim/ENU`.
    pub folder: Box<str>,
    /// The image's file name.
    pub image: FileName,
    /// The signature catalogue's file name.
    pub signature: FileName,
    /// The image's own time stamp.
    pub time_stamp: Option<FieldTime>,
}

impl Offer {
    fn new(version: &ReportedVersion, folder: String, files: &ReleaseFiles) -> Self {
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
    /// Compiles a rule book. `revision` is the number of the book's revision; explanations show it.
    pub fn compile(book: &RuleBook, revision: u64) -> Self {
        Compiler::new(book).compile(revision)
    }

    /// Returns the revision of the rule book that the index was compiled from.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Returns the number of rules.
    pub fn rule_count(&self) -> usize {
        self.rules.len()
    }

    /// Returns the test device with the MAC address or the serial number of `device`.
    #[inline]
    pub fn test_device(&self, device: &Device) -> Option<&TestDevice> {
        self.test_devices.get(self.known.find(device).test_device()? as usize)
    }

    /// Returns the rule that answers a question, found in the same way as [`decide`](crate::decide::decide()) finds it: by the
    /// update type, by a file name, or by an alias. `None` if no rule answers it.
    pub fn rule_of(&self, question: &Question<'_>) -> Option<&Rule> {
        let at = match self.find(question) {
            Some((at, _)) => at,
            None => find_by_other_words(self, question)?,
        };
        self.rules.get(at).map(|rule| &*rule.rule)
    }

    /// Where the rule that is asked for is.
    #[inline]
    pub(crate) fn find(&self, question: &Question<'_>) -> Option<(usize, Head)> {
        self.table.find(question.words())
    }

    /// The rule of a module whose file name is not that of an update type.
    ///
    /// `words` are those of the device, or what they stand for.
    pub(super) fn find_by_module(&self, words: [&str; KindWord::COUNT], question: &Question<'_>) -> Found {
        let by_update_type = |module: &InstalledModule| self.find_words(words, module).map(|(at, _)| at);
        self.module_rules.find(words, question, by_update_type)
    }

    /// Where the rule for these words of a device and a module is.
    pub(super) fn find_words(
        &self,
        words: [&str; KindWord::COUNT],
        module: &InstalledModule,
    ) -> Option<(usize, Head)> {
        self.table.find(with_last(words, module.update_type_stem()))
    }

    /// The words that the words of a device stand for, and the aliases that say so. `None` where there is no alias.
    pub(super) fn words_meant<'w>(
        &'w self,
        words: [&'w str; KindWord::COUNT],
    ) -> Option<([&'w str; KindWord::COUNT], Vec<&'w Alias>)> {
        let words = KindWords::from(words);
        let (mut meant, mut used) = (words, Vec::new());
        let mut is_replaced = KindWords::default();
        for alias in &self.aliases {
            if let Some(word) = alias.reported.replaced_in(&words)
                && !std::mem::replace(&mut is_replaced[word], true)
            {
                meant[word] = alias.stands_for.as_str();
                used.push(alias);
            }
        }
        (!used.is_empty()).then_some((meant.into_array(), used))
    }

    /// The ban that keeps an assignment from offering anything.
    pub(super) fn ban_of(&self, assignment: &CompiledAssignment) -> Option<&Ban> {
        self.ban_at(assignment.offer)
    }

    fn ban_at(&self, offer: u32) -> Option<&Ban> {
        let number = NONE.checked_sub(1)?.checked_sub(offer)?;
        self.bans.get(number as usize)
    }

    /// Returns the head of the rule at a place of the table, as a lookup by its words would.
    pub(super) fn head(&self, at: usize) -> Option<Head> {
        self.table.value(at)
    }

    /// The assignments of a rule, with their places.
    #[inline]
    pub(crate) fn assignments_of(&self, head: Head) -> impl Iterator<Item = (usize, &CompiledAssignment)> {
        let first = head.first as usize;
        let these = self.assignments.get(first..first + usize::from(head.count)).unwrap_or_default();
        (first..).zip(these)
    }

    /// Returns the offer of an assignment, or `None` if the package with its version is gone.
    #[inline]
    pub(crate) fn offer_of(&self, assignment: &CompiledAssignment) -> Option<&Offer> {
        self.offers.get(assignment.offer as usize)
    }

    /// The stone a device with this version, missing parts as zero, has to take on the way an assignment leads, and its
    /// offer.
    #[inline]
    pub(crate) fn stone_of(
        &self,
        assignment: &CompiledAssignment,
        installed: [u32; 8],
    ) -> Option<(&SteppingStone, Result<&Offer, Option<&Ban>>)> {
        let path = self.paths.get(assignment.path as usize)?;
        if installed >= path.highest {
            return None;
        }
        let step = path.steps.iter().find(|step| installed < step.below)?;
        let offer = self.offers.get(step.offer as usize).ok_or_else(|| self.ban_at(step.offer));
        Some((self.stones.get(step.stone as usize)?, offer))
    }

    /// Whether a version is that of a stone on the way an assignment leads.
    pub(crate) fn is_on_way(
        &self,
        assignment: &CompiledAssignment,
        policy: &OfferPolicy,
        version: &ReportedVersion,
    ) -> bool {
        let Some(path) = self.paths.get(assignment.path as usize) else { return false };
        let mut offers = path.steps.iter().filter_map(|step| self.offers.get(step.offer as usize));
        offers.any(|offer| policy.scheme.same_release(&offer.version, version))
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

/// The tables that are needed while a book is compiled.
struct Compiler<'a> {
    book: &'a RuleBook,
    releases: ReleasesByRule<'a>,
    groups: BTreeMap<&'a GroupName, u32>,
    devices: BTreeMap<DeviceId, u32>,
    /// The offer of each interim image, and the digest of the image.
    interim: BTreeMap<(crate::device::Locale, UpdateType), (u32, Sha256Digest)>,
    known_paths: HashMap<Vec<StoneHop>, u32, FixedState>,
    index: EligibilityIndex,
}

impl<'a> Compiler<'a> {
    fn new(book: &'a RuleBook) -> Self {
        let names: Vec<&GroupName> = book.groups.keys().collect();
        let (known, devices) = KnownDevices::of(book, &names);
        let index = EligibilityIndex {
            known,
            test_devices: book.test_devices().cloned().collect(),
            stones: book.settings.stones.clone(),
            aliases: book.aliases().collect(),
            bans: book.bans().cloned().collect(),
            holds: book.holds().cloned().collect(),
            groups: book.groups().map(|group| group.predicate.clone()).collect(),
            paths: vec![StonePath::default()],
            ..EligibilityIndex::default()
        };
        let groups = (0..).zip(names).map(|(number, name)| (name, number)).collect();
        Self {
            book,
            releases: ReleasesByRule::of(book),
            groups,
            devices,
            interim: BTreeMap::new(),
            known_paths: HashMap::default(),
            index,
        }
    }

    fn compile(mut self, revision: u64) -> EligibilityIndex {
        for (image, _) in self.book.interim_images() {
            let offer = Offer::new(&image.version, InterimImage::folder(&image.locale), &image.files);
            let offer = self.add_offer(offer);
            let digest = image.files.image.sha256;
            self.interim.insert((image.locale.clone(), image.update_type.clone()), (offer, digest));
        }
        let stop_all = self.book.stop(&StopScope::All).cloned();
        self.index.stop_all = stop_all.map(|stop| (StopScope::All, stop));
        let mut rule_holds: BTreeMap<&RuleKey, Vec<u32>> = BTreeMap::new();
        for (number, hold) in (0..).zip(self.book.holds()) {
            match &hold.on {
                HeldDevices::Device(_) => self.index.any_device_holds = true,
                HeldDevices::Group(name) => {
                    let who = self.group(name);
                    self.index.group_holds.push((who, number));
                }
                HeldDevices::Rule(rule) => rule_holds.entry(rule).or_default().push(number),
            }
        }
        let book = self.book;
        let count = book.rules.len();
        self.index.assignments.reserve(count);
        self.index.assigned.reserve(count);
        self.index.offers.reserve(count);
        self.index.rules.reserve(count);
        let mut heads = Vec::with_capacity(count);
        for (key, rule) in book.rules.shared() {
            let first = small(self.index.assignments.len());
            let stones = self.stones_for(key, rule.policy());
            for assignment in rule.assignments() {
                let compiled = self.assignment(key, rule.policy(), assignment, &stones);
                self.index.assignments.push(compiled);
                self.index.assigned.push(assignment.clone());
            }
            let stop = if book.stops.is_empty() { None } else { self.stop_of(key) };
            let holds = rule_holds.remove(key).unwrap_or_default();
            let is_plain = stop.is_none() && holds.is_empty() && *rule.policy() == OfferPolicy::default();
            let window = self.add_window(rule.policy().window.as_ref());
            let count = u16::try_from(rule.assignments().len()).unwrap_or(u16::MAX);
            heads.push(Head { first, count, is_plain });
            self.index.rules.push(CompiledRule { rule: Arc::clone(rule), window, holds, stop });
        }
        self.index.table = FoldedTable::new(book.rules.keys().map(RuleKey::words).zip(heads));
        self.index.module_rules = ModuleRules::new(book, &self.releases);
        self.index.revision = revision;
        self.index
    }

    fn stop_of(&self, key: &RuleKey) -> Option<(StopScope, Stop)> {
        let scope = StopScope::Rule(key.clone());
        self.book.stop(&scope).cloned().map(|stop| (scope, stop))
    }

    /// The stones that are for a rule, in their order, and the offers of their images.
    fn stones_for(&mut self, key: &RuleKey, policy: &OfferPolicy) -> Vec<(u32, u32)> {
        let book = self.book;
        let stones = (0..).zip(&book.settings.stones).filter(|(_, stone)| stone.is_for(key));
        stones
            .map(|(number, stone)| {
                let offer = match stone.image {
                    StoneImage::Interim => {
                        let image = (key.kind().locale.clone(), key.update_type().clone());
                        match self.interim.get(&image).copied() {
                            Some((offer, digest)) => {
                                let offered = self.index.offers.get(offer as usize);
                                let banned = offered
                                    .and_then(|offered| self.ban(key, policy, &offered.version, digest));
                                banned.unwrap_or(offer)
                            }
                            None => NONE,
                        }
                    }
                    StoneImage::Release => {
                        let by = stone.image_version();
                        let newest = self.releases.newest(key, &by);
                        newest.map_or(NONE, |release| self.add_release(key, policy, release))
                    }
                };
                (number, offer)
            })
            .collect()
    }

    fn assignment(
        &mut self,
        key: &RuleKey,
        policy: &OfferPolicy,
        assignment: &Assignment,
        stones: &[(u32, u32)],
    ) -> CompiledAssignment {
        let Assignment { audience, candidate, rollout } = assignment;
        let version = &candidate.version;
        let offer = self.offer_for(key, policy, candidate);
        let path = self.path_to(&policy.scheme, version, stones);
        let share = rollout.as_ref().map_or(&Share::All, |rollout| &rollout.share);
        let (kind, bound) = match share {
            Share::All => (ShareKind::All, 0),
            Share::Percent(percent) => {
                percent.bound().map_or((ShareKind::All, 0), |bound| (ShareKind::Fixed, bound))
            }
            Share::Ramp(_) => (ShareKind::Ramp, 0),
        };
        let is_shared = kind != ShareKind::All;
        CompiledAssignment {
            target: version.readable().map_or([0; 4], crate::version::FirmwareVersion::padded),
            key: if is_shared { ReleaseKey::of(key, version) } else { ReleaseKey::NONE },
            bound,
            audience: self.audience(audience),
            offer,
            path,
            window: self.add_window(rollout.as_ref().and_then(|rollout| rollout.window.as_ref())),
            is_readable: version.readable().is_some(),
            is_paused: rollout.as_ref().is_some_and(|rollout| rollout.paused.is_some()),
            share: kind,
        }
    }

    fn audience(&self, audience: &Audience) -> CompiledAudience {
        match audience {
            Audience::Everybody => CompiledAudience::Everybody,
            Audience::TestDevices => CompiledAudience::TestDevices,
            Audience::Device(device) => self
                .devices
                .get(device)
                .map_or(CompiledAudience::Nobody, |device| CompiledAudience::Device(*device)),
            Audience::Group(name) => self.group(name),
        }
    }

    fn group(&self, name: &GroupName) -> CompiledAudience {
        let Some(number) = self.groups.get(name).copied() else { return CompiledAudience::Nobody };
        match self.index.groups.get(number as usize) {
            Some(Some(_)) => CompiledAudience::Predicate(number),
            _ => CompiledAudience::List(number),
        }
    }

    fn offer_for(&mut self, key: &RuleKey, policy: &OfferPolicy, candidate: &Candidate) -> u32 {
        match self.releases.find(key, candidate) {
            Some(release) => self.add_release(key, policy, release),
            None => NONE,
        }
    }

    /// The release's own spelling of its version stands in its URL.
    fn add_release(&mut self, key: &RuleKey, policy: &OfferPolicy, release: &Release) -> u32 {
        if let Some(banned) = self.ban(key, policy, &release.version, release.files.image.sha256) {
            return banned;
        }
        let folder = Release::folder(key, &release.version);
        self.add_offer(Offer::new(&release.version, folder, &release.files))
    }

    /// Returns the number that replaces the offer of a banned image.
    fn ban(
        &self,
        key: &RuleKey,
        policy: &OfferPolicy,
        version: &ReportedVersion,
        image: Sha256Digest,
    ) -> Option<u32> {
        let number = self.index.bans.iter().position(|ban| ban.holds_image(key, policy, version, image))?;
        Some(NONE - 1 - small(number))
    }

    fn add_offer(&mut self, offer: Offer) -> u32 {
        self.index.offers.push(offer);
        small(self.index.offers.len() - 1)
    }

    /// The way over these stones to a version. Rules of one kind and locale share one.
    fn path_to(&mut self, scheme: &VersionScheme, version: &ReportedVersion, stones: &[(u32, u32)]) -> u32 {
        let steps = stones.iter().filter_map(|(number, offer)| {
            let stone =
                self.index.stones.get(*number as usize).filter(|stone| stone.is_below_in(scheme, version))?;
            Some(StoneHop { below: stone.below.numbers().parts(), stone: *number, offer: *offer })
        });
        let steps: Vec<StoneHop> = steps.collect();
        let Some(last) = steps.last() else { return 0 };
        if let Some(known) = self.known_paths.get(&steps) {
            return *known;
        }
        let number = small(self.index.paths.len());
        self.index.paths.push(StonePath { highest: last.below, steps: steps.clone() });
        self.known_paths.insert(steps, number);
        number
    }

    fn add_window(&mut self, window: Option<&Window>) -> u32 {
        let Some(window) = window else { return NONE };
        let known = self.index.windows.iter().position(|known| known.window == *window);
        small(known.unwrap_or_else(|| {
            self.index.windows.push(CompiledWindow { window: window.clone(), zone: window.find_zone() });
            self.index.windows.len() - 1
        }))
    }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(NONE)
}
