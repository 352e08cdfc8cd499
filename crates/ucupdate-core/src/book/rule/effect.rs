//! The results of an approval and of a roll back: the versions before and after it.

use crate::book::rollout::RolloutName;
use crate::version::ReportedVersion;

/// The versions before and after an approval, and the rollouts that the approval ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Approved {
    /// The version that all devices get now.
    pub version: ReportedVersion,
    /// The version that all devices got before. `None` if no version was approved.
    pub before: Option<ReportedVersion>,
    /// `true` if the new version is older than the previous one. This is allowed, and a note warns about it.
    pub older: bool,
    /// The rollouts of the same release and of older releases. The approval ended them.
    pub finished: Vec<(RolloutName, ReportedVersion)>,
}

/// The versions before and after a roll back of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RolledBack {
    /// The version that all devices got before. `None` if no version was approved.
    pub from: Option<ReportedVersion>,
    /// The version that all devices get now. `None` means that nothing is offered.
    pub to: Option<ReportedVersion>,
}
