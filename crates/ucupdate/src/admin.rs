//! [`Admin`]: every change to the rule book, made in the name of one author.

use crate::error::ChangeError;
use crate::packages::read_back::ReadBack;
use crate::service::UpdateService;
use crate::state::rule_history::Changed;
use ucupdate_core::book::{
    Alias, AliasKey, Audience, Ban, BanScope, BookCommand, Group, GroupName, Hold, HoldName, OfferPolicy,
    PatternScheme, Refusal, Rollout, RolloutName, RulePattern, Share, SteppingStone, StoneName, StopScope,
    TestDevice, TestDeviceName, UpdateType,
};
use ucupdate_core::device::{DeviceId, DeviceType, Locale};
use ucupdate_core::value::PackageId;
use ucupdate_core::{ReportedVersion, RuleBook, RuleKey};

/// Handle for changes to the rule book in the name of one author. [`UpdateService::admin`] makes one.
///
/// Every change becomes one revision of the history, which names the author of this handle. A
/// method returns the number of the revision and a list of notes about the effects.
///
/// Each method refuses a change that the current rule book does not allow ([`ChangeError::Refused`]). Before a version
/// is offered to more than the test devices, its files are read back from the store. If a file is missing or damaged,
/// the change is refused ([`ChangeError::Image`]). After an error nothing has changed. The only exception is
/// [`ChangeError::Unclear`]: then the change may have been made.
///
/// ```
/// use std::sync::Arc;
/// use ucupdate::book::TestDevice;
/// use ucupdate::device::DeviceId;
/// use ucupdate::{Options, UpdateService, store::MemoryStore};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let service = UpdateService::open(Arc::new(MemoryStore::default()), Options::default()).await?;
/// let id = DeviceId::Mac("0021630F207B".parse()?);
/// let changed = service.admin("ann").add_test_device(TestDevice { name: "lobby".parse()?, id }).await?;
/// assert_eq!(changed.revision, Some(1));
/// assert_eq!(service.history(1, 10).await?[0].author, "ann");
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Admin<'a> {
    pub(crate) service: &'a UpdateService,
    pub(crate) author: &'a str,
}

impl UpdateService {
    /// Returns a handle that changes the rule book in the name of `author`.
    ///
    /// The service does not check who the author is. The caller authenticates administrators and passes the name that the
    /// history must show.
    pub fn admin<'a>(&'a self, author: &'a str) -> Admin<'a> {
        Admin { service: self, author }
    }
}

/// Packages and versions.
#[allow(clippy::missing_errors_doc, reason = "`Admin` documents the errors of every method")]
impl Admin<'_> {
    /// Makes the versions of a package pending again. The package must be in the rule book already.
    ///
    /// [`ingest`](Self::ingest) takes in a new package.
    pub async fn propose(self, package: PackageId) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::Ingest(package)).await
    }

    /// Approves the pending version of each rule for all devices. Approves either all of them or none.
    pub async fn approve(self, rules: Vec<RuleKey>) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::Approve(rules)).await
    }

    /// Approves every version that a package made pending. Skips rules that have another pending version now.
    pub async fn approve_all_of(self, package: PackageId) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::ApproveAllOf(package)).await
    }

    /// Approves a version that a package contains for a rule. The version does not have to be pending.
    pub async fn approve_version(
        self,
        rule: RuleKey,
        version: ReportedVersion,
    ) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::ApproveVersion { rule, version }).await
    }

    /// Rejects the pending version of a rule.
    pub async fn reject(self, rule: RuleKey) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::Reject(rule)).await
    }

    /// Withdraws the rejection of a version. The version becomes pending again, unless another
    /// version is pending, the version is banned, or no package contains it.
    pub async fn unreject(self, rule: RuleKey, version: ReportedVersion) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::Unreject { rule, version }).await
    }

    /// Approves an interim image. It is then offered to all devices that must install it before the
    /// approved version. `version` is a version that a package contains. `None` means the pending
    /// version.
    ///
    /// Approving a release also approves the pending interim images of the same package that devices need for the
    /// release.
    pub async fn approve_interim(
        self,
        locale: Locale,
        update_type: UpdateType,
        version: Option<ReportedVersion>,
    ) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::ApproveInterim { locale, update_type, version }).await
    }

    /// Rejects the pending interim image of a locale and update type.
    pub async fn reject_interim(
        self,
        locale: Locale,
        update_type: UpdateType,
    ) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::RejectInterim { locale, update_type }).await
    }

    /// Rolls a rule back: the version that was approved before the current one becomes the approved version. Refused if
    /// no version was approved before. In that case use [`roll_back_to_nothing`](Self::roll_back_to_nothing).
    pub async fn roll_back(self, rule: RuleKey) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::RollBack(rule)).await
    }

    /// Withdraws the approved version of a rule. Afterwards no version is approved, and devices
    /// without a pin or a rollout are offered nothing. In the history this change is stored as a
    /// roll back.
    pub async fn roll_back_to_nothing(self, rule: RuleKey) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::RollBackToNothing(rule)).await
    }

    /// Removes a rule. The files of its versions are still served, because devices may be downloading them.
    pub async fn remove(self, rule: RuleKey) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::Remove(rule)).await
    }

    /// Removes packages from the rule book. Refused if a rule or an interim image still uses one of them.
    ///
    /// [`collect_unkept`](Self::collect_unkept) finds the packages that can go, and deletes their files.
    pub async fn retire(self, packages: Vec<PackageId>) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::Retire(packages)).await
    }
}

/// Settings of rules.
#[allow(clippy::missing_errors_doc, reason = "`Admin` documents the errors of every method")]
impl Admin<'_> {
    /// Replaces the offer policy of a rule: the conditions under which the rule offers a version.
    pub async fn set_policy(self, rule: RuleKey, policy: OfferPolicy) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::SetPolicy(rule, policy)).await
    }

    /// Sets the scheme in which versions are read, for the rules that match a pattern such as
    /// `UCPhone/Polycom/CX*/*/*/*`. The scheme also applies to rules that are made later.
    pub async fn put_scheme(self, scheme: PatternScheme) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::PutScheme(scheme)).await
    }

    /// Removes the version scheme that was set for this pattern of rules.
    pub async fn remove_scheme(self, rules: RulePattern) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::RemoveScheme(rules)).await
    }

    /// Sets whether packages of a device type are approved when they are ingested.
    pub async fn deploy_at_ingest(self, device_type: DeviceType, on: bool) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::DeployAtIngest(device_type, on)).await
    }

    /// Adds a stepping stone: an intermediate version for devices that are too old for the newest one.
    pub async fn add_stone(self, stone: SteppingStone) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::AddStone(stone)).await
    }

    /// Replaces one stepping stone by others, in one change.
    ///
    /// [`RuleBook::wide_stones`] finds stones that send an interim image to too many devices, and their replacements.
    pub async fn replace_stone(
        self,
        name: StoneName,
        stones: Vec<SteppingStone>,
    ) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::ReplaceStone { name, stones }).await
    }

    /// Removes a stepping stone.
    pub async fn remove_stone(self, name: StoneName) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::RemoveStone(name)).await
    }
}

/// Devices and groups.
#[allow(clippy::missing_errors_doc, reason = "`Admin` documents the errors of every method")]
impl Admin<'_> {
    /// Adds a test device. Test devices are offered pending versions.
    pub async fn add_test_device(self, device: TestDevice) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::AddTestDevice(device)).await
    }

    /// Removes a test device, which is then no longer offered pending versions.
    pub async fn remove_test_device(self, name: TestDeviceName) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::RemoveTestDevice(name)).await
    }

    /// Adds a group, or replaces the predicate of an existing one. The member list of an existing group stays.
    pub async fn put_group(self, group: Group) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::PutGroup(group)).await
    }

    /// Removes a group. Refused while a pin, a rollout or a hold uses the group.
    pub async fn remove_group(self, name: GroupName) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::RemoveGroup(name)).await
    }

    /// Adds devices to the member list of a group, and removes others from it.
    pub async fn change_members(
        self,
        group: GroupName,
        add: Vec<DeviceId>,
        remove: Vec<DeviceId>,
    ) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::ChangeMembers { group, add, remove }).await
    }

    /// Pins a device or a group to a version. A pin has priority over everything else in the rule.
    pub async fn pin(
        self,
        rule: RuleKey,
        audience: Audience,
        version: ReportedVersion,
    ) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::Pin { rule, audience, version }).await
    }

    /// Removes the pin of a device or a group.
    pub async fn unpin(self, rule: RuleKey, audience: Audience) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::Unpin { rule, audience }).await
    }
}

/// Rollouts.
#[allow(clippy::missing_errors_doc, reason = "`Admin` documents the errors of every method")]
impl Admin<'_> {
    /// Starts a rollout: offers a version to a group, or to a share of all devices.
    pub async fn start_rollout(
        self,
        rule: RuleKey,
        audience: Audience,
        version: ReportedVersion,
        rollout: Rollout,
    ) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::StartRollout { rule, audience, version, rollout }).await
    }

    /// Changes the share of devices that a rollout reaches.
    pub async fn set_share(
        self,
        rule: RuleKey,
        name: RolloutName,
        share: Share,
    ) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::SetShare(rule, name, share)).await
    }

    /// Pauses a rollout. Devices that already have its version keep it.
    pub async fn pause_rollout(
        self,
        rule: RuleKey,
        name: RolloutName,
        reason: &str,
    ) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::PauseRollout(rule, name, reason.into())).await
    }

    /// Resumes a paused rollout.
    pub async fn resume_rollout(self, rule: RuleKey, name: RolloutName) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::ResumeRollout(rule, name)).await
    }

    /// Ends a rollout and approves its version for all devices.
    pub async fn finish_rollout(self, rule: RuleKey, name: RolloutName) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::FinishRollout(rule, name)).await
    }

    /// Ends a rollout without approving its version.
    pub async fn end_rollout(self, rule: RuleKey, name: RolloutName) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::EndRollout(rule, name)).await
    }
}

/// Holds and the kill switch.
#[allow(clippy::missing_errors_doc, reason = "`Admin` documents the errors of every method")]
impl Admin<'_> {
    /// Adds a hold. The devices to which the hold applies are offered nothing until the hold ends.
    pub async fn add_hold(self, hold: Hold) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::AddHold(hold)).await
    }

    /// Removes a hold before it ends. Another hold may still hold the same devices.
    pub async fn remove_hold(self, name: HoldName) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::RemoveHold(name)).await
    }

    /// Bans versions or an image, so that no device is offered them.
    pub async fn ban(self, ban: Ban) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::Ban(ban)).await
    }

    /// Lifts the ban with exactly this scope: a pattern of rules with a version, or the SHA-256 of
    /// an image. Another ban may still apply to the same image.
    pub async fn lift_ban(self, scope: BanScope) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::LiftBan(scope)).await
    }

    /// Adds or replaces an alias. If no rule matches the words that a device reports, an alias
    /// replaces one of them. For example, devices of the model `VVX 500` then find the rule for
    /// `VVX500`.
    pub async fn put_alias(self, alias: Alias) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::PutAlias(alias)).await
    }

    /// Removes an alias. The server then no longer replaces the reported word of the alias when it
    /// looks up the rule of a device.
    pub async fn remove_alias(self, key: AliasKey) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::RemoveAlias(key)).await
    }

    /// Turns on the kill switch for one rule or for all rules. Then no device is offered anything there.
    pub async fn kill(self, scope: StopScope, reason: &str) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::Kill { scope, reason: reason.into() }).await
    }

    /// Requests a restart of the rules that the kill switch stopped. Another author must approve the restart.
    pub async fn ask_restart(self, scope: StopScope) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::AskRestart { scope }).await
    }

    /// Approves the restart that another author requested.
    ///
    /// # Errors
    /// See [`Admin`]. The author who requested the restart cannot approve it.
    pub async fn approve_restart(self, scope: StopScope) -> Result<Changed, ChangeError> {
        self.command(&BookCommand::ApproveRestart { scope }).await
    }
}

/// Commands as values.
#[allow(clippy::missing_errors_doc, reason = "`Admin` documents the errors of every method")]
impl Admin<'_> {
    /// Executes a command. Most other methods of this handle call this one.
    ///
    /// If the command offers a version to more than the test devices, the files of the version are
    /// read back before the history is locked. The command is refused if it would then offer
    /// another version, because another server changed the rule book in the meantime.
    pub async fn command(self, command: &BookCommand) -> Result<Changed, ChangeError> {
        self.command_if(command, |_, _| Ok(())).await
    }

    /// Executes a command, but refuses it unless the rule book is at `revision`.
    ///
    /// Use this if the command was decided by the whole rule book of that revision.
    /// [`command_if_unchanged`](Self::command_if_unchanged) compares only the entries that the
    /// command replaces.
    ///
    /// # Errors
    /// [`Refusal::RevisionConflict`] when the rule book has another revision, and the errors of [`command`](Self::command).
    pub async fn command_at(self, command: &BookCommand, revision: u64) -> Result<Changed, ChangeError> {
        self.command_if(command, |_, found| match found == revision {
            true => Ok(()),
            false => Err(Refusal::RevisionConflict { expected: revision, found }),
        })
        .await
    }

    /// Executes a command. Refuses it if the rule book does not pass `check` when the revision is made.
    pub(crate) async fn command_if(
        self,
        command: &BookCommand,
        check: impl Fn(&RuleBook, u64) -> Result<(), Refusal>,
    ) -> Result<Changed, ChangeError> {
        let service = self.service;
        service.refresh().await?;
        let snapshot = service.snapshot();
        check(snapshot.book(), snapshot.revision())?;
        let change = snapshot.book().command(command, self.author)?;
        let read_back = ReadBack::read(&**service.store(), snapshot.book(), &change.delta).await?;
        service
            .change(self.author, &command.clone().into(), |book, revision| {
                check(book, revision)?;
                let change = book.command(command, self.author)?;
                read_back.covers(book, &change.delta)?;
                Ok(change)
            })
            .await
    }
}
