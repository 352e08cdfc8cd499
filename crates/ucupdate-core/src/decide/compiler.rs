//! Compiles a rule book to an [`EligibilityIndex`].

use crate::book::{
    Alias, Assignment, Audience, Ban, Candidate, GroupName, HeldDevices, IngestedPackage, InterimImage,
    OfferPolicy, Release, ReleaseKey, ReleasesByRule, RuleBook, RuleKey, Share, StoneImage, Stop, StopScope,
    UpdateType, Window, with_last,
};
use crate::decide::folded_table::GroupedTable;
use crate::decide::index::{
    COUNT_OF_THE_RULE, CompiledAssignment, CompiledAudience, CompiledRule, CompiledShare, CompiledWindow,
    EligibilityIndex, Head, NONE, Offer, PackedAudience, SCHEME_OF_THE_RULE, StoneHop, StonePath, Target,
};
use crate::decide::known_devices::KnownDevices;
use crate::decide::module_rules::ModuleRules;
use crate::device::{DeviceId, KindWord, KindWords, Locale};
use crate::value::{PackageId, Sha256Digest};
use crate::version::{ReportedVersion, VersionScheme};
use foldhash::fast::FixedState;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

impl EligibilityIndex {
    /// Compiles a rule book. `revision` is the number of its revision, which explanations show.
    pub fn compile(book: &RuleBook, revision: u64) -> Self {
        Compiler::new(book).compile(revision)
    }
}

/// The largest number of keys in the table for one rule. The first key has the words of the rule itself. Each
/// of the other keys has words that a device may report and that aliases turn into the words of the rule.
const MOST_ALIASED_PER_RULE: usize = 16;

/// The tables that are used only while a book is compiled.
struct Compiler<'a> {
    book: &'a RuleBook,
    releases: ReleasesByRule<'a>,
    groups: BTreeMap<&'a GroupName, u32>,
    devices: BTreeMap<DeviceId, u32>,
    interim: BTreeMap<(Locale, UpdateType), CompiledInterim<'a>>,
    known_paths: HashMap<Vec<StoneHop>, u32, FixedState>,
    known_assigned: HashMap<(&'a Audience, &'a str, PackageId), u32, FixedState>,
    known_targets: HashMap<Target, u32, FixedState>,
    index: EligibilityIndex,
}

/// The approved and the pending interim image of a locale and update type.
#[derive(Default)]
struct CompiledInterim<'a> {
    approved: Option<OfferedInterim<'a>>,
    pending: Option<OfferedInterim<'a>>,
}

/// An interim image and the index of its offer. For each stone, `senders` says whether this stone may send the
/// image.
struct OfferedInterim<'a> {
    image: &'a InterimImage,
    offer: u32,
    senders: Vec<bool>,
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
            schemes: vec![VersionScheme::Dotnet],
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
            known_assigned: HashMap::default(),
            known_targets: HashMap::default(),
            index,
        }
    }

    fn compile(mut self, revision: u64) -> EligibilityIndex {
        self.compile_interim();
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
        // Most rules have one assignment. Memory that is not used is returned below.
        self.index.assignments.reserve(count + count / 4);
        self.index.offers.reserve(count + count / 4);
        self.index.rules.reserve(count);
        let mut heads = Vec::with_capacity(count);
        for (key, rule) in book.rules.shared() {
            let first = small(self.index.assignments.len());
            let stones = self.stones_for(key, rule.policy());
            for assignment in rule.assignments() {
                let compiled = self.assignment(key, rule.policy(), assignment, &stones);
                self.index.assignments.push(compiled);
            }
            let stop = if book.stops.is_empty() { None } else { self.stop_of(key) };
            let holds = rule_holds.remove(key).unwrap_or_default();
            let is_plain = stop.is_none() && holds.is_empty() && rule.policy().is_plain();
            let scheme = self.add_scheme(&rule.policy().scheme);
            let window = self.add_window(rule.policy().window.as_ref());
            let count = u16::try_from(rule.assignments().len()).unwrap_or(COUNT_OF_THE_RULE);
            heads.push(Head { first, count, is_plain, scheme });
            self.index.rules.push(CompiledRule { rule: Arc::clone(rule), window, holds, stop });
        }
        self.index.assignments.shrink_to_fit();
        self.index.offers.shrink_to_fit();
        self.index.module_rules = ModuleRules::new(book);
        let aliases: Vec<Alias> = book.aliases().collect();
        let aliased = self.aliased(&aliases);
        let mut keys: Vec<_> = book.rules.keys().map(RuleKey::words).zip(heads.iter().copied()).collect();
        let of_rule = |number: u32| heads.get(number as usize).copied();
        keys.extend(aliased.iter().filter_map(|(words, rule)| Some((*words, of_rule(*rule)?))));
        self.index.table = GroupedTable::new(keys.into_iter());
        self.index.aliased = aliased.into_iter().map(|(_, rule)| rule).collect();
        self.index.revision = revision;
        self.index
    }

    /// Returns further keys for the table: words that devices may report and that aliases turn into the words
    /// of a rule. Each key has the index of its rule. A lookup finds them as fast as the words of the rules
    /// themselves. The keys of one kind of device are adjacent.
    ///
    /// A reported kind of device is left out if it has rules of its own, because these rules come first. Keys
    /// above [`MOST_ALIASED_PER_RULE`] are left out too. For them, a decision applies the aliases one by one.
    fn aliased<'w>(&self, aliases: &'w [Alias]) -> Vec<([&'w str; RuleKey::WORD_COUNT], u32)>
    where
        'a: 'w,
    {
        let mut reported: BTreeMap<(KindWord, String), Vec<&str>> = BTreeMap::new();
        for alias in aliases {
            let meant = (alias.reported.field.word(), alias.stands_for.as_str().to_ascii_lowercase());
            reported.entry(meant).or_default().push(alias.reported.word.as_str());
        }
        let mut found = Vec::new();
        if reported.is_empty() {
            return found;
        }
        let book: &'a RuleBook = self.book;
        let folded = |kind: [&str; KindWord::COUNT]| kind.map(str::to_ascii_lowercase);
        let known: BTreeSet<_> = book.rules.keys().map(|rule| folded(rule.kind().words())).collect();
        for (number, rule) in (0..).zip(book.rules.keys()) {
            let own = rule.kind().words();
            let mut kinds = vec![KindWords::from(own)];
            for (word, text) in KindWord::ALL.into_iter().zip(own) {
                let Some(others) = reported.get(&(word, text.to_ascii_lowercase())) else { continue };
                let with = |kind: &KindWords<&'w str>, other: &'w str| {
                    let mut kind = *kind;
                    kind[word] = other;
                    kind
                };
                let room = MOST_ALIASED_PER_RULE.saturating_sub(kinds.len());
                let more = kinds.iter().flat_map(|kind| others.iter().map(move |other| with(kind, other)));
                let more: Vec<_> = more.take(room).collect();
                kinds.extend(more);
            }
            for kind in kinds.into_iter().skip(1).map(KindWords::into_array) {
                let leads_to_it = self.index.words_meant(kind).is_some_and(|(meant, _)| {
                    meant.into_array().iter().zip(own).all(|(meant, own)| meant.eq_ignore_ascii_case(own))
                });
                if leads_to_it && !known.contains(&folded(kind)) {
                    found.push((with_last(kind, rule.update_type().as_str()), number));
                }
            }
        }
        let folded = |words: &[&str; RuleKey::WORD_COUNT]| words.map(str::to_ascii_lowercase);
        found.sort_by_cached_key(|(words, _)| folded(words));
        found
    }

    fn compile_interim(&mut self) {
        let book = self.book;
        for (locale, update_type, rule) in book.interim_rules() {
            let image = |package: PackageId| {
                let package = book.package(package)?;
                Some((package.interim_image(locale, update_type)?, package))
            };
            let (approved, pending) = (rule.approved.and_then(image), rule.pending.and_then(image));
            let approved = approved.map(|(image, package)| {
                let folder = InterimImage::folder(&image.locale);
                self.offered_interim(image, package, folder)
            });
            let pending = pending.map(|(image, package)| {
                // The approved image has the folder of the locale, where every device finds it.
                let folder = match &approved {
                    Some(_) => InterimImage::folder_of_version(&image.locale, &image.version),
                    None => InterimImage::folder(&image.locale),
                };
                self.offered_interim(image, package, folder)
            });
            let key = (locale.clone(), update_type.clone());
            self.interim.insert(key, CompiledInterim { approved, pending });
        }
    }

    fn offered_interim(
        &mut self,
        image: &'a InterimImage,
        package: &'a IngestedPackage,
        folder: String,
    ) -> OfferedInterim<'a> {
        let offer = self.add_offer(Offer::new(&image.version, folder, &image.files));
        let senders = self.index.stones.iter().map(|stone| package.may_send(stone, image)).collect();
        OfferedInterim { image, offer, senders }
    }

    /// Returns the two offers of a stone's interim image, for the devices of a rule: the offer for all devices,
    /// and the offer for test devices. Each is an index of the table of offers, the number that stands for a
    /// ban, or [`NONE`].
    fn interim_offers(&self, key: &RuleKey, policy: &OfferPolicy, stone: usize) -> (u32, u32) {
        let interim = (key.kind().locale.clone(), key.update_type().clone());
        let Some(CompiledInterim { approved, pending }) = self.interim.get(&interim) else {
            return (NONE, NONE);
        };
        let offer = |of: &Option<OfferedInterim<'_>>| {
            let OfferedInterim { image, offer, .. } = of.as_ref().filter(|of| of.senders[stone])?;
            let digest = image.files.image.sha256;
            Some(self.ban(key, policy, &image.version, digest).unwrap_or(*offer))
        };
        let is_offer = |number: &u32| (*number as usize) < self.index.offers.len();
        let (approved, pending) = (offer(approved), offer(pending));
        let for_test_devices = pending.filter(is_offer).or(approved).or(pending).unwrap_or(NONE);
        // If the only image is pending and banned, the ban concerns every device, because an approval would not help.
        let banned = pending.filter(|number| !is_offer(number));
        (approved.or(banned).unwrap_or(NONE), for_test_devices)
    }

    fn stop_of(&self, key: &RuleKey) -> Option<Box<(StopScope, Stop)>> {
        let scope = StopScope::Rule(key.clone());
        self.book.stop(&scope).cloned().map(|stop| Box::new((scope, stop)))
    }

    /// Returns the stones that are for a rule, in the order of the book. Each has its index and its two offers:
    /// for all devices, and for test devices.
    fn stones_for(&mut self, key: &RuleKey, policy: &OfferPolicy) -> Vec<(u32, (u32, u32))> {
        let book = self.book;
        let stones = (0..).zip(&book.settings.stones).filter(|(_, stone)| stone.is_for(key));
        stones
            .map(|(number, stone)| {
                let offers = match stone.image {
                    StoneImage::Interim => self.interim_offers(key, policy, number as usize),
                    StoneImage::Release => {
                        let by = stone.image_version();
                        let newest = self.releases.newest(key, &by);
                        let offer = newest.map_or(NONE, |release| self.add_release(key, policy, release));
                        (offer, offer)
                    }
                };
                (number, offers)
            })
            .collect()
    }

    fn assignment(
        &mut self,
        key: &RuleKey,
        policy: &OfferPolicy,
        assignment: &'a Assignment,
        stones: &[(u32, (u32, u32))],
    ) -> CompiledAssignment {
        let Assignment { audience, candidate, rollout } = assignment;
        let version = &candidate.version;
        let offer = self.offer_for(key, policy, candidate);
        let path = self.path_to(&policy.scheme, version, stones);
        let share = rollout.as_ref().map_or(&Share::All, |rollout| &rollout.share);
        CompiledAssignment {
            audience: PackedAudience::new(self.audience(audience)),
            target: self.add_target(&policy.scheme, version),
            share: self.add_share(key, version, share),
            offer,
            path,
            window: self.add_window(rollout.as_ref().and_then(|rollout| rollout.window.as_ref())),
            assigned: self.add_assigned(assignment),
            is_paused: rollout.as_ref().is_some_and(|rollout| rollout.paused.is_some()),
        }
    }

    /// Reads a version with a version scheme and returns its index in the table of targets. Adds the version to
    /// the table if it is new. Returns [`NONE`] if the scheme cannot read the version.
    fn add_target(&mut self, scheme: &VersionScheme, version: &ReportedVersion) -> u32 {
        let Some(read) = scheme.read_reported(version) else { return NONE };
        let target = Target { numbers: read.numbers, prefix: read.prefix.map(Box::from) };
        if let Some(known) = self.known_targets.get(&target) {
            return *known;
        }
        let number = small(self.index.targets.len());
        self.index.targets.push(target.clone());
        self.known_targets.insert(target, number);
        number
    }

    /// Adds a share to the table of shares and returns its index. Returns [`NONE`] if the share contains all
    /// devices.
    fn add_share(&mut self, key: &RuleKey, version: &ReportedVersion, share: &Share) -> u32 {
        let bound = match share {
            Share::All => return NONE,
            Share::Percent(percent) => match percent.bound() {
                Some(bound) => Some(bound),
                None => return NONE,
            },
            Share::Ramp(_) => None,
        };
        self.index.shares.push(CompiledShare { key: ReleaseKey::of(key, version), bound });
        small(self.index.shares.len() - 1)
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

    /// Adds the offer of a release to the table of offers and returns its index. The URL of the offer has the
    /// version as the release spells it. If the image is banned, adds nothing and returns the number that
    /// stands for the ban.
    fn add_release(&mut self, key: &RuleKey, policy: &OfferPolicy, release: &Release) -> u32 {
        if let Some(banned) = self.ban(key, policy, &release.version, release.files.image.sha256) {
            return banned;
        }
        let folder = Release::folder(key, &release.version);
        self.add_offer(Offer::new(&release.version, folder, &release.files))
    }

    /// Returns the number that stands for the ban of an image, in place of the index of an offer. `None` if the
    /// image is not banned.
    fn ban(
        &self,
        key: &RuleKey,
        policy: &OfferPolicy,
        version: &ReportedVersion,
        image: Sha256Digest,
    ) -> Option<u32> {
        let holds = |ban: &Ban| self.book.is_image_banned_by(ban, key, policy, version, image);
        let number = self.index.bans.iter().position(holds)?;
        Some(NONE - 1 - small(number))
    }

    fn add_offer(&mut self, offer: Offer) -> u32 {
        self.index.offers.push(offer);
        small(self.index.offers.len() - 1)
    }

    /// Returns the index of the path to a version in the table of paths. The path has those of `stones` that a
    /// device must install before it can install `version`. Equal paths are stored once.
    fn path_to(
        &mut self,
        scheme: &VersionScheme,
        version: &ReportedVersion,
        stones: &[(u32, (u32, u32))],
    ) -> u32 {
        let steps = stones.iter().filter_map(|(number, (offer, for_test_devices))| {
            let stone =
                self.index.stones.get(*number as usize).filter(|stone| stone.is_below_in(scheme, version))?;
            Some(StoneHop {
                below: stone.below.numbers().parts(),
                stone: *number,
                offer: *offer,
                for_test_devices: *for_test_devices,
            })
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

    /// Returns the index of a version scheme in the table of schemes, and adds the scheme if it is new. Returns
    /// [`SCHEME_OF_THE_RULE`] if the table is full.
    fn add_scheme(&mut self, scheme: &VersionScheme) -> u8 {
        let schemes = &mut self.index.schemes;
        let number = schemes.iter().position(|known| known == scheme).unwrap_or(schemes.len());
        let Some(index) = u8::try_from(number).ok().filter(|index| *index < SCHEME_OF_THE_RULE) else {
            return SCHEME_OF_THE_RULE;
        };
        if number == schemes.len() {
            schemes.push(scheme.clone());
        }
        index
    }

    /// Stores an assignment of the rule book for explanations, and returns its index. If an equal assignment in
    /// the same spelling is already stored, returns the index of that one.
    fn add_assigned(&mut self, assignment: &'a Assignment) -> u32 {
        let Assignment { audience, candidate, rollout } = assignment;
        let next = small(self.index.assigned.len());
        let known = (audience, candidate.version.as_str(), candidate.package);
        let number = match (rollout, audience) {
            (None, Audience::Everybody | Audience::TestDevices) => {
                *self.known_assigned.entry(known).or_insert(next)
            }
            // A name or a serial number in another spelling is equal, but an explanation must show its own
            // spelling.
            _ => next,
        };
        if number == next {
            self.index.assigned.push(assignment.clone());
        }
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
