//! Notes about the effects of a command. Each note has one fact.

use super::note_text::AllOf;
use crate::book::alias::{Alias, AliasKey, AliasWord};
use crate::book::ban::Ban;
use crate::book::devices::{GroupName, HeldDevices, Hold, HoldName, StopScope, TestDeviceName};
use crate::book::rollout::{Rollout, RolloutName, Share};
use crate::book::rule::{
    Audience, Candidate, OfferPolicy, OfferRule, PatternScheme, Role, Rule, RuleError, RuleKey, UpdateType,
};
use crate::book::stone::{MissingStone, SteppingStone, StoneName};
use crate::device::{DeviceId, DeviceType, Locale};
use crate::value::{PackageId, UnixTime};
use crate::version::{FirmwareVersion, ReportedVersion, VersionScheme};
use std::fmt;

/// One fact about the effects of a command.
///
/// `Display` writes the fact as a sentence for people. For programs, [`kind`](Self::kind), [`rule`](Self::rule),
/// [`name`](Self::name), [`before`](Self::before) and [`after`](Self::after) return its parts. The serialised form is
/// an object with the same parts: `kind`, `rule`, `name`, `from` and `to`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message documents the field")]
pub enum Note {
    /// A package was ingested. It may have been in the rule book before.
    Ingested { package: PackageId, file_name: Box<str> },
    /// The version waits for approval. Only test devices are offered it.
    Pending { rule: RuleKey, version: ReportedVersion },
    /// The version is pending, and replaces another pending version.
    Replaced { rule: RuleKey, version: ReportedVersion, replaced: ReportedVersion },
    /// The rule has this version with the same bytes already. `state` is `pending` or `approved`.
    Unchanged { rule: RuleKey, version: ReportedVersion, state: &'static str },
    /// The version is approved for all devices of the rule.
    Approved { rule: RuleKey, version: ReportedVersion, before: Option<ReportedVersion> },
    /// The approved version is older than the version that was approved before.
    Older { rule: RuleKey, version: ReportedVersion, before: ReportedVersion },
    /// A rollout was started whose version is older than the approved one.
    OlderThanApproved { rule: RuleKey, version: ReportedVersion, approved: ReportedVersion },
    /// A rollout was started of the version that is approved.
    ApprovedAnyway { rule: RuleKey, version: ReportedVersion },
    /// A rollout was started while the rule has another rollout, `name`. The other rollout has priority. `version`
    /// is the version of the other rollout.
    BesideRollout { rule: RuleKey, name: RolloutName, version: ReportedVersion },
    /// An ingest brought a version that was rejected, so it is not pending.
    StillRejected { rule: RuleKey, version: ReportedVersion },
    /// A rejection was withdrawn. A note [`Pending`](Self::Pending) follows if the version is pending
    /// again.
    RejectionTakenBack { rule: RuleKey, version: ReportedVersion },
    /// The version was rejected. It no longer waits for approval.
    Rejected { rule: RuleKey, version: ReportedVersion },
    /// The version that was approved before is approved again.
    RolledBack { rule: RuleKey, version: ReportedVersion, from: Option<ReportedVersion> },
    /// The approved version was withdrawn.
    RolledBackToNothing { rule: RuleKey, from: Option<ReportedVersion> },
    /// The rule was removed, with its approved and its pending version.
    Removed { rule: RuleKey, approved: Option<ReportedVersion>, pending: Option<ReportedVersion> },
    /// A command for several rules did not change this rule.
    Skipped { rule: RuleKey, why: RuleError },
    /// An interim image is pending. `replaced` was pending until then.
    InterimPending { locale: Locale, version: ReportedVersion, replaced: Option<ReportedVersion> },
    /// An interim image is approved. `with` is the rule whose release was approved, `None` if the image was approved alone.
    InterimApproved {
        locale: Locale,
        version: ReportedVersion,
        before: Option<ReportedVersion>,
        with: Option<RuleKey>,
    },
    /// An interim image was rejected. It no longer waits for approval.
    InterimRejected { locale: Locale, version: ReportedVersion },
    /// An ingest brought an interim image that was rejected, so it is not pending.
    InterimStillRejected { locale: Locale, update_type: UpdateType, version: ReportedVersion },
    /// An interim image is banned, so it is neither made pending nor approved.
    InterimBanned { locale: Locale, version: ReportedVersion, ban: Box<Ban> },
    /// No stepping stone sends the interim image to the devices of its package, so the image is not used. `stones`
    /// are suggestions for such stones.
    InterimUnused { locale: Locale, version: ReportedVersion, stones: Vec<SteppingStone> },
    /// An interim image is left out, because neither its package nor a stepping stone states its version.
    InterimVersionUnknown { locale: Locale },
    /// After a roll back of the rule book, no interim image is approved, because none was at the restored revision.
    InterimRemoved { locale: Locale },
    /// After a roll back of the rule book, no interim image is pending, because none was at the restored revision.
    /// `from` was pending until then.
    InterimNotPending { locale: Locale, from: ReportedVersion },
    /// The device is offered pending versions from now on.
    TestDeviceAdded { name: TestDeviceName, id: DeviceId },
    /// The device is no longer offered pending versions.
    TestDeviceRemoved { name: TestDeviceName, id: DeviceId },
    /// One field of the policy of a rule was changed. There is one such note for each changed field.
    PolicyChanged { rule: RuleKey, field: &'static str, from: String, to: String },
    /// The version scheme of a pattern was set. `before` is the former scheme of the pattern.
    SchemeSet { scheme: Box<PatternScheme>, before: Option<VersionScheme> },
    /// The version scheme of a pattern was removed.
    SchemeRemoved { scheme: Box<PatternScheme> },
    /// A rule has its own version scheme, so the scheme of the pattern does not apply.
    SchemeKept { rule: RuleKey, scheme: VersionScheme },
    /// A new rule has the version scheme of a pattern.
    SchemeOfPattern { rule: RuleKey, scheme: Box<PatternScheme> },
    /// The new scheme of a rule cannot read a version that the rule names. `role` says how the rule uses the
    /// version, such as `approved`.
    NotInScheme { rule: RuleKey, version: ReportedVersion, role: &'static str, scheme: VersionScheme },
    /// In the new scheme of a rule, two versions with different bytes are the same release.
    OneRelease { rule: RuleKey, version: ReportedVersion, other: ReportedVersion },
    /// A setting was changed: whether packages of a device type are approved when they are ingested.
    DeployAtIngest { device_type: DeviceType, on: bool },
    /// An ingest approves a version, because packages of this device type are approved when they are ingested. A
    /// note [`Approved`](Self::Approved) follows.
    DeployedAtIngest { rule: RuleKey, version: ReportedVersion },
    /// A package left the rule book. It was ingested from a file of this name.
    Retired { package: PackageId, file_name: Box<str> },
    /// The rule book of an earlier revision was restored. The notes after this one have the changes.
    Restored { revision: u64 },
    /// After a roll back of the rule book, no version is approved in the rule, because none was at the restored
    /// revision. `from` was approved until then.
    NothingApproved { rule: RuleKey, from: Option<ReportedVersion> },
    /// After a roll back of the rule book, no version is pending in the rule, because none was at the restored
    /// revision. `from` was pending until then.
    NothingPending { rule: RuleKey, from: ReportedVersion },
    /// After an approval, a rejection or a roll back, a pin or a rollout still offers `version` to some devices.
    /// `rollout` is `None` for a pin.
    StillGiven {
        rule: RuleKey,
        version: ReportedVersion,
        share: Share,
        audience: Audience,
        rollout: Option<RolloutName>,
    },
    /// A version does not reach devices that have the newer version `from`, because the policy offers only
    /// newer versions.
    StaysNewer { rule: RuleKey, version: ReportedVersion, from: ReportedVersion },
    /// A version does not reach devices with a newer version, because it is below the floor of the policy.
    BelowFloor { rule: RuleKey, version: ReportedVersion, floor: FirmwareVersion },
    /// A rollout was started. Its share of the audience is offered the version.
    RolloutStarted { rule: RuleKey, version: ReportedVersion, rollout: Box<Rollout>, audience: Audience },
    /// The share of a rollout was changed.
    ShareSet { rule: RuleKey, name: RolloutName, share: Share, before: Share },
    /// A rollout was paused. `reason` is empty where none was given.
    RolloutPaused { rule: RuleKey, name: RolloutName, reason: Box<str> },
    /// A paused rollout was resumed. `reason` is that of the pause.
    RolloutResumed { rule: RuleKey, name: RolloutName, reason: Box<str> },
    /// A rollout was ended.
    RolloutOver { rule: RuleKey, name: RolloutName, version: ReportedVersion },
    /// A device or a group was pinned to a version.
    Pinned { rule: RuleKey, audience: Audience, version: ReportedVersion, before: Option<ReportedVersion> },
    /// A pin was removed.
    Unpinned { rule: RuleKey, audience: Audience, version: ReportedVersion },
    /// A group was made or changed. `what` is its predicate, or says that it is a list. `before` is `None` for a new
    /// group.
    GroupIs { name: GroupName, what: String, before: Option<String> },
    /// A group was removed. `what` is the predicate that it had, or says that it was a list.
    GroupRemoved { name: GroupName, what: String },
    /// The list of a group was changed. `before` is its length before the change. `unchanged` is the number of devices
    /// in the command that had no effect.
    MembersChanged { name: GroupName, before: usize, added: usize, removed: usize, unchanged: usize },
    /// A hold was added: its devices are offered nothing. `until` is `None` for a hold without an end. `reason` is
    /// empty if no reason was given.
    Held { name: HoldName, on: HeldDevices, until: Option<UnixTime>, reason: Box<str> },
    /// A hold was removed before its end.
    HoldRemoved { hold: Box<Hold> },
    /// Devices below the threshold of the stone install its image first from now on.
    StoneAdded { stone: Box<SteppingStone> },
    /// Devices no longer install the image of this stone first.
    StoneRemoved { stone: Box<SteppingStone> },
    /// A stepping stone was replaced by others.
    StoneReplaced { before: Box<SteppingStone>, stones: Vec<SteppingStone> },
    /// Devices that must install a stepping stone first are offered nothing, because the image of the stone is missing.
    StoneMissing(MissingStone),
    /// Only test devices are offered the image of a stepping stone. Other devices that must install it are offered nothing.
    StonePending { stone: Box<SteppingStone>, rule: RuleKey, version: ReportedVersion },
    /// Versions or an image are banned.
    Banned { ban: Box<Ban> },
    /// A rule assigns a version that is banned now.
    BannedInUse { rule: RuleKey, version: ReportedVersion, audience: Audience },
    /// The image of a stepping stone is banned now.
    StoneBanned { rule: RuleKey, stone: StoneName },
    /// An ingest brought a banned version, so it is not pending.
    BannedAtIngest { rule: RuleKey, version: ReportedVersion, ban: Box<Ban> },
    /// The versions or the image may be offered again, unless another ban applies to them.
    BanLifted { ban: Box<Ban> },
    /// The restored revision did not have this ban. The ban stays, because a roll back does not lift bans.
    BanStays { ban: Box<Ban> },
    /// A rejection stays in place after a roll back to a revision before it.
    RejectionStays { rule: RuleKey, version: ReportedVersion },
    /// An alias was added or replaced. `before` is the word that it stood for until then.
    AliasPut { alias: Box<Alias>, before: Option<AliasWord> },
    /// No rule has the word that an alias stands for, so no device uses the alias yet.
    AliasWithoutRule { alias: Box<Alias> },
    /// Devices that report the word of an alias have a rule of their own, so they do not use the alias.
    AliasNotUsed { alias: Box<Alias>, rule: RuleKey },
    /// The pattern of a version scheme or a stepping stone has a word that an alias replaces now, so it matches no
    /// rule. `meant` is the pattern to set instead, or the options to type for it.
    SettingOfAlias { alias: Box<Alias>, what: &'static str, pattern: Box<str>, meant: Box<str> },
    /// An alias was removed. `from` is the word that it stood for.
    AliasRemoved { alias: Box<AliasKey>, from: AliasWord },
    /// The kill switch was turned on. `reason` is empty if no reason was given.
    Stopped { scope: StopScope, reason: Box<str> },
    /// The restored revision did not have this kill switch. The switch stays on, because turning it off takes two
    /// people.
    StopStays { scope: StopScope, reason: Box<str> },
    /// A restart was requested.
    RestartAsked { scope: StopScope, by: Box<str> },
    /// Offers were restarted. `reason` is the reason of the former stop.
    Restarted { scope: StopScope, reason: Box<str> },
    /// A problem of a package was accepted, because the administrator asked for this at the ingest. Otherwise the
    /// package would have been refused.
    AcceptedOnRequest { problem: Box<str> },
}

/// The parts of a note for programs; see [`Note`].
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
struct Parts<'a> {
    kind: &'static str,
    rule: Option<&'a RuleKey>,
    name: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

impl<'a> Parts<'a> {
    fn new(kind: &'static str) -> Self {
        Self { kind, rule: None, name: None, from: None, to: None }
    }

    fn of(kind: &'static str, rule: &'a RuleKey) -> Self {
        Self { rule: Some(rule), ..Self::new(kind) }
    }

    fn name(self, name: &impl fmt::Display) -> Self {
        Self { name: Some(name.to_string()), ..self }
    }

    fn from(self, from: &impl fmt::Display) -> Self {
        Self { from: Some(from.to_string()), ..self }
    }

    fn maybe_from(self, from: &Option<impl fmt::Display>) -> Self {
        Self { from: from.as_ref().map(ToString::to_string), ..self }
    }

    fn to(self, to: &impl fmt::Display) -> Self {
        Self { to: Some(to.to_string()), ..self }
    }
}

impl Note {
    /// Returns the note of a new hold.
    pub(crate) fn held(hold: &Hold) -> Self {
        let Hold { name, on, until, reason } = hold.clone();
        Self::Held { name, on, until, reason }
    }

    /// Returns the kind of the fact in kebab case, such as `rolled-back`. A kind keeps its name and meaning.
    pub fn kind(&self) -> &'static str {
        self.parts().kind
    }

    /// Returns the rule of the note. `None` if the note is not about one rule.
    pub fn rule(&self) -> Option<&RuleKey> {
        self.parts().rule
    }

    /// Returns the name of the thing that the note is about, such as a group, rollout, hold, device or package. The rule is not
    /// included; [`rule`](Self::rule) returns it.
    pub fn name(&self) -> Option<String> {
        self.parts().name
    }

    /// Returns the value before the change: a version, a share, a predicate or a setting. `None` if there was no value.
    pub fn before(&self) -> Option<String> {
        self.parts().from
    }

    /// Returns the value after the change. `None` if there is no value now.
    pub fn after(&self) -> Option<String> {
        self.parts().to
    }

    /// Returns one note for each field in which two policies of a rule differ.
    pub(crate) fn policy_changes(rule: &RuleKey, before: &OfferPolicy, now: &OfferPolicy) -> Vec<Self> {
        let fields = before.fields().into_iter().zip(now.fields());
        let changed = fields.filter(|((_, from), (_, to))| from != to);
        changed
            .map(|((field, from), (_, to))| Self::PolicyChanged { rule: rule.clone(), field, from, to })
            .collect()
    }

    /// Returns notes about everything that is removed with a rule: the rule itself, its policy, its pins
    /// and its rollouts.
    pub(crate) fn of_removed(rule: &Rule) -> Vec<Self> {
        let version = |candidate: Option<&Candidate>| candidate.map(|candidate| candidate.version.clone());
        let (approved, pending) = (version(rule.approved()), version(rule.pending()));
        let mut notes = vec![Self::Removed { rule: rule.key().clone(), approved, pending }];
        notes.extend(Self::policy_changes(rule.key(), rule.policy(), &OfferPolicy::default()));
        for assignment in rule.assignments() {
            let (rule, version) = (rule.key().clone(), assignment.candidate.version.clone());
            match (assignment.role(), &assignment.rollout) {
                (_, Some(rollout)) => {
                    notes.push(Self::RolloutOver { rule, name: rollout.name.clone(), version });
                }
                (Role::Pin, None) => {
                    notes.push(Self::Unpinned { rule, audience: assignment.audience.clone(), version });
                }
                _ => {}
            }
        }
        notes
    }

    /// Returns notes about devices that keep a newer version than `version`, because the policy of the rule does
    /// not offer an older one. `before` is the version that was offered before, so devices may have it.
    pub(crate) fn of_kept_back(
        rule: &Rule,
        version: &ReportedVersion,
        before: Option<&ReportedVersion>,
    ) -> Vec<Self> {
        let policy = rule.policy();
        let newer = before.filter(|before| policy.is_older(version, before));
        let stays = newer.filter(|_| policy.offer == OfferRule::Newer).map(|from| Self::StaysNewer {
            rule: rule.key().clone(),
            version: version.clone(),
            from: from.clone(),
        });
        let floor = policy.floor.as_ref();
        let below = floor
            .filter(|floor| policy.is_older(version, &ReportedVersion::new(floor.as_str())))
            .map(|floor| {
                let (rule, version, floor) = (rule.key().clone(), version.clone(), floor.clone());
                Self::BelowFloor { rule, version, floor }
            });
        stays.into_iter().chain(below).collect()
    }

    fn parts(&self) -> Parts<'_> {
        match self {
            Self::Ingested { package, file_name } => Parts::new("ingested").name(package).to(file_name),
            Self::Pending { rule, version } => Parts::of("pending", rule).to(version),
            Self::Replaced { rule, version, replaced } => {
                Parts::of("pending", rule).from(replaced).to(version)
            }
            Self::Unchanged { rule, version, .. } => Parts::of("unchanged", rule).from(version).to(version),
            Self::Approved { rule, version, before } => {
                Parts::of("approved", rule).maybe_from(before).to(version)
            }
            Self::Older { rule, version, before } => Parts::of("older", rule).from(before).to(version),
            Self::OlderThanApproved { rule, version, approved } => {
                Parts::of("older-than-approved", rule).from(approved).to(version)
            }
            Self::ApprovedAnyway { rule, version } => Parts::of("approved-anyway", rule).to(version),
            Self::BesideRollout { rule, name, version } => {
                Parts::of("beside-rollout", rule).name(name).to(version)
            }
            Self::StillRejected { rule, version } => Parts::of("still-rejected", rule).from(version),
            Self::RejectionTakenBack { rule, version } => Parts::of("rejection-taken-back", rule).to(version),
            Self::Rejected { rule, version } => Parts::of("rejected", rule).from(version),
            Self::RolledBack { rule, version, from } => {
                Parts::of("rolled-back", rule).maybe_from(from).to(version)
            }
            Self::RolledBackToNothing { rule, from } => {
                Parts::of("rolled-back-to-nothing", rule).maybe_from(from)
            }
            Self::Removed { rule, approved, pending } => Parts::of("rule-removed", rule)
                .maybe_from(if approved.is_some() { approved } else { pending }),
            Self::Skipped { rule, .. } => Parts::of("skipped", rule),
            Self::InterimPending { locale, version, replaced } => {
                Parts::new("interim-pending").name(locale).maybe_from(replaced).to(version)
            }
            Self::InterimApproved { locale, version, before, with } => {
                let parts = Parts { rule: with.as_ref(), ..Parts::new("interim-approved") };
                parts.name(locale).maybe_from(before).to(version)
            }
            Self::InterimRejected { locale, version } => {
                Parts::new("interim-rejected").name(locale).from(version)
            }
            Self::InterimStillRejected { locale, version, .. } => {
                Parts::new("interim-still-rejected").name(locale).from(version)
            }
            Self::InterimBanned { locale, version, .. } => {
                Parts::new("interim-banned").name(locale).from(version)
            }
            Self::InterimUnused { locale, version, .. } => {
                Parts::new("interim-unused").name(locale).from(version)
            }
            Self::InterimVersionUnknown { locale } => Parts::new("interim-version-unknown").name(locale),
            Self::InterimRemoved { locale } => Parts::new("interim-removed").name(locale),
            Self::InterimNotPending { locale, from } => {
                Parts::new("interim-not-pending").name(locale).from(from)
            }
            Self::TestDeviceAdded { name, id } => Parts::new("test-device-added").name(name).to(id),
            Self::TestDeviceRemoved { name, id } => Parts::new("test-device-removed").name(name).from(id),
            Self::PolicyChanged { rule, field, from, to } => {
                Parts::of("policy-changed", rule).name(field).from(from).to(to)
            }
            Self::SchemeSet { scheme, before } => {
                Parts::new("scheme-set").name(&scheme.rules).maybe_from(before).to(&scheme.scheme)
            }
            Self::SchemeRemoved { scheme } => {
                Parts::new("scheme-removed").name(&scheme.rules).from(&scheme.scheme)
            }
            Self::SchemeKept { rule, scheme } => Parts::of("scheme-kept", rule).from(scheme).to(scheme),
            Self::SchemeOfPattern { rule, scheme } => {
                Parts::of("scheme-of-pattern", rule).name(&scheme.rules).to(&scheme.scheme)
            }
            Self::NotInScheme { rule, version, role, .. } => {
                Parts::of("not-in-scheme", rule).name(role).from(version)
            }
            Self::OneRelease { rule, version, other } => {
                Parts::of("one-release", rule).from(version).to(other)
            }
            Self::DeployAtIngest { device_type, on } => {
                Parts::new("deploy-at-ingest").name(device_type).from(&!on).to(on)
            }
            Self::DeployedAtIngest { rule, version } => Parts::of("deployed-at-ingest", rule).to(version),
            Self::Retired { package, file_name } => {
                Parts::new("package-retired").name(package).from(file_name)
            }
            Self::Restored { revision } => Parts::new("restored").to(revision),
            Self::NothingApproved { rule, from } => Parts::of("nothing-approved", rule).maybe_from(from),
            Self::NothingPending { rule, from } => Parts::of("nothing-pending", rule).from(from),
            Self::StillGiven { rule, version, audience, rollout, .. } => {
                let name = rollout.as_ref().map_or_else(|| audience.to_string(), ToString::to_string);
                Parts::of("still-offered", rule).name(&name).to(version)
            }
            Self::StaysNewer { rule, version, from } => Parts::of("stays-newer", rule).from(from).to(version),
            Self::BelowFloor { rule, version, floor } => {
                Parts::of("below-floor", rule).from(floor).to(version)
            }
            Self::RolloutStarted { rule, version, rollout, .. } => {
                Parts::of("rollout-started", rule).name(&rollout.name).to(version)
            }
            Self::ShareSet { rule, name, share, before } => {
                Parts::of("share-set", rule).name(name).from(before).to(share)
            }
            Self::RolloutPaused { rule, name, reason } => {
                Parts::of("rollout-paused", rule).name(name).to(reason)
            }
            Self::RolloutResumed { rule, name, reason } => {
                Parts::of("rollout-resumed", rule).name(name).from(reason)
            }
            Self::RolloutOver { rule, name, version } => {
                Parts::of("rollout-over", rule).name(name).from(version)
            }
            Self::Pinned { rule, audience, version, before } => {
                Parts::of("pinned", rule).name(audience).maybe_from(before).to(version)
            }
            Self::Unpinned { rule, audience, version } => {
                Parts::of("unpinned", rule).name(audience).from(version)
            }
            Self::GroupIs { name, what, before } => {
                Parts::new("group-set").name(name).maybe_from(before).to(what)
            }
            Self::GroupRemoved { name, what } => Parts::new("group-removed").name(name).from(what),
            Self::MembersChanged { name, before, added, removed, .. } => {
                let after = (before + added).saturating_sub(*removed);
                Parts::new("members-changed").name(name).from(before).to(&after)
            }
            Self::Held { name, on, .. } => Parts::new("held").name(name).to(on),
            Self::HoldRemoved { hold } => Parts::new("hold-removed").name(&hold.name).from(&hold.on),
            Self::StoneAdded { stone } => Parts::new("stone-added").name(&stone.name).to(stone),
            Self::StoneRemoved { stone } => Parts::new("stone-removed").name(&stone.name).from(stone),
            Self::StoneReplaced { before, stones } => {
                Parts::new("stone-replaced").name(&before.name).from(before).to(&AllOf(stones))
            }
            Self::StoneMissing(missing) => {
                Parts::of("stone-missing", &missing.rule).name(&missing.stone.name)
            }
            Self::StonePending { stone, rule, version } => {
                Parts::of("stone-pending", rule).name(&stone.name).from(version)
            }
            Self::Banned { ban } => Parts::new("banned").name(&ban.scope).to(&ban.reason),
            Self::BannedInUse { rule, version, audience } => {
                Parts::of("banned-in-use", rule).name(audience).from(version)
            }
            Self::StoneBanned { rule, stone } => Parts::of("stone-banned", rule).name(stone),
            Self::BannedAtIngest { rule, version, ban } => {
                Parts::of("banned-at-ingest", rule).name(&ban.scope).from(version)
            }
            Self::BanLifted { ban } => Parts::new("ban-lifted").name(&ban.scope).from(&ban.reason),
            Self::BanStays { ban } => {
                Parts::new("ban-stays").name(&ban.scope).from(&ban.reason).to(&ban.reason)
            }
            Self::RejectionStays { rule, version } => {
                Parts::of("rejection-stays", rule).from(version).to(version)
            }
            Self::AliasPut { alias, before } => {
                Parts::new("alias-set").name(&alias.reported).maybe_from(before).to(&alias.stands_for)
            }
            Self::AliasWithoutRule { alias } => {
                Parts::new("alias-without-rule").name(&alias.reported).to(&alias.stands_for)
            }
            Self::AliasNotUsed { alias, rule } => Parts::of("alias-not-used", rule).name(&alias.reported),
            Self::SettingOfAlias { pattern, meant, .. } => {
                Parts::new("setting-of-alias").name(pattern).to(meant)
            }
            Self::AliasRemoved { alias, from } => Parts::new("alias-removed").name(alias).from(from),
            Self::Stopped { scope, reason } => Self::switch("stopped", scope).to(reason),
            Self::StopStays { scope, reason } => Self::switch("stop-stays", scope).from(reason).to(reason),
            Self::RestartAsked { scope, by } => Self::switch("restart-requested", scope).to(by),
            Self::Restarted { scope, reason } => Self::switch("restarted", scope).from(reason),
            Self::AcceptedOnRequest { problem } => Parts::new("accepted-on-request").to(problem),
        }
    }

    fn switch<'a>(kind: &'static str, scope: &'a StopScope) -> Parts<'a> {
        match scope {
            StopScope::All => Parts::new(kind),
            StopScope::Rule(rule) => Parts::of(kind, rule),
        }
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Note {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.parts().serialize(serializer)
    }
}
