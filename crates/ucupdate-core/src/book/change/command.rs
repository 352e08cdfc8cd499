//! The commands of administrators.

use super::draft::ChangeDraft;
use crate::book::alias::{Alias, AliasKey};
use crate::book::ban::{Ban, BanScope};
use crate::book::change::notes::Note;
use crate::book::change::refusal::Refusal;
use crate::book::delta::Delta;
use crate::book::devices::{Group, GroupName, Hold, HoldName, Stop, StopScope, TestDevice, TestDeviceName};
use crate::book::package::IngestedPackage;
use crate::book::rollout::{Rollout, RolloutName, Share, Window};
use crate::book::rule::{Audience, OfferPolicy, PatternScheme, Rule, RuleKey, RulePattern, UpdateType};
use crate::book::rule_book::RuleBook;
use crate::book::stone::{SteppingStone, StoneName};
use crate::book::table::Entry;
use crate::device::{DeviceId, DeviceType, Locale};
use crate::value::PackageId;
use crate::version::ReportedVersion;

/// A change that an administrator requests.
///
/// A command does not contain its author, who is passed to [`RuleBook::command`]. In the stored formats 1.1 and 1.2,
/// some commands repeat the author as `by`. This field is ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
#[allow(missing_docs, reason = "the variant documents its fields")]
pub enum BookCommand {
    /// Makes each release and each interim image of a package pending. The package must be in the rule book.
    Ingest(PackageId),
    /// Approves the pending version of each rule. Approves all of them or none.
    ///
    /// If a release is approved by any command, the pending interim images of the same package that devices need for it
    /// are approved too.
    Approve(Vec<RuleKey>),
    /// Approves the versions that a package made pending. Skips rules that have another pending version.
    ApproveAllOf(PackageId),
    /// Approves a version that a package contains for a rule. The version need not be pending.
    ApproveVersion { rule: RuleKey, version: ReportedVersion },
    /// Rejects the pending version of a rule.
    Reject(RuleKey),
    /// Withdraws the rejection of a version. The version becomes pending again, unless another version is
    /// pending, the version is banned, or no package contains it.
    Unreject { rule: RuleKey, version: ReportedVersion },
    /// Rolls a rule back to the version that was approved before. Refused if there is no such version.
    RollBack(RuleKey),
    /// Withdraws the approved version of a rule. Afterwards no version is approved.
    RollBackToNothing(RuleKey),
    /// Approves an interim image, so that every device that needs it is offered it.
    ApproveInterim {
        /// The locale of the image.
        locale: Locale,
        /// The part of the device that the image replaces, such as `CPE`.
        update_type: UpdateType,
        /// The version of the image to approve. A package must contain it. `None` means the pending version.
        #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
        version: Option<ReportedVersion>,
    },
    /// Rejects the pending interim image.
    RejectInterim {
        /// The locale of the image.
        locale: Locale,
        /// The part of the device that the image replaces, such as `CPE`.
        update_type: UpdateType,
    },
    /// Removes a rule with its versions, rollouts and pins. Its rejections become bans, and its files are still served.
    Remove(RuleKey),
    /// Makes a device a test device, which is offered pending versions. Refused if its name, its MAC
    /// address or its serial number already belongs to a test device.
    AddTestDevice(TestDevice),
    /// Removes a test device, which is then no longer offered pending versions.
    RemoveTestDevice(TestDeviceName),
    /// Replaces the offer policy of a rule.
    SetPolicy(RuleKey, OfferPolicy),
    /// Sets the version scheme of the rules that match a pattern. Rules without a scheme of their own use it.
    PutScheme(PatternScheme),
    /// Removes the version scheme of a pattern. Its rules then use the scheme of the next matching pattern.
    RemoveScheme(RulePattern),
    /// Sets whether packages of a device type are approved when they are ingested.
    DeployAtIngest(DeviceType, bool),
    /// Removes packages that no rule and no interim image uses. Removes all of them or none. Their files can be deleted
    /// afterwards.
    Retire(Vec<PackageId>),
    /// Adds a group, or replaces the predicate of an existing one.
    PutGroup(Group),
    /// Removes a group that no rule and no hold uses.
    RemoveGroup(GroupName),
    /// Changes the member list of a group.
    ChangeMembers {
        group: GroupName,
        /// The devices to add. A device that is also in `remove` is removed.
        #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
        add: Vec<DeviceId>,
        /// The devices to remove. A device that is not on the list is ignored.
        #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
        remove: Vec<DeviceId>,
    },
    /// Pins a device or a group to a version. A pin has priority over everything else in the rule. Refused
    /// if the version is banned or rejected.
    Pin {
        rule: RuleKey,
        audience: Audience,
        /// The version. A package must contain it.
        version: ReportedVersion,
    },
    /// Removes a pin.
    Unpin { rule: RuleKey, audience: Audience },
    /// Starts a rollout: offers a version to an audience, or to a share of it, beside the approved version.
    /// Refused if the version is banned or rejected.
    StartRollout {
        rule: RuleKey,
        /// The audience: a group, or all devices.
        audience: Audience,
        /// The version. A package must contain it.
        version: ReportedVersion,
        rollout: Rollout,
    },
    /// Changes the share of a rollout.
    SetShare(RuleKey, RolloutName, Share),
    /// Pauses a rollout. The text is the reason.
    PauseRollout(RuleKey, RolloutName, Box<str>),
    /// Resumes a paused rollout.
    ResumeRollout(RuleKey, RolloutName),
    /// Ends a rollout and approves its version.
    FinishRollout(RuleKey, RolloutName),
    /// Ends a rollout without approving its version.
    #[cfg_attr(feature = "serde", serde(rename = "stop-rollout"))]
    EndRollout(RuleKey, RolloutName),
    /// Bans versions or an image, so that no device is offered them.
    Ban(Ban),
    /// Lifts the ban that has exactly this scope. Another ban may still apply to the same image.
    LiftBan(BanScope),
    /// Adds or replaces an alias.
    PutAlias(Alias),
    /// Removes an alias. Devices that report its word find their rule by that word again.
    RemoveAlias(AliasKey),
    /// Adds a hold. The devices of the hold are offered nothing.
    AddHold(Hold),
    /// Removes a hold before it ends. Another hold may still hold the same devices.
    RemoveHold(HoldName),
    /// Adds a stepping stone. Refused if it leads in a circle, if no device reaches it, if it is for too many kinds of device, or if
    /// its image is missing.
    AddStone(SteppingStone),
    /// Removes a stepping stone.
    RemoveStone(StoneName),
    /// Replaces one stepping stone by others, in one change. No device can skip the stone in the meantime.
    ReplaceStone {
        /// The stone that is removed.
        name: StoneName,
        /// The stones that replace it. One of them may have the same name.
        stones: Vec<SteppingStone>,
    },
    /// Turns on the kill switch, so that nothing is offered.
    Kill {
        /// The rule whose offers are stopped, or all rules.
        scope: StopScope,
        #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "str::is_empty"))]
        reason: Box<str>,
    },
    /// Asks for the kill switch to be turned off, and stores the author in the switch. Nothing is offered until another
    /// author sends [`ApproveRestart`](Self::ApproveRestart).
    AskRestart {
        /// The rule whose offers are stopped, or all rules.
        scope: StopScope,
    },
    /// Turns off the kill switch after [`AskRestart`](Self::AskRestart). Refused if no restart was requested, or
    /// if the same person requested it.
    ApproveRestart {
        /// The rule whose offers are stopped, or all rules.
        scope: StopScope,
    },
}

/// The change of the rule book that a command makes, with notes about it for people.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BookChange {
    /// The changed entries. Empty if the command changes nothing.
    pub delta: Delta,
    /// Notes that say what the change does, in the order in which the command made the parts of the change.
    pub notes: Vec<Note>,
}

impl RuleBook {
    /// Returns the change that the ingest of `package` would make. The files of the package must be in the store
    /// already.
    ///
    /// # Errors
    /// Returns a refusal, for example if a version exists with different bytes, or if an interim image has
    /// another version than its stepping stones name.
    pub fn ingest(&self, package: &IngestedPackage) -> Result<BookChange, Refusal> {
        let mut change = ChangeDraft::on(self);
        let id = package.id();
        let known = self.package(id);
        if known.is_some_and(|known| known.sha256 != package.sha256) {
            return Err(Refusal::OtherPackage { package: id });
        }
        if known.is_none_or(|known| known.ingest != package.ingest) {
            change.delta.packages.push(Entry::set(id, package.clone()));
            change.notes.push(Note::Ingested { package: id, file_name: package.file_name.clone() });
        }
        let mut proposed = Vec::new();
        for release in &package.releases {
            if change.take_in(release, id)? {
                proposed.push(release);
            }
        }
        for image in &package.interim {
            change.take_in_interim(package, image)?;
        }
        proposed.into_iter().try_for_each(|release| change.deploy(release))?;
        // If the package and its rules exist unchanged, nothing changes. The record of the package changes only if its
        // files were stored again.
        Ok(change.finish())
    }

    /// Returns the change that a command of `author` would make.
    ///
    /// A kill switch records its author. One author alone cannot turn it off: [`BookCommand::ApproveRestart`] is
    /// refused for the author of [`BookCommand::AskRestart`].
    ///
    /// # Errors
    /// Returns a [`Refusal`] if the rule book does not allow the command.
    pub fn command(&self, command: &BookCommand, author: &str) -> Result<BookChange, Refusal> {
        self.check_names(command)?;
        let mut change = ChangeDraft::on(self);
        match command {
            BookCommand::Ingest(package) => {
                let package = self.package(*package).ok_or(Refusal::NoPackage { package: *package })?;
                return self.ingest(&package.clone());
            }
            BookCommand::Approve(rules) if rules.is_empty() => return Err(Refusal::NoneNamed),
            BookCommand::Approve(rules) => rules.iter().try_for_each(|rule| change.approve(rule))?,
            BookCommand::ApproveAllOf(package) => change.approve_all_of(*package)?,
            BookCommand::ApproveVersion { rule, version } => change.approve_version(rule, version)?,
            BookCommand::Unreject { rule, version } => change.unreject(rule, version)?,
            BookCommand::Reject(rule) => {
                let rejected = change.with(rule, Rule::reject)?;
                let version = rejected.version.clone();
                change.notes.push(Note::Rejected { rule: change.spelled(rule), version: rejected.version });
                change.note_still_given(rule, &version);
            }
            BookCommand::RollBack(rule) | BookCommand::RollBackToNothing(rule) => {
                let rolled = match command {
                    BookCommand::RollBackToNothing(_) => change.with(rule, Rule::roll_back_to_nothing)?,
                    _ => {
                        change.check_roll_back_ban(rule)?;
                        change.with(rule, Rule::roll_back)?
                    }
                };
                let rule = change.spelled(rule);
                change.note_rolled_back(&rule, &rolled);
            }
            BookCommand::ApproveInterim { locale, update_type, version } => {
                change.approve_interim(locale, update_type, version.as_ref())?;
            }
            BookCommand::RejectInterim { locale, update_type } => {
                change.reject_interim(locale, update_type)?;
            }
            BookCommand::Remove(rule) => change.remove_rule(rule)?,
            BookCommand::AddTestDevice(device) => change.add_test_device(device)?,
            BookCommand::RemoveTestDevice(name) => {
                let known = self.test_devices.get(name);
                let known = known.ok_or_else(|| Refusal::NoTestDevice { name: name.clone() })?.clone();
                change.delta.test_devices.push(Entry::removed(known.name.clone()));
                change.notes.push(Note::TestDeviceRemoved { name: known.name, id: known.id });
            }
            BookCommand::SetPolicy(rule, policy) => {
                check_zone(policy.window.as_ref())?;
                if !change.set_policy(rule, policy)? {
                    return Ok(ChangeDraft::on(self).finish());
                }
            }
            BookCommand::PutScheme(scheme) => change.put_scheme(scheme)?,
            BookCommand::RemoveScheme(rules) => change.remove_scheme(rules)?,
            BookCommand::DeployAtIngest(device_type, on) => {
                let mut settings = self.settings.clone();
                let changed = if *on {
                    settings.deploy_at_ingest.insert(device_type.clone())
                } else {
                    settings.deploy_at_ingest.remove(device_type)
                };
                if changed {
                    change.delta.settings = Some(settings);
                    change.notes.push(Note::DeployAtIngest { device_type: device_type.clone(), on: *on });
                }
            }
            BookCommand::Retire(packages) => return self.retire(packages),
            BookCommand::PutGroup(group) => change.put_group(group)?,
            BookCommand::RemoveGroup(name) => change.remove_group(name)?,
            BookCommand::ChangeMembers { group, add, remove } => change.change_members(group, add, remove)?,
            BookCommand::Pin { rule, audience, version } => change.pin(rule, audience, version)?,
            BookCommand::Unpin { rule, audience } => change.unpin(rule, audience)?,
            BookCommand::StartRollout { rule, audience, version, rollout } => {
                check_zone(rollout.window.as_ref())?;
                change.start_rollout(rule, audience, version, rollout)?;
            }
            BookCommand::SetShare(rule, name, share) => change.set_share(rule, name, share)?,
            BookCommand::PauseRollout(rule, name, why) => change.pause_rollout(rule, name, why)?,
            BookCommand::ResumeRollout(rule, name) => change.resume_rollout(rule, name)?,
            BookCommand::FinishRollout(rule, name) => change.finish_rollout(rule, name)?,
            BookCommand::EndRollout(rule, name) => change.end_rollout(rule, name)?,
            BookCommand::Ban(ban) => change.ban(ban)?,
            BookCommand::LiftBan(scope) => change.lift_ban(scope)?,
            BookCommand::PutAlias(alias) => change.put_alias(alias)?,
            BookCommand::RemoveAlias(key) => change.remove_alias(key)?,
            BookCommand::AddHold(hold) => change.add_hold(hold)?,
            BookCommand::RemoveHold(name) => change.remove_hold(name)?,
            BookCommand::AddStone(stone) => change.add_stone(stone)?,
            BookCommand::RemoveStone(name) => change.remove_stone(name)?,
            BookCommand::ReplaceStone { name, stones } => change.replace_stone(name, stones)?,
            BookCommand::Kill { scope, reason } => change.kill(scope, Stop::new(author, reason))?,
            BookCommand::AskRestart { scope } => change.ask_restart(scope, author)?,
            BookCommand::ApproveRestart { scope } => change.approve_restart(scope, author)?,
        }
        Ok(change.finish())
    }
}

/// Refuses a window in a time zone that does not exist, because such a window would never open.
fn check_zone(window: Option<&Window>) -> Result<(), Refusal> {
    match window.filter(|window| window.find_zone().is_none()) {
        Some(window) => Err(Refusal::UnknownZone { zone: window.zone().clone() }),
        None => Ok(()),
    }
}
