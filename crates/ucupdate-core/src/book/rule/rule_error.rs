//! The reasons why a rule refuses a change.

use super::assignment::Audience;
use crate::book::rollout::RolloutName;
use crate::version::ReportedVersion;

/// The reason why a rule refuses a change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message documents the field")]
pub enum RuleError {
    /// The rule has no pending version to approve or reject.
    #[error("no version is pending")]
    NothingPending,
    /// The version is not rejected, so its rejection cannot be withdrawn.
    #[error("{version} is not rejected")]
    NotRejected { version: ReportedVersion },
    /// No version is kept from before the approved version, so a roll back has no target.
    #[error(
        "no version earlier than {approved} is kept, so nothing would be offered; if that is intended, roll back to nothing"
    )]
    NoEarlierVersion { approved: ReportedVersion },
    /// The rule has neither an approved nor an earlier version to roll back.
    #[error("no version is approved and no earlier version is kept, so there is nothing to roll back")]
    NothingToRollBack,
    #[error("no rollout {name}")]
    NoRollout { name: RolloutName },
    #[error("a rollout {name} exists already")]
    RolloutNameTaken { name: RolloutName },
    #[error("rollout {name} is paused already")]
    Paused { name: RolloutName },
    /// The rollout is not paused, so it cannot be resumed.
    #[error("rollout {name} is not paused")]
    NotPaused { name: RolloutName },
    /// The rollout is paused, so it cannot be finished.
    #[error("rollout {name} is paused; resume it before you finish it")]
    FinishPaused { name: RolloutName },
    /// The audience of a rollout must be a group or all devices.
    #[error(
        "a rollout is for a group or for all devices of this rule, not for one device or the test devices"
    )]
    NotForRollout,
    /// The audience of a pin must be a device or a group.
    #[error("a pin is for a device or a group, not for the test devices or all devices of this rule")]
    NotPinnable,
    #[error("nothing is pinned for {audience}")]
    NoPin { audience: Audience },
}
