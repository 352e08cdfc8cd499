//! What is worth telling of a command.

use crate::book::alias::{Alias, AliasKey, AliasWord};
use crate::book::ban::BanScope;
use crate::book::group::GroupName;
use crate::book::hold::{HeldDevices, HoldName, StopScope};
use crate::book::rollout::{RolloutName, Share};
use crate::book::rule::{Audience, RuleError};
use crate::book::rule_key::RuleKey;
use crate::book::stone::{MissingStone, SteppingStone, StoneName};
use crate::book::test_device::TestDeviceName;
use crate::device::{DeviceId, Locale};
use crate::value::PackageId;
use crate::version::ReportedVersion;

/// One thing worth telling of a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Note {
    /// The version waits for approval.
    #[error("{rule}: {version} is pending")]
    Pending {
        /// In which rule.
        rule: RuleKey,
        /// Which version.
        version: ReportedVersion,
    },
    /// Another version waited before and is replaced.
    #[error("{rule}: {version} replaces {replaced}, which was pending")]
    Replaced {
        /// In which rule.
        rule: RuleKey,
        /// Which version is pending now.
        version: ReportedVersion,
        /// Which one was.
        replaced: ReportedVersion,
    },
    /// The same version with the same bytes is there already.
    #[error("{rule}: {version} is {state} already, nothing changes")]
    Unchanged {
        /// In which rule.
        rule: RuleKey,
        /// Which version.
        version: ReportedVersion,
        /// `pending` or `approved`.
        state: &'static str,
    },
    /// Everybody gets the version.
    #[error("{rule}: {version} is approved")]
    Approved {
        /// In which rule.
        rule: RuleKey,
        /// Which version.
        version: ReportedVersion,
    },
    /// What was approved is older than what was approved before.
    #[error("{rule}: {version} is older than {before}, which was approved before")]
    Older {
        /// In which rule.
        rule: RuleKey,
        /// The version approved now.
        version: ReportedVersion,
        /// The one before.
        before: ReportedVersion,
    },
    /// A rollout begins whose version is older than the approved one.
    #[error("{rule}: {version} is older than {approved}, which is approved: the rollout takes devices down")]
    OlderThanApproved {
        /// In which rule.
        rule: RuleKey,
        /// The version of the rollout.
        version: ReportedVersion,
        /// The approved version.
        approved: ReportedVersion,
    },
    /// A rollout begins while another one is there.
    #[error(
        "{rule}: the rollout {name} of {version} is there too; a device gets the version of the rollout that was started first"
    )]
    BesideRollout {
        /// In which rule.
        rule: RuleKey,
        /// The other rollout.
        name: RolloutName,
        /// The version of the other rollout.
        version: ReportedVersion,
    },
    /// An ingest brought a version that was rejected. It is not pending.
    #[error(
        "{rule}: {version} was rejected before, so it is not pending; approve it by its version, or take the rejection back"
    )]
    StillRejected {
        /// In which rule.
        rule: RuleKey,
        /// The version.
        version: ReportedVersion,
    },
    /// A rejection was taken back.
    #[error("{rule}: the rejection of {version} is taken back")]
    RejectionTakenBack {
        /// In which rule.
        rule: RuleKey,
        /// The version.
        version: ReportedVersion,
    },
    /// Versions or an image are banned.
    #[error("{scope} is banned: {reason}")]
    Banned {
        /// What is banned.
        scope: BanScope,
        /// Why.
        reason: Box<str>,
    },
    /// A rule assigns a version that is banned now.
    #[error(
        "{rule}: {version} for {audience} is banned, so these devices are offered nothing until the rule gives them another version"
    )]
    BannedInUse {
        /// The rule.
        rule: RuleKey,
        /// The version.
        version: ReportedVersion,
        /// The devices.
        audience: Audience,
    },
    /// The image of a stepping stone is banned now.
    #[error(
        "{rule}: the image of the stepping stone {stone} is banned, so devices that have to step are offered nothing"
    )]
    StoneBanned {
        /// The rule.
        rule: RuleKey,
        /// The stone.
        stone: StoneName,
    },
    /// An ingest brought a version that is banned. It is not pending.
    #[error("{rule}: {version} is banned by {scope} ({reason}), so it is not pending")]
    BannedAtIngest {
        /// The rule.
        rule: RuleKey,
        /// The version.
        version: ReportedVersion,
        /// The ban.
        scope: BanScope,
        /// Its reason.
        reason: Box<str>,
    },
    /// An alias is there.
    #[error("{alias}{}", before.as_ref().map_or_else(String::new, |before| format!("; it stood for {before} before")))]
    AliasPut {
        /// The alias.
        alias: Box<Alias>,
        /// What the word stood for before.
        before: Option<AliasWord>,
    },
    /// An alias is removed.
    #[error("{alias} stands for nothing else any more")]
    AliasRemoved {
        /// The alias.
        alias: Box<AliasKey>,
    },
    /// A ban is lifted.
    #[error("{scope} is not banned any more")]
    BanLifted {
        /// What was banned.
        scope: BanScope,
    },
    /// What was pending is not any more.
    #[error("{rule}: {version} is rejected")]
    Rejected {
        /// In which rule.
        rule: RuleKey,
        /// Which version.
        version: ReportedVersion,
    },
    /// Everybody gets what was approved before.
    #[error("{rule}: rolled back to {version}")]
    RolledBack {
        /// In which rule.
        rule: RuleKey,
        /// The version everybody gets now.
        version: ReportedVersion,
    },
    /// Nothing was approved before: nothing is offered now.
    #[error("{rule}: rolled back, and since nothing was approved before, nothing is offered")]
    RolledBackToNothing {
        /// In which rule.
        rule: RuleKey,
    },
    /// The rule is gone.
    #[error("{rule}: removed")]
    Removed {
        /// Which rule.
        rule: RuleKey,
    },
    /// Passed over by a command for many rules.
    #[error("{rule}: skipped, {why}")]
    Skipped {
        /// Which rule.
        rule: RuleKey,
        /// Why.
        why: RuleError,
    },
    /// The interim image is in use from now on, without approval.
    #[error("interim image {version} for {locale} is in use")]
    InterimInUse {
        /// For which locale.
        locale: Locale,
        /// Its version.
        version: ReportedVersion,
    },
    /// The interim image takes the place of another, for every device that steps by it.
    #[error("interim image {version} for {locale} is in use, in place of {replaced}")]
    InterimReplaced {
        /// For which locale.
        locale: Locale,
        /// Its version.
        version: ReportedVersion,
        /// The one that was in use.
        replaced: ReportedVersion,
    },
    /// A test device was added.
    #[error("{name} is a test device, known by its {id:#}")]
    TestDeviceAdded {
        /// Its name.
        name: TestDeviceName,
        /// What it is known by.
        id: DeviceId,
    },
    /// A test device was removed.
    #[error("{name} is no test device any more")]
    TestDeviceRemoved {
        /// Its name.
        name: TestDeviceName,
    },
    /// A setting was changed.
    #[error("settings changed")]
    SettingsChanged,
    /// A package left the book.
    #[error("package {package} has left the rule book")]
    Retired {
        /// Which package.
        package: PackageId,
    },
    /// The book is as it was at an earlier revision.
    #[error("the rule book is as it was at revision {revision}")]
    Restored {
        /// Which revision.
        revision: u64,
    },
    /// Nothing is given to everybody, as it was then.
    #[error("{rule}: nothing is approved, as it was then")]
    NothingApproved {
        /// In which rule.
        rule: RuleKey,
    },
    /// A version that was rejected or rolled back from is given to some all the same.
    #[error("{rule}: {version} is still given to {audience}, by {}", .rollout.as_ref().map_or_else(|| "a pin".to_owned(), |name| format!("the rollout {name}")))]
    StillGiven {
        /// In which rule.
        rule: RuleKey,
        /// Which version.
        version: ReportedVersion,
        /// To whom.
        audience: Audience,
        /// By which rollout; by a pin, where there is none.
        rollout: Option<RolloutName>,
    },
    /// A rollout began.
    #[error("{rule}: rollout {name} gives {version} to {share} of {audience}")]
    RolloutStarted {
        /// In which rule.
        rule: RuleKey,
        /// Its name.
        name: RolloutName,
        /// Which version.
        version: ReportedVersion,
        /// To what share.
        share: Share,
        /// Of whom.
        audience: Audience,
    },
    /// A rollout goes to another share.
    #[error("{rule}: rollout {name} goes to {share}, {before} before")]
    ShareSet {
        /// In which rule.
        rule: RuleKey,
        /// Its name.
        name: RolloutName,
        /// What it is now.
        share: Share,
        /// What it was.
        before: Share,
    },
    /// A rollout is paused.
    #[error("{rule}: rollout {name} is paused")]
    RolloutPaused {
        /// In which rule.
        rule: RuleKey,
        /// Its name.
        name: RolloutName,
    },
    /// A rollout goes on.
    #[error("{rule}: rollout {name} goes on")]
    RolloutResumed {
        /// In which rule.
        rule: RuleKey,
        /// Its name.
        name: RolloutName,
    },
    /// A rollout is over.
    #[error("{rule}: rollout {name} is over")]
    RolloutOver {
        /// In which rule.
        rule: RuleKey,
        /// Its name.
        name: RolloutName,
    },
    /// A device or a group is kept at a version.
    #[error("{rule}: {audience} stays at {version}")]
    Pinned {
        /// In which rule.
        rule: RuleKey,
        /// Who.
        audience: Audience,
        /// Which version.
        version: ReportedVersion,
    },
    /// A device or a group is not kept at a version any more.
    #[error("{rule}: {audience} does not stay at {version} any more")]
    Unpinned {
        /// In which rule.
        rule: RuleKey,
        /// Who.
        audience: Audience,
        /// Which version.
        version: ReportedVersion,
    },
    /// A group is there, or is another now.
    #[error("group {name}: {what}")]
    GroupIs {
        /// Its name.
        name: GroupName,
        /// Its predicate, or that it is a list.
        what: String,
    },
    /// A group is gone.
    #[error("group {name} is removed")]
    GroupRemoved {
        /// Its name.
        name: GroupName,
    },
    /// Devices came to a group's list, or left it.
    #[error("group {name}: {added} added, {removed} removed, {unchanged} as before")]
    MembersChanged {
        /// Its name.
        name: GroupName,
        /// How many came.
        added: usize,
        /// How many left.
        removed: usize,
        /// How many were named for nothing.
        unchanged: usize,
    },
    /// Devices are held.
    #[error("{on} is offered nothing, by the hold {name}")]
    Held {
        /// The hold's name.
        name: HoldName,
        /// Whom.
        on: HeldDevices,
    },
    /// Devices are held no more.
    #[error("the hold {name} is removed")]
    HoldRemoved {
        /// The hold's name.
        name: HoldName,
    },
    /// A stepping stone is there.
    #[error("stepping stone {stone}")]
    StoneAdded {
        /// Which.
        stone: Box<SteppingStone>,
    },
    /// A stepping stone is gone.
    #[error("stepping stone {name} is removed")]
    StoneRemoved {
        /// Its name.
        name: StoneName,
    },
    /// Devices that must step get nothing, since the stone's image is not there.
    #[error(transparent)]
    StoneMissing(MissingStone),
    /// A kill switch was thrown.
    #[error("stopped: {scope}")]
    Stopped {
        /// What is stopped.
        scope: StopScope,
    },
    /// Somebody asked that a kill switch be undone.
    #[error("{by} asks for a restart of {scope}; somebody else has to approve it")]
    RestartAsked {
        /// What is stopped.
        scope: StopScope,
        /// Who asks.
        by: Box<str>,
    },
    /// A kill switch is undone.
    #[error("restarted: {scope}")]
    Restarted {
        /// What goes on.
        scope: StopScope,
    },
}
