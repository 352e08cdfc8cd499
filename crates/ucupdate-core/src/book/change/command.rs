//! Commands: what a person asks of the rule book.

use super::draft::Change;
use crate::book::alias::{Alias, AliasKey};
use crate::book::ban::{Ban, BanScope};
use crate::book::change::note::Note;
use crate::book::change::refusal::Refusal;
use crate::book::group::{Group, GroupName};
use crate::book::hold::{Hold, HoldName, Stop, StopScope};
use crate::book::package::IngestedPackage;
use crate::book::policy::OfferPolicy;
use crate::book::rollout::{Rollout, RolloutName, Share, Window};
use crate::book::rule::{Audience, Rule};
use crate::book::rule_book::{Delta, Entry, RuleBook};
use crate::book::rule_key::RuleKey;
use crate::book::stone::{SteppingStone, StoneImage, StoneName};
use crate::book::test_device::{TestDevice, TestDeviceName};
use crate::device::{DeviceId, DeviceType};
use crate::value::PackageId;
use crate::version::ReportedVersion;

/// What a person asks of the rule book.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Command {
    /// Take in a package whose files lie in the store: each release becomes pending.
    Ingest(PackageId),
    /// Approve what is pending in each of these rules; all or none.
    Approve(Vec<RuleKey>),
    /// Approve what a package made pending, passing over rules where something else is.
    ApproveAllOf(PackageId),
    /// Approve a version that a package brought for a rule, whatever is pending.
    ApproveVersion {
        /// In which rule.
        rule: RuleKey,
        /// The version.
        version: ReportedVersion,
    },
    /// Reject what is pending in a rule.
    Reject(RuleKey),
    /// Take the rejection of a version back. It is pending again unless another version is.
    Unreject {
        /// In which rule.
        rule: RuleKey,
        /// The version.
        version: ReportedVersion,
    },
    /// Give everybody what was approved before.
    RollBack(RuleKey),
    /// Remove a rule.
    Remove(RuleKey),
    /// Add a test device.
    AddTestDevice(TestDevice),
    /// Remove a test device.
    RemoveTestDevice(TestDeviceName),
    /// Say how a rule treats what devices say of their version.
    SetPolicy(RuleKey, OfferPolicy),
    /// Say whether packages of a device type go to everybody as they are ingested.
    DeployAtIngest(DeviceType, bool),
    /// Let packages that no rule and no interim image is of leave the book; all or none. Their files may go then.
    Retire(Vec<PackageId>),
    /// Restore the rule book of this earlier revision. The history does it: a book alone does not know the earlier one.
    RollBackTo(u64),
    /// Take in packages of a store whose history is lost. The store does it: a book alone does not know them.
    Rebuild(Vec<PackageId>),
    /// Make a group, or change what its devices have in common.
    PutGroup(Group),
    /// Remove a group that nothing uses.
    RemoveGroup(GroupName),
    /// Change a group's list.
    ChangeMembers {
        /// Which group.
        group: GroupName,
        /// Who comes to its list.
        #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
        add: Vec<DeviceId>,
        /// Who leaves it.
        #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
        remove: Vec<DeviceId>,
    },
    /// Keep a device or a group at a version, whatever else the rule says.
    Pin {
        /// In which rule.
        rule: RuleKey,
        /// Who.
        audience: Audience,
        /// At which version; a package must have brought it.
        version: ReportedVersion,
    },
    /// Remove a pin.
    Unpin {
        /// In which rule.
        rule: RuleKey,
        /// Whose.
        audience: Audience,
    },
    /// Roll a version out to some.
    StartRollout {
        /// In which rule.
        rule: RuleKey,
        /// To a group, or to everybody.
        audience: Audience,
        /// Which version; a package must have brought it.
        version: ReportedVersion,
        /// How.
        rollout: Rollout,
    },
    /// Change what share a rollout is for.
    SetShare(RuleKey, RolloutName, Share),
    /// Pause a rollout, with the reason.
    PauseRollout(RuleKey, RolloutName, Box<str>),
    /// Let a paused rollout go on.
    ResumeRollout(RuleKey, RolloutName),
    /// End a rollout by approving its version.
    FinishRollout(RuleKey, RolloutName),
    /// End a rollout without approving its version.
    StopRollout(RuleKey, RolloutName),
    /// Ban versions or an image: they are offered to no device.
    Ban(Ban),
    /// Lift a ban.
    LiftBan(BanScope),
    /// Put an alias in place.
    PutAlias(Alias),
    /// Remove an alias.
    RemoveAlias(AliasKey),
    /// Hold devices: they are offered nothing.
    AddHold(Hold),
    /// Remove a hold.
    RemoveHold(HoldName),
    /// Add a stepping stone.
    AddStone(SteppingStone),
    /// Remove a stepping stone.
    RemoveStone(StoneName),
    /// Throw the kill switch.
    Kill {
        /// What is stopped.
        scope: StopScope,
        /// Who throws it.
        by: Box<str>,
        /// Why.
        #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "str::is_empty"))]
        reason: Box<str>,
    },
    /// Ask that a kill switch be undone.
    AskRestart {
        /// What is stopped.
        scope: StopScope,
        /// Who asks.
        by: Box<str>,
    },
    /// Approve that a kill switch be undone.
    ApproveRestart {
        /// What is stopped.
        scope: StopScope,
        /// Who approves; not who asked.
        by: Box<str>,
    },
}

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// The entries that changed; empty when the command changes nothing.
    pub delta: Delta,
    /// What is worth telling, in the order it happened.
    pub notes: Vec<Note>,
}

impl RuleBook {
    /// What taking in `package` would do. Its files must lie in the store already.
    ///
    /// # Errors
    /// When a version is there with other bytes, or an interim image would be offered for ever. Nothing is taken then.
    pub fn ingest(&self, package: &IngestedPackage) -> Result<Outcome, Refusal> {
        let mut change = Change::on(self);
        let id = package.id();
        let known = self.package(id);
        if known.is_some_and(|known| known.sha256 != package.sha256) {
            return Err(Refusal::OtherPackage { package: id });
        }
        if known.is_none_or(|known| known.ingest != package.ingest) {
            change.delta.packages.push(Entry::set(id, package.clone()));
            change.notes.push(Note::Ingested { package: id, file_name: package.file_name.clone() });
        }
        for release in &package.releases {
            change.take_in(release, id)?;
        }
        for image in &package.interim {
            let stones = &self.settings.stones;
            let mut stones = stones.iter().filter(|stone| stone.image == StoneImage::Interim);
            let low = stones.find(|stone| stone.is_above_image(&image.version));
            if let Some(stone) = low {
                return Err(Refusal::InterimTooLow {
                    locale: image.locale.clone(),
                    version: image.version.clone(),
                    below: stone.below.clone().into(),
                });
            }
            change.take_in_interim(image, id)?;
        }
        // The same package whose rules and interim images stand as they are: not even its record changes, unless its
        // files had to be stored anew.
        Ok(change.finish())
    }

    /// What a command would do.
    ///
    /// # Errors
    /// When it is refused; each reason is its own.
    pub fn command(&self, command: &Command) -> Result<Outcome, Refusal> {
        let mut change = Change::on(self);
        match command {
            Command::Ingest(package) => {
                let package = self.package(*package).ok_or(Refusal::NoPackage { package: *package })?;
                return self.ingest(&package.clone());
            }
            Command::Approve(rules) if rules.is_empty() => return Err(Refusal::NoneNamed),
            Command::Approve(rules) => rules.iter().try_for_each(|rule| change.approve(rule))?,
            Command::ApproveAllOf(package) => change.approve_all_of(*package)?,
            Command::ApproveVersion { rule, version } => change.approve_version(rule, version)?,
            Command::Unreject { rule, version } => change.unreject(rule, version)?,
            Command::Reject(rule) => {
                let rejected = change.with(rule, Rule::reject)?;
                let version = rejected.version.clone();
                change.notes.push(Note::Rejected { rule: change.spelled(rule), version: rejected.version });
                change.note_still_given(rule, &version);
            }
            Command::RollBack(rule) => {
                change.check_roll_back_ban(rule)?;
                let rolled = change.with(rule, Rule::roll_back)?;
                let rule = change.spelled(rule);
                change.note_rolled_back(&rule, &rolled);
                if let Some(from) = &rolled.from {
                    change.note_still_given(&rule, from);
                }
            }
            Command::Remove(rule) => {
                let known = self.rule(rule).ok_or_else(|| Refusal::NoRule { rule: rule.clone() })?;
                let approved = known.approved().map(|candidate| candidate.version.clone());
                change.delta.rules.push(Entry::removed(known.key().clone()));
                change.notes.push(Note::Removed { rule: known.key().clone(), approved });
            }
            Command::AddTestDevice(device) => change.add_test_device(device)?,
            Command::RemoveTestDevice(name) => {
                let known = self.test_devices.get(name);
                let known = known.ok_or_else(|| Refusal::NoTestDevice { name: name.clone() })?.clone();
                change.delta.test_devices.push(Entry::removed(known.name.clone()));
                change.notes.push(Note::TestDeviceRemoved { name: known.name, id: known.id });
            }
            Command::SetPolicy(rule, policy) => {
                check_zone(policy.window.as_ref())?;
                let before = change.with(rule, |rule| Ok(rule.set_policy(policy.clone())))?;
                if before == *policy {
                    return Ok(Change::on(self).finish());
                }
                let notes = Note::policy_changes(&change.spelled(rule), &before, policy);
                change.notes.extend(notes);
            }
            Command::DeployAtIngest(device_type, on) => {
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
            Command::Retire(packages) => return self.retire(packages),
            Command::RollBackTo(_) | Command::Rebuild(_) => return Err(Refusal::NotOfTheBook),
            Command::PutGroup(group) => change.put_group(group)?,
            Command::RemoveGroup(name) => change.remove_group(name)?,
            Command::ChangeMembers { group, add, remove } => change.change_members(group, add, remove)?,
            Command::Pin { rule, audience, version } => change.pin(rule, audience, version)?,
            Command::Unpin { rule, audience } => change.unpin(rule, audience)?,
            Command::StartRollout { rule, audience, version, rollout } => {
                check_zone(rollout.window.as_ref())?;
                change.start_rollout(rule, audience, version, rollout)?;
            }
            Command::SetShare(rule, name, share) => change.set_share(rule, name, share)?,
            Command::PauseRollout(rule, name, why) => change.pause_rollout(rule, name, why)?,
            Command::ResumeRollout(rule, name) => change.resume_rollout(rule, name)?,
            Command::FinishRollout(rule, name) => change.finish_rollout(rule, name)?,
            Command::StopRollout(rule, name) => change.stop_rollout(rule, name)?,
            Command::Ban(ban) => change.ban(ban)?,
            Command::LiftBan(scope) => change.lift_ban(scope)?,
            Command::PutAlias(alias) => change.put_alias(alias)?,
            Command::RemoveAlias(key) => change.remove_alias(key)?,
            Command::AddHold(hold) => change.add_hold(hold)?,
            Command::RemoveHold(name) => change.remove_hold(name)?,
            Command::AddStone(stone) => change.add_stone(stone)?,
            Command::RemoveStone(name) => change.remove_stone(name)?,
            Command::Kill { scope, by, reason } => change.kill(scope, Stop::new(by, reason))?,
            Command::AskRestart { scope, by } => change.ask_restart(scope, by)?,
            Command::ApproveRestart { scope, by } => change.approve_restart(scope, by)?,
        }
        Ok(change.finish())
    }
}

/// Refuses a window in a time zone that does not exist: it would never open.
fn check_zone(window: Option<&Window>) -> Result<(), Refusal> {
    match window.filter(|window| window.find_zone().is_none()) {
        Some(window) => Err(Refusal::UnknownZone { zone: window.zone().clone() }),
        None => Ok(()),
    }
}
