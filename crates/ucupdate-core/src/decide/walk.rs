//! Decides what a device is offered. The decision is a pure function of the index, the question and the time.
//!
//! The order of the checks is fixed: is there a rule; which assignment has an audience and a share that contain
//! the device; is the device up to date; is the version banned, and are its files there; is the kill switch on;
//! can the installed version be read; does the policy allow the target (newer, not below the floor); is there a
//! hold; is the window open; and last, does the device need a stepping stone. A device whose target is not
//! offered gets no stepping stone either.
//!
//! A device that is in the audience of an assignment and *has* its version keeps the version. The share, a
//! pause and the window do not matter then. This lasts until the rollout ends.

use crate::book::{Alias, Assignment, Audience, OfferPolicy, OfferRule, SteppingStone};
use crate::decide::decision::{Decision, HeldBackReason, OfferKind};
use crate::decide::explain::Mismatch;
use crate::decide::folded_table::InGroup;
use crate::decide::index::{
    CompiledAssignment, CompiledAudience, CompiledRule, EligibilityIndex, Head, Offer,
};
use crate::decide::known_devices::KnownEntries;
use crate::decide::module_rules::{ModuleLookup, ModuleMatch};
use crate::request::Question;
use crate::value::UnixTime;
use crate::version::{Numbers, ReadVersion, ReportedVersion};

/// Decides what a device is offered for one of its modules.
///
/// The function always returns, is deterministic, and neither allocates nor takes a lock. `now` is the time of the
/// caller.
///
/// ```
/// use ucupdate_core::{Decision, Device, EligibilityIndex, Question, ReportedVersion, RuleBook, decide};
/// use ucupdate_core::request::InstalledModule;
/// use ucupdate_core::value::{Reported, UnixTime};
/// let index = EligibilityIndex::compile(&RuleBook::default(), 0);
/// let device = Device {
///     kind: "UCPhone/Polycom/CX700/A/ENU".parse()?,
///     mac_address: Reported::default(),
///     serial_number: Reported::default(),
/// };
/// let module = InstalledModule {
///     file_name: "cpe.nbt".into(),
///     version: ReportedVersion::new("1.0.452.0"),
///     time_stamp: Reported::default(),
/// };
/// assert_eq!(decide(&index, &Question::new(&device, &module), UnixTime::default()), Decision::NoRule);
/// # Ok::<(), ucupdate_core::value::ParseError>(())
/// ```
#[inline]
pub fn decide<'a>(index: &'a EligibilityIndex, question: &Question<'_>, now: UnixTime) -> Decision<'a> {
    walk(index, question, now, &mut Silent)
}

/// Observer of a decision. A decision calls these methods as it proceeds. [`decide`] uses an observer that does
/// nothing. [`explain`](crate::decide::explain::explain) uses an observer that records the steps. Both run the same
/// code.
pub(crate) trait Observer<'a> {
    fn rule(&mut self, _rule: &'a CompiledRule) {}
    /// Is called if the file name of the module is not the name of an update type, but a rule was found.
    fn module_match(&mut self, _how: ModuleMatch) {}
    /// Returns whether the observer needs the aliases that were used. If not, a decision may find the rule
    /// without them, and then does not call [`alias`](Self::alias).
    fn wants_aliases(&self) -> bool {
        false
    }
    /// Is called for each alias that replaced a word of the device.
    fn alias(&mut self, _alias: &Alias) {}
    fn no_rule(&mut self) {}
    /// Is called for each assignment that was tried. The assignment has the index `_at`. It applies to the
    /// device if `_mismatch` is `None`.
    fn assignment(&mut self, _at: usize, _known: KnownEntries<'a>, _mismatch: Option<Mismatch>) {}
    /// Is called for the stone that the device must install first. If the image of the stone is pending,
    /// `_pending` has the entries of the rule book for the device. They show whether it is a test device.
    fn stone(&mut self, _stone: &'a SteppingStone, _pending: Option<KnownEntries<'a>>) {}
}

pub(crate) struct Silent;

impl Observer<'_> for Silent {}

/// The state of one decision: the question, its rule and its device.
struct DecisionWalk<'a, 'q> {
    index: &'a EligibilityIndex,
    question: &'q Question<'q>,
    rule: &'a CompiledRule,
    head: Head,
    now: UnixTime,
    /// The installed version, read by the scheme of the rule. `None` if the scheme cannot read it.
    installed: Option<&'q ReadVersion<'q>>,
    /// `true` if aliases replaced words of the device to find the rule.
    is_aliased: bool,
    /// The entries of the rule book that name this device. They are looked up when they are first needed.
    known: Option<KnownEntries<'a>>,
}

#[inline]
pub(crate) fn walk<'a>(
    index: &'a EligibilityIndex,
    question: &Question<'_>,
    now: UnixTime,
    observer: &mut impl Observer<'a>,
) -> Decision<'a> {
    let module = question.module;
    let FoundRule { at, head, is_aliased } = match find_rule(index, question, observer) {
        Ok(found) => found,
        Err(decision) => return decision,
    };
    let rule = &index.rules[at];
    let installed = match head.scheme {
        // Nearly all rules have this scheme, which needs no look at the rule.
        0 => ReadVersion::of_dotnet(&module.version),
        _ => index.scheme_of(head, rule).read_reported(&module.version),
    };
    let installed = installed.as_ref();
    let mut walk = DecisionWalk { index, question, rule, head, now, is_aliased, installed, known: None };
    observer.rule(rule);
    let mut paused = None;
    for (place, assignment) in index.assignments_of(head, rule) {
        if let Some(mismatch) = walk.mismatch(place, assignment) {
            walk.record(observer, place, assignment, Some(mismatch));
            continue;
        }
        if walk.is_installed(assignment) {
            walk.record(observer, place, assignment, None);
            return Decision::UpToDate { version: &index.assigned_of(assignment).candidate.version };
        }
        if let Some(mismatch) = walk.mismatch_of_share(assignment) {
            walk.record(observer, place, assignment, Some(mismatch));
            continue;
        }
        if assignment.is_paused {
            walk.record(observer, place, assignment, Some(Mismatch::Paused));
            paused = paused.or(Some(assignment));
            continue;
        }
        walk.record(observer, place, assignment, None);
        return walk.offer(assignment, observer);
    }
    if let Some(held) = paused.and_then(|paused| held_by_pause(index.assigned_of(paused))) {
        return held;
    }
    let pending = index
        .assignments_of(head, rule)
        .any(|(_, assignment)| assignment.audience.get() == CompiledAudience::TestDevices);
    Decision::NothingApproved { pending }
}

/// The rule that answers a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FoundRule {
    /// The index of the rule in the compiled rule book.
    pub(super) at: usize,
    pub(super) head: Head,
    /// `true` if aliases replaced words of the device to find the rule.
    pub(super) is_aliased: bool,
}

/// Finds the rule that answers a question. If there is no single rule, the error is the decision for the
/// module.
#[inline]
pub(crate) fn find_rule<'a>(
    index: &'a EligibilityIndex,
    question: &Question<'_>,
    observer: &mut impl Observer<'a>,
) -> Result<FoundRule, Decision<'a>> {
    match index.table.find(question.words()) {
        InGroup::Key(place) => {
            // A key that aliases make has the same head as its rule.
            let Some(head) = index.head(place) else { return Err(Decision::NoRule) };
            if place < index.rules.len() {
                return Ok(FoundRule { at: place, head, is_aliased: false });
            }
            let at = index.aliased[place - index.rules.len()] as usize;
            let found = FoundRule { at, head, is_aliased: true };
            debug_assert_eq!(find_by_alias(index, question, &mut Silent), Ok(found));
            if observer.wants_aliases() { find_by_alias(index, question, observer) } else { Ok(found) }
        }
        InGroup::Group(first) if first < index.rules.len() => {
            find_by_module(index, question, first, observer)
        }
        InGroup::None if index.aliases.is_empty() => {
            observer.no_rule();
            Err(Decision::NoRule)
        }
        InGroup::Group(_) | InGroup::None => find_by_alias(index, question, observer),
    }
}

/// Finds the rule of a module whose file name is not the name of an update type. `first` is the index of
/// the first rule for this kind of device.
#[cold]
fn find_by_module<'a>(
    index: &'a EligibilityIndex,
    question: &Question<'_>,
    first: usize,
    observer: &mut impl Observer<'a>,
) -> Result<FoundRule, Decision<'a>> {
    match index.find_by_module(question.device.kind.words(), first, question) {
        ModuleLookup::None => find_by_alias(index, question, observer),
        found => note_module(index, found, false, observer),
    }
}

/// Finds the rule for the words of a device after aliases were applied.
#[cold]
fn find_by_alias<'a>(
    index: &'a EligibilityIndex,
    question: &Question<'_>,
    observer: &mut impl Observer<'a>,
) -> Result<FoundRule, Decision<'a>> {
    let words = question.device.kind.words();
    let meant = index.words_meant(words);
    let found = match &meant {
        None => ModuleLookup::None,
        Some((meant, _)) => match index.find_words(meant.into_array(), question.module) {
            InGroup::Key(at) => ModuleLookup::Rule(at, ModuleMatch::UpdateType),
            InGroup::Group(first) => index.find_by_module(meant.into_array(), first, question),
            InGroup::None => ModuleLookup::None,
        },
    };
    if found != ModuleLookup::None
        && let Some((_, aliases)) = meant
    {
        aliases.into_array().into_iter().flatten().for_each(|alias| observer.alias(alias));
    }
    note_module(index, found, true, observer)
}

/// Tells the observer how the rule of a module was found, and returns the rule. If there is no single rule, the
/// error is the decision for the module.
fn note_module<'a>(
    index: &'a EligibilityIndex,
    found: ModuleLookup,
    is_aliased: bool,
    observer: &mut impl Observer<'a>,
) -> Result<FoundRule, Decision<'a>> {
    match found {
        ModuleLookup::Rule(at, how) => {
            if how != ModuleMatch::UpdateType {
                observer.module_match(how);
            }
            let Some(head) = index.head(at) else { return Err(Decision::NoRule) };
            Ok(FoundRule { at, head, is_aliased })
        }
        ModuleLookup::Ambiguous(one, two) => {
            let (rule, other) = (index.rules[one].rule.key(), index.rules[two].rule.key());
            Err(Decision::AmbiguousModule { rule, other: (one != two).then_some(other) })
        }
        ModuleLookup::None => {
            observer.no_rule();
            Err(Decision::NoRule)
        }
    }
}

#[cold]
fn held_by_pause(assignment: &Assignment) -> Option<Decision<'_>> {
    let rollout = assignment.rollout.as_ref()?;
    let why = rollout.paused.as_deref().unwrap_or_default();
    let reason = HeldBackReason::Paused { rollout: &rollout.name, why };
    Some(Decision::HeldBack { target: &assignment.candidate.version, reason })
}

impl<'a> DecisionWalk<'a, '_> {
    #[inline]
    fn known(&mut self) -> KnownEntries<'a> {
        *self.known.get_or_insert_with(|| self.index.known.find(self.question.device))
    }

    #[inline]
    fn record(
        &mut self,
        observer: &mut impl Observer<'a>,
        place: usize,
        assignment: &CompiledAssignment,
        mismatch: Option<Mismatch>,
    ) {
        let is_known = matches!(assignment.audience.get(), CompiledAudience::TestDevices);
        let known = if is_known { self.known() } else { KnownEntries::default() };
        observer.assignment(place, known, mismatch);
    }

    /// Returns the reason why the device is not in the audience of an assignment. `None` if the device is in
    /// it.
    #[inline]
    fn mismatch(&mut self, place: usize, assignment: &CompiledAssignment) -> Option<Mismatch> {
        match assignment.audience.get() {
            CompiledAudience::Everybody => None,
            CompiledAudience::TestDevices => {
                self.known().test_device().is_none().then_some(Mismatch::NoTestDevice)
            }
            who => self.mismatch_of_audience(who, Some(place)),
        }
    }

    /// Returns the reason why the device is not in an audience. `None` if the device is in it. `place` is the
    /// index of the assignment with this audience, or `None` if the audience is that of a hold on a group.
    fn mismatch_of_audience(&mut self, who: CompiledAudience, place: Option<usize>) -> Option<Mismatch> {
        match who {
            CompiledAudience::Everybody => None,
            CompiledAudience::TestDevices => {
                self.known().test_device().is_none().then_some(Mismatch::NoTestDevice)
            }
            CompiledAudience::Device(device) => (!self.known().is(device)).then_some(Mismatch::OtherDevice),
            CompiledAudience::List(group) => (!self.known().is_member(group)).then_some(Mismatch::NotOnList),
            CompiledAudience::Predicate(group) => {
                let predicate = self.index.groups.get(group as usize)?.as_ref()?;
                let mut is_given = || {
                    place.is_some_and(|place| {
                        let assignment = &self.index.assignments[place];
                        let (policy, installed) = (self.rule.rule.policy(), &self.question.module.version);
                        self.is_installed(assignment) || self.index.is_on_way(assignment, policy, installed)
                    })
                };
                let meant = self.is_aliased.then(|| self.rule.kind_words());
                predicate
                    .first_mismatch(
                        self.question,
                        meant.as_ref(),
                        self.installed.map(|installed| installed.numbers),
                        &mut is_given,
                    )
                    .map(|part| Mismatch::Predicate { part })
            }
            CompiledAudience::Nobody => Some(Mismatch::NotOnList),
        }
    }

    /// Returns whether the device has the version of an assignment.
    #[inline]
    fn is_installed(&self, assignment: &CompiledAssignment) -> bool {
        match (self.installed, self.index.target_of(assignment)) {
            (Some(installed), Some(target)) if self.head.is_plain => installed.is_same_release(&target),
            (Some(installed), Some(target)) => self.rule.rule.policy().is_same_when_read(&target, installed),
            // A version that cannot be read is the same release as a version with the same text.
            _ => {
                let version = &self.index.assigned_of(assignment).candidate.version;
                version.as_str() == self.question.module.version.as_str()
            }
        }
    }

    /// Returns the reason why the device is not in the share of an assignment. `None` if the device is in it.
    #[inline]
    fn mismatch_of_share(&self, assignment: &CompiledAssignment) -> Option<Mismatch> {
        let share = self.index.shares.get(assignment.share as usize)?;
        let bound = match share.bound {
            Some(bound) => bound,
            None => {
                let rollout = self.index.assigned_of(assignment).rollout.as_ref()?;
                rollout.share.at(self.now).bound()?
            }
        };
        let device = share.key.position_of(self.question.device);
        if device.is_some_and(|device| device.is_before(bound)) {
            return None;
        }
        Some(Mismatch::Share { position: device })
    }

    /// Returns the decision for a device that does not have the version of its assignment yet.
    #[inline]
    fn offer(
        &mut self,
        assignment: &'a CompiledAssignment,
        observer: &mut impl Observer<'a>,
    ) -> Decision<'a> {
        let Self { index, rule, head, .. } = *self;
        let because = index.assigned_of(assignment);
        let target = &because.candidate.version;
        let Some(offer) = index.offer_of(assignment) else {
            return match index.ban_of(assignment) {
                Some(ban) => Decision::Banned { version: target, ban },
                None => Decision::FilesMissing { version: target },
            };
        };
        if let Some(held) = self.stopped(rule, head, target) {
            return held;
        }
        let is_comparable = |installed: &&ReadVersion<'_>| {
            installed.prefix.is_none() || installed.is_comparable(index.target_of(assignment).as_ref())
        };
        let readable = self.installed.filter(is_comparable).map(|installed| &installed.numbers);
        if readable.is_none() && (head.is_plain || !rule.rule.policy().unreadable) {
            return Decision::VersionUnreadable { target };
        }
        if !head.is_plain
            && let Some(refused) = refused(
                rule.rule.policy(),
                readable,
                index.target_of(assignment).map(|target| target.numbers),
                target,
            )
        {
            return refused;
        }
        let may_be_held = !head.is_plain
            || index.any_device_holds
            || !index.group_holds.is_empty()
            || index.window(assignment.window()).is_some();
        if may_be_held && let Some(reason) = self.held(rule, head, because, assignment, readable) {
            return Decision::HeldBack { target, reason };
        }
        let direct = Decision::Offer { offer, kind: OfferKind::Direct, because };
        let Some(installed) = readable else { return direct };
        match index.stone_of(assignment, installed) {
            None => direct,
            Some((stone, step)) => {
                let pending = step.is_pending().then(|| self.known());
                observer.stone(stone, pending);
                let is_test_device = pending.is_some_and(|known| known.test_device().is_some());
                match index.offer_of_step(step, is_test_device) {
                    Ok(offer) => {
                        Decision::Offer { offer, kind: OfferKind::SteppingStone { stone, target }, because }
                    }
                    Err(Some(ban)) => Decision::SteppingStoneBanned { stone, ban },
                    Err(None) => match index.offer_of_step(step, true) {
                        Ok(Offer { version: image, .. }) => Decision::SteppingStonePending { stone, image },
                        Err(_) => Decision::SteppingStoneMissing { stone },
                    },
                }
            }
        }
    }

    #[inline]
    fn stopped(
        &self,
        rule: &'a CompiledRule,
        head: Head,
        target: &'a ReportedVersion,
    ) -> Option<Decision<'a>> {
        let of_rule = if head.is_plain { None } else { rule.stop.as_deref() };
        let (scope, stop) = self.index.stop_all.as_ref().or(of_rule)?;
        Some(Decision::HeldBack { target, reason: HeldBackReason::Stop { scope, stop } })
    }

    /// Returns the hold or the window that prevents an offer. `None` if nothing prevents it. A device below
    /// the [minimum](crate::book::OfferPolicy::minimum) of the rule is never held back.
    fn held(
        &mut self,
        rule: &'a CompiledRule,
        head: Head,
        because: &'a Assignment,
        assignment: &CompiledAssignment,
        installed: Option<&Numbers>,
    ) -> Option<HeldBackReason<'a>> {
        let index = self.index;
        let minimum = if head.is_plain { None } else { rule.rule.policy().minimum.as_ref() };
        if let (Some(minimum), Some(installed)) = (minimum, installed)
            && installed.padded() < minimum.numbers().padded()
        {
            return None;
        }
        let now = self.now;
        let hold = |number: u32| index.holds.get(number as usize).filter(|hold| hold.lasts(now));
        if index.any_device_holds
            && let Some(hold) = self.known().holds().find_map(hold)
        {
            return Some(HeldBackReason::Hold(hold));
        }
        for (who, number) in &index.group_holds {
            if let Some(hold) = hold(*number)
                && self.mismatch_of_audience(*who, None).is_none()
            {
                return Some(HeldBackReason::Hold(hold));
            }
        }
        if let Some(hold) = rule.holds.iter().copied().find_map(hold) {
            return Some(HeldBackReason::Hold(hold));
        }
        let of_rule = match because.audience {
            Audience::TestDevices => None,
            _ => index.window(rule.window),
        };
        let mut windows = [index.window(assignment.window()), of_rule].into_iter().flatten();
        windows.find(|window| !window.is_open(now)).map(|window| HeldBackReason::Window(&window.window))
    }
}

/// Returns the decision [`NotNewer`](Decision::NotNewer) or [`BelowFloor`](Decision::BelowFloor) if the policy
/// of the rule refuses the target. `None` if the policy allows it. `numbers` are the numbers of the target, or
/// `None` if the version scheme cannot read the target.
fn refused<'a>(
    policy: &'a OfferPolicy,
    installed: Option<&Numbers>,
    numbers: Option<Numbers>,
    target: &'a ReportedVersion,
) -> Option<Decision<'a>> {
    let installed = *installed?;
    if policy.offer == OfferRule::Different && policy.floor.is_none() {
        return None;
    }
    if policy.offer == OfferRule::Newer && numbers.is_none_or(|target| target <= installed) {
        return Some(Decision::NotNewer { target });
    }
    let floor = policy.floor.as_ref()?;
    let least = installed.padded().min(floor.numbers().padded());
    let down = numbers.is_some_and(|target| target.padded() < least);
    down.then_some(Decision::BelowFloor { target, floor })
}
